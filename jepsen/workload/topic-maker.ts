/**
 * TopicMaker: makes the topics of keys that come into use next, just before they do, as long as there is load: so topics are made while there are faults, and where none can be made those that are
 * there are used on, instead of all that is sent going nowhere.
 */
import type { BedTime } from '../beds/bed.js'
import { type Client, type ClientSettings, type Driver, DriverError } from '../drivers/driver.js'
import type { Keyspace } from '../history/operation.js'
import type { Generator } from './generator.js'
import type { KeyTopics } from './key-topics.js'

export interface TopicMakerOptions {
  readonly driver: Driver
  /** Known when the bed has started. */
  readonly settings: () => ClientSettings
  readonly generator: Generator
  readonly topics: KeyTopics
  readonly keyspace: Keyspace
  readonly time: BedTime
}

const LOOK_MS = 50
const AGAIN_MS = 500

export class TopicMaker {
  readonly #options: TopicMakerOptions
  #client: Client | undefined
  #made = 0
  #isStopped = false

  constructor(options: TopicMakerOptions) {
    this.#options = options
  }

  /** All that are wanted at the moment. False: they could not be made within this time. */
  async makeAll(limitMs: number): Promise<boolean> {
    const { time, generator } = this.#options
    const deadlineMs = time.nowMs() + limitMs
    while (this.#made < generator.keysWanted) {
      if (await this.#next()) continue
      if (time.nowMs() > deadlineMs) return false
      await time.wait(AGAIN_MS)
    }
    return true
  }

  /** Until it is stopped. What cannot be made is tried again. */
  async run(): Promise<void> {
    const { time, generator } = this.#options
    while (!this.#isStopped) {
      const isWanted = this.#made < generator.keysWanted
      if (!isWanted) await time.wait(LOOK_MS)
      else if (!(await this.#next())) await time.wait(AGAIN_MS)
    }
    this.#client?.crash()
  }

  stop(): void {
    this.#isStopped = true
  }

  async #next(): Promise<boolean> {
    const { driver, settings, topics, keyspace, generator } = this.#options
    try {
      this.#client ??= await driver.open(settings())
      await topics.ensure(this.#client, [keyspace.placeOf(this.#made).topic])
    } catch (error) {
      if (!(error instanceof DriverError)) throw error
      this.#client?.crash()
      this.#client = undefined
      return false
    }
    this.#made++
    generator.made(this.#made)
    return true
  }
}
