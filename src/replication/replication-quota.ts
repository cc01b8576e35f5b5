/**
 * ReplicationQuota: how fast replicas that are throttled (KIP-73) were sent or fetched lately, in bytes a second, over samples of one length; and whether that is
 * more than may be. What is counted has happened: a single fetch may go beyond the quota, and what comes next waits until the mean is below it again.
 */
import { assert } from '../base/assert.js'

interface Sample {
  /** In lengths of samples since the beginning of the clock. */
  readonly number: number
  bytes: number
}

export class ReplicationQuota {
  readonly #sampleMs: number
  readonly #maxSamples: number
  /** The oldest first; those in which nothing was counted are not there. */
  #samples: Sample[] = []
  /** When the oldest of them could have begun; undefined: nothing was counted lately. */
  #sinceMs: number | undefined

  constructor({ samples, sampleMs }: { readonly samples: number; readonly sampleMs: number }) {
    assert(samples >= 1 && sampleMs >= 1, () => `${samples} samples of ${sampleMs} ms`)
    this.#maxSamples = samples
    this.#sampleMs = sampleMs
  }

  count(bytes: number, nowMs: number): void {
    this.#forget(nowMs)
    const number = this.#numberAt(nowMs)
    const last = this.#samples.at(-1)
    if (last?.number === number) last.bytes += bytes
    else this.#samples.push({ number, bytes })
    this.#sinceMs ??= nowMs
  }

  /** Over the time since the oldest sample began, and one sample at least. */
  bytesPerSecond(nowMs: number): number {
    this.#forget(nowMs)
    if (this.#sinceMs === undefined) return 0
    const bytes = this.#samples.reduce((sum, sample) => sum + sample.bytes, 0)
    return (bytes * 1000) / Math.max(this.#sampleMs, nowMs - this.#sinceMs)
  }

  #numberAt(nowMs: number): number {
    return Math.floor(nowMs / this.#sampleMs)
  }

  #forget(nowMs: number): void {
    const oldest = this.#numberAt(nowMs) - this.#maxSamples + 1
    const kept = this.#samples.filter(({ number }) => number >= oldest)
    if (kept.length === this.#samples.length) return
    this.#samples = kept
    this.#sinceMs = kept.length === 0 ? undefined : Math.max(this.#sinceMs ?? 0, oldest * this.#sampleMs)
  }
}
