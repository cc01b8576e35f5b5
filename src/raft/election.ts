/**
 * One election: who has answered a (pre-)vote and how; and the rules by which a vote is given (Raft 5.4.1, KIP-595, KIP-996).
 */
import type { VoteRequest } from './messages.js'
import { isSameReplica, type ReplicaKey, replicaName, type VoterSet } from './voter-set.js'

export interface ElectionTallyState {
  readonly granted: readonly string[]
  readonly refused: readonly string[]
  readonly unreachable: readonly string[]
}

export class ElectionTally {
  readonly #granted: Set<string>
  readonly #refused: Set<string>
  /** For the moment; they are asked again. */
  readonly #unreachable: Set<string>

  constructor({ granted, refused, unreachable }: ElectionTallyState = NOBODY_YET) {
    this.#granted = new Set(granted)
    this.#refused = new Set(refused)
    this.#unreachable = new Set(unreachable)
  }

  capture(): ElectionTallyState {
    return { granted: [...this.#granted], refused: [...this.#refused], unreachable: [...this.#unreachable] }
  }

  /** The first answer counts. */
  answered(voter: ReplicaKey, granted: boolean): void {
    const name = replicaName(voter)
    this.#unreachable.delete(name)
    if (!this.hasAnswered(voter)) (granted ? this.#granted : this.#refused).add(name)
  }

  /** The connection was refused, or has ended. */
  failed(voter: ReplicaKey): void {
    this.#unreachable.add(replicaName(voter))
  }

  hasAnswered(voter: ReplicaKey): boolean {
    return this.hasGranted(voter) || this.#refused.has(replicaName(voter))
  }

  hasGranted(voter: ReplicaKey): boolean {
    return this.#granted.has(replicaName(voter))
  }

  isWon(voters: VoterSet): boolean {
    return voters.isMajority((voter) => this.hasGranted(voter))
  }

  /** So many have refused, or cannot be reached, that those who have not answered yet are too few. */
  isLost(voters: VoterSet): boolean {
    return !voters.isMajority((voter) => {
      const name = replicaName(voter)
      return !this.#refused.has(name) && !this.#unreachable.has(name)
    })
  }
}

const NOBODY_YET: ElectionTallyState = { granted: [], refused: [], unreachable: [] }

/** Of two that stand at the same moment one gives way: its log is shorter or, of equal ones, its id is greater. */
export function isOutrankedBy(request: VoteRequest, own: VoterState & { readonly id: number }): boolean {
  const { lastOffsetEpoch, lastOffset, replica } = request
  if (lastOffsetEpoch !== own.lastEpoch) return lastOffsetEpoch > own.lastEpoch
  return lastOffset !== own.endOffset ? lastOffset > own.endOffset : replica.id < own.id
}

/** What a vote hangs on, in the epoch of the request. */
export interface VoterState {
  readonly voted: ReplicaKey | undefined
  /** -1: none known. */
  readonly leaderId: number
  /** It leads, or follows a leader that has answered it. */
  readonly hasLiveLeader: boolean
  readonly lastEpoch: number
  readonly endOffset: number
}

/** Whether a vote is given. In a pre-vote it binds to nothing; else the caller saves it before it answers. */
export function grantsVote(request: VoteRequest, state: VoterState): boolean {
  const { lastOffsetEpoch, lastOffset, preVote, replica } = request
  const isUpToDate =
    lastOffsetEpoch > state.lastEpoch || (lastOffsetEpoch === state.lastEpoch && lastOffset >= state.endOffset)
  if (preVote) return isUpToDate && !state.hasLiveLeader
  // Who asks again, because the answer was lost, gets the same one.
  if (state.voted !== undefined) return isSameReplica(state.voted, replica)
  return isUpToDate && state.leaderId === -1
}
