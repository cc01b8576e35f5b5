/**
 * KeyPool: the keys in use. Few at a time, one much more than another (each is drawn twice as often as the one before), and each only for so many writes: then the next number takes its place, if it is
 * there. So there are long logs and short ones, and topics are made as long as the run goes on. A core.
 */
import type { Prng } from '../../src/base/prng.js'
import type { Key } from '../history/operation.js'

export interface KeyPoolOptions {
  /** In use at a time. */
  readonly keys: number
  /** A key is used for 1 to so many writes: few keys for many, many for few. */
  readonly writesPerKey: number
}

const SLOTS_PER_HOME = 2

interface Slot {
  key: Key
  writesLeft: number
}

export class KeyPool {
  readonly #random: Prng
  readonly #writesPerKey: number
  readonly #slots: Slot[]
  #next = 0
  #made = 0

  constructor({ keys, writesPerKey }: KeyPoolOptions, random: Prng) {
    this.#random = random
    this.#writesPerKey = writesPerKey
    this.#slots = Array.from({ length: keys }, () => this.#fresh())
  }

  /** All that ever were: from 0 up to this, without it. */
  get end(): number {
    return this.#next
  }

  /** The keys up to this one, without it, are there. */
  made(end: Key): void {
    this.#made = Math.max(this.#made, end)
  }

  /** Of how many parts of the pool one may be asked for. */
  get homes(): number {
    return Math.floor(this.#slots.length / SLOTS_PER_HOME)
  }

  /** `home`: of this part. */
  draw(home?: number): Key {
    return this.#slot(home).key
  }

  /** Takes one from its writes. */
  drawForWrite(home?: number): Key {
    const slot = this.#slot(home)
    const { key } = slot
    slot.writesLeft--
    if (slot.writesLeft > 0) return key
    if (this.#next < this.#made) Object.assign(slot, this.#fresh())
    else slot.writesLeft = this.#writes()
    return key
  }

  #slot(home: number | undefined): Slot {
    const first = home === undefined ? 0 : home * SLOTS_PER_HOME
    const count = home === undefined ? this.#slots.length : SLOTS_PER_HOME
    const drawn = Math.floor(Math.log2(1 + this.#random.float() * (2 ** count - 1)))
    return this.#slots[first + Math.min(drawn, count - 1)]!
  }

  #fresh(): Slot {
    return { key: this.#next++, writesLeft: this.#writes() }
  }

  /** As in Zipf's law: as many keys between 1 and 10 writes as between 100 and 1000. */
  #writes(): number {
    return Math.max(1, Math.floor(this.#writesPerKey ** this.#random.float()))
  }
}
