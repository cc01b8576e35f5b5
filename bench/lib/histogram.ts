/**
 * Histogram of durations: 32 steps to each doubling, so a quantile is within 3 % of the truth. Recording allocates nothing.
 *
 *     bucket   0 .. 31        whole microseconds
 *              32 + 32 k ..   from 2^(5 + k) us on, 2^k us each
 */
const STEP_BITS = 5
const STEPS = 1 << STEP_BITS
/** 2^30 us is 18 minutes; what is longer counts as that. */
const LONGEST_US = 0x3fff_ffff
const BUCKETS = STEPS * (31 - STEP_BITS)

export class Histogram {
  readonly #counts = new Float64Array(BUCKETS)
  #total = 0

  get total(): number {
    return this.#total
  }

  record(durationMs: number): void {
    this.#counts[bucketOf(Math.min(durationMs * 1000, LONGEST_US))]!++
    this.#total++
  }

  /** In microseconds, the middle of the bucket; NaN without a record. `share` is 0.5 for the median. */
  quantileUs(share: number): number {
    let left = share * this.#total
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket]!
      if (left <= 0 && this.#counts[bucket]! > 0) return (lowerBoundUs(bucket) + lowerBoundUs(bucket + 1)) / 2
    }
    return Number.NaN
  }
}

function bucketOf(durationUs: number): number {
  const us = durationUs | 0
  if (us < STEPS) return Math.max(us, 0)
  const doubling = 31 - Math.clz32(us) - STEP_BITS
  return STEPS * doubling + (us >>> doubling)
}

function lowerBoundUs(bucket: number): number {
  if (bucket < STEPS) return bucket
  const doubling = Math.floor(bucket / STEPS) - 1
  return (bucket - STEPS * doubling) * 2 ** doubling
}
