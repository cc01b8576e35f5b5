/**
 * Cuts logs that are in use back, or has them begin anew, empty or with a batch, one after the other, so that a crash in between leaves a log that recovery believes; and mends batches
 * in them while nobody else is at their files.
 */
import { type DiskDone, DiskError } from '../io/disk.js'
import { asDiskError } from './atomic-file.js'
import { type Damage, type Mended, mend } from './batch-mending.js'
import type { RebuildDone } from './log-rebuild.js'
import type { LogWork } from './log-work.js'
import type { PartitionLog } from './partition-log.js'

/** Of batches that are kept for logs that wait to begin with them; one more than that may be. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024

interface Cut {
  readonly begin: () => void
  readonly keptBytes: number
}

export class LogCuts {
  readonly #work: LogWork
  readonly #lower: (log: PartitionLog, endOffset: number, done: DiskDone) => void
  /** The first is under way. There is one for each log at most, as its owner waits for it. */
  readonly #queue: Cut[] = []
  #keptBytes = 0

  /** `lower`: has nothing written down that speaks of what lies behind `endOffset`. */
  constructor(work: LogWork, lower: (log: PartitionLog, endOffset: number, done: DiskDone) => void) {
    this.#work = work
    this.#lower = lower
  }

  /** Whether a log may begin with a batch now; if not it is to be asked later, and the batch not kept meanwhile. */
  get takesBatches(): boolean {
    return this.#keptBytes < MAX_KEPT_BYTES
  }

  /** Has the log end at `endOffset`, or before, where no batch ends there; durably. One at a time for each log. */
  truncate(log: PartitionLog, endOffset: number, done: RebuildDone): void {
    this.#cut(log, endOffset, (cut) => log.rebuild.truncateTo(endOffset, cut), done)
  }

  /** Has the log begin anew, empty, at `startOffset`, wherever it started; durably. One at a time for each log. */
  restart(log: PartitionLog, startOffset: number, done: RebuildDone): void {
    this.#cut(log, Math.min(startOffset, log.startOffset), (cut) => log.rebuild.restartAt(startOffset, cut), done)
  }

  /**
   * Has the log, which ends where it starts, begin anew with this batch, in whose middle that is; durably. One at a time for each log. Nothing that is there is
   * counted on any more.
   */
  beginWith(log: PartitionLog, batch: Uint8Array, done: RebuildDone): void {
    this.#cut(log, 0, (cut) => log.rebuild.beginWith(batch, cut), done, batch.length)
  }

  /** Takes the segments out of service that lie in front of where the log starts. What is wrong with the disk is reported. */
  dropFront(log: PartitionLog): void {
    const drop = (left: DiskDone): void =>
      log.writeRecoveryFiles((error) => {
        if (error !== undefined) return left(error)
        try {
          log.removeFront()
        } catch (cause) {
          return left(asDiskError(cause))
        }
        left(undefined)
      })
    this.#work.do('front', (finished) => this.#work.at(log, drop, finished))
  }

  /** See `batch-mending.ts`. One at a time. */
  mend(log: PartitionLog, damage: Damage, bytes: Uint8Array, done: (mended: Mended) => void): void {
    let outcome: Mended = 'gone'
    const action = (left: DiskDone): void =>
      mend(log, damage, bytes, (error, mended) => {
        outcome = error === undefined ? mended : 'gone'
        left(error)
      })
    this.#work.do(
      'mending',
      (finished) =>
        this.#work.at(log, action, (error) => {
          finished(error)
          done(outcome)
        }),
      () => done('gone'),
    )
  }

  #cut(log: PartitionLog, endOffset: number, cut: (done: RebuildDone) => void, done: RebuildDone, keptBytes = 0): void {
    let failure: Parameters<RebuildDone>[0]
    const action = (left: DiskDone): void => {
      this.#lower(log, endOffset, (error) => {
        if (error !== undefined) return left(error)
        cut((cutError) => {
          failure = cutError
          left(cutError instanceof DiskError ? cutError : undefined)
        })
      })
    }
    const begin = (): void =>
      this.#work.do(
        'cut',
        (finished) =>
          this.#work.at(log, action, (error) => {
            finished(error)
            this.#ended()
            done(error ?? failure)
          }),
        () => this.#ended(),
      )
    this.#queue.push({ begin, keptBytes })
    this.#keptBytes += keptBytes
    if (this.#queue.length === 1) begin()
  }

  #ended(): void {
    this.#keptBytes -= this.#queue.shift()!.keptBytes
    this.#queue[0]?.begin()
  }
}
