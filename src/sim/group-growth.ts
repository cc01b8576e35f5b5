/**
 * GroupGrowth: somebody gives topics more partitions while groups read them, and others write to the new ones; and the topic in which groups are kept gets segments that are
 * small enough to be compacted within a run.
 */
import type { Prng } from '../base/prng.js'
import { OFFSETS_TOPIC } from '../broker/coordinators/internal-topics.js'
import type { Operation } from '../check/history.js'
import type { Address } from '../io/network.js'
import { RESOURCE_TYPE_TOPIC } from '../metadata/records.js'
import { ErrorCode } from '../protocol/errors.js'
import { CreatePartitions } from '../protocol/messages/create-partitions.js'
import { IncrementalAlterConfigs } from '../protocol/messages/incremental-alter-configs.js'
import { SimulatedClient } from './client.js'
import { LeaderLocator } from './leader-locator.js'
import { Machine } from './machine.js'
import type { SimulatedNetwork } from './network.js'
import { WorkloadProducer } from './producer.js'
import { keyOf, type ReplicatedTopic } from './replicated-topics.js'
import type { Simulation } from './simulation.js'

const TIMEOUT_MS = 2000
const RETRY_MS = 300
/** A decision is one batch, and no batch is larger than a segment. */
const SMALL_SEGMENT_BYTES = '16384'
const SET = 0
const FIRST_PROCESS = 2_000_000

export interface GroupGrowthOptions {
  readonly brokers: () => Address
  /** How many partitions a topic has, as is committed. */
  readonly partitionsOf: (topic: string) => number
  readonly isStopped: () => boolean
}

export class GroupGrowth {
  /** Of the new partitions. */
  readonly history: Operation[] = []
  readonly hosts: string[] = []
  readonly #simulation: Simulation
  readonly #network: SimulatedNetwork
  readonly #options: GroupGrowthOptions
  readonly #admin: SimulatedClient
  readonly #producers: WorkloadProducer[] = []
  #busy = 0

  constructor(simulation: Simulation, network: SimulatedNetwork, options: GroupGrowthOptions) {
    this.#simulation = simulation
    this.#network = network
    this.#options = options
    this.#admin = this.#client('grower', () => ({ locate: (found) => found(options.brokers()) }))
  }

  /** The topic in which groups are kept is compacted soon: it gets small segments, as soon as it is there. */
  compactOffsets(): void {
    const configs = [
      { name: 'internal.segment.bytes', configOperation: SET, value: SMALL_SEGMENT_BYTES },
      { name: 'min.cleanable.dirty.ratio', configOperation: SET, value: '0' },
    ]
    const resources = [{ resourceType: RESOURCE_TYPE_TOPIC, resourceName: OFFSETS_TOPIC, configs }]
    const ask = (): void => {
      if (this.#options.isStopped()) return
      this.#admin.call(IncrementalAlterConfigs, { resources, validateOnly: false }, (_, response) => {
        if (response?.responses[0]?.errorCode === ErrorCode.NONE) return
        this.#admin.later(RETRY_MS, () => this.#admin.whenReady(ask))
      })
    }
    this.#admin.whenReady(ask)
  }

  /** One partition more. */
  grow({ name, topicId }: ReplicatedTopic, random: Prng): void {
    const { partitionsOf, isStopped } = this.#options
    const partition = partitionsOf(name)
    const wanted = { name, count: partition + 1, assignments: null }
    this.#busy++
    const ask = (): void => {
      if (isStopped() && partitionsOf(name) === partition) return void this.#busy--
      this.#admin.call(
        CreatePartitions,
        { topics: [wanted], timeoutMs: TIMEOUT_MS, validateOnly: false },
        (_, response) => {
          const isDone = response?.results[0]?.errorCode === ErrorCode.NONE || partitionsOf(name) > partition
          if (!isDone) return this.#admin.later(RETRY_MS, () => this.#admin.whenReady(ask))
          this.#busy--
          this.#produce(name, topicId, partition, random)
        },
      )
    }
    this.#admin.whenReady(ask)
  }

  stop(): void {
    for (const producer of this.#producers) producer.stop()
  }

  get idle(): boolean {
    return this.#busy === 0 && this.#producers.every((producer) => producer.idle)
  }

  get grown(): number {
    return this.#producers.length
  }

  #produce(topic: string, topicId: string, partition: number, random: Prng): void {
    const process = FIRST_PROCESS + this.#producers.length
    const client = this.#client(
      `grown${process}`,
      (ports) => new LeaderLocator(ports, this.#options.brokers, { topicId, partition }),
    )
    const producer = new WorkloadProducer(client, {
      ...{ process, topic, topicId, partition, key: keyOf({ name: topic }, partition) },
      ...{ acks: -1, idempotent: true, codec: 'none', pauseMs: random.pick([100, 300]), maxRecordsPerBatch: 4 },
      now: () => this.#simulation.nowMs,
      record: (operation) => this.history.push(operation),
    })
    this.#producers.push(producer)
    if (this.#options.isStopped()) producer.stop()
  }

  #client(
    name: string,
    locator: (
      ports: ConstructorParameters<typeof SimulatedClient>[0],
    ) => ConstructorParameters<typeof SimulatedClient>[1],
  ): SimulatedClient {
    let client: SimulatedClient | undefined
    new Machine(this.#simulation, this.#network, name).boot(
      (ports) => {
        client = new SimulatedClient(ports, locator(ports), name)
      },
      () => {},
    )
    this.hosts.push(name)
    return client!
  }
}
