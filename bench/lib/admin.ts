/** What a benchmark asks of a broker besides the load: topics, a single record, how many there are. */
import { NodeClock } from '../../src/io/node/clock.js'
import { NodeNetwork } from '../../src/io/node/network.js'
import type { Fields } from '../../src/protocol/field.js'
import { ConsumerGroupDescribe } from '../../src/protocol/messages/consumer-group-describe.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { DescribeGroups } from '../../src/protocol/messages/describe-groups.js'
import { DescribeQuorum } from '../../src/protocol/messages/describe-quorum.js'
import { FindCoordinator } from '../../src/protocol/messages/find-coordinator.js'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { Produce } from '../../src/protocol/messages/produce.js'
import type { InOfMessage, Message, OutOfMessage } from '../../src/protocol/schema.js'
import { ClientConnection } from '../../src/rpc/client-connection.js'
import { singleRecordBatch } from './batches.js'
import type { Topic } from './load-requests.js'

const REQUEST_TIMEOUT_MS = 30_000
const RETRY_AFTER_MS = 1
const MOST_RETRIES = 5000
const COMMIT_TIMEOUT_MS = 10_000
const LATEST = -1
const GROUP_ID_NOT_FOUND = 69

const clock = new NodeClock()
const network = new NodeNetwork()
const record = singleRecordBatch(100)

export class Admin {
  readonly #connection: ClientConnection

  private constructor(connection: ClientConnection) {
    this.#connection = connection
  }

  static connect(port: number): Promise<Admin> {
    const connection = new ClientConnection({
      clock,
      network,
      address: { host: '127.0.0.1', port },
      clientId: 'lograft-bench-admin',
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
    })
    return new Promise((resolve, reject) =>
      connection.negotiate((error) => (error === undefined ? resolve(new Admin(connection)) : reject(error))),
    )
  }

  /** Throws if there is one of that name. */
  async createTopic(
    name: string,
    partitions: number,
    flushPolicy: 'commit' | 'os',
    further: Readonly<Record<string, string>> = {},
  ): Promise<Topic> {
    const settings = { 'flush.policy': flushPolicy, ...further }
    const configs = Object.entries(settings).map(([key, value]) => ({ name: key, value }))
    const topics = [{ name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs }]
    const response = await this.#call(CreateTopics, { topics, validateOnly: false })
    const { errorCode, errorMessage, topicId } = response.topics[0]!
    if (errorCode !== 0) throw new Error(`topic ${name}: error ${errorCode}, ${errorMessage}`)
    return { name, topicId, partitions }
  }

  /** Returns the error's code, 0 if there is none. */
  async askForTopic(
    name: string,
    partitions: number,
    timeoutMs: number,
    replicationFactor = 1,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<number> {
    const configs = Object.entries(settings).map(([key, value]) => ({ name: key, value }))
    const topics = [{ name, numPartitions: partitions, replicationFactor, assignments: [], configs }]
    const response = await this.#call(CreateTopics, { topics, timeoutMs, validateOnly: false })
    return response.topics[0]!.errorCode
  }

  /** The node that leads the metadata quorum; -1: not known there. */
  async quorumLeader(): Promise<number> {
    const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
    const response = await this.#call(DescribeQuorum, { topics })
    return response.topics[0]?.partitions[0]?.leaderId ?? -1
  }

  /** Partitions that have a leader, as this broker knows them. */
  async partitionsWithLeader(): Promise<number> {
    const body = { topics: null, allowAutoTopicCreation: false, includeTopicAuthorizedOperations: false }
    const { topics } = await this.#call(Metadata, body)
    return topics.reduce((sum, { partitions }) => sum + partitions.filter(({ leaderId }) => leaderId >= 0).length, 0)
  }

  /** As this broker knows them, by partition. */
  async partitionsOf(
    name: string,
  ): Promise<readonly { readonly partition: number; readonly leader: number; readonly isr: readonly number[] }[]> {
    const body = { topics: [{ name }], allowAutoTopicCreation: false, includeTopicAuthorizedOperations: false }
    const { topics } = await this.#call(Metadata, body)
    const partitions = topics[0]?.partitions ?? []
    return partitions
      .map(({ partitionIndex, leaderId, isrNodes }) => ({ partition: partitionIndex, leader: leaderId, isr: isrNodes }))
      .sort((a, b) => a.partition - b.partition)
  }

  /** Asks for the topic until its partition 0 has a leader; the broker creates it if it is missing. */
  async ensureTopic(name: string): Promise<Topic> {
    for (let attempt = 0; attempt < MOST_RETRIES; attempt++) {
      const body = { topics: [{ name }], allowAutoTopicCreation: true, includeTopicAuthorizedOperations: false }
      const { topics } = await this.#call(Metadata, body)
      const { errorCode, topicId, partitions } = topics[0]!
      if (errorCode === 0 && partitions[0]?.errorCode === 0) return { name, topicId, partitions: partitions.length }
      await pause(RETRY_AFTER_MS)
    }
    throw new Error(`topic ${name} has no leader`)
  }

  /** One record of 100 bytes to partition 0, acknowledged by all. */
  async produceOne({ name, topicId }: Topic): Promise<void> {
    const topicData = [{ name, topicId, partitionData: [{ index: 0, records: record }] }]
    for (let attempt = 0; attempt < MOST_RETRIES; attempt++) {
      const body = { acks: -1, timeoutMs: REQUEST_TIMEOUT_MS, topicData }
      const { responses } = await this.#call(Produce, body)
      if (responses[0]!.partitionResponses[0]!.errorCode === 0) return
      await pause(RETRY_AFTER_MS)
    }
    throw new Error(`no record is taken for ${name}`)
  }

  /** One batch to partition 0, acknowledged by all. */
  async produceBatch({ name, topicId }: Topic, records: Uint8Array): Promise<void> {
    const topicData = [{ name, topicId, partitionData: [{ index: 0, records }] }]
    const { responses } = await this.#call(Produce, { acks: -1, timeoutMs: REQUEST_TIMEOUT_MS, topicData })
    const { errorCode } = responses[0]!.partitionResponses[0]!
    if (errorCode !== 0) throw new Error(`${name}-0: error ${errorCode}`)
  }

  /** A record of 100 bytes to each partition, with one request; throws if one of them does not take it. */
  async produceToAll(name: string): Promise<void> {
    const { topicId, partitions } = await this.ensureTopic(name)
    const partitionData = Array.from({ length: partitions }, (_, index) => ({ index, records: record }))
    const body = { acks: -1, timeoutMs: REQUEST_TIMEOUT_MS, topicData: [{ name, topicId, partitionData }] }
    const { responses } = await this.#call(Produce, body)
    const failed = responses[0]!.partitionResponses.find(({ errorCode }) => errorCode !== 0)
    if (failed !== undefined) throw new Error(`${name}-${failed.index}: error ${failed.errorCode}`)
  }

  /**
   * Waits until the topic holds so many records, all partitions together; throws if it holds more, or fewer for too long. Only what is
   * committed is counted, and an answer to acks=1 comes before that.
   */
  async awaitRecords(topic: Topic, expected: number): Promise<void> {
    const deadlineMs = performance.now() + COMMIT_TIMEOUT_MS
    for (;;) {
      const records = await this.#recordCount(topic)
      if (records === expected) return
      if (records > expected || performance.now() > deadlineMs) {
        throw new Error(`${topic.name}: ${expected} records were acknowledged, ${records} are in the log`)
      }
      await pause(RETRY_AFTER_MS)
    }
  }

  /** Asks until the group's coordinator is there, and has read its log. */
  async ensureCoordinator(groupId: string): Promise<void> {
    for (let attempt = 0; attempt < MOST_RETRIES; attempt++) {
      const { coordinators } = await this.#call(FindCoordinator, { keyType: 0, coordinatorKeys: [groupId] })
      if (coordinators[0]?.errorCode === 0) {
        const { groups } = await this.#call(DescribeGroups, { groups: [groupId] })
        if (groups[0]!.errorCode === 0 || groups[0]!.errorCode === GROUP_ID_NOT_FOUND) return
      }
      await pause(RETRY_AFTER_MS)
    }
    throw new Error(`group ${groupId} has no coordinator`)
  }

  /** As its coordinator sees it. */
  async group(
    groupId: string,
    protocol: 'classic' | 'consumer',
  ): Promise<{ readonly state: string; readonly members: number }> {
    const found =
      protocol === 'classic'
        ? (await this.#call(DescribeGroups, { groups: [groupId] })).groups
        : (await this.#call(ConsumerGroupDescribe, { groupIds: [groupId], includeAuthorizedOperations: false })).groups
    const { errorCode, groupState, members } = found[0]!
    if (errorCode !== 0) throw new Error(`group ${groupId}: error ${errorCode}`)
    return { state: groupState, members: members.length }
  }

  close(): void {
    this.#connection.close()
  }

  async #recordCount({ name, partitions }: Topic): Promise<number> {
    const wanted = Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp: LATEST }))
    const body = { replicaId: -1, isolationLevel: 0, topics: [{ name, partitions: wanted }] }
    const { topics } = await this.#call(ListOffsets, body)
    let records = 0
    for (const { errorCode, offset } of topics[0]!.partitions) {
      if (errorCode !== 0) throw new Error(`offsets of ${name}: error ${errorCode}`)
      records += offset
    }
    return records
  }

  #call<Request extends Fields, Response extends Fields>(
    message: Message<Request, Response>,
    body: InOfMessage<Request>,
  ): Promise<OutOfMessage<Response>> {
    return new Promise((resolve, reject) =>
      this.#connection.call(message, body, (error, response) =>
        response === undefined ? reject(error ?? new Error(`no answer to ${message.name}`)) : resolve(response),
      ),
    )
  }
}

export function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs))
}
