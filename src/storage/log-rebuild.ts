/**
 * A log that is built again from its files: after an append that failed, when it is cut back, when it begins anew behind a snapshot, or with a batch in whose
 * middle it starts. Meanwhile it takes no appends.
 *
 * A cut is durable when it is done: what was cut off does not come back. Recovery has to be told before anything is cut that the log may be shorter
 * (`lowerRecoveryPoint`, and the recovery points written down), or a crash in the middle would look like damage.
 */
import { assert } from '../base/assert.js'
import { type DiskDone, DiskError } from '../io/disk.js'
import { BatchView } from '../records/batch.js'
import { asDiskError } from './atomic-file.js'
import type { LogDamagedError } from './log-damaged-error.js'
import type { LogEnvironment } from './log-environment.js'
import { DIGEST_CHECKPOINT, LEADER_EPOCH_CHECKPOINT } from './log-files.js'
import type { LogFront } from './log-front.js'
import { type LoadedLog, loadLog } from './log-loader.js'
import type { LogOptions } from './log-options.js'
import { parseSegmentName, segmentPath, writeFlushed } from './log-segment.js'
import type { Segments } from './segments.js'

export type RebuildDone = (error: DiskError | LogDamagedError | undefined) => void

/** The log, as far as this asks. */
export interface RebuiltLog {
  readonly segments: Segments
  readonly options: LogOptions
  readonly front: LogFront
  readonly recoveryPoint: number
  readonly logEndOffset: number
  readonly closed: boolean
  readonly hasFailed: boolean
  /** Calls back when nothing is on its way to the files any more. */
  whenSettled(callback: () => void): void
  /** Goes on from what was loaded. */
  take(loaded: LoadedLog): void
}

export class LogRebuild {
  readonly #environment: LogEnvironment
  readonly #directory: string
  readonly #log: RebuiltLog
  #busy = false
  #whenIdle: (() => void)[] = []

  constructor(environment: LogEnvironment, directory: string, log: RebuiltLog) {
    this.#environment = environment
    this.#directory = directory
    this.#log = log
  }

  get busy(): boolean {
    return this.#busy
  }

  /** Calls back when nothing is being built again. */
  whenIdle(callback: () => void): void {
    if (this.#busy) this.#whenIdle.push(callback)
    else callback()
  }

  /** Cuts away what stands behind `logEndOffset`: it came of an append that failed. */
  repair(done: RebuildDone): void {
    if (!this.#log.hasFailed || this.#busy || this.#log.closed) return done(undefined)
    this.#begin(done, (finish) => {
      const { segments, logEndOffset } = this.#log
      segments.cut(this.#environment.disk, this.#directory, logEndOffset)
      this.#load(finish, logEndOffset)
    })
  }

  /** Cuts off every batch that reaches beyond `endOffset`. */
  truncateTo(endOffset: number, done: RebuildDone): void {
    this.whenIdle(() => {
      if (this.#log.closed) return done(undefined)
      this.#begin(done, (finish) => {
        const { segments, logEndOffset } = this.#log
        if (endOffset < logEndOffset) segments.cutAt(this.#environment.disk, this.#directory, endOffset)
        else segments.cut(this.#environment.disk, this.#directory, logEndOffset)
        this.#load(finish)
      })
    })
  }

  /** Drops everything and begins an empty log at `startOffset`, wherever it started. */
  restartAt(startOffset: number, done: RebuildDone): void {
    const { front } = this.#log
    if (startOffset < front.startOffset) return this.#restartInFront(startOffset, done)
    // With nothing in it the log has no batch that could be taken for one behind the new start.
    this.truncateTo(front.startOffset, (error) => {
      if (error !== undefined || this.#log.closed) return done(error)
      this.#begin(done, (finish) => {
        front.want(startOffset)
        this.#environment.startOffsets.write((writeError) => {
          if (writeError !== undefined) finish(writeError)
          else this.#load(finish, startOffset)
        })
      })
    })
  }

  #restartInFront(startOffset: number, done: RebuildDone): void {
    this.whenIdle(() => {
      if (this.#log.closed) return done(undefined)
      this.#begin(done, (finish) => {
        const { disk, startOffsets } = this.#environment
        const { front } = this.#log
        const startBefore = front.startOffset
        this.#removeAll()
        // Nothing of it may come back: the new start would let it in again.
        disk.flushDirectory(
          this.#directory,
          orFail(finish, () => {
            front.goBackTo(startOffset)
            startOffsets.write((error) => {
              if (error === undefined) return this.#load(finish, startOffset)
              front.goBackTo(startBefore)
              finish(error)
            })
          }),
        )
      })
    })
  }

  /**
   * Has the log, in which nothing counts, consist of this batch, in whose middle it starts. What stands in front of the start goes with all that was written
   * down of it; after a crash the log has the batch, or nothing, and starts where it did.
   */
  beginWith(bytes: Uint8Array, done: RebuildDone): void {
    const { baseOffset, nextOffset } = new BatchView().reset(bytes, 0)
    this.whenIdle(() => {
      if (this.#log.closed) return done(undefined)
      this.#begin(done, (finish) => {
        const { disk } = this.#environment
        const { startOffset } = this.#log.front
        assert(
          this.#log.logEndOffset === startOffset && baseOffset < startOffset && startOffset < nextOffset,
          () => `${this.#directory} from ${startOffset} to ${this.#log.logEndOffset} cannot begin with ${baseOffset}`,
        )
        this.#removeAll()
        // None of it may come back beside the batch.
        disk.flushDirectory(
          this.#directory,
          orFail(finish, () =>
            writeFlushed(
              disk,
              segmentPath(this.#directory, baseOffset, 'log'),
              bytes,
              orFail(finish, () =>
                disk.flushDirectory(
                  this.#directory,
                  orFail(finish, () => this.#load(finish, nextOffset)),
                ),
              ),
            ),
          ),
        )
      })
    })
  }

  /** Throws `DiskError`. */
  #removeAll(): void {
    const { disk } = this.#environment
    this.#log.segments.close()
    for (const name of disk.list(this.#directory)) {
      const isOfLog = parseSegmentName(name) !== undefined
      if (isOfLog || name === LEADER_EPOCH_CHECKPOINT || name === DIGEST_CHECKPOINT) {
        disk.remove(`${this.#directory}/${name}`)
      }
    }
  }

  /** What `build` throws is the disk's error. */
  #begin(done: RebuildDone, build: (finish: RebuildDone) => void): void {
    this.#busy = true
    const finish: RebuildDone = (error) => {
      this.#busy = false
      done(error)
      if (!this.#busy) for (const each of this.#whenIdle.splice(0)) each()
    }
    this.#log.whenSettled(() => {
      if (this.#log.closed) return finish(undefined)
      try {
        build(finish)
      } catch (error) {
        finish(asDiskError(error))
      }
    })
  }

  #load(done: RebuildDone, expectedEnd?: number): void {
    const { options, recoveryPoint, front } = this.#log
    const load = {
      ...options,
      directory: this.#directory,
      recoveryPoint,
      startOffset: front.startOffset,
      lastStop: 'unclean',
      inUse: true,
      makeDurable: options.flushPolicy === 'commit',
    } as const
    loadLog(this.#environment, load, (error, loaded) => {
      if (loaded === undefined) {
        if (error instanceof DiskError) this.#environment.logDirectory.report(error)
        return done(error)
      }
      assert(
        expectedEnd === undefined || loaded.endOffset === expectedEnd,
        () => `${this.#directory} was built again and ends at ${loaded.endOffset}, not at ${expectedEnd}`,
      )
      this.#log.take(loaded)
      done(undefined)
    })
  }
}

function orFail(finish: RebuildDone, go: () => void): DiskDone {
  return (error) => (error === undefined ? go() : finish(error))
}
