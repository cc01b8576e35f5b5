/**
 * ReplicationWorkload: clients that write records to a cluster and read them: producers, idempotent and not, with any acks; consumers; and such as ask where
 * a log ends. Each finds the leader of its partition by itself, and follows it. What they were told is the history, and the judgement of it.
 */
import type { Prng } from '../base/prng.js'
import { Findings } from '../check/anomalies.js'
import { checkLog, type Finding } from '../check/check-log.js'
import { checkListedOffsets, type OffsetListed } from '../check/check-watermarks.js'
import { checkWorkload } from '../check/check-workload.js'
import { clientOperations } from '../check/client-history.js'
import type { Operation } from '../check/history.js'
import type { Address } from '../io/network.js'
import { CODEC_NAMES } from '../records/compression/codec.js'
import { type ClientPorts, type Locator, SimulatedClient } from './client.js'
import type { ClusterNode, ClusterWorld } from './cluster-world.js'
import { WorkloadConsumer } from './consumer.js'
import { LeaderLocator } from './leader-locator.js'
import { Machine } from './machine.js'
import { OffsetWatcher } from './offset-watcher.js'
import { WorkloadProducer } from './producer.js'
import { createTopic, keyOf, type ReplicatedTopic, type ReplicatedTopicPlan } from './replicated-topics.js'

export interface ReplicationWorkloadOptions {
  readonly plans: readonly ReplicatedTopicPlan[]
  /** Of all producers; without it some of each. */
  readonly acks?: 0 | 1 | -1
  /** Mean time between two batches of a producer; without it drawn. */
  readonly pauseMs?: number
}

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
  /** Records that were acknowledged, so far. */
  acknowledged = 0
  readonly #world: ClusterWorld
  readonly #options: ReplicationWorkloadOptions
  readonly #random: Prng
  readonly #producers: WorkloadProducer[] = []
  readonly #consumers: WorkloadConsumer[] = []
  readonly #clients: SimulatedClient[] = []
  #brokers: readonly ClusterNode[]
  #nextProcess = 0
  #stopped = false

  constructor(world: ClusterWorld, options: ReplicationWorkloadOptions) {
    this.#world = world
    this.#options = options
    this.#random = world.simulation.random('records')
    this.#brokers = world.brokers
    const admin = this.#client('admin', () => ({ locate: (found) => found(this.#address()) }))
    for (const plan of options.plans) {
      createTopic(world, admin, plan, (topic) => {
        this.topics.push(topic)
        if (!this.#stopped) this.#use(topic)
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

  /** Makes no more batches; those that are made are seen through. */
  stop(): void {
    this.#stopped = true
    for (const producer of this.#producers) producer.stop()
  }

  get idle(): boolean {
    return this.#producers.every((producer) => producer.idle)
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

  /** `keeps`: whether the settings of the topic promise, in spite of everything that has happened, that nothing that is committed is lost. */
  judge(keeps: (topic: ReplicatedTopicPlan) => boolean): Judgement {
    const kept = new Set(
      this.topics
        .filter(keeps)
        .flatMap((topic) => Array.from({ length: topic.partitions }, (_, partition) => keyOf(topic, partition))),
    )
    const verdict = checkLog(this.history, {
      // One replica had what others may have never heard of.
      mayBeLost: (key, _, acks) => !kept.has(key) || acks === 0 || acks === 1,
    })
    const ofKept = this.history.flatMap((operation): Operation[] => {
      if (operation.f === 'fault' || !kept.has(operation.key)) return []
      const isPromised = operation.f !== 'send' || operation.type !== 'ok' || operation.acks === -1
      return [isPromised ? operation : { ...operation, type: 'info' }]
    })
    const operations = clientOperations(ofKept)
    const findings = new Findings()
    const listed = this.listed.filter(({ key }) => kept.has(key))
    checkListedOffsets(operations, listed, findings)
    const isUsed = operations.some(({ outcome }) => outcome === 'ok')
    const workload = isUsed
      ? checkWorkload(operations, { selfDescribing: true, isolation: 'read_uncommitted' })
      : undefined
    return {
      findings: [...verdict.findings, ...findings.told, ...(workload?.findings ?? [])],
      acknowledged: verdict.acknowledged,
      unknown: verdict.unknown,
      counts: {
        'histories of partitions are judged': verdict.keys,
        'what is promised is judged': kept.size,
        'ends of logs are compared': listed.length,
        'a consumer learns that it was cut off': this.truncations,
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
      const producers = random.between(1, 2)
      for (let n = 0; n < producers; n++) this.#produce(topic, partition, random)
      if (random.chance(0.7)) this.#consume(topic, partition, false)
      if (random.chance(0.5)) this.#watch(topic, partition)
    }
  }

  #produce(topic: ReplicatedTopic, partition: number, random: Prng): void {
    const { name, topicId } = topic
    const process = this.#nextProcess++
    const acks = this.#options.acks ?? random.pick([-1, -1, -1, -1, -1, 1, 1, 0] as const)
    const drawnMs = random.pick([100, 300, 1000])
    const [client] = this.#leaderClient(`producer${process}`, topic, partition)
    const options = {
      process,
      topic: name,
      topicId,
      partition,
      acks,
      idempotent: acks === -1 && random.chance(0.7),
      codec: random.chance(0.8) ? ('none' as const) : random.pick(CODEC_NAMES),
      pauseMs: this.#options.pauseMs ?? drawnMs,
      maxRecordsPerBatch: random.pick([1, 4, 12]),
      keyBytes: random.pick([0, 0, 0, 100, 1000]),
      now: this.#now,
      record: (operation: Operation) => this.#record(operation),
    }
    this.#producers.push(new WorkloadProducer(client, options))
  }

  #record(operation: Operation): void {
    this.history.push(operation)
    if (operation.f === 'send' && operation.type === 'ok' && operation.acks !== 0) this.acknowledged++
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

  #watch(topic: ReplicatedTopic, partition: number): void {
    const process = this.#nextProcess++
    const [client, leaderEpoch] = this.#leaderClient(`watcher${process}`, topic, partition)
    new OffsetWatcher(client, {
      process,
      topic: topic.name,
      partition,
      key: keyOf(topic, partition),
      pauseMs: 300,
      leaderEpoch,
      now: this.#now,
      record: (listed) => void this.listed.push(listed),
    })
  }
}
