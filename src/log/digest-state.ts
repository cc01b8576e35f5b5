/**
 * The 64 bits of a running digest, as two uint32, and how a batch changes them: a four-round Feistel network (Luby and Rackoff,
 * "How to construct pseudorandom permutations from pseudorandom functions") whose round keys are the batch's CRC and base
 * offset, with MurmurHash3's 32-bit finaliser as the round function.
 *
 * For one batch it is a permutation of the state: two digests that differ go on to differ while equal batches follow. Two
 * unequal sequences meet with a chance of about 2^-64. It finds accidents, not forgers.
 */

/** Constants of the Weyl sequence of the golden ratio: any would do that are not zero. */
const ROUND_3 = 0x9e3779b9
const ROUND_4 = 0x3c6ef372
const SEED_HIGH = 0x78dde6e4
const SEED_LOW = 0x1715609d

const TWO_TO_32 = 0x1_0000_0000

export class DigestState {
  high = 0
  low = 0

  /** As it is before the first batch of a leader epoch. */
  start(leaderEpoch: number): void {
    this.high = SEED_HIGH
    this.low = SEED_LOW
    this.add(leaderEpoch, leaderEpoch >>> 0)
  }

  /** One more batch. */
  add(baseOffset: number, crc: number): void {
    let high = this.high
    let low = this.low
    low ^= mix(high ^ crc)
    high ^= mix((low + (baseOffset >>> 0)) | 0)
    low ^= mix((high + Math.floor(baseOffset / TWO_TO_32) + ROUND_3) | 0)
    high ^= mix((low + ROUND_4) | 0)
    this.high = high >>> 0
    this.low = low >>> 0
  }
}

function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return x ^ (x >>> 16)
}
