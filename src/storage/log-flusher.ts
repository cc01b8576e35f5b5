/**
 * Makes a log durable, in groups: one flush at a time, which serves all who asked before it began. It counts a batch only when its
 * file, all files before it, and their names are durable. A flush that fails takes the directory offline and is never tried again.
 *
 * Apart from that it writes down, now and then, what spares recovery the reading: indexes, producers, epochs, digest. Only then the recovery
 * point moves.
 */
import type { DiskDone, DiskError } from '../io/disk.js'
import { replaceFile } from './atomic-file.js'
import { parentOf } from './durable-directory.js'
import type { LogEnvironment } from './log-environment.js'
import { DIGEST_CHECKPOINT, LEADER_EPOCH_CHECKPOINT } from './log-files.js'
import type { LoadedLog } from './log-loader.js'
import { type LogSegment, type StateSnapshot, segmentPath, writeFlushed } from './log-segment.js'
import type { Segments } from './segments.js'

export interface FlushedLog {
  readonly segments: Segments
  readonly logEndOffset: number
  /** The content of `leader-epoch-checkpoint`. */
  readonly epochsText: string
  /** `flushedEndOffset` has moved. */
  flushed(): void
}

export class LogFlusher {
  readonly #directory: string
  readonly #environment: LogEnvironment
  readonly #log: FlushedLog
  #flushedEndOffset: number
  /** While less than `heldUntilOffset` is durable, nothing is settled behind `heldAtOffset`. */
  #heldAtOffset = 0
  #heldUntilOffset = 0
  /** In monotonic time. */
  #lastFlushMs: number
  #recoveryPoint: number
  #namesFlushed: boolean
  #parentFlushed: boolean
  #epochsWritten: string | undefined
  #wanted: 'all' | 'closed' | undefined
  #busy = false
  #stopped = false
  #whenIdle: (() => void)[] = []

  constructor(
    directory: string,
    environment: LogEnvironment,
    log: FlushedLog,
    start: Pick<LoadedLog, 'flushedEndOffset' | 'namesFlushed'> & {
      readonly recoveryPoint: number
      /** Whether the name of the log's directory is durable. */
      readonly parentFlushed: boolean
    },
  ) {
    this.#directory = directory
    this.#environment = environment
    this.#log = log
    this.#flushedEndOffset = start.flushedEndOffset
    this.#lastFlushMs = environment.clock.monotonicMs()
    this.#namesFlushed = start.namesFlushed
    this.#parentFlushed = start.parentFlushed
    this.#recoveryPoint = Math.min(start.recoveryPoint, start.flushedEndOffset)
  }

  get flushedEndOffset(): number {
    return this.#flushedEndOffset
  }

  /** The end (exclusive) of what is not held back. */
  get settledEndOffset(): number {
    if (this.#flushedEndOffset >= this.#heldUntilOffset) return this.#log.logEndOffset
    return Math.max(this.#heldAtOffset, this.#flushedEndOffset)
  }

  /** Recovery need not look below it; never ahead of what is flushed. */
  get recoveryPoint(): number {
    return this.#recoveryPoint
  }

  /** Recovery must not count on more than this any more. */
  lowerRecoveryPoint(offset: number): void {
    this.#recoveryPoint = Math.min(this.#recoveryPoint, offset)
  }

  /** A file was made in the log's directory. */
  newName(): void {
    this.#namesFlushed = false
  }

  /** Has everything written so far, or everything but the active segment, made durable. */
  flush(what: 'all' | 'closed'): void {
    if (this.#wanted !== 'all') this.#wanted = what
    if (!this.#busy && !this.#stopped) this.#next()
  }

  /**
   * The log was written on from `logEndBefore`: if now `flushMessages` records are not durable, they are flushed and held back until then. Kafka
   * flushes within the append that brings so many.
   */
  hold(logEndBefore: number, flushMessages: number): void {
    const { logEndOffset } = this.#log
    if (logEndOffset - this.#flushedEndOffset < flushMessages) return
    if (this.#flushedEndOffset >= this.#heldUntilOffset) this.#heldAtOffset = logEndBefore
    this.#heldUntilOffset = logEndOffset
    this.flush('all')
  }

  /** Flushes if the last flush was this long ago. */
  flushIfOlder(ageMs: number): void {
    if (this.#environment.clock.monotonicMs() - this.#lastFlushMs >= ageMs) this.flush('all')
  }

  /** Touches no file any more. */
  stop(): void {
    this.#stopped = true
  }

  /** Calls back when no flush is on its way or wanted. */
  afterFlushes(callback: () => void): void {
    if (this.#busy) this.#whenIdle.push(callback)
    else callback()
  }

  /** The log was built again from its files, and is durable up to here at least. */
  restarted({ flushedEndOffset, namesFlushed }: Pick<LoadedLog, 'flushedEndOffset' | 'namesFlushed'>): void {
    this.#namesFlushed = namesFlushed
    this.#epochsWritten = undefined
    const { logEndOffset } = this.#log
    this.#heldUntilOffset = Math.min(this.#heldUntilOffset, logEndOffset)
    this.#flushedEndOffset = Math.min(this.#flushedEndOffset, logEndOffset)
    this.lowerRecoveryPoint(logEndOffset)
    this.#moveTo(flushedEndOffset)
  }

  /** The log starts here: what is in front of it need not be durable. */
  startMoved(startOffset: number): void {
    this.#moveTo(startOffset)
  }

  /** See `PartitionLog.writeRecoveryFiles`. */
  writeRecoveryFiles(done: DiskDone): void {
    const { disk, indexes } = this.#environment
    const { segments, epochsText } = this.#log
    const recoveryPoint = this.#certainEnd()
    const closed = segments.all.filter(
      (segment) => segment !== segments.active && !segment.filesWritten && segment.flushedBytes === segment.sizeBytes,
    )
    const flushNames = (): void =>
      disk.flushDirectory(this.#directory, (error) => {
        if (error !== undefined) return done(error)
        this.#epochsWritten = epochsText
        for (const segment of closed) {
          segment.filesWritten = true
          segment.mayDropIndexes(indexes, disk, this.#directory)
        }
        this.#recoveryPoint = Math.max(this.#recoveryPoint, recoveryPoint)
        done(undefined)
      })
    const nextSegment = (index: number): void => {
      if (this.#stopped) return done(undefined)
      const segment = closed[index]
      if (segment === undefined) return flushNames()
      segment.writeIndexes(disk, this.#directory, (error) => {
        if (error !== undefined) return done(error)
        this.#writeStateBefore(segments.after(segment)!, (stateError) =>
          stateError === undefined ? nextSegment(index + 1) : done(stateError),
        )
      })
    }
    if (epochsText !== this.#epochsWritten) {
      return replaceFile(disk, this.#directory, LEADER_EPOCH_CHECKPOINT, Buffer.from(epochsText), (error) =>
        error === undefined ? nextSegment(0) : done(error),
      )
    }
    if (closed.length > 0) return nextSegment(0)
    this.#recoveryPoint = Math.max(this.#recoveryPoint, recoveryPoint)
    done(undefined)
  }

  /**
   * How far recovery need not look. The end of an active segment that was there when the log was loaded is not that far: if it was closed right here,
   * index files of a part of it would be taken for those of the whole after a crash.
   */
  #certainEnd(): number {
    const { segments, logEndOffset } = this.#log
    const mayHaveOldFiles = segments.active.wasThere && this.#flushedEndOffset === logEndOffset
    return mayHaveOldFiles ? logEndOffset - 1 : this.#flushedEndOffset
  }

  /** Writes down all there is, behind the last flush: `state` is that of the log's end. */
  writeDown(state: StateSnapshot, done: DiskDone): void {
    const { disk, logDirectory } = this.#environment
    const { segments, logEndOffset } = this.#log
    if (this.#flushedEndOffset < logEndOffset) return done(logDirectory.failure)
    const { active } = segments
    active.indexes.close()
    this.writeRecoveryFiles((filesError) => {
      if (filesError !== undefined) return done(filesError)
      active.writeIndexes(disk, this.#directory, (indexError) => {
        if (indexError !== undefined) return done(indexError)
        this.writeState(logEndOffset, state, (stateError) => {
          if (stateError !== undefined) return done(stateError)
          disk.flushDirectory(this.#directory, done)
        })
      })
    })
  }

  /** The state at `offset`, durable but for the names of its files. */
  writeState(offset: number, state: StateSnapshot, done: DiskDone): void {
    const { disk } = this.#environment
    writeFlushed(disk, segmentPath(this.#directory, offset, 'snapshot'), state.producers, (error) => {
      if (error !== undefined) return done(error)
      replaceFile(disk, this.#directory, DIGEST_CHECKPOINT, Buffer.from(state.digest), done)
    })
  }

  #writeStateBefore(segment: LogSegment, done: DiskDone): void {
    const { stateBefore } = segment
    if (stateBefore === undefined) return done(undefined)
    this.writeState(segment.baseOffset, stateBefore, (error) => {
      if (error === undefined) segment.stateBefore = undefined
      done(error)
    })
  }

  #next(): void {
    const what = this.#wanted
    this.#wanted = undefined
    const { segments, logEndOffset } = this.#log
    const { active } = segments
    const targetOffset = what === 'all' ? logEndOffset : Math.min(active.baseOffset, logEndOffset)
    if (what === undefined || targetOffset <= this.#flushedEndOffset) return this.#idle()
    this.#busy = true
    const unflushed: { readonly segment: LogSegment; readonly bytes: number }[] = []
    for (const segment of segments.all) {
      const bytes = segment.writtenBytes
      if (bytes > segment.flushedBytes && (what === 'all' || segment !== active)) unflushed.push({ segment, bytes })
    }
    const ended = this.#environment.flushTimes.start()
    const nextFile = (index: number): void => {
      if (this.#stopped) return this.#idle()
      const file = unflushed[index]
      if (file === undefined) {
        return this.#flushNames((error) => {
          if (!this.#stopped) ended()
          this.#finish(error, targetOffset)
        })
      }
      file.segment.file.flush((error) => {
        if (error !== undefined) return this.#finish(error, targetOffset)
        file.segment.flushedBytes = Math.max(file.segment.flushedBytes, file.bytes)
        nextFile(index + 1)
      })
    }
    nextFile(0)
  }

  #flushNames(done: DiskDone): void {
    const { disk } = this.#environment
    const flushParent = (): void => {
      if (this.#parentFlushed) return done(undefined)
      disk.flushDirectory(parentOf(this.#directory), (error) => {
        this.#parentFlushed = error === undefined
        done(error)
      })
    }
    if (this.#namesFlushed) return flushParent()
    // A name that is new meanwhile is not in this flush.
    this.#namesFlushed = true
    disk.flushDirectory(this.#directory, (error) => (error === undefined ? flushParent() : done(error)))
  }

  #finish(error: DiskError | undefined, targetOffset: number): void {
    if (this.#stopped) return this.#idle()
    this.#busy = false
    if (error !== undefined) {
      this.#wanted = undefined
      this.#namesFlushed = false
      this.#environment.logDirectory.report(error)
      return this.#idle()
    }
    this.#lastFlushMs = this.#environment.clock.monotonicMs()
    this.#moveTo(targetOffset)
    if (!this.#busy) this.#next()
  }

  #moveTo(flushedEndOffset: number): void {
    if (flushedEndOffset <= this.#flushedEndOffset) return
    this.#flushedEndOffset = flushedEndOffset
    this.#log.flushed()
  }

  #idle(): void {
    const callbacks = this.#whenIdle
    this.#whenIdle = []
    for (const callback of callbacks) callback()
  }
}
