/**
 * Purgatory: requests that wait until something about one of several keys comes true, or until their time is up. One operation is
 * completed exactly once, by whichever comes first.
 */
import { Heap } from '../base/heap.js'
import type { Clock, Timer } from '../io/clock.js'

export interface DelayedOperation {
  /** Whether it can be answered now; if so, answers. */
  tryComplete(): boolean
  /** Its time is up: answers with what there is. */
  expire(): void
}

interface Waiting<Key> {
  /** Undefined: completed. The deadline stays for a while, and must not keep a request in memory. */
  operation: DelayedOperation | undefined
  readonly keys: readonly Key[]
}

/** Completed operations stay in the heap of deadlines until they are this many and the majority. */
const COMPACT_FROM = 1024

export class Purgatory<Key> {
  readonly #clock: Clock
  readonly #watchers = new Map<Key, Waiting<Key>[]>()
  readonly #deadlines = new Heap<Waiting<Key>>()
  #timer: Timer | undefined
  #timerDueMs = Number.POSITIVE_INFINITY
  #size = 0
  #closed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Operations that wait. */
  get size(): number {
    return this.#size
  }

  /** Deadlines that are kept, also of operations that are complete; bounded by those that wait. */
  get deadlines(): number {
    return this.#deadlines.size
  }

  /**
   * Tries the operation; if it must wait, watches these keys for at most `waitMs`, and returns what ends the waiting without an answer.
   */
  tryCompleteOrWatch(operation: DelayedOperation, keys: readonly Key[], waitMs: number): (() => void) | undefined {
    if (operation.tryComplete()) return undefined
    if (waitMs <= 0 || this.#closed) {
      operation.expire()
      return undefined
    }
    const waiting: Waiting<Key> = { operation, keys }
    this.#size++
    for (const key of keys) {
      const watchers = this.#watchers.get(key)
      if (watchers === undefined) this.#watchers.set(key, [waiting])
      else watchers.push(waiting)
    }
    this.#deadlines.push(this.#clock.monotonicMs() + waitMs, waiting)
    this.#schedule()
    return () => {
      if (waiting.operation !== undefined) this.#complete(waiting, true)
    }
  }

  /** Something about this key has changed: completes what can be. */
  check(key: Key): void {
    const watchers = this.#watchers.get(key)
    if (watchers === undefined) return
    // What completes may make others wait for the same key meanwhile; they were just tried.
    this.#watchers.delete(key)
    const left: Waiting<Key>[] = []
    for (const waiting of watchers) {
      if (waiting.operation === undefined) continue
      if (waiting.operation.tryComplete()) this.#complete(waiting)
      else left.push(waiting)
    }
    if (left.length === 0) return
    const added = this.#watchers.get(key)
    this.#watchers.set(key, added === undefined ? left : [...left, ...added])
  }

  /** Ends all waiting: every operation expires, and so will any that comes later. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    while (this.#deadlines.size > 0) this.#expire(this.#deadlines.pop()!)
    this.#watchers.clear()
  }

  /** An operation that waits for several keys must not stay behind under those about which nothing happens. */
  #complete(waiting: Waiting<Key>, alsoUnderOnlyKey = false): void {
    waiting.operation = undefined
    this.#size--
    if (waiting.keys.length > 1 || alsoUnderOnlyKey) this.#unwatch(waiting)
    if (this.#deadlines.size > COMPACT_FROM && this.#deadlines.size > 2 * this.#size) {
      this.#deadlines.retain(({ operation }) => operation !== undefined)
    }
  }

  #unwatch(waiting: Waiting<Key>): void {
    for (const key of waiting.keys) {
      const watchers = this.#watchers.get(key)
      if (watchers === undefined) continue
      const left = watchers.filter((each) => each !== waiting)
      if (left.length === 0) this.#watchers.delete(key)
      else this.#watchers.set(key, left)
    }
  }

  #expire(waiting: Waiting<Key>): void {
    const { operation } = waiting
    if (operation === undefined) return
    waiting.operation = undefined
    this.#size--
    this.#unwatch(waiting)
    operation.expire()
  }

  /** The earliest deadline may be that of a completed operation: a timer too many is cheaper than to look for the next one. */
  #schedule(): void {
    const dueMs = this.#deadlines.peekKey()
    if (dueMs >= this.#timerDueMs) return
    this.#timer?.cancel()
    this.#timerDueMs = dueMs
    this.#timer = this.#clock.timer(dueMs - this.#clock.monotonicMs(), () => {
      this.#timerDueMs = Number.POSITIVE_INFINITY
      const nowMs = this.#clock.monotonicMs()
      const deadlines = this.#deadlines
      while (deadlines.size > 0 && (deadlines.peekKey() <= nowMs || deadlines.peek()!.operation === undefined)) {
        this.#expire(deadlines.pop()!)
      }
      this.#schedule()
    })
  }
}
