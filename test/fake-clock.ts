/** A clock that a test moves by hand. */
import type { Clock, Timer } from '../src/io/clock.js'

export class FakeClock implements Clock {
  #nowMs = 1000
  #timers: { dueMs: number; callback: (lateMs: number) => void }[] = []
  #deferred: (() => void)[] = []

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return 1_700_000_000_000 + Math.floor(this.#nowMs)
  }

  timer(delayMs: number, callback: (lateMs: number) => void): Timer {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), callback }
    this.#timers.push(timer)
    return { cancel: () => void (this.#timers = this.#timers.filter((each) => each !== timer)) }
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback)
  }

  get timers(): number {
    return this.#timers.length
  }

  /** Ends the turn. */
  drain(): void {
    while (this.#deferred.length > 0) this.#deferred.shift()!()
  }

  advance(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (;;) {
      this.drain()
      const next = this.#timers.filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((each) => each !== next)
      this.#nowMs = next.dueMs
      next.callback(0)
    }
    this.#nowMs = untilMs
  }
}
