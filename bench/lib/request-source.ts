/** Where a connection of a load gets its next requests from: partition after partition, from its own on. Nothing is allocated. */
import type { RequestRing } from './load-requests.js'

export class RequestSource {
  readonly #ring: RequestRing
  /** Whether answers bear the correlation id of their request; an echo's are all the same. */
  readonly #numbered: boolean
  #next: number
  #expected: number

  constructor(ring: RequestRing, firstPartition: number, numbered: boolean) {
    this.#ring = ring
    this.#numbered = numbered
    this.#next = firstPartition % ring.partitions
    this.#expected = this.#next
  }

  /** The bytes of `count` requests; of as many as a group has at most. */
  take(count: number): Buffer {
    const { groups, partitions } = this.#ring
    const first = this.#next
    this.#next = (first + count) % partitions
    return groups[first]![count - 1]!
  }

  /** The correlation id that the next answer must have. */
  nextId(): number {
    if (!this.#numbered) return 0
    const id = this.#expected
    this.#expected = id + 1 === this.#ring.partitions ? 0 : id + 1
    return id
  }
}
