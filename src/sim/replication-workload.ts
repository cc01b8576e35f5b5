/**
 * ReplicationWorkload: clients that write records to a cluster and read them: producers, idempotent and not, with any acks; consumers; and such as ask where
 * a log ends. Each finds the leader of its partition by itself, and follows it. What they were told is the history, and the judgement of it.
 */
import type { Prng } from '../base/prng.js'
import type { Finding } from '../check/anomalies.js'
import type { OffsetListed } from '../check/check-watermarks.js'
import type { Operation } from '../check/history.js'
import { judgeHistory } from '../check/judge-history.js'
import { columnsOf } from '../check/to-columns.js'
import type { Address } from '../io/network.js'
import { CODEC_NAMES } from '../records/compression/codec.js'
import { type ClientPorts, type Locator, SimulatedClient } from './client.js'
import type { ClusterNode, ClusterWorld } from './cluster-world.js'
import { WorkloadConsumer } from './consumer.js'
import { LeaderLocator } from './leader-locator.js'
import { Machine } from './machine.js'
import { OffsetWatcher } from './offset-watcher.js'
import { WorkloadProducer } from './producer.js'
import { hostedBy, type PartitionPlace } from './replica-files.js'
import type { ReplicaInvariants } from './replica-invariants.js'
import { ReplicatedDeletions } from './replicated-deletions.js'
import { createTopic, keyOf, type ReplicatedTopic, type ReplicatedTopicPlan } from './replicated-topics.js'
import { keepEligible, ReplicationChanges } from './replication-changes.js'

/** Where what clients were told goes, as it happens. */
export interface HistoryRecorder {
  readonly operation: (operation: Operation) => void
  readonly listed: (listed: OffsetListed) => void
}

/** How much clients do; without it, it is drawn for each. */
export interface WorkloadLoad {
  /** Of each partition. */
  readonly producers: number
  readonly consumers: number
  /** Each has one of these. */
  readonly acks: readonly (0 | 1 | -1)[]
  readonly maxRecordsPerBatch: readonly number[]
  readonly keyBytes: readonly number[]
  /** Of those with acks=all. */
  readonly idempotentChance: number
}

export interface ReplicationWorkloadOptions {
  readonly plans: readonly ReplicatedTopicPlan[]
  /** Of all producers; without it some of each. */
  readonly acks?: 0 | 1 | -1
  /** Mean time between two batches of a producer; without it drawn. */
  readonly pauseMs?: number
  /** Who is eligible to lead is kept apart from those in sync, before there is a topic. */
  readonly keepsEligible?: true
  /** Mean time between two deletions of the front of a partition, of those of which there are any; without it there are none. */
  readonly deletionsMs?: number
  /** Mean time between two changes of how partitions are replicated; without it there are none. */
  readonly changesMs?: number
  readonly load?: WorkloadLoad
  /** For a history that is too long to be kept here: it is judged elsewhere then. */
  readonly recorder?: HistoryRecorder
}

/** Whether, in spite of everything that has happened, nothing is lost that was acknowledged with these acks, or was read. */
export type IsPromised = (topic: ReplicatedTopicPlan, acks?: 0 | 1 | -1) => boolean

export interface Judgement {
  readonly findings: readonly Finding[]
  /** Records. */
  readonly acknowledged: number
  readonly unknown: number
  /** What the checkers had to look at. */
  readonly counts: Readonly<Record<string, number>>
}

export class ReplicationWorkload {
  readonly history: Operation[] = []
  readonly listed: OffsetListed[] = []
  readonly topics: ReplicatedTopic[] = []
  readonly hosts: string[] = []
  /** By partition: when the record was made that was made last of those that were acknowledged. */
  readonly #progress = new Map<string, number>()
  readonly #madeMs = new Map<string, number>()
  readonly #world: ClusterWorld
  readonly #invariants: ReplicaInvariants
  readonly #options: ReplicationWorkloadOptions
  readonly #random: Prng
  readonly #producers: WorkloadProducer[] = []
  readonly #consumers: WorkloadConsumer[] = []
  readonly #clients: SimulatedClient[] = []
  readonly #watchers: OffsetWatcher[] = []
  readonly #deletions: ReplicatedDeletions[] = []
  #brokers: readonly ClusterNode[]
  readonly #changes: ReplicationChanges | undefined
  #nextProcess = 0
  #stopped = false

  constructor(world: ClusterWorld, invariants: ReplicaInvariants, options: ReplicationWorkloadOptions) {
    this.#world = world
    this.#invariants = invariants
    this.#options = options
    this.#random = world.simulation.random('records')
    this.#brokers = world.brokers
    const admin = this.#client('admin', () => ({ locate: (found) => found(this.#address()) }))
    const create = (): void => {
      for (const plan of options.plans) {
        createTopic(world, admin, plan, (topic) => {
          this.topics.push(topic)
          if (!this.#stopped) this.#use(topic)
        })
      }
    }
    if (options.keepsEligible === true) keepEligible(admin, create)
    else create()
    if (options.changesMs !== undefined) {
      const operator = this.#client('operator', () => ({ locate: (found) => found(this.#address()) }))
      this.#changes = new ReplicationChanges(operator, world.simulation.random('replication changes'), {
        meanPauseMs: options.changesMs,
        topics: () => this.topics,
        brokers: world.brokers.map(({ id }) => id),
      })
    }
  }

  /** These are asked who leads from now on. */
  confineTo(brokers: readonly ClusterNode[]): void {
    this.#brokers = brokers
  }

  /** All topics are there. */
  get isReady(): boolean {
    return this.topics.length === this.#options.plans.length
  }

  /** How partitions are replicated is not changed any more, and nothing is deleted. */
  stopChanges(): void {
    this.#changes?.stop()
    for (const deletions of this.#deletions) deletions.stop()
  }

  /** Makes no more batches; those that are made are seen through. */
  stop(): void {
    this.#stopped = true
    for (const producer of this.#producers) producer.stop()
  }

  get idle(): boolean {
    return this.#producers.every((producer) => producer.idle)
  }

  /** How many partitions have acknowledged a record that was made after this. */
  goingOnSince(timeMs: number): number {
    return [...this.#progress.values()].filter((madeMs) => madeMs > timeMs).length
  }

  /** When the latest record of this partition was made that was acknowledged; 0: there is none. */
  latestOf({ topic, partition }: Pick<PartitionPlace, 'topic' | 'partition'>): number {
    return this.#progress.get(keyOf({ name: topic }, partition)) ?? 0
  }

  /** How many records have been acknowledged that were made after this. */
  acknowledgedSince(timeMs: number): number {
    const made = new Set<string>()
    let count = 0
    for (const operation of this.history) {
      if (operation.f !== 'send' || operation.time <= timeMs) continue
      if (operation.type === 'invoke') made.add(operation.value)
      else if (operation.type === 'ok' && operation.acks !== 0 && made.has(operation.value)) count++
    }
    return count
  }

  /** How often somebody who had read something was told that it is not there any more. */
  get truncations(): number {
    return this.#consumers.reduce((sum, { truncations }) => sum + truncations, 0)
  }

  /** Reads everything from the beginning to the end; true: it is done. */
  read(): () => boolean {
    const readers = this.topics.flatMap((topic) =>
      Array.from({ length: topic.partitions }, (_, partition) => this.#consume(topic, partition, true)),
    )
    return () => readers.every(({ done }) => done)
  }

  /** By what is promised: there what is committed, or was acknowledged with these acks, must not be lost. */
  judge(isPromised: IsPromised): Judgement {
    const plans = new Map<string, ReplicatedTopicPlan>()
    for (const topic of this.topics) {
      for (let partition = 0; partition < topic.partitions; partition++) plans.set(keyOf(topic, partition), topic)
    }
    const isKept = (key: string, acks?: 0 | 1 | -1): boolean => isPromised(plans.get(key)!, acks)
    const { findings, acknowledged, unknown, keys, listed, shortened } = judgeHistory(
      columnsOf(this.history),
      this.listed,
      isKept,
    )
    return {
      findings,
      acknowledged,
      unknown,
      counts: {
        'histories of partitions are judged': keys,
        'what is promised is judged': [...plans.keys()].filter((key) => isKept(key)).length,
        'ends of logs are compared': listed,
        'who leads no more is not believed': this.#watchers.reduce((sum, { outdated }) => sum + outdated, 0),
        'a consumer learns that it was cut off': this.truncations,
        'the front of a log is deleted': sum(this.#deletions, ({ done }) => done),
        'nobody knows whether a front is deleted': sum(this.#deletions, ({ unknown }) => unknown),
        'a reader finds that the front is gone': shortened,
        ...this.#changes?.counts,
      },
    }
  }

  get #now(): () => number {
    return () => this.#world.simulation.nowMs
  }

  #address(): Address {
    return this.#random.pick(this.#brokers).address
  }

  #client(name: string, locator: (ports: ClientPorts) => Locator): SimulatedClient {
    const { simulation, network } = this.#world
    const machine = new Machine(simulation, network, name)
    let client: SimulatedClient | undefined
    machine.boot(
      (ports) => {
        client = new SimulatedClient(ports, locator(ports), name)
      },
      () => {},
    )
    this.hosts.push(name)
    this.#clients.push(client!)
    return client!
  }

  /** A client of the leader of a partition. */
  #leaderClient(name: string, { topicId }: ReplicatedTopic, partition: number): [SimulatedClient, () => number] {
    let locator: LeaderLocator | undefined
    const client = this.#client(name, (ports) => {
      locator = new LeaderLocator(ports, () => this.#address(), { topicId, partition })
      return locator
    })
    return [client, () => locator!.leaderEpoch]
  }

  #use(topic: ReplicatedTopic): void {
    for (let partition = 0; partition < topic.partitions; partition++) {
      const random = this.#world.simulation.random(`use ${keyOf(topic, partition)}`)
      const producers = this.#options.load?.producers ?? random.between(1, 2)
      for (let n = 0; n < producers; n++) this.#produce(topic, partition, random)
      const consumers = this.#options.load?.consumers ?? (random.chance(0.7) ? 1 : 0)
      for (let n = 0; n < consumers; n++) this.#consume(topic, partition, false)
      if (random.chance(0.5)) this.#watch(topic, partition)
      const { deletionsMs } = this.#options
      if (deletionsMs !== undefined && random.chance(0.5)) this.#delete(topic, partition, deletionsMs)
    }
  }

  #produce(topic: ReplicatedTopic, partition: number, random: Prng): void {
    const { name, topicId } = topic
    const { load } = this.#options
    const process = this.#nextProcess++
    const acks = this.#options.acks ?? random.pick(load?.acks ?? ([-1, -1, -1, -1, -1, 1, 1, 0] as const))
    const drawnMs = random.pick([100, 300, 1000])
    const [client] = this.#leaderClient(`producer${process}`, topic, partition)
    const options = {
      process,
      topic: name,
      topicId,
      partition,
      acks,
      idempotent: acks === -1 && random.chance(load?.idempotentChance ?? 0.7),
      codec: random.chance(0.8) ? ('none' as const) : random.pick(CODEC_NAMES),
      pauseMs: this.#options.pauseMs ?? drawnMs,
      maxRecordsPerBatch: random.pick(load?.maxRecordsPerBatch ?? [1, 4, 12]),
      keyBytes: random.pick(load?.keyBytes ?? [0, 0, 0, 100, 1000]),
      now: this.#now,
      record: (operation: Operation) => this.#record(operation),
    }
    this.#producers.push(new WorkloadProducer(client, options))
  }

  #record(operation: Operation): void {
    const { recorder } = this.#options
    if (recorder === undefined) this.history.push(operation)
    else recorder.operation(operation)
    if (operation.f !== 'send') return
    const { type, key, value, acks, time } = operation
    if (type === 'invoke') this.#madeMs.set(value, time)
    else if (type === 'ok' && acks !== 0) {
      this.#progress.set(key, Math.max(this.#progress.get(key) ?? 0, this.#madeMs.get(value)!))
    }
    if (type !== 'invoke') this.#madeMs.delete(value)
  }

  #consume(topic: ReplicatedTopic, partition: number, final: boolean): WorkloadConsumer {
    const { name, topicId } = topic
    const process = this.#nextProcess++
    const [client, leaderEpoch] = this.#leaderClient(`consumer${process}`, topic, partition)
    const consumer = new WorkloadConsumer(client, {
      process,
      topic: name,
      topicId,
      partition,
      final,
      sessions: process % 2 === 0,
      patient: !final && process % 3 === 0,
      leaderEpoch,
      now: this.#now,
      record: (operation) => this.#record(operation),
    })
    this.#consumers.push(consumer)
    return consumer
  }

  /** As the latest committed metadata say, whoever knows them, or has known them and is gone. */
  #latestEpochOf({ topicId }: ReplicatedTopic, partition: number): number {
    const known = this.#world.nodes.map(
      ({ node }) => node?.quorum?.image?.topicsById.get(topicId)?.partitions[partition]?.leaderEpoch ?? -1,
    )
    const { image } = this.#invariants
    return Math.max(...known, image?.topicsById.get(topicId)?.partitions[partition]?.leaderEpoch ?? -1)
  }

  #delete(topic: ReplicatedTopic, partition: number, meanPauseMs: number): void {
    const { name, topicId } = topic
    const place = { topic: name, topicId, partition }
    const process = this.#nextProcess++
    const [client] = this.#leaderClient(`deleter${process}`, topic, partition)
    const options = {
      ...{ topic: name, partition, key: keyOf(topic, partition), process, meanPauseMs },
      log: () => {
        const leader = this.#world.brokers.find((node) => hostedBy(node, place)?.isLeader === true)
        const hosted = leader && hostedBy(leader, place)
        return hosted && { startOffset: hosted.log.startOffset, highWatermark: hosted.highWatermark }
      },
      mayDelete: (offset: number) => this.#invariants.mayDelete(topicId, partition, offset),
      now: this.#now,
      record: (operation: Operation) => this.#record(operation),
    }
    const random = this.#world.simulation.random(`delete ${keyOf(topic, partition)}`)
    this.#deletions.push(new ReplicatedDeletions(client, random, options))
  }

  #watch(topic: ReplicatedTopic, partition: number): void {
    const process = this.#nextProcess++
    const [client, leaderEpoch] = this.#leaderClient(`watcher${process}`, topic, partition)
    const watcher = new OffsetWatcher(client, {
      process,
      topic: topic.name,
      partition,
      key: keyOf(topic, partition),
      pauseMs: 300,
      leaderEpoch,
      latestEpoch: () => this.#latestEpochOf(topic, partition),
      now: this.#now,
      record: this.#options.recorder?.listed ?? ((listed) => void this.listed.push(listed)),
    })
    this.#watchers.push(watcher)
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((all, item) => all + of(item), 0)
}
