/**
 * Somebody who changes settings while the node runs and fails: of topics and of all brokers. What was acknowledged must hold at the end, in what the node
 * knows and in what its partitions do; what nobody answered may hold.
 */
import type { Prng } from '../base/prng.js'
import type { Broker } from '../broker/broker.js'
import type { Partition } from '../broker/partition.js'
import { resolveTopicSettings, type TopicSettings } from '../config/topic-settings.js'
import { ALL_BROKERS } from '../metadata/effective-settings.js'
import { configsOf, type MetadataImage } from '../metadata/image.js'
import { RESOURCE_TYPE_BROKER, RESOURCE_TYPE_TOPIC } from '../metadata/records.js'
import { ErrorCode } from '../protocol/errors.js'
import { IncrementalAlterConfigs } from '../protocol/messages/incremental-alter-configs.js'
import type { SimulatedClient } from './client.js'
import type { Simulation } from './simulation.js'
import { configsOfPlan, keyOf, type LivingTopic } from './topic-lives.js'

const SET = 0
const DELETE = 1
const MEAN_PAUSE_MS = 400

/** Values that no workload is refused for. */
const TOPIC_VALUES: Readonly<Record<string, readonly string[]>> = {
  'index.interval.bytes': ['100', '4096'],
  'max.message.bytes': ['500000', '900000'],
}
/** Grows by one of these: what a producer sends still finds room in a segment. */
const SEGMENT_FACTORS = [1, 2, 8]
const BROKER_VALUES: Readonly<Record<string, readonly string[]>> = {
  'log.index.interval.bytes': ['64', '2000'],
  'message.max.bytes': ['600000', '800000'],
}

interface Resource {
  readonly type: number
  readonly name: string
}

/** What one key may be at; undefined: not set. */
interface Known {
  readonly resource: Resource
  readonly key: string
  /** Acknowledged last. */
  settled: string | undefined
  /** On their way, or never answered: what was sent over a connection that is lost may still arrive. */
  readonly open: Set<string | undefined>
}

interface Configured {
  readonly name: string
  readonly key: string
  readonly initial: ReadonlyMap<string, string>
  readonly toCommit: boolean
}

export class ConfigChanges {
  /** When a topic came under `flush.policy=commit` for good, and this was answered; by `keyOf` the topic. */
  readonly commitSinceMs = new Map<string, number>()
  acknowledged = 0
  readonly #simulation: Simulation
  readonly #client: SimulatedClient
  readonly #random: Prng
  readonly #known = new Map<string, Known>()
  readonly #topics = new Map<string, Configured>()
  #stopped = false
  #underWay = false

  constructor(simulation: Simulation, client: SimulatedClient) {
    this.#simulation = simulation
    this.#client = client
    this.#random = simulation.random('configs')
    this.#next()
  }

  /** The topic is there. `toCommit`: its flush policy may become commit. */
  add(topic: LivingTopic, toCommit: boolean): void {
    const { name } = topic
    const initial = configsOfPlan(topic)
    this.#topics.set(name, { name, key: keyOf(topic), initial, toCommit })
    for (const [key, value] of initial) this.#knownOf({ type: RESOURCE_TYPE_TOPIC, name }, key).settled = value
  }

  /** The topic is being deleted, and its settings with it; one of the same name may follow, with what topics of this name begin with. */
  drop({ name }: LivingTopic): void {
    const initial = this.#topics.get(name)?.initial
    this.#topics.delete(name)
    for (const known of this.#known.values()) {
      const { resource, key, open } = known
      if (resource.type !== RESOURCE_TYPE_TOPIC || resource.name !== name) continue
      known.settled = undefined
      open.add(initial?.get(key))
    }
  }

  /** Begins no other. */
  stop(): void {
    this.#stopped = true
  }

  get idle(): boolean {
    return !this.#underWay
  }

  /** What is other than it may be; undefined: nothing. */
  contradiction(image: MetadataImage): string | undefined {
    for (const { resource, key, settled, open } of this.#known.values()) {
      const found = configsOf(image, resource.type, resource.name).get(key)
      if (found === settled || open.has(found)) continue
      const may = [settled, ...open].map((value) => value ?? 'not set').join(' or ')
      return `${key} of ${resource.type}/${resource.name} is ${found ?? 'not set'}, and may be ${may}`
    }
    return undefined
  }

  #next(): void {
    this.#simulation.schedule(this.#random.exponential(MEAN_PAUSE_MS), 'change settings', () => {
      if (this.#stopped) return
      this.#underWay = true
      this.#client.whenReady(() => this.#change())
    })
  }

  #change(): void {
    const random = this.#random
    const topic = this.#topics.size > 0 && random.chance(0.7) ? random.pick([...this.#topics.values()]) : undefined
    const resource =
      topic === undefined
        ? { type: RESOURCE_TYPE_BROKER, name: ALL_BROKERS }
        : { type: RESOURCE_TYPE_TOPIC, name: topic.name }
    const becomesCommit = topic?.toCommit === true && !this.commitSinceMs.has(topic.key) && random.chance(0.4)
    const values = topic === undefined ? BROKER_VALUES : { ...TOPIC_VALUES, ...segmentValues(topic.initial) }
    const key = becomesCommit ? 'flush.policy' : random.pick(Object.keys(values))
    const deletes = !becomesCommit && random.chance(0.3)
    const value = becomesCommit ? 'commit' : deletes ? undefined : random.pick(values[key]!)
    const known = this.#knownOf(resource, key)
    known.open.add(value)
    const configs = [{ name: key, configOperation: value === undefined ? DELETE : SET, value: value ?? null }]
    const resources = [{ resourceType: resource.type, resourceName: resource.name, configs }]
    this.#client.call(IncrementalAlterConfigs, { resources, validateOnly: false }, (_, response) => {
      this.#underWay = false
      const errorCode = response?.responses[0]?.errorCode
      // If the topic has gone meanwhile, one of the same name may have got it.
      if (errorCode === ErrorCode.NONE && (topic === undefined || this.#topics.get(topic.name) === topic)) {
        this.acknowledged++
        known.settled = value
        known.open.delete(value)
        if (becomesCommit) this.commitSinceMs.set(topic.key, this.#simulation.nowMs)
      }
      this.#next()
    })
  }

  #knownOf(resource: Resource, key: string): Known {
    const id = `${resource.type}/${resource.name}/${key}`
    let known = this.#known.get(id)
    if (known === undefined) this.#known.set(id, (known = { resource, key, settled: undefined, open: new Set() }))
    return known
  }
}

function segmentValues(initial: ReadonlyMap<string, string>): Readonly<Record<string, readonly string[]>> {
  const segmentBytes = Number(initial.get('internal.segment.bytes'))
  return { 'internal.segment.bytes': SEGMENT_FACTORS.map((factor) => String(segmentBytes * factor)) }
}

/** The partition goes by what the metadata and the node's settings say; a sentence if not. */
export function wrongSettings({ id, settings }: Partition, { image, settings: ofNode }: Broker): string | undefined {
  const wanted = resolveTopicSettings(ofNode, configsOf(image, RESOURCE_TYPE_TOPIC, id.topic))
  for (const key of Object.keys(wanted) as (keyof TopicSettings)[]) {
    const [is, should] = [text(settings[key]), text(wanted[key])]
    if (is !== should) return `${id.topic}-${id.partition} goes by ${key}=${is}, and ${should} is set`
  }
  return undefined
}

function text(value: unknown): string {
  return value instanceof Set ? [...value].join() : String(value)
}
