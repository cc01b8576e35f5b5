/**
 * The consumer of a client of ours: partitions that it is given, or those that its group gives it. What it commits is what it has polled, and nothing else: where it only begins it does not
 * commit, so that each offset that is committed is one that somebody has read up to.
 */
import { ClientError } from '../../src/client/client-error.js'
import type { ClusterClient } from '../../src/client/cluster-client.js'
import type { ConsumedRecord } from '../../src/client/consumer/fetched.js'
import { GroupConsumer, type RebalanceListener } from '../../src/client/consumer/group-consumer.js'
import type { TopicPartition } from '../../src/client/consumer/membership/topic-partition.js'
import { type Assignment, PartitionConsumer } from '../../src/client/consumer/partition-consumer.js'
import type { Place } from '../history/operation.js'
import type { ClientSettings, Committed, Polled, ReadRecord } from './driver.js'

type Rebalance = Polled['rebalances'][number]

/** For a goodbye. */
const LEAVE_MS = 5000

export class LograftReader {
  readonly #client: ClusterClient
  readonly #settings: ClientSettings
  #assigned: PartitionConsumer | undefined
  #member: GroupConsumer | undefined
  #topics: readonly string[] = []
  #rebalances: Rebalance[] = []
  /** Of the member: where it has come to in what it has. */
  readonly #polled = new Map<string, Place & { readonly offset: number }>()

  constructor(client: ClusterClient, settings: ClientSettings) {
    this.#client = client
    this.#settings = settings
  }

  async assign(places: readonly Place[], from: 'beginning' | 'kept'): Promise<void> {
    const kept = new Map((this.#assigned?.positions ?? []).map((position) => [nameOf(position), position.offset]))
    // A topic that was made just now is not known everywhere at once.
    const topics = [...new Set(places.map(({ topic }) => topic))]
    await this.#client.retrying('finding the topics', async () => {
      try {
        await this.#client.topics(topics)
      } catch (error) {
        if (!(error instanceof ClientError) || error.error !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error
        throw new ClientError(error.error, error.message, true)
      }
    })
    await this.#leave()
    this.#assign(places, (place) => (from === 'kept' ? kept.get(nameOf(place)) : undefined))
  }

  async subscribe(topics: readonly string[]): Promise<void> {
    this.#assigned = undefined
    this.#topics = topics
    this.#member ??= this.#join()
    this.#member.subscribe({ topics })
  }

  async poll(limitMs: number): Promise<Polled> {
    const member = this.#member
    const consumer = member ?? this.#assigned
    if (consumer === undefined) throw new ClientError('INVALID_REQUEST', 'nothing is assigned or subscribed')
    let records: readonly ConsumedRecord[]
    try {
      records = await consumer.poll(limitMs)
    } catch (error) {
      if (member !== undefined && !(error instanceof ClientError && error.retriable)) this.#joinAgain(member)
      throw error
    }
    const rebalances = this.#rebalances
    this.#rebalances = []
    if (member !== undefined) {
      for (const { topic, partition, offset } of records) {
        this.#polled.set(nameOf({ topic, partition }), { topic, partition, offset: offset + 1 })
      }
    }
    const polled = { records: records.map(readOf), rebalances }
    return member === undefined ? polled : { ...polled, generation: member.identity.generation }
  }

  seek(places: readonly (Place & { readonly offset: number })[]): void {
    const to = new Map(places.map((place) => [nameOf(place), place.offset]))
    if (this.#member !== undefined) {
      const has = new Set(this.#member.assignment.map(nameOf))
      for (const place of places) {
        if (!has.has(nameOf(place))) continue
        this.#member.seek(place, place.offset)
        this.#polled.set(nameOf(place), place)
      }
    } else if (this.#assigned !== undefined) {
      const positions = this.#assigned.positions
      const offsets = new Map(positions.map((position) => [nameOf(position), position.offset]))
      this.#assign(positions, (place) => to.get(nameOf(place)) ?? offsets.get(nameOf(place)))
    }
  }

  async commit(): Promise<Committed> {
    const member = this.#member
    if (member === undefined) throw new ClientError('UNKNOWN_MEMBER_ID', 'nothing is subscribed')
    const { generation } = member.identity
    const offsets = [...this.#polled.values()]
    await member.commitOnce(offsets.map((place) => ({ ...place, leaderEpoch: -1 })))
    return { offsets, generation }
  }

  async close(): Promise<void> {
    await this.#leave()
    this.#client.close()
  }

  crash(): void {
    this.#member?.abandon()
    this.#client.close()
  }

  /** What is wrong for good is said by every poll of a member: another one takes its place. */
  #joinAgain(member: GroupConsumer): void {
    const places = member.assignment.map(({ topic, partition }) => ({ topic, partition }))
    if (places.length > 0) this.#rebalances.push({ type: 'lost', places })
    member.abandon()
    this.#polled.clear()
    this.#member = this.#join()
    this.#member.subscribe({ topics: this.#topics })
  }

  /** Where there is no offset it begins at the beginning. */
  #assign(places: readonly Place[], offsetOf: (place: Place) => number | undefined): void {
    const assignments = places.map(({ topic, partition }): Assignment => {
      const offset = offsetOf({ topic, partition }) ?? -1
      return { topic, partition, offset: offset < 0 ? 'earliest' : offset }
    })
    const committed = this.#settings.isolation === 'read_committed'
    this.#assigned = new PartitionConsumer(this.#client, assignments, { committed, reset: 'earliest' })
  }

  #join(): GroupConsumer {
    const { group, isolation } = this.#settings
    if (group === undefined) throw new ClientError('INVALID_GROUP_ID', 'this client has no group')
    const told = (type: Rebalance['type']) => (partitions: readonly TopicPartition[]) => {
      if (partitions.length === 0) return
      this.#rebalances.push({ type, places: partitions.map(({ topic, partition }) => ({ topic, partition })) })
      for (const partition of partitions) this.#polled.delete(nameOf(partition))
    }
    const listener: RebalanceListener = {
      assigned: told('assigned'),
      revoked: told('revoked'),
      lost: told('lost'),
    }
    return new GroupConsumer(this.#client, {
      groupId: group.id,
      groupProtocol: group.protocol,
      groupInstanceId: group.instanceId ?? null,
      sessionTimeoutMs: group.sessionTimeoutMs,
      heartbeatIntervalMs: group.heartbeatMs,
      committed: isolation === 'read_committed',
      reset: 'earliest',
      autoCommit: false,
      allowAutoTopicCreation: false,
      listener,
    })
  }

  async #leave(): Promise<void> {
    const member = this.#member
    if (member === undefined) return
    this.#member = undefined
    this.#polled.clear()
    await member.close(LEAVE_MS)
    this.#rebalances = []
  }
}

function nameOf({ topic, partition }: Place): string {
  return `${topic}-${partition}`
}

function readOf({ topic, partition, offset, value }: ConsumedRecord): ReadRecord {
  return { topic, partition, offset, payload: value === null ? '' : Buffer.from(value).toString() }
}
