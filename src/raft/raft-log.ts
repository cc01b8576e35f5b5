/**
 * The quorum's log as the core sees it: positions, epochs, and the voter sets that stand in it; no bytes. What is to happen to the real log
 * is handed out as actions, in their order.
 *
 * Invariants: persisted <= end; high watermark <= persisted, so that no crash takes back what was committed here; nothing below the high
 * watermark is ever cut off. While a cut has not been confirmed, nothing counts as persisted anew: a flush that was under way may
 * speak of what has been cut.
 */
import { assert } from '../base/assert.js'
import { EpochChain, type EpochStart, LOG_BEGINNING, type OffsetAndEpoch } from './epoch-chain.js'
import type { FetchedBatch, FetchOutcome } from './messages.js'
import { VoterHistory, type VoterHistoryState, type VotersAt } from './voter-history.js'
import type { ReplicaKey, VoterSet } from './voter-set.js'

/** What stands on the disk when the node starts: everything in it is persisted. */
export interface LogContent {
  /** (0, 0), or the snapshot behind which the log begins. */
  readonly start: OffsetAndEpoch
  readonly endOffset: number
  /** Where epochs begin, at or behind the start. */
  readonly epochs: readonly EpochStart[]
  /** Those before the first that stands in the log: of the snapshot, or of the forming of the cluster. Undefined: not known. */
  readonly voters: VoterSet | undefined
  readonly voterChanges: readonly VotersAt[]
  /** The latest; undefined: none, then the log starts at 0. */
  readonly snapshotId: OffsetAndEpoch | undefined
}

/** What a batch to append is made of. */
export type AppendContent<Batch> =
  | { readonly is: 'proposed' | 'fetched'; readonly batch: Batch }
  /** The control batch that begins a leader's epoch; in an empty log also the version of the protocol, and the voters. */
  | {
      readonly is: 'leaderChange'
      readonly voters: VoterSet
      readonly granting: readonly ReplicaKey[]
      readonly isFirst: boolean
    }
  | { readonly is: 'voters'; readonly voters: VoterSet }

/** A batch to append at exactly this place. */
export interface AppendAction<Batch> {
  readonly action: 'append'
  readonly baseOffset: number
  readonly epoch: number
  readonly content: AppendContent<Batch>
}

export type LogAction<Batch> =
  | AppendAction<Batch>
  /** Cut off what lies at and behind this offset; then call `truncated`, and `persisted` for what is left. */
  | { readonly action: 'truncate'; readonly endOffset: number }
  /** Drop the log and begin an empty one behind this snapshot, which is durable here; then the same. */
  | { readonly action: 'restart'; readonly snapshotId: OffsetAndEpoch }

export interface RaftLogState {
  readonly start: OffsetAndEpoch
  readonly endOffset: number
  readonly persisted: number
  readonly highWatermark: number
  readonly epochs: readonly EpochStart[]
  readonly voters: VoterHistoryState
  readonly snapshotId: OffsetAndEpoch | undefined
  readonly cutting: boolean
}

export class RaftLog<Batch> {
  readonly #chain: EpochChain
  readonly #history: VoterHistory
  #end: number
  #persisted: number
  #highWatermark = -1
  #snapshotId: OffsetAndEpoch | undefined
  /** A truncation or a restart has been asked for and not been confirmed. */
  #cutting = false
  #actions: LogAction<Batch>[] = []

  constructor(content: LogContent, history = new VoterHistory(content.voters, content.voterChanges)) {
    const { start, endOffset, epochs, snapshotId } = content
    const covered = snapshotId?.offset ?? 0
    assert(start.offset <= covered, () => `a log from ${start.offset} on, and a snapshot of what is below ${covered}`)
    this.#chain = new EpochChain(start, epochs)
    this.#history = history
    this.#end = endOffset
    this.#persisted = endOffset
    this.#snapshotId = snapshotId
    // A snapshot holds only what is committed.
    if (snapshotId !== undefined) this.#highWatermark = Math.min(snapshotId.offset, endOffset)
  }

  capture(): RaftLogState {
    return {
      start: this.#chain.start,
      endOffset: this.#end,
      persisted: this.#persisted,
      highWatermark: this.#highWatermark,
      epochs: this.#chain.entries(),
      voters: this.#history.capture(),
      snapshotId: this.#snapshotId,
      cutting: this.#cutting,
    }
  }

  static restore<Batch>({ voters, persisted, highWatermark, cutting, ...content }: RaftLogState): RaftLog<Batch> {
    const history = VoterHistory.restore(voters)
    const log = new RaftLog<Batch>({ ...content, voters: undefined, voterChanges: [] }, history)
    log.#persisted = persisted
    log.#highWatermark = highWatermark
    log.#cutting = cutting
    return log
  }

  get start(): OffsetAndEpoch {
    return this.#chain.start
  }

  /** Where the next batch goes. */
  get endOffset(): number {
    return this.#end
  }

  /** Everything below is durable here. */
  get persistedOffset(): number {
    return this.#persisted
  }

  get lastEpoch(): number {
    return this.#chain.lastEpoch
  }

  /** The end (exclusive) of what is known to be committed; -1: nothing is. */
  get highWatermark(): number {
    return this.#highWatermark
  }

  get snapshotId(): OffsetAndEpoch | undefined {
    return this.#snapshotId
  }

  /** Those that count: of the latest voters record, committed or not. */
  get voters(): VoterSet | undefined {
    return this.#history.latest
  }

  /** Whether the voter set that counts may still be cut off. */
  get hasUncommittedVoters(): boolean {
    return this.#history.latestOffset >= Math.max(this.#highWatermark, 0)
  }

  /**
   * Whether this server may have to lead: it votes, or its removal is not known to be committed. Then it may be the only one whose log is long
   * enough, and the removal comes about only if it leads once more (section 4.2.2 of Ongaro's thesis).
   */
  mayStand({ id, directoryId }: ReplicaKey): boolean {
    if (this.voters?.has(id, directoryId) === true) return true
    return this.hasUncommittedVoters && this.#history.previous?.has(id, directoryId) === true
  }

  /** Everything is durable, and nothing is being cut off: the end may be told to others. */
  get isSettled(): boolean {
    return this.#persisted === this.#end && !this.#cutting
  }

  votersBefore(endOffset: number): VoterSet | undefined {
    return this.#history.before(endOffset)
  }

  /** Whether a batch ends there that this log has in common with whoever names it so; also its start is such a place. */
  contains({ offset, epoch }: OffsetAndEpoch): boolean {
    return offset >= this.start.offset && offset <= this.#end && this.#chain.epochBefore(offset) === epoch
  }

  append(
    epoch: number,
    recordCount: number,
    content: AppendContent<Batch>,
    voters?: VoterSet,
  ): { readonly baseOffset: number; readonly epoch: number } {
    const baseOffset = this.#end
    this.#actions.push({ action: 'append', baseOffset, epoch, content })
    this.#chain.append(epoch, baseOffset)
    if (voters !== undefined) this.#history.append(baseOffset, voters)
    this.#end += recordCount
    return { baseOffset, epoch }
  }

  /** Appends what the leader of `epoch` has sent. Returns what is wrong with it; what came before that stays. */
  appendFetched(epoch: number, batches: readonly FetchedBatch<Batch>[]): string | undefined {
    for (const { baseOffset, endOffset, epoch: batchEpoch, batch, voters } of batches) {
      if (baseOffset !== this.#end || endOffset <= baseOffset) {
        return `a batch from ${baseOffset} to ${endOffset} where the log ends at ${this.#end}`
      }
      if (batchEpoch < 1 || batchEpoch < this.lastEpoch || batchEpoch > epoch) {
        return `a batch of epoch ${batchEpoch} at ${baseOffset}, after ${this.lastEpoch} and from the leader of ${epoch}`
      }
      this.append(batchEpoch, endOffset - baseOffset, { is: 'fetched', batch }, voters)
    }
    return undefined
  }

  /** Cuts off what the leader does not have. Returns why that cannot be. */
  truncateTo({ offset, epoch }: OffsetAndEpoch): string | undefined {
    const own = this.#chain.endOf(epoch, this.#end)
    // In another epoch the leader's offset need not be the end of a batch here: what is wrong of that one comes with the next answer.
    const endOffset = own.epoch === epoch ? Math.min(own.offset, offset) : own.offset
    const floor = Math.max(this.#highWatermark, this.start.offset)
    if (endOffset < floor) return `cutting the log at ${endOffset}, below what is committed (${floor})`
    if (endOffset >= this.#end) return `parting at ${offset} in epoch ${epoch}, where the log ends at ${this.#end}`
    this.#cut(endOffset)
    this.#cutting = true
    this.#actions.push({ action: 'truncate', endOffset })
    return undefined
  }

  /** A snapshot is here that goes beyond what this log has in common with the leader's: it takes the log's place. */
  restartFrom(snapshotId: OffsetAndEpoch, voters: VoterSet): void {
    assert(snapshotId.offset > this.#highWatermark, () => `a snapshot of ${snapshotId.offset} after what is committed`)
    this.#chain.reset(snapshotId)
    this.#history.reset(voters)
    this.#end = snapshotId.offset
    // The snapshot itself is durable: that much cannot be lost any more.
    this.#persisted = snapshotId.offset
    this.#highWatermark = snapshotId.offset
    this.#snapshotId = snapshotId
    this.#cutting = true
    this.#actions.push({ action: 'restart', snapshotId })
  }

  /** The cut that was asked for has happened. */
  truncated(): void {
    this.#cutting = false
  }

  /** The real log is durable up to there. */
  persisted(endOffset: number): void {
    if (this.#cutting) return
    assert(
      endOffset <= this.#end && endOffset >= this.#persisted,
      () => `persisted up to ${endOffset}, of ${this.#end}, after ${this.#persisted}`,
    )
    this.#persisted = endOffset
  }

  /** The real log refused an append and ends there now: what was not written yet will not be. */
  cutBack(endOffset: number): void {
    const end = Math.min(endOffset, this.#end)
    assert(end >= this.#highWatermark, () => `the log fell back to ${end}, below the high watermark`)
    this.#cut(end)
    this.#actions = this.#actions.filter(({ action }) => action !== 'append')
  }

  /** A snapshot of everything below this offset is durable. */
  snapshotTaken(endOffset: number): void {
    assert(endOffset <= this.#highWatermark, () => `a snapshot of ${endOffset}, above ${this.#highWatermark}`)
    if (endOffset <= (this.#snapshotId?.offset ?? 0)) return
    this.#snapshotId = { offset: endOffset, epoch: this.#chain.epochBefore(endOffset) }
  }

  /** The real log starts there now. */
  startMoved(startOffset: number): void {
    const covered = this.#snapshotId?.offset ?? 0
    assert(startOffset <= covered, () => `the log starts at ${startOffset}, the latest snapshot ends at ${covered}`)
    if (startOffset <= this.start.offset) return
    this.#history.trimStart(startOffset)
    this.#chain.trimStart(startOffset)
  }

  /** So much is committed; it counts here as far as it is durable. */
  advanceHighWatermark(committed: number): void {
    this.#highWatermark = Math.max(this.#highWatermark, Math.min(committed, this.#persisted))
  }

  /** What to answer to one whose log ends at `fetchOffset` with a batch of `lastFetchedEpoch`. */
  outcomeOf(fetchOffset: number, lastFetchedEpoch: number): FetchOutcome<{ fromOffset: number; upToOffset: number }> {
    const { start } = this
    const isBelow = fetchOffset < start.offset || lastFetchedEpoch < start.epoch
    const isBeside = fetchOffset === start.offset && lastFetchedEpoch !== start.epoch
    if (this.#snapshotId !== undefined && (isBelow || isBeside)) {
      return { is: 'snapshot', snapshotId: this.#snapshotId }
    }
    const common = this.#chain.endOf(lastFetchedEpoch, this.#end)
    if (common.epoch !== lastFetchedEpoch || common.offset < fetchOffset) {
      return { is: 'diverging', divergingEpoch: common }
    }
    return { is: 'records', records: { fromOffset: fetchOffset, upToOffset: this.#end } }
  }

  takeActions(): readonly LogAction<Batch>[] {
    const actions = this.#actions
    this.#actions = []
    return actions
  }

  get hasActions(): boolean {
    return this.#actions.length > 0
  }

  #cut(endOffset: number): void {
    this.#end = endOffset
    this.#persisted = Math.min(this.#persisted, endOffset)
    this.#chain.truncate(endOffset)
    this.#history.truncate(endOffset)
  }
}

/**
 * How many control records begin a leader's epoch: the change of leader, and in an empty log, which has no other place to say it, the
 * version of the protocol and the voters.
 */
export function controlRecordCount(endOffset: number): number {
  return endOffset === 0 ? 3 : 1
}

/** What a node starts with whose disk is empty. */
export function emptyLog(voters: VoterSet | undefined): LogContent {
  return {
    start: LOG_BEGINNING,
    endOffset: 0,
    epochs: [],
    voters,
    voterChanges: [],
    snapshotId: undefined,
  }
}
