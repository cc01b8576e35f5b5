/**
 * The most recent states of a replica's digest, one per batch end, oldest first: a bounded ring in typed arrays that grows as
 * far as it is used. Ends of batches rise strictly. When it is full the oldest state makes room.
 */
import { assert } from '../base/assert.js'

const FIRST_CAPACITY = 16

export class DigestRing {
  readonly capacity: number
  #endOffsets = new Float64Array(0)
  #leaderEpochs = new Int32Array(0)
  #highs = new Uint32Array(0)
  #lows = new Uint32Array(0)
  #first = 0
  #count = 0

  constructor(capacity: number) {
    assert(capacity > 0, `a ring of ${capacity}`)
    this.capacity = capacity
  }

  get count(): number {
    return this.#count
  }

  push(endOffset: number, leaderEpoch: number, high: number, low: number): void {
    if (this.#count > 0 && endOffset <= this.endOffset(this.#count - 1)) assert(false, `${endOffset} does not rise`)
    if (this.#count === this.#endOffsets.length) {
      if (this.#count < this.capacity) this.#grow()
      else this.#dropFirst()
    }
    const slot = this.#slot(this.#count++)
    this.#endOffsets[slot] = endOffset
    this.#leaderEpochs[slot] = leaderEpoch
    this.#highs[slot] = high
    this.#lows[slot] = low
  }

  /** Fields of the state at `index`, 0 the oldest. */
  endOffset(index: number): number {
    return this.#endOffsets[this.#slot(index)]!
  }

  leaderEpoch(index: number): number {
    return this.#leaderEpochs[this.#slot(index)]!
  }

  high(index: number): number {
    return this.#highs[this.#slot(index)]!
  }

  low(index: number): number {
    return this.#lows[this.#slot(index)]!
  }

  /** The index of the last state that ends at or below `offset`; -1 if there is none. */
  lastUpTo(offset: number): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.endOffset(middle) <= offset) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** Keeps the oldest `count` states. */
  truncate(count: number): void {
    assert(count >= 0 && count <= this.#count, () => `${count} of ${this.#count} states`)
    this.#count = count
  }

  /** Drops the states of this leader epoch and of older ones. */
  dropUpToEpoch(leaderEpoch: number): void {
    while (this.#count > 0 && this.leaderEpoch(0) <= leaderEpoch) this.#dropFirst()
  }

  #slot(index: number): number {
    const slot = this.#first + index
    return slot < this.#endOffsets.length ? slot : slot - this.#endOffsets.length
  }

  #dropFirst(): void {
    this.#first = this.#slot(1)
    this.#count--
  }

  #grow(): void {
    const capacity = Math.min(this.capacity, Math.max(FIRST_CAPACITY, 2 * this.#count))
    const grown = new DigestRing(this.capacity)
    grown.#endOffsets = new Float64Array(capacity)
    grown.#leaderEpochs = new Int32Array(capacity)
    grown.#highs = new Uint32Array(capacity)
    grown.#lows = new Uint32Array(capacity)
    for (let index = 0; index < this.#count; index++) {
      grown.push(this.endOffset(index), this.leaderEpoch(index), this.high(index), this.low(index))
    }
    this.#endOffsets = grown.#endOffsets
    this.#leaderEpochs = grown.#leaderEpochs
    this.#highs = grown.#highs
    this.#lows = grown.#lows
    this.#first = 0
  }
}
