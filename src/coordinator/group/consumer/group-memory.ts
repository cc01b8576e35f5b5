/**
 * GroupMemory: what the coordinator keeps of a group beside the log: until when each member has to be heard of, has to have given back, joined or asked for its
 * assignment, and what has to be looked at again. One deadline for the whole group, so that all who are late go together, as far as one decision has room. Monotonic.
 */
import type { Deadline, Deadlines } from '../deadlines.js'
import { DecisionRoom } from '../decision-room.js'
import type { RebalanceReason } from '../rebalance-history.js'

/** Session: it is to be heard of. Rebalance: it is to give back what it has to. Join, sync: what the classic protocol waits for. */
export type TimerKind = 'session' | 'rebalance' | 'join' | 'sync'

const REASONS: Readonly<Record<TimerKind, RebalanceReason>> = {
  session: 'timed out',
  rebalance: 'did not give back in time',
  join: 'did not join in time',
  sync: 'did not sync in time',
}

export interface LateMember {
  readonly memberId: string
  readonly reason: RebalanceReason
}

export class GroupMemory {
  /** The topics that it is subscribed to may have changed. */
  isRefreshWanted = true
  /** When its regular expressions were last resolved. */
  expressionsResolvedMs = Number.NEGATIVE_INFINITY
  /** Wall time: from then on all of them are looked at, and some are left. */
  expressionsLeftSinceMs: number | undefined
  /** For what they stand for. */
  readonly expressionRoom = new DecisionRoom()
  /** When the rebalance began that is under way. */
  rebalancingSinceMs: number | undefined
  /** In this epoch it does not become a classic group: the partition has not taken that. */
  tooLargeAtEpoch: number | undefined
  /** For those who are put out. */
  readonly room = new DecisionRoom()
  readonly #deadlines: Deadlines
  readonly #check: Deadline
  readonly #byMember = new Map<string, Map<TimerKind, number>>()
  /** Since when each waits for what others have. */
  readonly #waiting = new Map<string, number>()

  constructor(deadlines: Deadlines, check: Deadline) {
    this.#deadlines = deadlines
    this.#check = check
  }

  set(memberId: string, kind: TimerKind, atMs: number): void {
    const timers = this.#byMember.get(memberId) ?? new Map<TimerKind, number>()
    this.#byMember.set(memberId, timers)
    timers.set(kind, atMs)
    if (atMs < this.#check.atMs) this.#deadlines.set(this.#check, atMs)
  }

  setIfUnset(memberId: string, kind: TimerKind, atMs: number): void {
    if (this.#byMember.get(memberId)?.has(kind) !== true) this.set(memberId, kind, atMs)
  }

  clear(memberId: string, kind: TimerKind): void {
    this.#byMember.get(memberId)?.delete(kind)
  }

  /** For how long it has waited for what others have, from the first time that it is asked. */
  waitedMs(memberId: string, nowMs: number): number {
    const sinceMs = this.#waiting.get(memberId)
    if (sinceMs === undefined) this.#waiting.set(memberId, nowMs)
    return nowMs - (sinceMs ?? nowMs)
  }

  waitsNoMore(memberId: string): void {
    this.#waiting.delete(memberId)
  }

  forget(memberId: string): void {
    this.#byMember.delete(memberId)
    this.#waiting.delete(memberId)
  }

  forgetAll(): void {
    this.#byMember.clear()
    this.#waiting.clear()
    this.#deadlines.clear(this.#check)
  }

  /** Who is late, in turn; who is taken is not waited for any more. The check is set for the next. */
  takeLate(nowMs: number, take: (late: LateMember) => boolean): void {
    let next = Number.POSITIVE_INFINITY
    let isFull = false
    for (const [memberId, timers] of [...this.#byMember]) {
      const due = [...timers].find(([, atMs]) => atMs <= nowMs)
      if (due === undefined) next = Math.min(next, ...timers.values())
      else if (isFull || !take({ memberId, reason: REASONS[due[0]] })) isFull = true
      else this.#byMember.delete(memberId)
    }
    // Not in the same decision: who has gone with it has to be gone first.
    if (isFull) next = nowMs + 1
    if (next !== Number.POSITIVE_INFINITY) this.#deadlines.set(this.#check, next)
  }
}
