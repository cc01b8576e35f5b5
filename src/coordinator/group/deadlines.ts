/**
 * Deadlines: who is to be looked at when, in monotonic time, in one heap. A deadline that moves on stays where it lies in the heap until its old time
 * has come: a heartbeat costs an assignment.
 */
import { Heap } from '../../base/heap.js'
import type { Now } from '../shard.js'
import type { DecisionDraft } from './decision-draft.js'

/** What lies in the heap and means nothing any more is dropped when it is more than this, and more than half. */
const DEAD_ENTRIES = 1024

export type WhenDue = (now: Now, draft: DecisionDraft) => void

export class Deadline {
  readonly whenDue: WhenDue
  /** Infinity: not set. */
  atMs = Number.POSITIVE_INFINITY
  /** Where it lies in the heap; infinity: nowhere. */
  queuedAtMs = Number.POSITIVE_INFINITY

  constructor(whenDue: WhenDue) {
    this.whenDue = whenDue
  }
}

export class Deadlines {
  readonly #heap = new Heap<{ readonly deadline: Deadline; readonly atMs: number }>()
  #set = 0

  /** From now on at this time, whatever it was before. */
  set(deadline: Deadline, atMs: number): void {
    if (deadline.atMs === Number.POSITIVE_INFINITY) this.#set++
    deadline.atMs = atMs
    if (deadline.queuedAtMs > atMs) this.#queue(deadline)
  }

  clear(deadline: Deadline): void {
    if (deadline.atMs === Number.POSITIVE_INFINITY) return
    this.#set--
    deadline.atMs = Number.POSITIVE_INFINITY
    if (this.#heap.size > DEAD_ENTRIES && this.#heap.size > 2 * this.#set) this.#sweep()
  }

  /** Infinity: never. */
  nextMs(): number {
    for (;;) {
      const entry = this.#heap.peek()
      if (entry === undefined) return Number.POSITIVE_INFINITY
      const { deadline, atMs } = entry
      if (deadline.queuedAtMs === atMs && deadline.atMs === atMs) return atMs
      this.#heap.pop()
      if (deadline.queuedAtMs !== atMs) continue
      deadline.queuedAtMs = Number.POSITIVE_INFINITY
      if (deadline.atMs !== Number.POSITIVE_INFINITY) this.#queue(deadline)
    }
  }

  /** Takes out the first one that is due; undefined: none is. */
  takeDue(nowMs: number): Deadline | undefined {
    if (this.nextMs() > nowMs) return undefined
    const { deadline } = this.#heap.pop()!
    deadline.queuedAtMs = Number.POSITIVE_INFINITY
    deadline.atMs = Number.POSITIVE_INFINITY
    this.#set--
    return deadline
  }

  #queue(deadline: Deadline): void {
    deadline.queuedAtMs = deadline.atMs
    this.#heap.push(deadline.atMs, { deadline, atMs: deadline.atMs })
  }

  #sweep(): void {
    this.#heap.retain(({ deadline, atMs }) => {
      const wanted = deadline.queuedAtMs === atMs && deadline.atMs !== Number.POSITIVE_INFINITY
      if (!wanted && deadline.queuedAtMs === atMs) deadline.queuedAtMs = Number.POSITIVE_INFINITY
      return wanted
    })
  }
}
