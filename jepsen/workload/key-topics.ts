/** KeyTopics: topics are made when a key of theirs is used for the first time, by whoever uses it. Several may come at once: one makes it, the others wait. */
import { type Client, DriverError } from '../drivers/driver.js'

export class KeyTopics {
  readonly #partitions: number
  readonly #settings: Readonly<Record<string, string>>
  readonly #known = new Set<string>()
  readonly #making = new Map<string, Promise<void>>()

  constructor(partitions: number, settings: Readonly<Record<string, string>>) {
    this.#partitions = partitions
    this.#settings = settings
  }

  /** Rejects with a `DriverError` that is a `fail`: what was to be done with the topic has not been begun. */
  async ensure(client: Client, topics: readonly string[]): Promise<void> {
    for (const topic of new Set(topics)) {
      // Who has made it may have failed with its client, and not with this one.
      await this.#making.get(topic)?.catch(() => {})
      if (this.#known.has(topic)) continue
      const making = this.#make(client, topic).finally(() => this.#making.delete(topic))
      this.#making.set(topic, making)
      await making
    }
  }

  async #make(client: Client, topic: string): Promise<void> {
    try {
      await client.createTopic(topic, this.#partitions, this.#settings)
    } catch (error) {
      if (!(error instanceof DriverError)) throw error
      if (error.code !== 'TOPIC_ALREADY_EXISTS') {
        throw new DriverError(error.code, 'fail', `creating ${topic}: ${error.message}`)
      }
    }
    this.#known.add(topic)
  }
}
