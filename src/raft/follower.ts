/**
 * A member that follows a leader: what it asks for, and what it makes of the answers. Voters and observers alike.
 *
 * Its fetch offset is the durable end of its log: the leader takes it for an acknowledgement.
 */
import type { OffsetAndEpoch } from './epoch-chain.js'
import type { FetchedBatch, FetchRequest, FetchResponse } from './messages.js'
import type { RaftLog } from './raft-log.js'
import type { ReplicaKey } from './voter-set.js'

export interface FollowerState {
  readonly leaderId: number
  readonly hasFetched: boolean
  readonly leaderHighWatermark: number
  readonly loading: OffsetAndEpoch | undefined
}

/** What came of an answer. */
export interface Fetched {
  /** What is wrong with it. */
  readonly complaint: string | undefined
  /** The log cannot go on but from this snapshot. */
  readonly snapshotId: OffsetAndEpoch | undefined
}

export class Follower<Batch> {
  readonly leaderId: number
  /** The leader has answered a Fetch; before that it may be one that is long gone (KIP-996). */
  #hasFetched: boolean
  #leaderHighWatermark: number
  /** A snapshot that is on its way: until it is here there is nothing to fetch. */
  #loading: OffsetAndEpoch | undefined

  constructor({ leaderId, hasFetched, leaderHighWatermark, loading }: FollowerState) {
    this.leaderId = leaderId
    this.#hasFetched = hasFetched
    this.#leaderHighWatermark = leaderHighWatermark
    this.#loading = loading
  }

  static of<Batch>(leaderId: number): Follower<Batch> {
    return new Follower({ leaderId, hasFetched: false, leaderHighWatermark: -1, loading: undefined })
  }

  capture(): FollowerState {
    return {
      leaderId: this.leaderId,
      hasFetched: this.#hasFetched,
      leaderHighWatermark: this.#leaderHighWatermark,
      loading: this.#loading,
    }
  }

  get hasFetched(): boolean {
    return this.#hasFetched
  }

  /** As the leader said last; it counts here only as far as the log is durable. */
  get leaderHighWatermark(): number {
    return this.#leaderHighWatermark
  }

  get loading(): OffsetAndEpoch | undefined {
    return this.#loading
  }

  loaded(): void {
    this.#loading = undefined
  }

  answered(log: RaftLog<Batch>, response: FetchResponse<readonly FetchedBatch<Batch>[]>): Fetched {
    this.#hasFetched = true
    const { outcome, highWatermark, leaderEpoch } = response
    let complaint: string | undefined
    if (outcome.is === 'records') {
      complaint = log.appendFetched(leaderEpoch, outcome.records)
      // Only what the leader has sent is known to be the same: it counts together with that.
      if (complaint === undefined) this.#leaderHighWatermark = Math.max(this.#leaderHighWatermark, highWatermark)
    } else if (outcome.is === 'diverging') {
      complaint = log.truncateTo(outcome.divergingEpoch)
    } else if (outcome.is === 'snapshot') {
      const { snapshotId } = outcome
      if (snapshotId.offset <= log.highWatermark || log.contains(snapshotId)) {
        complaint = `the snapshot of ${snapshotId.offset} where ${log.highWatermark} is committed`
      } else {
        this.#loading = snapshotId
        return { complaint, snapshotId }
      }
    }
    return { complaint, snapshotId: undefined }
  }
}

/** What asks for everything behind the log. Only while the log is settled: its end is an acknowledgement. */
export function fetchRequest<Batch>(
  replica: ReplicaKey,
  currentLeaderEpoch: number,
  log: RaftLog<Batch>,
  maxWaitMs: number,
): FetchRequest {
  return {
    kind: 'fetch',
    replica,
    currentLeaderEpoch,
    fetchOffset: log.endOffset,
    lastFetchedEpoch: log.lastEpoch,
    highWatermark: log.highWatermark,
    maxWaitMs,
  }
}
