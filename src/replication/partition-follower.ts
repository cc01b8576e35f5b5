/**
 * PartitionFollower: how one replica follows its leader, in one leader epoch: what it asks for next, and what it does with the answer. It asks only when
 * everything that it has counts, so that where it asks from says what it has: under `flush.policy=commit` that is flushed.
 *
 * What it has in common with the leader is found by leader epochs, never by the high watermark (KIP-101, KIP-279, KIP-595): each question names the epoch of
 * the last record, and the answer says where the logs part if they do. So the epochs of the log must be those of its records: one in which this replica led
 * and wrote nothing is dropped before it follows, or the records of an older leader would seem to begin where that one did.
 */
import type { LeaderEpochCache } from '../log/leader-epoch-cache.js'
import type { FlushPolicy } from './partition-leader-state.js'

/** The follower's own log, as it is now. */
export interface FollowedLog {
  readonly startOffset: number
  /** The offset that the next record gets; less of the log is on disk. */
  readonly nextOffset: number
  /** The end of what is written, and of what is flushed. */
  readonly settledEndOffset: number
  readonly flushedEndOffset: number
  readonly epochs: LeaderEpochCache
}

/** One question. */
export interface FollowerFetch {
  readonly leaderEpoch: number
  readonly fetchOffset: number
  /** Of the record before; -1: there is none. */
  readonly lastFetchedEpoch: number
  readonly logStartOffset: number
}

export interface LeaderAnswer {
  readonly error: 'none' | 'out of range' | 'other'
  readonly highWatermark: number
  readonly logStartOffset: number
  /** Where the leader's log and this one part: the largest epoch that both may have, and where it ends there. */
  readonly divergingEpoch: { readonly epoch: number; readonly endOffset: number } | undefined
}

/**
 * `append`: what came with the answer goes to the end of the log. `truncate`: everything from `endOffset` on is thrown away. `restart`: everything is, and
 * the log begins at `startOffset`, which is in front of where it starts only if there is nothing in it. `again`: nothing can be done with the answer; it is asked again after a while. `ignore`: the answer is to an older question.
 */
export type FollowerAction =
  | { readonly action: 'append' }
  | { readonly action: 'truncate'; readonly endOffset: number }
  | { readonly action: 'restart'; readonly startOffset: number }
  | { readonly action: 'again' | 'ignore' }

export class PartitionFollower {
  readonly leaderId: number
  readonly leaderEpoch: number
  #flushPolicy: FlushPolicy
  #highWatermark: number
  #leaderHighWatermark = -1
  #isCutting = false

  constructor(options: {
    readonly leaderId: number
    readonly leaderEpoch: number
    readonly flushPolicy: FlushPolicy
    /** What is certainly committed, as far as it is known here. */
    readonly highWatermark: number
  }) {
    this.leaderId = options.leaderId
    this.leaderEpoch = options.leaderEpoch
    this.#flushPolicy = options.flushPolicy
    this.#highWatermark = options.highWatermark
  }

  /** The end (exclusive) of what the leader has said is committed, as far as it is here. */
  get highWatermark(): number {
    return this.#highWatermark
  }

  /** Whether the leader has said that the log is the same as its own, as far as it goes; since then it is. */
  get isAgreed(): boolean {
    return this.#leaderHighWatermark >= 0
  }

  setFlushPolicy(flushPolicy: FlushPolicy): void {
    this.#flushPolicy = flushPolicy
  }

  /** What to ask for now; undefined: not yet. */
  next({
    startOffset,
    nextOffset,
    settledEndOffset,
    flushedEndOffset,
    epochs,
  }: FollowedLog): FollowerFetch | undefined {
    const countedEndOffset = this.#flushPolicy === 'commit' ? flushedEndOffset : settledEndOffset
    if (this.#isCutting || countedEndOffset < nextOffset) return undefined
    return {
      leaderEpoch: this.leaderEpoch,
      fetchOffset: nextOffset,
      lastFetchedEpoch: epochs.latestEpoch ?? -1,
      logStartOffset: startOffset,
    }
  }

  /** What to do with the answer to that question. */
  answered(fetch: FollowerFetch, answer: LeaderAnswer, log: FollowedLog): FollowerAction {
    if (fetch.leaderEpoch !== this.leaderEpoch || fetch.fetchOffset !== log.nextOffset || this.#isCutting) {
      return { action: 'ignore' }
    }
    const { error, divergingEpoch, highWatermark, logStartOffset } = answer
    if (error === 'out of range' && logStartOffset > fetch.fetchOffset) return this.#restart(logStartOffset)
    // The leader has lost what was deleted here: who waited for it to come so far would be out of sync until then.
    const isEmpty = log.startOffset === log.nextOffset
    if (error === 'out of range' && isEmpty && logStartOffset >= 0) return this.#restart(logStartOffset)
    if (error !== 'none') return { action: 'again' }
    // What the leader has committed may be nothing of what is here.
    if (divergingEpoch !== undefined) return this.#part(divergingEpoch, logStartOffset, log)
    this.#leaderHighWatermark = highWatermark
    this.#follow(log)
    return { action: 'append' }
  }

  /** What the log has from there on is not what was committed, and nobody counts on it. */
  rebuild(fromOffset: number, { startOffset }: FollowedLog): Extract<FollowerAction, { action: 'truncate' }> {
    const endOffset = Math.max(fromOffset, startOffset)
    this.#isCutting = true
    this.#highWatermark = Math.min(this.#highWatermark, endOffset)
    return { action: 'truncate', endOffset }
  }

  /** The log has changed as it was told. */
  changed(log: FollowedLog): void {
    this.#isCutting = false
    this.#follow(log)
  }

  /** Its disk did not take what it was given: the log ends where it ended before. */
  fellBack({ nextOffset }: FollowedLog): void {
    this.#highWatermark = Math.min(this.#highWatermark, nextOffset)
  }

  #part(
    { epoch, endOffset }: { readonly epoch: number; readonly endOffset: number },
    logStartOffset: number,
    log: FollowedLog,
  ): FollowerAction {
    const own = log.epochs.endOffsetFor(epoch, log.nextOffset)
    const common = Math.min(endOffset, own?.endOffset ?? log.nextOffset)
    // A leader that finds a difference where there is none is asked again.
    if (common >= log.nextOffset) return { action: 'again' }
    const startOffset = Math.max(logStartOffset, log.startOffset)
    // Nothing that would stay counts: it is deleted here, or there. And where the leader's log starts its epochs do, so they need not part just there.
    if (common < startOffset || (common === startOffset && log.startOffset < startOffset)) {
      return this.#restart(startOffset)
    }
    this.#isCutting = true
    this.#highWatermark = Math.min(this.#highWatermark, common)
    return { action: 'truncate', endOffset: common }
  }

  #restart(startOffset: number): FollowerAction {
    this.#isCutting = true
    this.#highWatermark = startOffset
    return { action: 'restart', startOffset }
  }

  #follow({ nextOffset }: FollowedLog): void {
    this.#highWatermark = Math.max(this.#highWatermark, Math.min(this.#leaderHighWatermark, nextOffset))
  }
}
