/** What the quorum of a node says of itself, and what its core is given. */
import type { Address } from '../../io/network.js'
import type { MetadataDelta } from '../../metadata/delta.js'
import type { MetadataImage } from '../../metadata/image.js'
import type { RaftRequest } from '../../raft/messages.js'
import type { RaftNode } from '../../raft/raft-node.js'
import type { VoterProgress } from '../../raft/raft-state.js'
import type { VoterEndpoint } from '../../raft/voter-set.js'

export interface QuorumLeader {
  /** -1: none is known. */
  readonly nodeId: number
  readonly epoch: number
  /** Where its controller can be reached, if that is known. */
  readonly address: Address | undefined
}

export function isSameLeader(a: QuorumLeader, b: QuorumLeader): boolean {
  const isSamePlace = a.address?.host === b.address?.host && a.address?.port === b.address?.port
  return a.nodeId === b.nodeId && a.epoch === b.epoch && isSamePlace
}

export interface QuorumObserver {
  /** This node leads now; the image is that of the whole log. */
  leads(epoch: number, image: MetadataImage): void
  /** It does not lead any more. */
  resigned(): void
  /** The image moved on; `delta` is undefined with one of which everything is new: the first, and one of a snapshot. */
  committed(image: MetadataImage, delta: MetadataDelta | undefined): void
  /** Another leads, or nobody, or the leader is elsewhere. */
  leaderChanged?(leader: QuorumLeader): void
}

/** How the quorum stands, for DescribeQuorum. */
export interface QuorumDescription {
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly highWatermark: number
  /** Voters and observers, of which only the leader knows. */
  readonly voters: readonly VoterProgress[]
  readonly observers: readonly VoterProgress[]
  readonly endpoints: ReadonlyMap<number, readonly VoterEndpoint[]>
}

export function describeQuorum(raft: RaftNode<unknown>): QuorumDescription {
  const progress = raft.progress()
  return {
    leaderId: raft.leaderId,
    leaderEpoch: raft.epoch,
    highWatermark: raft.highWatermark,
    voters: progress.filter(({ isVoter }) => isVoter),
    observers: progress.filter(({ isVoter }) => !isVoter),
    endpoints: new Map(raft.voters?.voters.map(({ id, endpoints }) => [id, endpoints])),
  }
}

/** What the core is given, as the flight record has it; answers and snapshots aside. */
export interface RaftInputs {
  tick: [nowMs: number, stalledMs: number]
  step: [request: RaftRequest, ticket: number, nowMs: number]
  failed: [id: number, nowMs: number]
  disconnected: [nodeId: number, nowMs: number]
  stateSaved: [epoch: number]
  persisted: [endOffset: number]
  truncated: []
  appendFailed: [end: { readonly endOffset: number }, nowMs: number]
  snapshotTaken: [endOffset: number]
  logStartMoved: [startOffset: number]
  snapshotPiece: [nowMs: number]
  snapshotFailed: [nowMs: number]
}
