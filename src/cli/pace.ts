/** Not more than so many records a second, on the average since the beginning. */
import type { Clock } from '../io/clock.js'
import { misuse } from './fail.js'

/** What stands behind `--throughput`: a number above 0, or one below for as fast as it goes. */
export function parseThroughput(given: string): number {
  const perSecond = /^-?\d+(?:\.\d+)?$/.test(given) ? Number(given) : Number.NaN
  if (perSecond > 0) return perSecond
  if (perSecond < 0) return Number.POSITIVE_INFINITY
  return misuse(`--throughput ${given} is not allowed: it must be a number of records a second, or -1 for no limit`)
}

/** For how long to wait before the next after `sent` have gone in this time. */
export function paceMs(sent: number, elapsedMs: number, perSecond: number): number {
  return Math.max(0, (sent / perSecond) * 1000 - elapsedMs)
}

/** How long a loop keeps the event loop for itself: waiting for what has come already gives nothing away. */
const LONGEST_TURN_MS = 2

/** Lets sockets and timers have their turn, now and then. */
export class Turns {
  readonly #clock: Clock
  #sinceMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sinceMs = clock.monotonicMs()
  }

  get isDue(): boolean {
    return this.#clock.monotonicMs() - this.#sinceMs >= LONGEST_TURN_MS
  }

  async next(): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.defer(resolve))
    this.#sinceMs = this.#clock.monotonicMs()
  }
}
