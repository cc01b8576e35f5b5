/**
 * What happened when: operations by name and end, and how long they took, in as many buckets as a picture has room for. When the run is longer than they reach, each becomes twice as
 * long: memory does not grow with the history.
 */
import type { Pair } from '../history/read.js'

/** At first. */
const BUCKET_MS = 1_000
export const MOST_BUCKETS = 600
/** Of one run: names beyond are not counted. */
const MOST_NAMES = 24
/** Latencies in steps of a quarter of an octave, from a tenth of a millisecond to some two minutes. */
const BINS = 84
const FINEST_MS = 0.1
const BINS_PER_OCTAVE = 4

export type Outcome = 'ok' | 'fail' | 'info'

class Series {
  readonly ok = new Uint32Array(MOST_BUCKETS)
  readonly fail = new Uint32Array(MOST_BUCKETS)
  readonly info = new Uint32Array(MOST_BUCKETS)
  /** Of what ended well. */
  readonly latencies = new Uint32Array(MOST_BUCKETS * BINS)

  halve(): void {
    for (const counts of [this.ok, this.fail, this.info]) merge(counts, 1)
    merge(this.latencies, BINS)
  }
}

/** Neighbours become one, each of so many numbers. */
function merge(numbers: Uint32Array, width: number): void {
  const half = numbers.length / 2
  for (let at = 0; at < half; at++) {
    const from = Math.floor(at / width) * 2 * width + (at % width)
    numbers[at] = numbers[from]! + numbers[from + width]!
  }
  numbers.fill(0, half)
}

export class Timeline {
  readonly #series = new Map<string, Series>()
  #bucketMs = BUCKET_MS
  #endMs = 0

  get bucketMs(): number {
    return this.#bucketMs
  }

  get buckets(): number {
    return Math.min(MOST_BUCKETS, Math.floor(this.#endMs / this.#bucketMs) + 1)
  }

  get endMs(): number {
    return this.#endMs
  }

  get names(): readonly string[] {
    return [...this.#series.keys()]
  }

  ended({ invoked: { f }, outcome, invokedMs, completedMs }: Pair): void {
    this.#endMs = Math.max(this.#endMs, completedMs)
    while (completedMs >= this.#bucketMs * MOST_BUCKETS) {
      this.#bucketMs *= 2
      for (const series of this.#series.values()) series.halve()
    }
    let series = this.#series.get(f)
    if (series === undefined) {
      if (this.#series.size === MOST_NAMES) return
      this.#series.set(f, (series = new Series()))
    }
    const bucket = Math.floor(completedMs / this.#bucketMs)
    series[outcome][bucket]!++
    if (outcome === 'ok') series.latencies[bucket * BINS + binOf(completedMs - invokedMs)]!++
  }

  /** Per second, by bucket. */
  rates(f: string, outcome: Outcome): number[] {
    const counts = this.#series.get(f)![outcome]
    return Array.from(counts.subarray(0, this.buckets), (count) => (count * 1_000) / this.#bucketMs)
  }

  total(f: string, outcome: Outcome): number {
    return this.#series.get(f)![outcome].reduce((sum, count) => sum + count, 0)
  }

  /** Milliseconds, by bucket, rounded up to the steps of the scale; undefined: nothing ended well then. */
  quantiles(f: string, quantile: number): (number | undefined)[] {
    const { latencies } = this.#series.get(f)!
    return Array.from({ length: this.buckets }, (_, bucket) => {
      return quantileOf(latencies.subarray(bucket * BINS, (bucket + 1) * BINS), quantile)
    })
  }
}

function binOf(ms: number): number {
  const bin = Math.ceil(Math.log2(Math.max(ms, FINEST_MS) / FINEST_MS) * BINS_PER_OCTAVE)
  return Math.min(BINS - 1, bin)
}

function quantileOf(bins: Uint32Array, quantile: number): number | undefined {
  const total = bins.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  let left = Math.max(1, Math.ceil(total * quantile))
  for (const [bin, count] of bins.entries()) {
    left -= count
    if (left <= 0) return FINEST_MS * 2 ** (bin / BINS_PER_OCTAVE)
  }
  return undefined
}
