/**
 * The clock port: the only source of time and of delayed calls.
 *
 * Timeouts are reckoned in monotonic time, timestamps in wall time; the two never meet in one subtraction.
 */
export interface Clock {
  /** Milliseconds since an arbitrary start, never going back. Fractions are meaningful. */
  monotonicMs(): number
  /** Whole milliseconds since 1970. May jump in either direction. */
  wallMs(): number
  /**
   * Calls back once, not before `delayMs` have passed (any length; negative counts as 0).
   *
   * A process that was stalled runs its overdue timers only after one poll has delivered what had arrived meanwhile: a
   * late process judges nobody. `lateMs` says how long overdue the call is.
   */
  timer(delayMs: number, callback: (lateMs: number) => void): Timer
  /** Calls back at the end of this turn of the event loop, in order of registration: the place to work in batches. */
  defer(callback: () => void): void
}

export interface Timer {
  /** After this the callback does not come. Harmless when it has come. */
  cancel(): void
}
