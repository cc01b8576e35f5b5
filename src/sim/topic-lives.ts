/**
 * TopicLives: the topics of a scenario. They are made, get more partitions, are deleted and made again under the same name, while there are load and
 * faults. An answer that does not come is asked for again until it is known what has become of the topic.
 */
import type { Prng } from '../base/prng.js'
import { ErrorCode } from '../protocol/errors.js'
import { CreatePartitions } from '../protocol/messages/create-partitions.js'
import { CreateTopics } from '../protocol/messages/create-topics.js'
import { DeleteTopics } from '../protocol/messages/delete-topics.js'
import type { SimulatedClient } from './client.js'
import type { World } from './world.js'

const RETRY_MS = 100
const TIMEOUT_MS = 2000
const MOST_PARTITIONS = 4
const MOST_LIVES = 4

/** What does not change when it is made again. */
export interface TopicPlan {
  readonly name: string
  readonly partitions: number
  readonly flushPolicy: 'commit' | 'os'
  readonly segmentBytes: number
  /** Of the keys of its records, at most; 0: there are none. */
  readonly keyBytes: number
  /** Of a compacted topic: how many keys there are; else 0. */
  readonly keys: number
  /** Further settings. */
  readonly configs: Readonly<Record<string, string>>
}

/** One life of a topic: another one of the same name is another topic. */
export interface LivingTopic extends TopicPlan {
  readonly topicId: string
  /** When it was asked for. */
  readonly bornMs: number
  /** With what was added. */
  partitionCount: number
  /** `ending`: somebody has asked for it to be deleted. */
  state: 'there' | 'ending' | 'gone'
}

export interface TopicLivesOptions {
  readonly plans: readonly TopicPlan[]
  /** Whether topics change at all after they are made. */
  readonly change: boolean
  /** These partitions can be used from now on. */
  readonly use: (topic: LivingTopic, fromPartition: number) => void
  /** It is about to be deleted. */
  readonly ending: (topic: LivingTopic) => void
}

/** What names the topic in a history: another one of the same name has another. */
export function keyOf({ name, topicId }: { readonly name: string; readonly topicId: string }): string {
  return `${name}(${topicId})`
}

/** What it is made with. */
export function configsOfPlan({ flushPolicy, segmentBytes, configs }: TopicPlan): ReadonlyMap<string, string> {
  const first = { 'flush.policy': flushPolicy, 'internal.segment.bytes': String(segmentBytes) }
  return new Map(Object.entries({ ...first, ...configs }))
}

export class TopicLives {
  /** Every life of every topic that is known to have begun. */
  readonly all: LivingTopic[] = []
  /** How often it came to what is looked at when all is at rest. */
  readonly counts: Record<string, number> = {}
  readonly #world: World
  readonly #options: TopicLivesOptions
  #admin!: SimulatedClient
  readonly #random: Prng
  #quiet = false

  constructor(world: World, options: TopicLivesOptions) {
    this.#world = world
    this.#options = options
    this.#random = world.simulation.random('lives of topics')
  }

  /** `admin` is who asks for it all. */
  start(admin: SimulatedClient): void {
    this.#admin = admin
    const { simulation } = this.#world
    const random = simulation.random('topics')
    for (const plan of this.#options.plans) {
      simulation.schedule(random.below(1500), `create ${plan.name}`, () => this.#create(plan))
    }
  }

  /** Begins nothing any more; what was begun is seen through. */
  stop(): void {
    this.#quiet = true
  }

  /** It is known of each topic whether it is there. */
  get idle(): boolean {
    return this.all.every(({ state }) => state !== 'ending')
  }

  #create(plan: TopicPlan, bornMs = this.#world.simulation.nowMs): void {
    const { name, partitions } = plan
    const configs = [...configsOfPlan(plan)].map(([key, value]) => ({ name: key, value }))
    const wanted = { name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs }
    const admin = this.#admin
    admin.whenReady(() =>
      admin.call(CreateTopics, { topics: [wanted], timeoutMs: TIMEOUT_MS }, (_, response) => {
        const result = response?.topics[0]
        const topicId = result?.errorCode === ErrorCode.NONE ? result.topicId : this.#idOf(name)
        // Whoever began to use it now would not be told to stop.
        if (this.#quiet) return
        if (topicId === undefined) return admin.later(RETRY_MS, () => this.#create(plan, bornMs))
        const topic: LivingTopic = { ...plan, topicId, bornMs, partitionCount: partitions, state: 'there' }
        if (this.all.some((other) => other.name === name)) this.#count('topic made again holds nothing of the old one')
        this.all.push(topic)
        this.#options.use(topic, 0)
        this.#liveOn(topic)
      }),
    )
  }

  /** A topic whose creation was answered by nobody may be there. A node that starts may not know yet that another one is gone. */
  #idOf(name: string): string | undefined {
    const topicId = this.#world.node?.broker?.image.topicsByName.get(name)?.topicId
    return this.all.some((topic) => topic.topicId === topicId) ? undefined : topicId
  }

  #liveOn(topic: LivingTopic): void {
    if (!this.#options.change) return
    this.#world.simulation.schedule(this.#random.exponential(1500), `change ${topic.name}`, () => {
      if (this.#quiet) return
      const isLast = this.all.filter(({ name }) => name === topic.name).length >= MOST_LIVES
      if (topic.partitionCount < MOST_PARTITIONS && (isLast || this.#random.chance(0.4))) this.#grow(topic)
      else if (!isLast) {
        topic.state = 'ending'
        this.#options.ending(topic)
        this.#delete(topic)
      }
    })
  }

  #grow(topic: LivingTopic): void {
    const { name, topicId, partitionCount } = topic
    const wanted = { name, count: partitionCount + 1, assignments: null }
    const admin = this.#admin
    admin.whenReady(() =>
      admin.call(CreatePartitions, { topics: [wanted], timeoutMs: TIMEOUT_MS, validateOnly: false }, () => {
        if (this.#quiet) return
        const partitions = this.#world.node?.broker?.image.topicsById.get(topicId)?.partitions.length ?? 0
        if (partitions <= partitionCount) return admin.later(RETRY_MS, () => this.#grow(topic))
        topic.partitionCount = partitionCount + 1
        this.#count('added partition is there')
        this.#options.use(topic, partitionCount)
        this.#liveOn(topic)
      }),
    )
  }

  #delete(topic: LivingTopic): void {
    const { topicId } = topic
    const admin = this.#admin
    admin.whenReady(() =>
      admin.call(DeleteTopics, { topics: [{ name: null, topicId }], timeoutMs: TIMEOUT_MS }, (_, response) => {
        const errorCode = response?.responses[0]?.errorCode
        // Asked again, it may be gone already.
        if (errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.UNKNOWN_TOPIC_ID) {
          return admin.later(RETRY_MS, () => this.#delete(topic))
        }
        topic.state = 'gone'
        this.#count('deleted topic is gone')
        if (this.#quiet || this.#random.chance(0.2)) return
        this.#world.simulation.schedule(this.#random.pick([0, 0, 200]), `create ${topic.name} again`, () => {
          if (!this.#quiet) this.#create(topic)
        })
      }),
    )
  }

  #count(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1
  }
}
