/**
 * The last offset of each key, for compaction: an open hash table in one piece of memory, in slots of 24 bytes. Keys are known by a hash of 128 bits
 * alone, as in Kafka's SkimpyOffsetMap, so that a slot takes the same for any key.
 *
 *      ┌──────────────────────────────┬─────────────────────┐   0: the slot is empty
 *      │ hash of the key, four int32  │ offset + 1, float64 │
 *      └──────────────────────────────┴─────────────────────┘
 *
 * The memory may be shared with another thread, as long as one at a time works on it.
 */
import { assert } from '../base/assert.js'
import { type HashKey, KeyHash } from './key-hash.js'

export const SLOT_BYTES = 24
const SLOT_WORDS = SLOT_BYTES / 4
const SLOT_DOUBLES = SLOT_BYTES / 8
const OFFSET_DOUBLE = 2

/** A step that shares a divisor with the number of slots does not meet all of them: after so many probes they are looked through one by one. */
const MOST_STRIDES = 64

/** What passes from thread to thread. */
export interface OffsetMapState {
  /** Must be zeros at first. */
  readonly memory: ArrayBufferLike
  readonly hashKey: HashKey
  /** How many of the slots are used: a part of the memory. */
  readonly slots: number
  /** How many keys there are. */
  readonly count: number
}

export class OffsetMap {
  readonly slots: number
  readonly #hash: KeyHash
  readonly #words: Int32Array
  readonly #doubles: Float64Array
  #count: number

  constructor({ memory, hashKey, slots, count }: OffsetMapState) {
    assert(slots > 0 && slots * SLOT_BYTES <= memory.byteLength, () => `${slots} slots in ${memory.byteLength} bytes`)
    this.slots = slots
    this.#hash = new KeyHash(hashKey)
    this.#words = new Int32Array(memory, 0, slots * SLOT_WORDS)
    this.#doubles = new Float64Array(memory, 0, slots * SLOT_DOUBLES)
    this.#count = count
  }

  get count(): number {
    return this.#count
  }

  /** Forgets all. */
  clear(): void {
    this.#words.fill(0)
    this.#count = 0
  }

  /** Remembers the offset of the key in `bytes[start, end)`, in place of an earlier one. There must be an empty slot left. */
  put(bytes: Uint8Array, start: number, end: number, offset: number): void {
    const slot = this.#find(bytes, start, end)
    const at = slot * SLOT_DOUBLES + OFFSET_DOUBLE
    if (this.#doubles[at] === 0) {
      this.#count++
      assert(this.#count < this.slots, () => `${this.#count} keys in ${this.slots} slots`)
      this.#words.set(this.#hash.words, slot * SLOT_WORDS)
    }
    this.#doubles[at] = offset + 1
  }

  /** -1: there is no such key. */
  get(bytes: Uint8Array, start: number, end: number): number {
    return this.#doubles[this.#find(bytes, start, end) * SLOT_DOUBLES + OFFSET_DOUBLE]! - 1
  }

  /** The slot of this key, or the empty one where it belongs. */
  #find(bytes: Uint8Array, start: number, end: number): number {
    const { slots } = this
    this.#hash.of(bytes, start, end)
    const words = this.#words
    const doubles = this.#doubles
    const hash = this.#hash.words
    const h0 = hash[0]!
    const h1 = hash[1]!
    const h2 = hash[2]!
    const h3 = hash[3]!
    let slot = (h0 >>> 0) % slots
    for (let step = 1 + ((h1 >>> 0) % 0xffff), probes = 0; ; probes++) {
      const at = slot * SLOT_WORDS
      if (doubles[slot * SLOT_DOUBLES + OFFSET_DOUBLE] === 0) return slot
      if (words[at] === h0 && words[at + 1] === h1 && words[at + 2] === h2 && words[at + 3] === h3) return slot
      if (probes === MOST_STRIDES) step = 1
      slot = (slot + step) % slots
    }
  }
}
