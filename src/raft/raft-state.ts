/**
 * What a `RaftNode` hands out, and what it is made of as plain data.
 */
import type { Uuid } from '../base/uuid.js'
import { ZERO_UUID } from '../base/uuid.js'
import type { ElectionTallyState } from './election.js'
import type { ElectionState } from './election-state.js'
import type { OffsetAndEpoch } from './epoch-chain.js'
import type { FollowerState } from './follower.js'
import type { LeaderState } from './leader.js'
import type { OutgoingReply, OutgoingRequest } from './messages.js'
import type { LogAction, RaftLogState } from './raft-log.js'
import type { RaftTimeouts } from './raft-timeouts.js'
import type { RequestsState } from './requests.js'
import type { ReplicaKey } from './voter-set.js'

/** Kafka's names of them. An observer, who does not vote, is unattached or follows; a leader that has removed itself leads on until that is committed. */
export type RaftRole = 'unattached' | 'follower' | 'prospective' | 'candidate' | 'leader' | 'resigned'

/** To be done in this order. */
export interface Ready<Batch> {
  /** Save this; `stateSaved` when it is durable. Nothing that hangs on it is handed out before. */
  readonly save: ElectionState | undefined
  /** Do this to the log; `persisted` and `truncated` when it is done. */
  readonly log: readonly LogAction<Batch>[]
  /** The role, if it has changed. */
  readonly role: RaftRole | undefined
  /** The end (exclusive) of what is committed, if it has moved. It is durable here. */
  readonly highWatermark: number | undefined
  readonly requests: readonly OutgoingRequest[]
  readonly replies: readonly OutgoingReply[]
  /** Fetch this snapshot from the leader, make it durable, then `snapshotLoaded`; or `snapshotFailed`. An earlier one is not wanted any more. */
  readonly fetchSnapshot: FetchSnapshotOrder | undefined
  /** What others sent that cannot be, as sentences for the log of the node. */
  readonly complaints: readonly string[]
}

export interface FetchSnapshotOrder {
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly snapshotId: OffsetAndEpoch
}

/** How a member's log stands, as the leader knows it. */
export interface VoterProgress {
  readonly id: number
  readonly directoryId: Uuid
  readonly isVoter: boolean
  readonly endOffset: number
  /** Monotonic; -1: never, or the leader itself. */
  readonly lastFetchMs: number
  readonly lastCaughtUpMs: number
}

export interface RolesState {
  readonly role: RaftRole
  readonly epoch: number
  readonly voted: ReplicaKey | undefined
  readonly leaderId: number
  readonly epochOver: boolean
  readonly deadlineMs: number | undefined
  readonly failedElections: number
  readonly conceded: boolean
  readonly gaveWay: boolean
  readonly tally: ElectionTallyState
  readonly follower: FollowerState | undefined
  readonly leader: LeaderState | undefined
  readonly nowMs: number
  /** Waits for the save that is under way. */
  readonly wantsSave: boolean
}

export interface RaftState {
  readonly self: ReplicaKey
  readonly timeouts: RaftTimeouts
  readonly log: RaftLogState
  readonly requests: RequestsState
  readonly roles: RolesState
  readonly appendsRestUntilMs: number
  readonly saving: ElectionState | undefined
}

export function electionState(leaderEpoch: number, leaderId: number, voted: ReplicaKey | undefined): ElectionState {
  return { leaderEpoch, leaderId, votedId: voted?.id ?? -1, votedDirectoryId: voted?.directoryId ?? ZERO_UUID }
}
