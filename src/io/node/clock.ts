/** The clock port on Node's event loop. */
import type { Clock, Timer } from '../clock.js'

/** The longest delay that Node's timers hold; a longer one would fire at once. */
const LONGEST_DELAY_MS = 0x7fff_ffff

/** A timer later than this waits for one poll of the sockets: the process was stalled, and they may have news. */
const STALLED_MS = 20

export class NodeClock implements Clock {
  #deferred: (() => void)[] = []
  #draining = false

  monotonicMs(): number {
    return performance.now()
  }

  wallMs(): number {
    return Date.now()
  }

  timer(delayMs: number, callback: (lateMs: number) => void): Timer {
    return new NodeTimer(performance.now() + Math.max(0, delayMs), callback)
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback)
    if (this.#deferred.length === 1 && !this.#draining) setImmediate(this.#drain)
  }

  /** What is deferred meanwhile still belongs to this turn: replies follow the writes that they waited for. */
  readonly #drain = (): void => {
    this.#draining = true
    for (let at = 0; at < this.#deferred.length; at++) this.#deferred[at]!()
    this.#draining = false
    this.#deferred = []
  }
}

class NodeTimer implements Timer {
  readonly #dueMs: number
  readonly #callback: (lateMs: number) => void
  #handle: NodeJS.Timeout
  #cancelled = false

  constructor(dueMs: number, callback: (lateMs: number) => void) {
    this.#dueMs = dueMs
    this.#callback = callback
    this.#handle = this.#arm()
  }

  cancel(): void {
    this.#cancelled = true
    clearTimeout(this.#handle)
  }

  #arm(): NodeJS.Timeout {
    const delayMs = Math.ceil(this.#dueMs - performance.now())
    return setTimeout(this.#fire, Math.min(Math.max(delayMs, 0), LONGEST_DELAY_MS))
  }

  readonly #fire = (): void => {
    const lateMs = performance.now() - this.#dueMs
    if (lateMs < 0) {
      this.#handle = this.#arm()
    } else if (lateMs < STALLED_MS) {
      this.#callback(lateMs)
    } else {
      setImmediate(() => {
        if (!this.#cancelled) this.#callback(lateMs)
      })
    }
  }
}
