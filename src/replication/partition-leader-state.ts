/** What a PartitionLeader begins with, and all it is made of: plain data. */
import type { FollowerState } from './follower-progress.js'
import type { ProposedReplica } from './isr-proposal.js'

export type FlushPolicy = 'commit' | 'os'

export interface PartitionLeaderOptions {
  readonly nodeId: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  /** Not in sync, and they may lead all the same (KIP-966). */
  readonly eligible: readonly number[]
  /** It was elected although it may lack what was committed, and the controller has not been told yet that it goes on with what it has (KIP-704). */
  readonly isRecovering?: boolean
  readonly flushPolicy: FlushPolicy
  readonly minInsyncReplicas: number
  /** `replica.lag.time.max.ms` */
  readonly longestLagMs: number
  /** What is certainly committed, as far as it is known here. */
  readonly highWatermark: number
  /** Where the log starts, its end, and the end of what is flushed of it. */
  readonly startOffset: number
  readonly logEndOffset: number
  readonly flushedEndOffset: number
  /** When the epoch began here. */
  readonly nowMs: number
}

export interface PendingProposal {
  readonly number: number
  readonly isr: readonly ProposedReplica[]
  readonly underWay: boolean
  readonly handsOver?: true
}

/** Everything a leader is made of, as plain data. */
export interface PartitionLeaderState extends PartitionLeaderOptions {
  readonly epochStartOffset: number
  readonly followers: readonly (readonly [number, FollowerState])[]
  /** With the offsets from which they have to ask again. */
  readonly keptOut: readonly (readonly [number, number])[]
  readonly usable: readonly (readonly [number, number])[]
  readonly proposals: number
  readonly pending: PendingProposal | undefined
}
