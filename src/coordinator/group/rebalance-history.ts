/**
 * Why a group has rebalanced: the last rounds of each group, what began each, in which order members came and went, and how long it took. Kept in memory
 * of the coordinator alone; it is for people, nothing is decided by it.
 */
import type { GroupType } from './group.js'

/** Rounds that are kept for a group, and causes for a round; of more causes only the number. */
const ROUNDS = 32
const CAUSES = 16
/** Of each text that comes from a client. */
const CHARACTERS = 255

export type RebalanceReason =
  | 'joined'
  | 'left'
  | 'timed out'
  | 'did not join in time'
  | 'did not sync in time'
  | 'did not give back in time'
  | 'changed what it wants'
  | 'leader asked'
  | 'static member replaced'
  | 'group too large'
  | 'assignment not stored'
  | 'metadata changed'
  | 'converted'

export interface RebalanceCause {
  readonly reason: RebalanceReason
  /** Wall time. */
  readonly atMs: number
  /** Empty: nobody in particular. */
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** What the client says itself (KIP-800). */
  readonly clientReason: string | null
}

export interface RebalanceRound {
  readonly type: GroupType
  /** Generation or group epoch that it led to; that it is on the way to while it runs. */
  readonly generation: number
  /** Wall time. */
  readonly startedAtMs: number
  readonly causes: readonly RebalanceCause[]
  /** How many causes are not listed. */
  readonly moreCauses: number
  /** Until all had joined, or were not waited for any more. */
  readonly joinMs: number | undefined
  /** Until the assignment was there. Undefined: it has not come so far, or never did. */
  readonly totalMs: number | undefined
  /** Members at the end, or so far. */
  readonly members: number
  readonly outcome: 'under way' | 'assigned' | 'empty' | 'overtaken' | 'no round needed'
}

export interface GroupExplanation {
  readonly groupId: string
  readonly type: GroupType
  readonly state: string
  readonly members: number
  /** The newest last. */
  readonly rounds: readonly RebalanceRound[]
}

/** What is told of a group: something that begins a round or falls into one, and how a round goes on. */
export type GroupNote = { readonly groupId: string; readonly type: GroupType } & (
  | {
      readonly what: 'cause'
      readonly cause: RebalanceCause
      readonly rebalances: boolean
      readonly generation: number
    }
  | { readonly what: 'joined'; readonly tookMs: number; readonly generation: number; readonly members: number }
  | {
      readonly what: 'assigned' | 'empty'
      readonly tookMs: number
      readonly generation: number
      readonly members: number
    }
  /** It should have become a group of the other kind, and stays as it is. */
  | { readonly what: 'not converted'; readonly why: string; readonly members: number }
)

interface OpenRound extends Omit<RebalanceRound, 'causes'> {
  generation: number
  causes: RebalanceCause[]
  moreCauses: number
  joinMs: number | undefined
  totalMs: number | undefined
  members: number
  outcome: RebalanceRound['outcome']
}

export class RebalanceHistory {
  readonly #rounds = new Map<string, OpenRound[]>()

  of(groupId: string): readonly RebalanceRound[] {
    return this.#rounds.get(groupId) ?? []
  }

  forget(groupId: string): void {
    this.#rounds.delete(groupId)
  }

  take(note: GroupNote): void {
    if (note.what === 'not converted') return
    const rounds = this.#rounds.get(note.groupId) ?? []
    if (rounds.length === 0) this.#rounds.set(note.groupId, rounds)
    let last = rounds.at(-1)
    if (note.what === 'cause') {
      const { type, cause, generation, rebalances } = note
      if (!rebalances || last === undefined || last.outcome !== 'under way') {
        last = {
          type,
          generation,
          startedAtMs: cause.atMs,
          causes: [],
          moreCauses: 0,
          joinMs: undefined,
          totalMs: undefined,
          members: 0,
          outcome: rebalances ? 'under way' : 'no round needed',
        }
        rounds.push(last)
        if (rounds.length > ROUNDS) rounds.shift()
      } else if (last.joinMs !== undefined) {
        // All had joined, and the assignment was not there yet.
        last.outcome = 'overtaken'
        this.take(note)
        return
      }
      if (last.causes.length < CAUSES) last.causes.push(shortened(cause))
      else last.moreCauses++
      return
    }
    if (last === undefined || last.outcome !== 'under way') return
    last.generation = note.generation
    last.members = note.members
    if (note.what === 'joined') last.joinMs = note.tookMs
    else {
      last.totalMs = note.tookMs
      last.outcome = note.what
    }
  }
}

function shortened(cause: RebalanceCause): RebalanceCause {
  const { memberId, groupInstanceId, clientId, clientReason } = cause
  return {
    ...cause,
    memberId: front(memberId),
    groupInstanceId: groupInstanceId === null ? null : front(groupInstanceId),
    clientId: front(clientId),
    clientReason: clientReason === null ? null : front(clientReason),
  }
}

/** A copy, for a part of a text would keep the whole in memory. */
function front(text: string): string {
  return text.length <= CHARACTERS ? text : Buffer.from(text.slice(0, CHARACTERS)).toString()
}
