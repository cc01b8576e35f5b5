/**
 * RaftNode: one member of the metadata quorum (Ongaro's Raft, in KRaft's terms: KIP-595, KIP-853). It decides about epochs, votes and
 * positions and holds no bytes, no time and no randomness of its own.
 *
 * Shape: feed it (`tick`, `propose`, `stateSaved`, `persisted` ...), then `takeReady` and do what that says, in its order. Nothing that
 * it says may be skipped or undone. Invariants: at most one vote per epoch, counted only when it is saved; a leader counts its own log
 * only up to what is persisted; a position is committed only together with one of the leader's own epoch
 * (Raft, section 5.4.2).
 *
 * This version runs a quorum of one voter: there are no messages yet, `step` comes with the second.
 *
 *   role         becomes            when
 *   unattached   candidate          tick, if it is a voter
 *   candidate    leader             a majority of votes, its own counted when saved
 *   leader       resigned           its log refused an append
 *   resigned     candidate          tick after the back-off
 */
import { assert } from '../base/assert.js'
import { type Uuid, ZERO_UUID } from '../base/uuid.js'
import type { ElectionState } from './election-state.js'
import { type Voter, VoterSet } from './voter-set.js'

export interface RaftOptions {
  readonly nodeId: number
  readonly directoryId: Uuid
  readonly voters: VoterSet
  /** How long a leader whose log refused an append waits before it stands again. */
  readonly resignBackoffMs: number
}

/** Where the log ended when the node started: everything in it is persisted. */
export interface LogEnd {
  readonly endOffset: number
  /** The epoch of the last batch; 0 for an empty log. */
  readonly epoch: number
}

export type RaftRole = 'unattached' | 'candidate' | 'leader' | 'resigned'

/** A batch to append at exactly this place. */
export interface RaftAppend<Batch> {
  readonly baseOffset: number
  readonly epoch: number
  /** What was proposed; undefined: the control batch that begins the leader's epoch. */
  readonly batch: Batch | undefined
}

export interface Ready<Batch> {
  /** Save this first; `stateSaved` when it is durable. */
  readonly save: ElectionState | undefined
  /** Then append these, in order; `persisted` when they are durable. */
  readonly appends: readonly RaftAppend<Batch>[]
  /** The end (exclusive) of what is committed, if it has moved. */
  readonly highWatermark: number | undefined
  /** The role, if it has changed. */
  readonly role: RaftRole | undefined
}

/** Everything a node is made of, but for what it has not handed out yet. */
export interface RaftState {
  readonly options: Omit<RaftOptions, 'voters'> & { readonly voters: readonly Voter[] }
  readonly role: RaftRole
  readonly epoch: number
  readonly voted: boolean
  readonly leaderId: number
  readonly endOffset: number
  readonly persisted: number
  readonly lastEpoch: number
  readonly highWatermark: number
  readonly granted: readonly number[]
  readonly positions: readonly (readonly [id: number, endOffset: number])[]
  readonly epochStartOffset: number
  readonly standAgainAtMs: number
}

/** How a voter's log stands, as the leader knows it. */
export interface VoterProgress {
  readonly id: number
  readonly directoryId: Uuid
  readonly endOffset: number
}

export class RaftNode<Batch> {
  readonly #options: RaftOptions
  #role: RaftRole = 'unattached'
  #epoch: number
  #voted: boolean
  #leaderId = -1
  /** Where the next batch goes; everything below `#persisted` is durable here. */
  #endOffset: number
  #persisted: number
  #lastEpoch: number
  #highWatermark = -1
  /** Votes of this epoch, while a candidate. */
  readonly #granted = new Set<number>()
  /** Persisted ends by voter, while the leader. */
  readonly #positions = new Map<number, number>()
  #epochStartOffset = 0
  #standAgainAtMs = 0

  #save: ElectionState | undefined
  #appends: RaftAppend<Batch>[] = []
  #newHighWatermark: number | undefined
  #newRole: RaftRole | undefined

  /** All there is, as plain data: `restore` makes the same node of it. */
  capture(): RaftState {
    const { nodeId, directoryId, voters, resignBackoffMs } = this.#options
    return {
      options: { nodeId, directoryId, voters: voters.voters, resignBackoffMs },
      role: this.#role,
      epoch: this.#epoch,
      voted: this.#voted,
      leaderId: this.#leaderId,
      endOffset: this.#endOffset,
      persisted: this.#persisted,
      lastEpoch: this.#lastEpoch,
      highWatermark: this.#highWatermark,
      granted: [...this.#granted],
      positions: [...this.#positions],
      epochStartOffset: this.#epochStartOffset,
      standAgainAtMs: this.#standAgainAtMs,
    }
  }

  static restore<Batch>(state: RaftState): RaftNode<Batch> {
    const { endOffset, lastEpoch, leaderId, epoch } = state
    const options = { ...state.options, voters: new VoterSet(state.options.voters) }
    const saved = {
      leaderEpoch: epoch,
      leaderId,
      votedId: state.voted ? options.nodeId : -1,
      votedDirectoryId: ZERO_UUID,
    }
    const node = new RaftNode<Batch>(options, saved, { endOffset, epoch: lastEpoch })
    node.#role = state.role
    node.#leaderId = leaderId
    node.#persisted = state.persisted
    node.#highWatermark = state.highWatermark
    for (const id of state.granted) node.#granted.add(id)
    for (const [id, position] of state.positions) node.#positions.set(id, position)
    node.#epochStartOffset = state.epochStartOffset
    node.#standAgainAtMs = state.standAgainAtMs
    return node
  }

  constructor(options: RaftOptions, saved: ElectionState, log: LogEnd) {
    assert(
      log.epoch <= saved.leaderEpoch,
      () => `the log ends in epoch ${log.epoch}, the saved election state in ${saved.leaderEpoch}`,
    )
    this.#options = options
    this.#epoch = saved.leaderEpoch
    this.#voted = saved.votedId !== -1
    this.#endOffset = log.endOffset
    this.#persisted = log.endOffset
    this.#lastEpoch = log.epoch
  }

  get role(): RaftRole {
    return this.#role
  }

  get epoch(): number {
    return this.#epoch
  }

  /** -1: none known. */
  get leaderId(): number {
    return this.#leaderId
  }

  get endOffset(): number {
    return this.#endOffset
  }

  /** The end (exclusive) of what is committed; -1: not known yet. */
  get highWatermark(): number {
    return this.#highWatermark
  }

  get voters(): VoterSet {
    return this.#options.voters
  }

  /** What the leader knows of the voters' logs; empty for others. */
  progress(): VoterProgress[] {
    if (this.#role !== 'leader') return []
    return this.#options.voters.voters.map(({ id, directoryId }) => ({
      id,
      directoryId,
      endOffset: id === this.#options.nodeId ? this.#endOffset : (this.#positions.get(id) ?? 0),
    }))
  }

  /** Lets time pass. */
  tick(nowMs: number): void {
    const { voters, nodeId, directoryId } = this.#options
    const waits = this.#role === 'unattached' || (this.#role === 'resigned' && nowMs >= this.#standAgainAtMs)
    if (waits && voters.has(nodeId, directoryId)) this.#becomeCandidate()
  }

  /** The election state of `epoch` is durable: now the vote in it counts. */
  stateSaved(epoch: number): void {
    if (this.#role !== 'candidate' || epoch !== this.#epoch) return
    this.#granted.add(this.#options.nodeId)
    if (this.#options.voters.isMajority(this.#granted)) this.#becomeLeader()
  }

  /** Asks for a batch of `recordCount` records to be appended and committed. Undefined: this node does not lead. */
  propose(batch: Batch, recordCount: number): { readonly baseOffset: number; readonly epoch: number } | undefined {
    assert(recordCount > 0, 'an empty batch cannot be proposed')
    if (this.#role !== 'leader') return undefined
    return this.#append(batch, recordCount)
  }

  /** The log is durable up to `endOffset` (exclusive). */
  persisted(endOffset: number): void {
    assert(
      endOffset <= this.#endOffset && endOffset >= this.#persisted,
      () => `persisted up to ${endOffset}, of ${this.#endOffset}, after ${this.#persisted}`,
    )
    this.#persisted = endOffset
    if (this.#role !== 'leader') return
    this.#positions.set(this.#options.nodeId, endOffset)
    this.#advanceHighWatermark()
  }

  /** The log refused an append and ends at `log` now. A leader that cannot write is none. */
  appendFailed(log: LogEnd, nowMs: number): void {
    assert(
      log.endOffset >= this.#highWatermark,
      () => `the log fell back to ${log.endOffset}, below the high watermark`,
    )
    this.#endOffset = log.endOffset
    this.#persisted = Math.min(this.#persisted, log.endOffset)
    this.#lastEpoch = log.epoch
    this.#appends = []
    if (this.#role === 'leader') {
      this.#leaderId = -1
      this.#standAgainAtMs = nowMs + this.#options.resignBackoffMs
      this.#become('resigned')
    }
  }

  /** What is to be done since the last call; undefined: nothing. */
  takeReady(): Ready<Batch> | undefined {
    if (
      this.#save === undefined &&
      this.#appends.length === 0 &&
      this.#newHighWatermark === undefined &&
      this.#newRole === undefined
    ) {
      return undefined
    }
    const ready: Ready<Batch> = {
      save: this.#save,
      appends: this.#appends,
      highWatermark: this.#newHighWatermark,
      role: this.#newRole,
    }
    this.#save = undefined
    this.#appends = []
    this.#newHighWatermark = undefined
    this.#newRole = undefined
    return ready
  }

  #become(role: RaftRole): void {
    this.#role = role
    this.#newRole = role
  }

  #becomeCandidate(): void {
    this.#epoch += 1
    this.#voted = true
    this.#leaderId = -1
    this.#granted.clear()
    this.#become('candidate')
    this.#saveState()
  }

  #becomeLeader(): void {
    assert(this.#voted && this.#lastEpoch <= this.#epoch, () => `leader of epoch ${this.#epoch} without a vote in it`)
    this.#leaderId = this.#options.nodeId
    this.#epochStartOffset = this.#endOffset
    this.#positions.clear()
    this.#positions.set(this.#options.nodeId, this.#persisted)
    this.#become('leader')
    this.#append(undefined, controlRecordCount(this.#endOffset))
  }

  #saveState(): void {
    this.#save = {
      leaderEpoch: this.#epoch,
      leaderId: this.#leaderId,
      votedId: this.#voted ? this.#options.nodeId : -1,
      votedDirectoryId: this.#options.directoryId,
    }
  }

  #append(batch: Batch | undefined, recordCount: number): { baseOffset: number; epoch: number } {
    const place = { baseOffset: this.#endOffset, epoch: this.#epoch }
    this.#appends.push({ ...place, batch })
    this.#endOffset += recordCount
    this.#lastEpoch = this.#epoch
    return place
  }

  #advanceHighWatermark(): void {
    const reached = this.#options.voters.majorityPosition(this.#positions)
    // What an earlier leader left is only committed together with something of this epoch.
    if (reached <= this.#epochStartOffset || reached <= this.#highWatermark) return
    this.#highWatermark = reached
    this.#newHighWatermark = reached
  }
}

/**
 * How many control records begin a leader's epoch: the change of leader, and in an empty log, which has no other place to say it, the
 * version of the protocol and the voters.
 */
export function controlRecordCount(endOffset: number): number {
  return endOffset === 0 ? 3 : 1
}
