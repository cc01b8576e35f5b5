/**
 * ReplicationChanges: somebody who looks after a cluster while it is under a load of records: gives leaderships back, wants more replicas in sync or fewer, moves
 * partitions to other brokers and sometimes calls it off, and has those who are eligible to lead kept apart from those in sync. None of it may lose a record.
 *
 * Nobody waits for an answer that does not come, and a cluster that does not serve a request goes without it.
 */
import type { Prng } from '../base/prng.js'
import { RESOURCE_TYPE_TOPIC } from '../metadata/records.js'
import { ELIGIBLE_LEADER_REPLICAS_VERSION } from '../metadata/release.js'
import { ErrorCode } from '../protocol/errors.js'
import type { Fields } from '../protocol/field.js'
import { AlterPartitionReassignments } from '../protocol/messages/alter-partition-reassignments.js'
import { ElectLeaders } from '../protocol/messages/elect-leaders.js'
import { IncrementalAlterConfigs } from '../protocol/messages/incremental-alter-configs.js'
import { UpdateFeatures } from '../protocol/messages/update-features.js'
import type { InOfMessage, Message, OutOfMessage } from '../protocol/schema.js'
import type { SimulatedClient } from './client.js'
import { some } from './cluster-agreement.js'
import type { ReplicatedTopic } from './replicated-topics.js'

const TIMEOUT_MS = 2000
const PREFERRED = 0
const SET = 0
const CANCEL_CHANCE = 0.3
const MOST_IN_SYNC = 2
const RETRY_MS = 200
const KEEP_ELIGIBLE = {
  timeoutMs: TIMEOUT_MS,
  featureUpdates: [{ feature: ELIGIBLE_LEADER_REPLICAS_VERSION, maxVersionLevel: 1, allowDowngrade: false }],
  validateOnly: false,
}

/** Asks until those who are eligible to lead are kept apart from those in sync. */
export function keepEligible(admin: SimulatedClient, done: () => void): void {
  const ask = (): void =>
    admin.whenReady(() =>
      admin.call(UpdateFeatures, KEEP_ELIGIBLE, (_, response) => {
        if (response?.errorCode === ErrorCode.NONE) done()
        else admin.later(RETRY_MS, ask)
      }),
    )
  ask()
}

export interface ReplicationChangesOptions {
  readonly meanPauseMs: number
  readonly topics: () => readonly ReplicatedTopic[]
  /** All brokers. */
  readonly brokers: readonly number[]
}

export class ReplicationChanges {
  /** What was done, by kind. */
  readonly counts: Record<string, number> = {}
  readonly #client: SimulatedClient
  readonly #random: Prng
  readonly #options: ReplicationChangesOptions
  #stopped = false

  constructor(client: SimulatedClient, random: Prng, options: ReplicationChangesOptions) {
    this.#client = client
    this.#random = random
    this.#options = options
    this.#next()
  }

  /** Begins nothing any more. */
  stop(): void {
    this.#stopped = true
  }

  #next(): void {
    const pauseMs = this.#random.exponential(this.#options.meanPauseMs)
    this.#client.laterWhenReady(
      pauseMs,
      () => this.#stopped,
      () => this.#act(),
    )
  }

  #act(): void {
    const random = this.#random
    const topics = this.#options.topics()
    if (topics.length === 0) return this.#next()
    const topic = random.pick(topics)
    const choice = random.float()
    if (choice < 0.3) this.#giveBack(topic)
    else if (choice < 0.5) this.#want(topic)
    else if (choice < 0.9) this.#move(topic)
    else this.#keepEligible(topics)
  }

  #giveBack({ name, partitions }: ReplicatedTopic): void {
    const topicPartitions = [{ topic: name, partitions: [this.#random.below(partitions)] }]
    const body = { electionType: PREFERRED, topicPartitions, timeoutMs: TIMEOUT_MS }
    this.#call(
      'a leadership is given back',
      ElectLeaders,
      body,
      ({ replicaElectionResults }) => replicaElectionResults[0]?.partitionResult[0]?.errorCode === ErrorCode.NONE,
    )
  }

  #want({ name, replicationFactor }: ReplicatedTopic): void {
    const value = String(this.#random.between(1, Math.min(replicationFactor, MOST_IN_SYNC)))
    const configs = [{ name: 'min.insync.replicas', configOperation: SET, value }]
    const resources = [{ resourceType: RESOURCE_TYPE_TOPIC, resourceName: name, configs }]
    this.#call(
      'so many must be in sync',
      IncrementalAlterConfigs,
      { resources, validateOnly: false },
      ({ responses }) => responses[0]?.errorCode === ErrorCode.NONE,
    )
  }

  #move({ name, partitions, replicationFactor }: ReplicatedTopic): void {
    const random = this.#random
    const isCancelled = random.chance(CANCEL_CHANCE)
    const target = some(random, this.#options.brokers, replicationFactor)
    const replicas = isCancelled ? null : [...target.slice(1), ...target.slice(0, 1)]
    const topics = [{ name, partitions: [{ partitionIndex: random.below(partitions), replicas }] }]
    this.#call(
      isCancelled ? 'a move is called off' : 'a partition is to move',
      AlterPartitionReassignments,
      { timeoutMs: TIMEOUT_MS, topics },
      ({ errorCode, responses }) =>
        errorCode === ErrorCode.NONE && responses[0]?.partitions[0]?.errorCode === ErrorCode.NONE,
    )
  }

  /** Of a topic of `os` who may have lost something would not be given the lead again by itself. */
  #keepEligible(topics: readonly ReplicatedTopic[]): void {
    if (topics.some(({ flushPolicy }) => flushPolicy === 'os')) return this.#next()
    this.#call(
      'who is eligible is kept apart',
      UpdateFeatures,
      KEEP_ELIGIBLE,
      ({ errorCode }) => errorCode === ErrorCode.NONE,
    )
  }

  #call<Request extends Fields, Response extends Fields>(
    kind: string,
    message: Message<Request, Response>,
    body: InOfMessage<Request>,
    isDone: (response: OutOfMessage<Response>) => boolean,
  ): void {
    this.#client.call(message, body, (_, response) => {
      if (response !== undefined && isDone(response)) this.counts[kind] = (this.counts[kind] ?? 0) + 1
      this.#next()
    })
  }
}
