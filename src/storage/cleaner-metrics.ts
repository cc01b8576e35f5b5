/** What the cleaner says of itself, with the meanings of Kafka's LogCleaner metrics: about the last cleanings, the largest or the mean of each. */
import type { Clock } from '../io/clock.js'

/** Cleanings that are remembered. */
const REMEMBERED = 16

export interface CleaningReport {
  readonly durationMs: number
  readonly bytesReplaced: number
  readonly bytesWritten: number
  /** Of the keys that the map could take, 0 to 1. */
  readonly bufferUse: number
}

export class CleanerMetrics {
  readonly #clock: Clock
  readonly #reports: CleaningReport[] = []
  #lookedMs: number
  /** Cleanings that came to their end. */
  cleanings = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#lookedMs = clock.monotonicMs()
  }

  cleaned(report: CleaningReport): void {
    this.cleanings++
    this.#reports.push(report)
    if (this.#reports.length > REMEMBERED) this.#reports.shift()
  }

  /** The cleaner has looked for dirty logs. */
  looked(): void {
    this.#lookedMs = this.#clock.monotonicMs()
  }

  /** `time-since-last-run-ms` */
  get sinceLookedMs(): number {
    return this.#clock.monotonicMs() - this.#lookedMs
  }

  /** `max-clean-time-secs` */
  get maxCleanSeconds(): number {
    return Math.max(0, ...this.#reports.map(({ durationMs }) => durationMs / 1000))
  }

  /** `max-buffer-utilization-percent` */
  get maxBufferPercent(): number {
    return Math.max(0, ...this.#reports.map(({ bufferUse }) => 100 * bufferUse))
  }

  /** `cleaner-recopy-percent`: of what was read, how much was written again. */
  get recopyPercent(): number {
    const read = this.#reports.reduce((sum, { bytesReplaced }) => sum + bytesReplaced, 0)
    const written = this.#reports.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0)
    return read === 0 ? 0 : (100 * written) / read
  }
}
