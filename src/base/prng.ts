/**
 * Seeded pseudo-random numbers: xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators"),
 * seeded through splitmix32. Repeatable everywhere; not for secrets.
 */
export class Prng {
  #a: number
  #b: number
  #c: number
  #d: number

  /** Any text or number; equal seeds give equal streams. */
  constructor(seed: string | number) {
    let state = hashText(String(seed))
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0
      let z = state
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
      return (z ^ (z >>> 16)) >>> 0
    }
    this.#a = next()
    this.#b = next()
    this.#c = next()
    this.#d = next() | 1
  }

  /** Uniform in [0, 2^32). */
  uint32(): number {
    const result = Math.imul(rotate(Math.imul(this.#b, 5), 7), 9) >>> 0
    const shifted = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= shifted
    this.#d = rotate(this.#d, 11)
    return result
  }

  /** Uniform in [0, 1), 32 bits of it. */
  float(): number {
    return this.uint32() / 0x1_0000_0000
  }

  /** A whole number, uniform in [0, limit); limit at most 2^32. */
  below(limit: number): number {
    return Math.floor(this.float() * limit)
  }

  /** A whole number, uniform in [low, high]. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.float() < probability
  }

  /** Exponentially distributed with this mean. */
  exponential(mean: number): number {
    return -Math.log(1 - this.float()) * mean
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = this.uint32() >>> 24
    return bytes
  }

  /** A stream of its own, that draws from neither its parent's nor its siblings' numbers but depends on the parent's seed. */
  fork(label: string): Prng {
    return new Prng(`${this.#a},${this.#b},${this.#c},${this.#d}/${label}`)
  }
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

/** FNV-1a over UTF-16 units. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
