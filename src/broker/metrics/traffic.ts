/**
 * What clients have written and read since the start, for all topics and for each: Kafka's BrokerTopicMetrics. Plain numbers that are added to on the way of
 * every request and looked at when somebody asks.
 */
export class Traffic {
  messagesIn = 0
  bytesIn = 0
  bytesOut = 0
}

/** Topics that are counted for themselves; further ones only count for all. */
const MAX_TOPICS = 1000

export class BrokerTraffic {
  readonly all = new Traffic()
  readonly topics = new Map<string, Traffic>()
  readonly #others = new Traffic()

  /** Where this topic is counted. */
  of(topic: string): Traffic {
    const known = this.topics.get(topic)
    if (known !== undefined) return known
    if (this.topics.size >= MAX_TOPICS) return this.#others
    const traffic = new Traffic()
    this.topics.set(topic, traffic)
    return traffic
  }

  /** Forgets topics that are no more. */
  retain(exists: (topic: string) => boolean): void {
    for (const topic of this.topics.keys()) if (!exists(topic)) this.topics.delete(topic)
  }

  produced(topic: string, messages: number, bytes: number): void {
    const { all } = this
    const traffic = this.of(topic)
    all.messagesIn += messages
    all.bytesIn += bytes
    traffic.messagesIn += messages
    traffic.bytesIn += bytes
  }

  fetched(topic: string, bytes: number): void {
    const { all } = this
    const traffic = this.of(topic)
    all.bytesOut += bytes
    traffic.bytesOut += bytes
  }
}
