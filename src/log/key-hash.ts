/**
 * A keyed hash of 128 bits: HalfSipHash-2-4 with 64 bits (Aumasson and Bernstein; the variant for words of 32 bits), twice, under two keys.
 * Who does not know the key cannot make two texts of one hash; by accident two of 10^7 texts meet with a chance of about 10^-25.
 */

/** Four random words. */
export type HashKey = Int32Array

export class KeyHash {
  /** Of the last text. */
  readonly words = new Int32Array(4)
  readonly #key: HashKey

  constructor(key: HashKey) {
    this.#key = key
  }

  /** Hashes `bytes[start, end)` into `words`. */
  of(bytes: Uint8Array, start: number, end: number): void {
    const key = this.#key
    this.#half(bytes, start, end, key[0]!, key[1]!, 0)
    this.#half(bytes, start, end, key[2]!, key[3]!, 2)
  }

  #half(bytes: Uint8Array, start: number, end: number, key0: number, key1: number, at: number): void {
    let v0 = key0
    let v1 = key1 ^ 0xee
    let v2 = 0x6c796765 ^ key0
    let v3 = 0x74656462 ^ key1
    const length = end - start
    const wordsEnd = end - (length & 3)
    let position = start
    // The words, the rest with the length, and twice nothing: what comes of each is what differs.
    for (let step = 0; step < 3; ) {
      let word = 0
      let rounds = 2
      if (position < wordsEnd) {
        word =
          bytes[position]! | (bytes[position + 1]! << 8) | (bytes[position + 2]! << 16) | (bytes[position + 3]! << 24)
        position += 4
      } else {
        if (step === 0) {
          word = length << 24
          for (let rest = wordsEnd; rest < end; rest++) word |= bytes[rest]! << (8 * (rest - wordsEnd))
        } else {
          rounds = 4
          if (step === 1) v2 ^= 0xee
          else v1 ^= 0xdd
        }
        step++
      }
      v3 ^= word
      for (; rounds > 0; rounds--) {
        v0 = (v0 + v1) | 0
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
        v0 = (v0 << 16) | (v0 >>> 16)
        v2 = (v2 + v3) | 0
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
        v0 = (v0 + v3) | 0
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
        v2 = (v2 + v1) | 0
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
        v2 = (v2 << 16) | (v2 >>> 16)
      }
      v0 ^= word
      if (step > 1) this.words[at + step - 2] = v1 ^ v3
    }
  }
}
