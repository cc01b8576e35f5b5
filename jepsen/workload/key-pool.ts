/**
 * KeyPool: the keys in use. Few at a time, one much more than another (each is drawn twice as often as the one before), and each only for so many writes: then the next number takes its place. So there
 * are long logs and short ones, and topics are made as long as the run goes on. A core.
 */
import type { Prng } from '../../src/base/prng.js'
import type { Key } from '../history/operation.js'

export interface KeyPoolOptions {
  /** In use at a time. */
  readonly keys: number
  /** A key is used for 1 to so many writes: few keys for many, many for few. */
  readonly writesPerKey: number
}

interface Slot {
  key: Key
  writesLeft: number
}

export class KeyPool {
  readonly #random: Prng
  readonly #writesPerKey: number
  readonly #slots: Slot[]
  #next = 0

  constructor({ keys, writesPerKey }: KeyPoolOptions, random: Prng) {
    this.#random = random
    this.#writesPerKey = writesPerKey
    this.#slots = Array.from({ length: keys }, () => this.#fresh())
  }

  /** All that ever were: from 0 up to this, without it. */
  get end(): number {
    return this.#next
  }

  draw(): Key {
    return this.#slot().key
  }

  /** Takes one from its writes. */
  drawForWrite(): Key {
    const slot = this.#slot()
    const { key } = slot
    slot.writesLeft--
    if (slot.writesLeft === 0) Object.assign(slot, this.#fresh())
    return key
  }

  #slot(): Slot {
    const count = this.#slots.length
    const drawn = Math.floor(Math.log2(1 + this.#random.float() * (2 ** count - 1)))
    return this.#slots[Math.min(drawn, count - 1)]!
  }

  /** As in Zipf's law: as many keys between 1 and 10 writes as between 100 and 1000. */
  #fresh(): Slot {
    const writesLeft = Math.max(1, Math.floor(this.#writesPerKey ** this.#random.float()))
    return { key: this.#next++, writesLeft }
  }
}
