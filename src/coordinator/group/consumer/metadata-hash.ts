/**
 * The hash that a group keeps of the topics that it is subscribed to (KIP-1101): id, name, number of partitions, and the racks of each; when it is another, the group rebalances.
 * Kafka computes an XXH3 of the same things; who compares it is only the coordinator that has written it, so it need not be that. 53 bits.
 */
import type { MetadataImage, TopicImage } from '../../../metadata/image.js'

export class TopicHashes {
  readonly #byTopic = new WeakMap<
    TopicImage,
    { readonly brokers: MetadataImage['brokers']; readonly racks: string; readonly hash: number }
  >()

  /** Of the topics with these names that there are; of others the name alone. 0: no topic. */
  hashOf(names: Iterable<string>, image: MetadataImage): number {
    const sorted = [...new Set(names)].sort()
    if (sorted.length === 0) return 0
    const hash = new Hash()
    for (const name of sorted) {
      hash.text(name)
      const topic = image.topicsByName.get(name)
      hash.number(topic === undefined ? 0 : this.#hashOfTopic(topic, image))
    }
    return hash.value
  }

  #hashOfTopic(topic: TopicImage, image: MetadataImage): number {
    const { brokers } = image
    const known = this.#byTopic.get(topic)
    // Images share what has not changed.
    if (known?.brokers === brokers) return known.hash
    const rackOf = (broker: number): string => brokers.get(broker)?.rack ?? ''
    const replicating = new Set(topic.partitions.flatMap(({ replicas }) => replicas))
    const racks = [...replicating].map((broker) => `${broker}=${rackOf(broker)}`).join('\n')
    if (known?.racks === racks) {
      this.#byTopic.set(topic, { brokers, racks, hash: known.hash })
      return known.hash
    }
    const hash = new Hash()
    hash.text(topic.topicId)
    hash.number(topic.partitions.length)
    for (const { replicas } of topic.partitions) {
      const named = replicas.map(rackOf).filter((rack) => rack !== '')
      hash.number(named.length)
      for (const rack of named.sort()) hash.text(rack)
    }
    this.#byTopic.set(topic, { brokers, racks, hash: hash.value })
    return hash.value
  }
}

/** Two times 32 bits that are mixed with different factors. */
class Hash {
  #one = 0x243f6a88
  #other = 0x85a308d3

  text(text: string): void {
    this.number(text.length)
    for (let i = 0; i < text.length; i++) this.#add(text.charCodeAt(i))
  }

  number(value: number): void {
    this.#add(value >>> 0)
    this.#add(Math.floor(value / 0x1_0000_0000) >>> 0)
  }

  #add(value: number): void {
    this.#one = Math.imul(this.#one ^ value, 0x9e3779b1)
    this.#one ^= this.#one >>> 15
    this.#other = Math.imul(this.#other ^ value, 0x85ebca77)
    this.#other ^= this.#other >>> 13
  }

  /** Never 0. */
  get value(): number {
    const high = (this.#other ^ (this.#other >>> 16)) & 0x1f_ffff
    return high * 0x1_0000_0000 + (this.#one >>> 0) || 1
  }
}
