/**
 * PartitionLog: the log of one partition as a sequence of segments. It gives out offsets, writes once per turn of the event loop, and says how
 * far it is written and how far it is durable.
 *
 *      startOffset       flushedEndOffset       logEndOffset        nextOffset
 *      ├────────────────────────┼──────────────────────┼────────────────────┤
 *      │  durable               │  in the page cache   │  of this turn      │
 *
 * Guarantees: offsets are given out in order and without gaps; what `flushedEndOffset` covers survives a power loss; after an append that
 * failed the log takes no other until `repair` has cut it back to `logEndOffset`.
 */
import { assert } from '../base/assert.js'
import { type DiskDone, DiskError } from '../io/disk.js'
import { rollReason } from '../log/segment-roll.js'
import type { BatchView } from '../records/batch.js'
import { asDiskError } from './atomic-file.js'
import type { BytesOwner, Gather } from './gather.js'
import type { LogEnvironment } from './log-environment.js'
import { LogFlusher } from './log-flusher.js'
import { type LoadedLog, type LogDamagedError, loadLog } from './log-loader.js'
import { batchAtTimestamp, type ReadDone, type ReadRequest, readLog } from './log-reader.js'
import { LogSegment, type SegmentOptions, segmentPath } from './log-segment.js'
import type { LogState } from './log-state.js'
import { Segments } from './segments.js'
import type { TurnWritable } from './turn-writer.js'

export interface LogOptions extends SegmentOptions {
  readonly segmentBytes: number
  readonly flushPolicy: 'commit' | 'os'
}

/** Who owns the log hears of it. Calls come at the end of a turn or from a completion, never from within `append`. */
export interface LogObserver {
  /** `logEndOffset` has moved. */
  written(): void
  /** `flushedEndOffset` has moved. */
  flushed(): void
  /** What was appended from `logEndOffset` on is lost; no more is taken until `repair`. */
  failed(error: DiskError): void
  /** Appends are taken again. */
  repaired(): void
}

/** Of bytes that nobody else uses. */
export const OWN_MEMORY: BytesOwner = { retain: () => {}, release: () => {} }

/** An append on its way to the file. */
interface Write {
  readonly segment: LogSegment
  readonly endBytes: number
  readonly endOffset: number
  state: 'pending' | 'done' | 'failed'
}

export class PartitionLog implements TurnWritable {
  readonly directory: string
  observer: LogObserver | undefined
  #options: LogOptions
  readonly #environment: LogEnvironment
  readonly #flusher: LogFlusher
  #segments: Segments
  #state: LogState
  #nextOffset: number
  #logEndOffset: number
  #failure: DiskError | undefined
  #repairing = false
  #closed = false

  /** Of this turn, for the active segment. */
  readonly #gather: Gather
  /** Oldest first. */
  #writes: Write[] = []
  #whenWritten: (() => void)[] = []
  /** In the middle of an append: the owner hears of what is settled meanwhile at the end of the turn. */
  #appending = false

  constructor(
    directory: string,
    environment: LogEnvironment,
    options: LogOptions,
    loaded: LoadedLog,
    start: { readonly recoveryPoint: number; readonly parentFlushed: boolean },
  ) {
    this.directory = directory
    this.#environment = environment
    this.#options = options
    this.#gather = environment.turns.gather()
    this.#segments = new Segments(loaded.segments)
    this.#state = loaded.state
    this.#nextOffset = loaded.endOffset
    this.#logEndOffset = loaded.endOffset
    const log = this
    this.#flusher = new LogFlusher(
      directory,
      environment,
      {
        get segments() {
          return log.#segments
        },
        get logEndOffset() {
          return log.#logEndOffset
        },
        get epochsText() {
          return log.#state.epochs.toText()
        },
        flushed: () => this.observer?.flushed(),
      },
      { ...loaded, ...start },
    )
  }

  /** Of all segments, as appended. */
  get sizeBytes(): number {
    return this.#segments.all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  get startOffset(): number {
    return this.#segments.startOffset
  }

  /** Where segments begin, in order. */
  get segmentStarts(): readonly number[] {
    return this.#segments.all.map(({ baseOffset }) => baseOffset)
  }

  /** The offset that the next batch gets. */
  get nextOffset(): number {
    return this.#nextOffset
  }

  /** The end (exclusive) of what is written and can be read. */
  get logEndOffset(): number {
    return this.#logEndOffset
  }

  /** The end (exclusive) of what survives a power loss. */
  get flushedEndOffset(): number {
    return this.#flusher.flushedEndOffset
  }

  get recoveryPoint(): number {
    return this.#flusher.recoveryPoint
  }

  get state(): LogState {
    return this.#state
  }

  /** Whether appends are refused until `repair`. */
  get failed(): boolean {
    return this.#failure !== undefined
  }

  /** The largest timestamp in the log; -1 if there is none. */
  get maxTimestamp(): number {
    return this.#segments.all.reduce((largest, { indexes }) => Math.max(largest, indexes.maxTimestamp), -1)
  }

  /** Takes effect with the next batch. */
  set options(options: LogOptions) {
    this.#options = options
  }

  /**
   * Appends a batch that was validated, as the leader of `leaderEpoch`: gives it its offsets, in place, and has it written at the end of
   * the turn. Returns its base offset; throws `DiskError` if the log takes none.
   *
   * Bytes with an owner are written from where they are, and must not change until it has released them; others are copied.
   */
  append(batch: BatchView, leaderEpoch: number, owner?: BytesOwner): number {
    if (this.#failure !== undefined) throw this.#failure
    assert(!this.#closed, () => `an append to ${this.directory}, which is closed`)
    const { sizeBytes } = batch
    const baseOffset = this.#nextOffset
    const lastOffset = baseOffset + batch.lastOffsetDelta
    if (rollReason(this.#segments.active, sizeBytes, lastOffset, this.#options.segmentBytes) !== undefined) this.#roll()
    batch.baseOffset = baseOffset
    batch.partitionLeaderEpoch = leaderEpoch
    const segment = this.#segments.active
    segment.indexes.append(segment.sizeBytes, lastOffset, batch.maxTimestamp)
    this.#state.add(batch)
    segment.sizeBytes += sizeBytes
    this.#nextOffset = lastOffset + 1
    this.#environment.turns.bytesAppended += sizeBytes
    const { bytes, start } = batch
    if (owner === undefined) this.#gather.copy(bytes, start, start + sizeBytes)
    else this.#gather.lend(bytes.subarray(start, start + sizeBytes), owner)
    this.#environment.turns.schedule(this)
    return baseOffset
  }

  writeTurn(): void {
    if (this.#gather.isEmpty) return
    const gathered = this.#gather.take()
    // What was gathered before the failure was learned of is part of it.
    if (this.#failure !== undefined) return gathered.release()
    const segment = this.#segments.active
    const write: Write = { segment, endBytes: segment.sizeBytes, endOffset: this.#nextOffset, state: 'pending' }
    this.#writes.push(write)
    segment.file.append(gathered.chunks, (error) => {
      gathered.release()
      write.state = error === undefined ? 'done' : 'failed'
      if (error !== undefined) this.#fail(error)
      this.#settleWrites()
    })
  }

  /** Reads from `request.offset` on, which must be within `startOffset` and `logEndOffset`. */
  read(request: ReadRequest, done: ReadDone): void {
    // Nothing is wrong with the disk.
    if (this.#closed) return done(new DiskError('EBADF', 'read', this.directory), undefined)
    const upToOffset = Math.min(request.upToOffset, this.#logEndOffset)
    readLog(this.#environment, this.#segments, { ...request, upToOffset }, (error, read) => {
      if (error !== undefined) this.#environment.logDirectory.report(error)
      done(error, read)
    })
  }

  /** How many bytes of batches stand between two offsets, as far as `limit`. Throws `DiskError`. */
  bytesBetween(fromOffset: number, upToOffset: number, limit: number): number {
    if (fromOffset >= upToOffset) return 0
    return limit <= 1 ? 1 : this.#segments.bytesBetween(fromOffset, upToOffset, limit)
  }

  /** The first batch with a timestamp of at least this, below `upToOffset`; undefined if there is none. Throws `DiskError` and
   * `RecordFormatError`. */
  batchAtTimestamp(timestamp: number, upToOffset: number): Uint8Array | undefined {
    return batchAtTimestamp(this.#segments, timestamp, Math.min(upToOffset, this.#logEndOffset))
  }

  /** Has everything written so far made durable. One flush serves all who asked before it began. */
  flush(): void {
    this.#flusher.flush('all')
  }

  /**
   * Makes durable what recovery needs besides the batches themselves, so that it need not read through what is flushed; then moves the
   * recovery point. After an error (no room) the recovery point is where it was.
   */
  writeRecoveryFiles(done: DiskDone): void {
    this.#flusher.writeRecoveryFiles(done)
  }

  /**
   * Takes the log out of failure: cuts away what stands behind `logEndOffset` and builds the state again from what is there. The log takes
   * appends again when `done` comes without an error.
   */
  repair(done: (error: DiskError | LogDamagedError | undefined) => void): void {
    if (this.#failure === undefined || this.#repairing || this.#closed) return done(undefined)
    this.#repairing = true
    const finish = (error?: DiskError | LogDamagedError): void => {
      this.#repairing = false
      done(error)
    }
    this.#afterWrites(() =>
      this.#flusher.afterFlushes(() => {
        try {
          this.#cutToLogEnd()
        } catch (error) {
          return finish(asDiskError(error))
        }
        this.#reload(finish)
      }),
    )
  }

  /** Writes, flushes and writes down everything; then the log is closed, and is as after a clean stop. */
  closeClean(done: DiskDone): void {
    this.#closed = true
    const finish: DiskDone = (error) => {
      this.close()
      done(error)
    }
    this.#environment.turns.schedule({
      writeTurn: () => {
        this.writeTurn()
        this.#afterWrites(() => {
          this.flush()
          this.#flusher.afterFlushes(() => this.#writeDown(finish))
        })
      },
    })
  }

  /** Lets go of the files as they are. */
  close(): void {
    this.#closed = true
    this.#flusher.stop()
    if (!this.#gather.isEmpty) this.#gather.take().release()
    this.#segments.close()
  }

  /** Throws `DiskError`. */
  #roll(): void {
    const { disk } = this.#environment
    this.#appending = true
    this.writeTurn()
    this.#appending = false
    if (this.#failure !== undefined) throw this.#failure
    let segment: LogSegment
    try {
      segment = LogSegment.create(disk, this.directory, this.#nextOffset, this.#options)
    } catch (error) {
      const failure = asDiskError(error)
      this.#fail(failure)
      throw failure
    }
    segment.stateBefore = this.#state.snapshot()
    this.#segments.active.indexes.close()
    this.#segments.push(segment)
    this.#flusher.newName()
    this.#flusher.flush('closed')
  }

  #fail(error: DiskError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#environment.logDirectory.report(error)
    // Not before it is known how far the log is written.
    this.#atEndOfTurn(() => this.#afterWrites(() => this.observer?.failed(error)))
  }

  #settleWrites(): void {
    if (this.#appending) return this.#atEndOfTurn(() => this.#settleWrites())
    const before = this.#logEndOffset
    while (this.#writes[0]?.state === 'done') {
      const { segment, endBytes, endOffset } = this.#writes.shift()!
      segment.writtenBytes = endBytes
      this.#logEndOffset = endOffset
      if (segment === this.#segments.active) this.#segments.noteBoundary(endOffset, endBytes)
    }
    if (this.#logEndOffset > before) {
      this.observer?.written()
      if (this.#options.flushPolicy === 'commit') this.#flusher.flush('all')
    }
    this.#afterWrites()
  }

  /** Calls back when no write is on its way. */
  #afterWrites(callback?: () => void): void {
    if (callback !== undefined) this.#whenWritten.push(callback)
    if (this.#writes.some(({ state }) => state === 'pending')) return
    const callbacks = this.#whenWritten
    this.#whenWritten = []
    for (const each of callbacks) each()
  }

  #atEndOfTurn(action: () => void): void {
    this.#environment.turns.schedule({ writeTurn: action })
  }

  /** Throws `DiskError`. */
  #cutToLogEnd(): void {
    const { disk } = this.#environment
    const last = this.#segments.containing(this.#logEndOffset)
    for (const segment of this.#segments.all) {
      if (segment.baseOffset <= last.baseOffset) continue
      segment.close()
      disk.remove(segmentPath(this.directory, segment.baseOffset, 'log'))
    }
    last.file.truncate(last.writtenBytes)
  }

  #reload(done: (error?: DiskError | LogDamagedError) => void): void {
    const { flushPolicy } = this.#options
    const options = {
      ...this.#options,
      directory: this.directory,
      recoveryPoint: this.recoveryPoint,
      lastStop: 'unclean',
      makeDurable: flushPolicy === 'commit',
    } as const
    loadLog(this.#environment, options, (error, loaded) => {
      if (loaded === undefined) {
        if (error instanceof DiskError) this.#environment.logDirectory.report(error)
        return done(error)
      }
      assert(
        loaded.endOffset === this.#logEndOffset,
        () => `${this.directory} was repaired to end at ${loaded.endOffset}, not at ${this.#logEndOffset}`,
      )
      // Readers have looked at these meanwhile.
      this.#segments.close()
      this.#segments = new Segments(loaded.segments)
      this.#state = loaded.state
      this.#nextOffset = loaded.endOffset
      this.#writes = []
      this.#failure = undefined
      this.#flusher.restarted(loaded)
      done()
    })
  }

  #writeDown(done: DiskDone): void {
    if (this.#failure !== undefined) return done(this.#failure)
    if (this.flushedEndOffset < this.#logEndOffset) return done(this.#environment.logDirectory.failure)
    const { disk } = this.#environment
    const { active } = this.#segments
    active.indexes.close()
    this.#flusher.writeRecoveryFiles((filesError) => {
      if (filesError !== undefined) return done(filesError)
      active.writeIndexes(disk, this.directory, (indexError) => {
        if (indexError !== undefined) return done(indexError)
        this.#flusher.writeState(this.#logEndOffset, this.#state.snapshot(), (stateError) => {
          if (stateError !== undefined) return done(stateError)
          disk.flushDirectory(this.directory, done)
        })
      })
    })
  }
}
