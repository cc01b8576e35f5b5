/**
 * Following: one replica that follows its leader, in one leader epoch: the shell around `PartitionFollower`. What it is given goes to the log as the core
 * says: it is appended, the log is cut back, or it begins anew.
 *
 * The leader's log may start in the middle of a batch. Who begins there has that batch, too, and nothing that it can ask for comes before it: so the log begins
 * with just this one, and what came with it is asked for again.
 *
 * Every batch is checked before it is appended: what a leader has on its disk may have rotted, and must not spread.
 */
import { DiskError } from '../io/disk.js'
import type { BatchView } from '../records/batch.js'
import { BatchIterator } from '../records/reader.js'
import { BATCH_FAULTS, BatchValidator } from '../records/validator.js'
import type {
  FollowedLog,
  FollowerAction,
  FollowerFetch,
  LeaderAnswer,
  PartitionFollower,
} from '../replication/partition-follower.js'
import type { RebuildDone } from '../storage/log-rebuild.js'
import type { PartitionLog } from '../storage/partition-log.js'

/** What cuts its log. */
export interface LogCutter {
  truncate(log: PartitionLog, endOffset: number, done: RebuildDone): void
  restart(log: PartitionLog, startOffset: number, done: RebuildDone): void
  /** Whether it may be asked for the next. */
  readonly takesBatches: boolean
  beginWith(log: PartitionLog, batch: Uint8Array, done: RebuildDone): void
}

export interface FollowingEvents {
  /** A cut has come to its end; with an error that is not to be mended by trying again. */
  readonly cut: (error: Error | undefined) => void
  /** Calls back after a while. */
  readonly later: (action: () => void) => void
  readonly cutter: () => LogCutter | undefined
  /** More is known to be committed. */
  readonly heard: () => void
  readonly note: (sentence: string, detail: Readonly<Record<string, unknown>>) => void
}

/** `taken`: it may go on at once. `again`: only after a while. `ignored`: the answer was to an older question. */
export type Taken = 'taken' | 'again' | 'ignored'

type Cut =
  | Extract<FollowerAction, { action: 'truncate' | 'restart' }>
  | { readonly action: 'begin with'; readonly batch: Uint8Array }

const NO_RECORDS = new Uint8Array(0)
const validator = new BatchValidator()

export class Following {
  readonly core: PartitionFollower
  readonly #log: PartitionLog
  readonly #events: FollowingEvents
  /** The last of the leader's orders to fetch the log again that was followed. */
  rebuilt = 0
  #cutting = false
  #leaderStartOffset = 0
  #movingStart = false

  constructor(core: PartitionFollower, log: PartitionLog, events: FollowingEvents) {
    this.core = core
    this.#log = log
    this.#events = events
    this.dropEmptyEpochs()
  }

  /** Epochs in which this replica led and wrote nothing, or nothing that is left: the leader would look for a difference that is none. */
  dropEmptyEpochs(): void {
    const { state, nextOffset } = this.#log
    state.epochs.truncateFromEnd(nextOffset)
  }

  /** The log was repaired: what could not be appended is not in it. */
  repaired(): void {
    this.dropEmptyEpochs()
    this.core.fellBack(this.#view)
  }

  get cutting(): boolean {
    return this.#cutting
  }

  /** Where the leader's log starts, as far as it has said. */
  get leaderStartOffset(): number {
    return this.#leaderStartOffset
  }

  /** The leader's log starts here: also in front of where it was said to start, for it may have lost it since. */
  hears(leaderStartOffset: number): void {
    if (leaderStartOffset >= 0) this.#leaderStartOffset = leaderStartOffset
  }

  /** Its log is about to start where the leader's does, and who asks in a moment can say so. */
  get movingStart(): boolean {
    return this.#movingStart
  }

  /** Something of what it was given is on its way to the disk. */
  get persisting(): boolean {
    return !this.#cutting && !this.#log.failed && this.core.next(this.#view) === undefined
  }

  /** What to ask for now; undefined: not yet. */
  next(): FollowerFetch | undefined {
    if (this.#cutting || this.#log.failed || this.#log.closed || !this.#log.hasRoom()) return undefined
    this.#followStart()
    return this.core.next(this.#view)
  }

  /** An answer to `fetch`, and the batches that came with it; these are only lent. */
  take(fetch: FollowerFetch, answer: LeaderAnswer, records: Uint8Array | null): Taken {
    if (fetch.leaderEpoch === this.core.leaderEpoch) this.hears(answer.logStartOffset)
    if (this.#cutting || this.#log.failed || this.#log.closed) return 'ignored'
    const { highWatermark } = this.core
    const action = this.core.answered(fetch, answer, this.#view)
    switch (action.action) {
      case 'append': {
        const taken = this.#append(records ?? NO_RECORDS)
        this.core.changed(this.#view)
        if (!this.#cutting) this.#followStart()
        if (this.core.highWatermark > highWatermark) this.#events.heard()
        return taken
      }
      case 'truncate':
      case 'restart':
        this.#cut(action)
        return 'taken'
      case 'again':
        return 'again'
      case 'ignore':
        return 'ignored'
      default:
        return action satisfies never
    }
  }

  /** What it has from there on is not what was committed: it is thrown away and fetched again. Nobody counts on it any more. */
  rebuild(offset: number, number = 0): void {
    this.rebuilt = number
    this.#cut(this.core.rebuild(offset, this.#view))
  }

  get #view(): FollowedLog {
    const { startOffset, nextOffset, settledEndOffset, flushedEndOffset, state } = this.#log
    return { startOffset, nextOffset, settledEndOffset, flushedEndOffset, epochs: state.epochs }
  }

  #append(records: Uint8Array): Taken {
    const batches = new BatchIterator(records)
    for (;;) {
      const step = batches.next()
      if (step === 'end' || step === 'partial') return 'taken'
      const { batch } = batches
      if (step !== 'batch') return this.#refuse('what the leader sends is no record batch')
      const verdict = validator.checkStored(records, batch.start, records.length)
      if (verdict !== 'ok') return this.#refuse(BATCH_FAULTS[verdict].message)
      if (this.#startsWithin(batch)) {
        if (this.#events.cutter()?.takesBatches !== true) return 'again'
        const { start, sizeBytes } = batch
        this.#cut({ action: 'begin with', batch: new Uint8Array(records.subarray(start, start + sizeBytes)) })
        return 'taken'
      }
      let refused: string | undefined
      try {
        refused = this.#log.appendAsIs(batch)
      } catch (error) {
        if (error instanceof DiskError) return 'again'
        throw error
      }
      if (refused !== undefined) return this.#refuse(refused)
    }
  }

  /** Whether the log, with nothing in it that counts, starts in the middle of this batch. */
  #startsWithin({ baseOffset, nextOffset: batchEnd }: BatchView): boolean {
    const { startOffset, nextOffset } = this.#log
    return nextOffset === startOffset && baseOffset < startOffset && startOffset < batchEnd
  }

  #refuse(reason: string): Taken {
    const { nextOffset, directory } = this.#log
    this.#events.note('what the leader sends cannot be appended', { directory, nextOffset, reason })
    return 'again'
  }

  /** What the leader has deleted is deleted here too, once it is known to be committed. */
  #followStart(): void {
    const { startOffset, logEndOffset } = this.#log
    const wanted = this.#leaderStartOffset
    if (this.#movingStart || wanted <= startOffset) return
    if (wanted > this.core.highWatermark || wanted > logEndOffset) return
    this.#movingStart = true
    this.#log.advanceStart(wanted, () => {
      this.#movingStart = false
    })
  }

  #cut(cut: Cut): void {
    this.#cutting = true
    const { directory, logEndOffset } = this.#log
    const how = cut.action === 'begin with' ? { action: cut.action, batchBytes: cut.batch.length } : cut
    this.#events.note('the log is cut to follow its leader', { directory, logEndOffset, ...how })
    this.#tryCut(cut)
  }

  #tryCut(cut: Cut): void {
    const cutter = this.#events.cutter()
    if (cutter === undefined) return
    const done: RebuildDone = (error) => {
      if (this.#log.closed) return
      // A disk that is full may have room again.
      if (error instanceof DiskError) return this.#events.later(() => this.#tryCut(cut))
      this.#cutting = false
      this.dropEmptyEpochs()
      if (error === undefined) this.core.changed(this.#view)
      this.#events.cut(error)
    }
    const { startOffset } = this.#log
    if (cut.action === 'begin with') cutter.beginWith(this.#log, cut.batch, done)
    else if (cut.action === 'truncate') cutter.truncate(this.#log, cut.endOffset, done)
    else if (cut.startOffset !== startOffset) cutter.restart(this.#log, cut.startOffset, done)
    // What is deleted stays so.
    else cutter.truncate(this.#log, startOffset, done)
  }
}
