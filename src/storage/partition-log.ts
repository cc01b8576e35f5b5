/**
 * PartitionLog: the log of one partition as a sequence of segments. It gives out offsets, writes once per turn of the event loop, and says how
 * far it is written and how far it is durable.
 *
 *      startOffset       flushedEndOffset       logEndOffset        nextOffset
 *   ───├────────────────────────┼──────────────────────┼────────────────────┤
 * gone │  durable               │  in the page cache   │  of this turn      │
 *
 * Guarantees: offsets rise, and those that it gives out itself have no gaps; what `flushedEndOffset` covers survives a power loss; after an
 * append that failed the log takes no other until `repair` has cut it back to `logEndOffset`.
 */
import { assert } from '../base/assert.js'
import { type DiskDone, DiskError } from '../io/disk.js'
import { type RetentionLimits, startAfterRetention } from '../log/retention.js'
import { drawRollJitter, rollReason } from '../log/segment-roll.js'
import type { BatchView } from '../records/batch.js'
import { asDiskError } from './atomic-file.js'
import type { BytesOwner, Gather } from './gather.js'
import type { LogEnvironment } from './log-environment.js'
import { type FlushedLog, LogFlusher } from './log-flusher.js'
import { LogFront } from './log-front.js'
import type { LoadedLog } from './log-loader.js'
import type { LogObserver, LogOptions } from './log-options.js'
import { batchAtTimestamp, type ReadDone, type ReadRequest, readLog } from './log-reader.js'
import { LogRebuild, type RebuildDone, type RebuiltLog } from './log-rebuild.js'
import { LogSegment } from './log-segment.js'
import type { LogState } from './log-state.js'
import { LogWrites } from './log-writes.js'
import { type ReplaceableLog, SegmentReplacement } from './segment-replacement.js'
import { Segments } from './segments.js'
import type { TurnWritable } from './turn-writer.js'

export { type LogObserver, type LogOptions, OWN_MEMORY } from './log-options.js'

export class PartitionLog implements TurnWritable {
  readonly directory: string
  readonly hasRoom: () => boolean
  observer: LogObserver | undefined
  #options: LogOptions
  readonly #environment: LogEnvironment
  readonly #flusher: LogFlusher
  readonly front: LogFront
  /** Of segments by cleaned ones. */
  readonly replacement: SegmentReplacement
  /** Of the log from its files. */
  readonly rebuild: LogRebuild
  #segments: Segments
  #state: LogState
  #nextOffset: number
  #logEndOffset: number
  #failure: DiskError | undefined
  #closed = false

  /** Of this turn, for the active segment. */
  readonly #gather: Gather
  readonly #writes = new LogWrites()
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
    this.hasRoom = () => environment.logDirectory.takesAppends
    this.#environment = environment
    this.#options = options
    this.#gather = environment.turns.gather()
    this.front = new LogFront(directory, environment, loaded.startOffset)
    this.#segments = this.#opened(loaded)
    this.#state = loaded.state
    this.#nextOffset = loaded.endOffset
    this.#logEndOffset = loaded.endOffset
    const log = this
    const view: FlushedLog & ReplaceableLog & RebuiltLog = {
      get segments() {
        return log.#segments
      },
      get logEndOffset() {
        return log.#logEndOffset
      },
      get epochsText() {
        return log.#state.epochs.toText()
      },
      get isUnavailable() {
        return log.#failure !== undefined || log.#closed
      },
      get options() {
        return log.#options
      },
      get recoveryPoint() {
        return log.recoveryPoint
      },
      get closed() {
        return log.#closed
      },
      get hasFailed() {
        return log.failed
      },
      front: this.front,
      whenSettled: (callback) => this.#whenSettled(callback),
      take: (loaded) => this.#take(loaded),
      flushed: () => this.observer?.flushed(),
      retire: (segments, kinds) => this.front.retire(segments, this.#options.fileDeleteDelayMs, kinds),
      failed: (error) => this.#fail(error),
    }
    this.#flusher = new LogFlusher(directory, environment, view, { ...loaded, ...start })
    this.replacement = new SegmentReplacement(environment, directory, view)
    this.rebuild = new LogRebuild(environment, directory, view)
  }

  /** What is below cannot be read any more. Never goes back, also not over a crash. */
  get startOffset(): number {
    return this.front.startOffset
  }

  /** Of the batches in its segments. */
  get sizeBytes(): number {
    return this.#segments.sizeBytes
  }

  /** In order; the last is active. */
  get segments(): readonly LogSegment[] {
    return this.#segments.all
  }

  /** The offset that the next batch gets. */
  get nextOffset(): number {
    return this.#nextOffset
  }

  /** The end (exclusive) of what is written and can be read. */
  get logEndOffset(): number {
    return this.#logEndOffset
  }

  /** The end (exclusive) of what may be acknowledged and shown: what is written, unless `flush.messages` holds it back. */
  get settledEndOffset(): number {
    return Math.min(this.logEndOffset, this.#flusher.settledEndOffset)
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

  /** Whether it is out of use. */
  get closed(): boolean {
    return this.#closed
  }

  /** The largest timestamp in the log; -1 if there is none. Throws `DiskError`. */
  get maxTimestamp(): number {
    return this.#segments.maxTimestampFrom(this.startOffset)
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
    const baseOffset = this.#nextOffset
    batch.baseOffset = baseOffset
    batch.partitionLeaderEpoch = leaderEpoch
    this.#add(batch, owner)
    return baseOffset
  }

  /**
   * Appends a batch of the leader as it is, a copy; there may be a gap in front of it, as compaction leaves them. Returns why it cannot be the next one;
   * throws `DiskError` if the log takes none.
   */
  appendAsIs(batch: BatchView): string | undefined {
    const refused = this.#state.whyNotNext(batch, this.#nextOffset)
    if (refused === undefined) this.#add(batch, undefined)
    return refused
  }

  #add(batch: BatchView, owner: BytesOwner | undefined): void {
    if (this.#failure !== undefined) throw this.#failure
    assert(!this.#closed && !this.rebuild.busy, () => `an append to ${this.directory}, which is not in use`)
    const { bytes, start, sizeBytes } = batch
    const nowMs = this.#environment.clock.wallMs()
    if (rollReason(this.#segments.active, batch, this.#options, nowMs) !== undefined) this.#roll()
    this.#segments.active.add(batch, nowMs)
    this.#state.add(batch, undefined, nowMs)
    this.#nextOffset = batch.nextOffset
    this.#environment.turns.bytesAppended += sizeBytes
    if (owner === undefined) this.#gather.copy(bytes, start, start + sizeBytes)
    else this.#gather.lend(bytes.subarray(start, start + sizeBytes), owner)
    this.#environment.turns.schedule(this)
  }

  writeTurn(): void {
    if (this.#gather.isEmpty) return
    const gathered = this.#gather.take()
    // What was gathered before the failure was learned of is part of it.
    if (this.#failure !== undefined) return gathered.release()
    const segment = this.#segments.active
    const settle = this.#writes.begin(segment, this.#nextOffset)
    segment.file.append(gathered.chunks, (error) => {
      gathered.release()
      settle(error)
      if (error !== undefined) this.#fail(error)
      this.#settleWrites()
    })
  }

  /** Reads from `request.offset` on, which must be within `startOffset` and `logEndOffset`. */
  read(request: ReadRequest, done: ReadDone): void {
    // Nothing is wrong with the disk, nor when a segment is removed while somebody waits to read it.
    if (this.#closed) return done(new DiskError('EBADF', 'read', this.directory), undefined)
    const upToOffset = Math.min(request.upToOffset, this.#logEndOffset)
    readLog(this.#environment, this.directory, this.#segments, { ...request, upToOffset }, (error, read) => {
      if (error instanceof DiskError && error.code !== 'EBADF') this.#environment.logDirectory.report(error)
      done(error, read)
    })
  }

  /** How many bytes of batches stand between two offsets, as far as `limit`. Throws `DiskError`. */
  bytesBetween(fromOffset: number, upToOffset: number, limit: number): number {
    if (fromOffset >= upToOffset) return 0
    return limit <= 1 ? 1 : this.#segments.bytesBetween(fromOffset, upToOffset, limit)
  }

  /** See `log-reader.ts`. */
  batchAtTimestamp(timestamp: number, upToOffset: number, fromOffset = this.startOffset): Uint8Array | undefined {
    return batchAtTimestamp(this.#segments, timestamp, fromOffset, Math.min(upToOffset, this.#logEndOffset))
  }

  /** Has everything written so far made durable. One flush serves all who asked before it began. */
  flush(): void {
    this.#flusher.flush('all')
  }

  /** The same if the last flush was longer ago than `flush.ms`. */
  flushIfOld(): void {
    if (this.#failure === undefined && !this.#closed) this.#flusher.flushIfOlder(this.#options.flushMs)
  }

  /** Makes durable what recovery needs besides the batches, so that it need not read what is flushed; then moves the recovery point, unless there was an error. */
  writeRecoveryFiles(done: DiskDone): void {
    this.#flusher.writeRecoveryFiles(done)
  }

  /** Has the log start at `offset`, which is committed. Done: it does, and that is durable. The files go when `retain` comes by. */
  advanceStart(offset: number, done: DiskDone): void {
    assert(offset <= this.#logEndOffset, () => `${this.directory} ends at ${this.#logEndOffset}, before ${offset}`)
    if (offset <= this.startOffset) return done(undefined)
    this.front.want(offset)
    this.#environment.startOffsets.write(done)
  }

  startIsDurable(offset: number): void {
    if (!this.front.moveTo(offset)) return
    this.#state.epochs.truncateFromStart(offset)
    this.#flusher.startMoved(offset)
    this.observer?.startMoved()
  }

  /** Decides where the log has to start, and prepares it: `removeFront` when that is durable. Not during `writeRecoveryFiles`. */
  retain(limits: RetentionLimits | undefined, committedOffset: number, nowMs: number, done: DiskDone): void {
    if (this.#failure !== undefined || this.#closed) return done(undefined)
    const { directory, segments, startOffset, nextOffset: endOffset } = this
    const decided = startAfterRetention({ segments, startOffset, endOffset, committedOffset }, limits, nowMs)
    if (decided === undefined) return done(undefined)
    if (decided.closeActive) {
      try {
        this.#roll()
      } catch {
        return done(undefined)
      }
    }
    this.front.decide(decided.startOffset)
    this.#environment.logger.info({ directory, from: startOffset, ...decided }, 'segments have had their time')
    // What the producers did in the segments that go has to be known without them.
    this.#flusher.flush('closed')
    this.#flusher.afterFlushes(() =>
      this.#flusher.writeRecoveryFiles((error) => {
        if (error === undefined) this.front.want(decided.startOffset)
        done(error)
      }),
    )
  }

  /** Takes the segments in front of the start out of service. Throws `DiskError`. */
  removeFront(): void {
    if (this.#failure !== undefined || this.#closed) return
    const segments = this.#segments.takeFront(this.startOffset)
    if (segments.length > 0) this.front.retire(segments, this.#options.fileDeleteDelayMs)
  }

  /** Takes the log out of failure: what stands behind `logEndOffset` is cut away, the state built again. After `done` without an error it takes appends. */
  repair(done: RebuildDone): void {
    this.rebuild.repair(done)
  }

  /** Recovery must not count on more than this any more. It has to be written down before the log is cut. */
  lowerRecoveryPoint(offset: number): void {
    this.#flusher.lowerRecoveryPoint(offset)
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
        this.#writes.afterAll(() => {
          this.flush()
          this.#flusher.afterFlushes(() => {
            if (this.#failure !== undefined) return finish(this.#failure)
            this.#flusher.writeDown(this.#state.snapshot(), finish)
          })
        })
      },
    })
  }

  /** Takes nothing any more. When nothing is on its way to the files it lets go of them: then the directory may be renamed. */
  retire(done: () => void): void {
    this.#closed = true
    const finish = (): void => {
      this.close()
      done()
    }
    if (this.rebuild.busy) this.rebuild.whenIdle(finish)
    else this.#writes.afterAll(() => this.#flusher.afterFlushes(finish))
  }

  /** Lets go of the files as they are. */
  close(): void {
    this.#closed = true
    this.#flusher.stop()
    if (!this.#gather.isEmpty) this.#gather.take().release()
    this.front.close()
    this.#segments.close()
  }

  /** Throws `DiskError`. */
  #roll(): void {
    this.#appending = true
    this.writeTurn()
    this.#appending = false
    if (this.#failure !== undefined) throw this.#failure
    let segment: LogSegment
    try {
      segment = LogSegment.create(this.#environment.disk, this.directory, this.#nextOffset, this.#options)
    } catch (error) {
      const failure = asDiskError(error)
      this.#fail(failure)
      throw failure
    }
    this.#prepare(segment)
    segment.stateBefore = this.#state.snapshot()
    this.#segments.active.indexes.close()
    this.#segments.push(segment)
    this.#flusher.newName()
    this.#flusher.flush('closed')
    // The flush may have taken the whole directory offline at once.
    if (this.#closed) throw this.#environment.logDirectory.failure ?? new DiskError('EBADF', 'open', this.directory)
  }

  #fail(error: DiskError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#environment.logDirectory.report(error)
    // Not before it is known how far the log is written.
    this.#atEndOfTurn(() => this.#writes.afterAll(() => this.observer?.failed(error)))
  }

  #settleWrites(): void {
    if (this.#appending) return this.#atEndOfTurn(() => this.#settleWrites())
    const before = this.#logEndOffset
    for (const { segment, endBytes, endOffset } of this.#writes.takeDone()) {
      segment.writtenBytes = endBytes
      this.#logEndOffset = endOffset
      if (segment === this.#segments.active) this.#segments.noteBoundary(endOffset, endBytes)
    }
    if (this.#logEndOffset > before) {
      this.#flusher.hold(before, this.#options.flushMessages)
      this.observer?.written()
      if (this.#options.flushPolicy === 'commit') this.#flusher.flush('all')
    }
    this.#writes.afterAll()
  }

  #whenSettled(callback: () => void): void {
    this.#atEndOfTurn(() =>
      this.#writes.afterAll(() => this.#flusher.afterFlushes(() => this.replacement.whenIdle(callback))),
    )
  }

  #atEndOfTurn(action: () => void): void {
    this.#environment.turns.schedule({ writeTurn: action })
  }

  #take(loaded: LoadedLog): void {
    // Readers have looked at these meanwhile.
    this.#segments.close()
    this.#segments = this.#opened(loaded)
    this.#state = loaded.state
    this.#nextOffset = loaded.endOffset
    this.#logEndOffset = loaded.endOffset
    this.#writes.forget()
    this.#failure = undefined
    this.#flusher.restarted(loaded)
  }

  #opened({ segments, endOffset }: LoadedLog): Segments {
    for (const segment of segments) this.#prepare(segment)
    return new Segments(segments, endOffset)
  }

  #prepare(segment: LogSegment): void {
    const { clock, random } = this.#environment
    segment.createdMs = segment.changedMs = clock.wallMs()
    segment.rollJitterMs = drawRollJitter(random, this.#options)
  }
}
