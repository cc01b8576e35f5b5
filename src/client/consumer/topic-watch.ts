/**
 * TopicWatch: keeps looking at the topics that a group consumer wants: by name, or all whose name matches an expression. One look at a time; what is asked for
 * meanwhile is looked at in the next.
 */
import type { Timer } from '../../io/clock.js'
import { ClientError } from '../client-error.js'
import type { ClusterClient } from '../cluster-client.js'
import type { SeenTopic } from './membership/membership.js'

export interface TopicWatchOptions {
  /** `metadata.max.age.ms`, 5 minutes */
  readonly maxAgeMs: number
  /** `allow.auto.create.topics` */
  readonly allowAutoTopicCreation: boolean
  /** What there is, after each look; `matching`: of those that the expression matches, without internal ones. */
  readonly seen: (topics: readonly SeenTopic[], matching: readonly string[] | undefined) => void
  readonly failed: (error: Error) => void
}

/** A topic that is wanted and not there yet may come any moment. */
const MISSING_MS = 1000

export class TopicWatch {
  readonly #client: ClusterClient
  readonly #options: TopicWatchOptions
  #names: ReadonlySet<string> = new Set()
  #pattern: RegExp | undefined
  #isLooking = false
  #isWanted = false
  readonly #wantedIds = new Set<string>()
  readonly #others = new Set<string>()
  #timer: Timer | undefined
  #isClosed = false

  constructor(client: ClusterClient, options: TopicWatchOptions) {
    this.#client = client
    this.#options = options
  }

  watch(names: readonly string[], pattern: RegExp | undefined): void {
    this.#names = new Set(names)
    this.#pattern = pattern
    this.look([], [])
  }

  /** Also at these topics: what others of the group want, and what is only known by its id. */
  look(names: readonly string[], ids: readonly string[]): void {
    for (const name of names) if (!this.#names.has(name)) this.#others.add(name)
    for (const id of ids) this.#wantedIds.add(id)
    this.#isWanted = true
    if (!this.#isLooking && !this.#isClosed) void this.#run()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  async #run(): Promise<void> {
    this.#isLooking = true
    this.#timer?.cancel()
    try {
      while (this.#isWanted && !this.#isClosed) {
        this.#isWanted = false
        await this.#look()
      }
    } catch (error) {
      // Metadata was tried for as long as a call may take: what is wrong for good is told, what may pass is looked at again.
      if (!(error instanceof ClientError && error.error === 'REQUEST_TIMED_OUT') && !this.#isClosed) {
        this.#options.failed(error as Error)
      }
    } finally {
      this.#isLooking = false
      this.#arm()
    }
  }

  async #look(): Promise<void> {
    const { view } = this.#client
    const ids = [...this.#wantedIds]
    this.#wantedIds.clear()
    if (ids.length > 0) await this.#client.refreshIds(ids)
    const names = [...this.#names, ...this.#others]
    if (this.#pattern !== undefined) await this.#client.refresh(null)
    else if (names.length > 0) await this.#client.refresh(names, this.#options.allowAutoTopicCreation)
    if (this.#isClosed) return
    const topics = [...view.topics.values()]
    const pattern = this.#pattern
    const matching = pattern && topics.filter(({ name, isInternal }) => !isInternal && pattern.test(name))
    this.#options.seen(
      topics.map(({ name, topicId, partitions }) => ({ name, topicId, partitionCount: partitions.length })),
      matching?.map(({ name }) => name),
    )
  }

  #arm(): void {
    if (this.#isClosed) return
    const isMissing = [...this.#names].some((name) => !this.#client.view.topics.has(name))
    const delayMs = isMissing ? Math.min(MISSING_MS, this.#options.maxAgeMs) : this.#options.maxAgeMs
    this.#timer = this.#client.ports.clock.timer(delayMs, () => this.look([], []))
  }
}
