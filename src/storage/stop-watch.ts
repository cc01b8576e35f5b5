/** StopWatch: how long things take that begin and end in callbacks. */
import { Histogram } from '../base/histogram.js'
import type { Clock } from '../io/clock.js'

export class StopWatch {
  readonly histogram = new Histogram()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Returns what is to be called when it has ended. */
  start(): () => void {
    const beganMs = this.#clock.monotonicMs()
    return () => this.histogram.add(this.#clock.monotonicMs() - beganMs)
  }
}
