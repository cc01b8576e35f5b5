/**
 * What members of the quorum say to each other: the fields of Kafka's Vote v2 (KIP-996), BeginQuorumEpoch v1, EndQuorumEpoch v1, Fetch,
 * FetchSnapshot v1 and the changes of voters (KIP-595, KIP-853) that the core looks at. Cluster id, topic and endpoints are the shell's;
 * a leader, offset or epoch that is not known is -1.
 *
 * An answer of Fetch comes in two forms: the leader's core names a range that the shell reads, the follower's gets the batches that came.
 */
import type { ErrorName } from '../protocol/errors.js'
import type { OffsetAndEpoch } from './epoch-chain.js'
import type { ReplicaKey, Voter, VoterSet } from './voter-set.js'

export interface VoteRequest {
  readonly kind: 'vote'
  /** In a pre-vote the epoch that the asker has, else the one for which it stands. */
  readonly replicaEpoch: number
  readonly replica: ReplicaKey
  /** Who is asked: another directory under the same id is another server. */
  readonly voter: ReplicaKey
  readonly lastOffsetEpoch: number
  /** The end of its log (exclusive). */
  readonly lastOffset: number
  readonly preVote: boolean
}

export interface BeginQuorumEpochRequest {
  readonly kind: 'beginQuorumEpoch'
  readonly voter: ReplicaKey
  readonly leaderId: number
  readonly leaderEpoch: number
}

export interface EndQuorumEpochRequest {
  readonly kind: 'endQuorumEpoch'
  readonly leaderId: number
  readonly leaderEpoch: number
  /** Who should follow, the best first. */
  readonly preferredCandidates: readonly ReplicaKey[]
}

export interface FetchRequest {
  readonly kind: 'fetch'
  readonly replica: ReplicaKey
  readonly currentLeaderEpoch: number
  /** Everything below is durable where the request comes from. */
  readonly fetchOffset: number
  /** The epoch of the batch before. */
  readonly lastFetchedEpoch: number
  readonly highWatermark: number
  /** How long the answer may wait until there is something new. */
  readonly maxWaitMs: number
}

/** Sent by the shell, when the core says `fetchSnapshot`. */
export interface FetchSnapshotRequest {
  readonly kind: 'fetchSnapshot'
  readonly replica: ReplicaKey
  readonly currentLeaderEpoch: number
  readonly snapshotId: OffsetAndEpoch
}

export interface AddRaftVoterRequest {
  readonly kind: 'addRaftVoter'
  readonly voter: Voter
  /** How long the new voter has to catch up. */
  readonly timeoutMs: number
  readonly ackWhenCommitted: boolean
}

export interface RemoveRaftVoterRequest {
  readonly kind: 'removeRaftVoter'
  readonly voter: ReplicaKey
}

export interface UpdateRaftVoterRequest {
  readonly kind: 'updateRaftVoter'
  readonly currentLeaderEpoch: number
  readonly voter: Voter
}

/** Between members. */
export type PeerRequest = VoteRequest | BeginQuorumEpochRequest | EndQuorumEpochRequest | FetchRequest

export type VoterChangeRequest = AddRaftVoterRequest | RemoveRaftVoterRequest | UpdateRaftVoterRequest

export type RaftRequest = PeerRequest | FetchSnapshotRequest | VoterChangeRequest

interface Response<Kind extends RaftRequest['kind']> {
  readonly kind: Kind
  readonly error: ErrorName
  /** Who answers knows this epoch, and who leads in it. */
  readonly leaderEpoch: number
  readonly leaderId: number
}

export interface VoteResponse extends Response<'vote'> {
  readonly voteGranted: boolean
}

/** Where the leader reads what it answers; `upToOffset` is exclusive, and fewer may be sent. */
export interface OffsetRange {
  readonly fromOffset: number
  readonly upToOffset: number
}

/** A batch as it came from the leader. */
export interface FetchedBatch<Batch> {
  readonly baseOffset: number
  /** Exclusive. */
  readonly endOffset: number
  readonly epoch: number
  readonly batch: Batch
  /** Those of the last voters record in it, if there is one. */
  readonly voters: VoterSet | undefined
}

export type FetchOutcome<Records> =
  | { readonly is: 'records'; readonly records: Records }
  /** The logs part: the asker's has nothing in common with the leader's beyond this. */
  | { readonly is: 'diverging'; readonly divergingEpoch: OffsetAndEpoch }
  /** What is asked for lies below the leader's log, or beside it: this snapshot has it. */
  | { readonly is: 'snapshot'; readonly snapshotId: OffsetAndEpoch }
  /** There is an error. */
  | { readonly is: 'refused' }

export interface FetchResponse<Records> extends Response<'fetch'> {
  readonly highWatermark: number
  readonly outcome: FetchOutcome<Records>
}

export type RaftReply =
  | VoteResponse
  | Response<'beginQuorumEpoch'>
  | Response<'endQuorumEpoch'>
  | FetchResponse<OffsetRange>
  | (Response<'fetchSnapshot'> & { readonly snapshotId: OffsetAndEpoch })
  | (Response<VoterChangeRequest['kind']> & { readonly errorMessage: string | undefined })

export type PeerResponse<Batch> =
  | VoteResponse
  | Response<'beginQuorumEpoch'>
  | Response<'endQuorumEpoch'>
  | FetchResponse<readonly FetchedBatch<Batch>[]>

/** Fewer than all members are known by their address: any server that may know the quorum. */
export const ANY_SERVER = -1

export interface OutgoingRequest {
  /** The answer, or its failure, comes back under this. */
  readonly id: number
  /** A node id, or `ANY_SERVER`. */
  readonly to: number
  readonly request: PeerRequest
}

export interface OutgoingReply {
  /** Under which `step` was given the request. */
  readonly ticket: number
  readonly reply: RaftReply
}
