/**
 * Opens a partition's log and brings it into a state that can be trusted.
 *
 * What lies below the recovery point was flushed, together with its index files, and is taken as it is. After anything but a clean stop every
 * segment from there on is read through: the log ends before the first thing that is not a whole, fitting batch, and what follows is
 * cut. A log that breaks off *below* its recovery point has lost what it had promised to keep: that is an error, not a shorter log.
 *
 *     segments     ├── closed ──┼── closed ──┼── closed ──┼── active ──┤
 *     clean stop    index files   index files   index files   read from the last index entry on
 *     otherwise     index files   index files ▲ read through  read through, cut at the first fault
 *                                      recovery point
 */
import type { DiskError } from '../io/disk.js'
import { LeaderEpochCache } from '../log/leader-epoch-cache.js'
import { newestUsableSnapshot, ProducerState } from '../log/producer-state.js'
import { type RecoveryScanOutput, recoveryScan, scanForRecovery } from '../log/recovery-scan.js'
import { ReplicaDigest } from '../log/replica-digest.js'
import { BatchTableCursor } from '../log/scanned-batches.js'
import { asDiskError } from './atomic-file.js'
import { LogDamagedError } from './log-damaged-error.js'
import type { LoadEnvironment } from './log-environment.js'
import { DIGEST_CHECKPOINT, LEADER_EPOCH_CHECKPOINT } from './log-files.js'
import { type IndexTrust, LogSegment, type SegmentOptions, segmentPath } from './log-segment.js'
import { LogState } from './log-state.js'
import {
  damaged,
  listSegmentFiles,
  removeSegmentFiles,
  type SegmentFilesOptions,
  secureFront,
} from './segment-files.js'
import { finishReplacements } from './segment-replacement.js'
import { rewrite } from './segment-rewrite.js'
import type { LastStop } from './stop-markers.js'

/** The largest batch that recovery believes in. */
const LARGEST_BATCH_BYTES = 128 * 1024 * 1024
/** How much is read at a time. */
const CHUNK_BYTES = 4 * 1024 * 1024
/** A smaller piece is scanned on the spot: handing it over would cost more. */
const OFF_LOOP_FROM_BYTES = 256 * 1024

export interface LoadOptions extends SegmentOptions, SegmentFilesOptions {
  readonly lastStop: LastStop
  /** `flush.policy=commit`: what is recovered must be durable before anybody sees it. */
  readonly makeDurable: boolean
}

export interface LoadedLog {
  /** At least one; the last is the active one. */
  readonly segments: LogSegment[]
  readonly state: LogState
  readonly startOffset: number
  readonly endOffset: number
  readonly flushedEndOffset: number
  /** Whether the names of the files are durable. */
  readonly namesFlushed: boolean
}

export type LoadDone = (error: DiskError | LogDamagedError | undefined, log: LoadedLog | undefined) => void

export function loadLog(environment: LoadEnvironment, options: LoadOptions, done: LoadDone): void {
  finishReplacements(environment.disk, options.directory, (failure) => {
    if (failure !== undefined) return done(failure, undefined)
    secureFront(environment, options, (error, keepsFront) => {
      if (error !== undefined) return done(error, undefined)
      let loader: LogLoader
      try {
        loader = new LogLoader(environment, { ...options, keepsFront }, done)
      } catch (error) {
        return done(error instanceof LogDamagedError ? error : asDiskError(error), undefined)
      }
      loader.scanNext()
    })
  })
}

class LogLoader {
  readonly #environment: LoadEnvironment
  readonly #options: LoadOptions
  readonly #done: LoadDone
  readonly #segments: LogSegment[] = []
  #state: LogState
  /** The first segment that is read through and may be cut. */
  #firstUntrusted: number
  /** Closed segments below the recovery point whose index files are not usable. */
  readonly #rebuild = new Set<LogSegment>()
  #scanning: number
  #position: number
  #expectedOffset: number
  #leaderEpoch = -1

  constructor(environment: LoadEnvironment, options: LoadOptions, done: LoadDone) {
    this.#environment = environment
    this.#options = options
    this.#done = done
    const { disk } = environment
    const { directory, recoveryPoint, lastStop } = options
    const { baseOffsets, snapshots } = listSegmentFiles(environment, options)
    if (baseOffsets.length === 0) {
      this.#segments.push(LogSegment.create(disk, directory, options.startOffset, options))
    }
    const clean = lastStop === 'clean'
    const epochs = this.#readEpochs(baseOffsets.length > 0)
    let firstUntrusted = clean ? baseOffsets.length : Math.max(0, countBelow(baseOffsets, recoveryPoint + 1) - 1)
    if (epochs === undefined) firstUntrusted = 0
    this.#firstUntrusted = firstUntrusted
    for (const [index, baseOffset] of baseOffsets.entries()) {
      const isActive = index === baseOffsets.length - 1
      this.#open(baseOffset, index >= firstUntrusted ? 'none' : isActive ? 'if they fit' : 'files')
    }

    const firstOffset = this.#segments[0]!.baseOffset
    const trustedEnd =
      clean && epochs !== undefined ? Number.MAX_SAFE_INTEGER : (baseOffsets[firstUntrusted] ?? firstOffset)
    epochs?.truncateFromEnd(trustedEnd)
    const producers = this.#readProducers(snapshots, firstOffset, trustedEnd)
    const digest = this.#readDigest(trustedEnd, producers.endOffset)
    this.#state = new LogState(epochs, producers, digest)

    const replayFrom = Math.min(producers.endOffset, digest.current === undefined ? trustedEnd : digest.endOffset)
    this.#scanning = Math.max(
      0,
      countBelow(
        this.#segments.map((segment) => segment.baseOffset),
        replayFrom + 1,
      ) - 1,
    )
    this.#scanning = Math.min(
      this.#scanning,
      firstUntrusted,
      ...[...this.#rebuild].map((each) => this.#segments.indexOf(each)),
    )
    const first = this.#segments[this.#scanning]!
    this.#position = this.#startOf(first, replayFrom)
    this.#expectedOffset = this.#position === 0 ? first.baseOffset : firstOffset
  }

  /** Scans from the current place to the end of the log, piece by piece. */
  scanNext(wantedBytes = CHUNK_BYTES): void {
    const segment = this.#segments[this.#scanning]!
    const left = segment.file.sizeBytes - this.#position
    if (left <= 0) return this.#segmentDone()
    const { buffers, compute } = this.#environment
    const buffer = buffers.take(Math.min(Math.max(wantedBytes, CHUNK_BYTES), left))
    const length = Math.min(buffer.length, left)
    segment.file.read(this.#position, buffer.subarray(0, length), (error, bytesRead) => {
      if (error !== undefined) return this.#fail(error)
      const bytes = buffer.subarray(0, bytesRead)
      const input = {
        bytes,
        filePosition: this.#position,
        segmentBaseOffset: segment.baseOffset,
        expectedOffset: this.#expectedOffset,
        leaderEpoch: this.#leaderEpoch,
        maximumBatchBytes: LARGEST_BATCH_BYTES,
      }
      const finish = (output: RecoveryScanOutput): void => {
        buffers.give(buffer)
        this.#take(segment, output, bytesRead === left)
      }
      if (bytesRead < OFF_LOOP_FROM_BYTES) return finish(scanForRecovery(input))
      compute.run(recoveryScan, input, (failure, output) => {
        if (output === undefined)
          return this.#fail(new LogDamagedError(`the scan of ${segment.file.path} failed: ${failure?.message}`))
        finish(output)
      })
    })
  }

  #take(segment: LogSegment, output: RecoveryScanOutput, isRest: boolean): void {
    const batches = new BatchTableCursor(output.batches)
    const indexing = this.#isIndexing(segment)
    while (batches.next()) {
      // From the last index entry on, batches change no entry and restore what is remembered between two.
      if (indexing && batches.position >= segment.indexes.resumePosition) {
        segment.indexes.append(batches.position, batches.lastOffset, batches.maxTimestamp)
      }
      this.#state.add(batches, batches.marker)
    }
    this.#position += output.validBytes
    if (output.batchCount > 0) {
      this.#expectedOffset = output.expectedOffset
      this.#leaderEpoch = output.leaderEpoch
    }
    const { stop } = output
    if (stop.kind === 'partial' && !isRest) return this.scanNext(stop.neededBytes)
    if (stop.kind === 'end') return isRest ? this.#segmentDone() : this.scanNext()
    const fault = stop.kind === 'corrupt' ? stop.reason : `at ${this.#position}: the file ends inside a batch`
    this.#cut(segment, fault)
  }

  /** The indexes of a closed segment that came from their files are complete; and nobody has asked whether entries could follow their last ones. */
  #isIndexing(segment: LogSegment): boolean {
    return (
      this.#scanning >= this.#firstUntrusted ||
      this.#scanning === this.#segments.length - 1 ||
      this.#rebuild.has(segment)
    )
  }

  #segmentDone(): void {
    const segment = this.#segments[this.#scanning]!
    settle(segment, this.#position)
    const next = this.#segments[this.#scanning + 1]
    if (next === undefined) return this.#scanned()
    if (next.baseOffset !== this.#expectedOffset) {
      return this.#cut(segment, `the next segment begins at ${next.baseOffset}, not at ${this.#expectedOffset}`)
    }
    if (this.#isIndexing(segment)) segment.indexes.close()
    if (this.#scanning >= this.#firstUntrusted) next.stateBefore = this.#state.snapshot()
    this.#scanning++
    this.#position = 0
    this.scanNext()
  }

  /** The log ends here: what follows was never acknowledged, or was, and then this must not go on. */
  #cut(segment: LogSegment, fault: string): void {
    const { directory, recoveryPoint, startOffset, lastStop } = this.#options
    const next = this.#segments[this.#scanning + 1]
    if (next !== undefined && next.baseOffset <= startOffset) return this.#leaveOutFront(next, fault)
    const endOffset = this.#expectedOffset
    if (this.#scanning < this.#firstUntrusted || endOffset < this.#promisedEnd) {
      return this.#fail(
        damaged(directory, `${segment.file.path} ${fault}; the log was flushed up to offset ${recoveryPoint}`),
      )
    }
    const removed = this.#segments.splice(this.#scanning + 1)
    this.#environment.logger.warn(
      {
        directory,
        endOffset,
        fault,
        lastStop,
        cutBytes: segment.file.sizeBytes - this.#position,
        segments: removed.length,
      },
      'log cut after an unclean stop',
    )
    try {
      segment.file.truncate(this.#position)
      this.#remove(removed)
    } catch (error) {
      return this.#fail(asDiskError(error))
    }
    settle(segment, this.#position)
    this.#scanned()
  }

  /** What is deleted may have been lost, even where recovery need not look: nobody has made it durable. It told of producers only, who are unknown then. */
  #leaveOutFront(next: LogSegment, fault: string): void {
    const { directory, startOffset } = this.#options
    this.#environment.logger.warn({ directory, startOffset, fault }, 'damaged in front of the start: left out')
    try {
      this.#remove(this.#segments.splice(0, this.#scanning + 1))
    } catch (error) {
      return this.#fail(asDiskError(error))
    }
    this.#firstUntrusted = Math.max(0, this.#firstUntrusted - this.#scanning - 1)
    this.#expectedOffset = next.baseOffset
    this.#state = this.#state.from(next.baseOffset)
    this.#scanning = this.#position = 0
    if (this.#firstUntrusted === 0) next.stateBefore = this.#state.snapshot()
    this.scanNext()
  }

  #scanned(): void {
    const { recoveryPoint, startOffset, makeDurable } = this.#options
    let endOffset = this.#expectedOffset
    if (endOffset < this.#promisedEnd) {
      return this.#fail(
        damaged(this.#options.directory, `the log ends at offset ${endOffset} and was flushed up to ${recoveryPoint}`),
      )
    }
    // Written down for a log that was longer: after a stop in order nothing else has been asked yet whether it fits.
    const { epochs, producers, digest } = this.#state
    if (this.#options.lastStop === 'clean' && Math.max(producers.endOffset, digest.endOffset) > endOffset) {
      return this.#distrust(endOffset)
    }
    epochs.truncateFromEnd(endOffset)
    epochs.truncateFromStart(startOffset)
    try {
      if (endOffset < startOffset) {
        this.#beginAnew(endOffset)
        endOffset = startOffset
      }
      this.#segments.at(-1)!.readFirstTimestamp()
    } catch (error) {
      return this.#fail(asDiskError(error))
    }
    for (const segment of this.#segments.slice(0, this.#firstUntrusted)) {
      segment.flushedBytes = segment.sizeBytes
      // The files of the active one are those of what it was: it grows on.
      segment.filesWritten = !this.#rebuild.has(segment) && segment !== this.#segments.at(-1)
    }
    const finish = (flushedEndOffset: number, namesFlushed: boolean): void =>
      this.#done(undefined, {
        segments: this.#segments,
        state: this.#state,
        startOffset,
        endOffset,
        flushedEndOffset,
        namesFlushed,
      })
    if (this.#firstUntrusted === this.#segments.length) return finish(endOffset, true)
    // Of nothing, all is durable.
    const flushedEndOffset = Math.max(recoveryPoint, startOffset)
    this.#settleUntrusted(this.#firstUntrusted, (error) => {
      if (error !== undefined) return this.#fail(error)
      if (!makeDurable) return finish(flushedEndOffset, false)
      this.#environment.disk.flushDirectory(this.#options.directory, (flushError) =>
        flushError === undefined ? finish(endOffset, true) : this.#fail(flushError),
      )
    })
  }

  /**
   * Makes what was recovered durable, or as the policy has it at least ready for it. Unless the power was lost, and who knows that for certain,
   * its bytes may stand in the page cache alone, counted as clean because a flush had failed: they are written once more first, or no flush would
   * do anything about them.
   */
  #settleUntrusted(index: number, done: (error: DiskError | undefined) => void): void {
    const segment = this.#segments[index]
    if (segment === undefined) return done(undefined)
    const { lastStop, makeDurable, recoveryPoint } = this.#options
    const flush = (error?: DiskError): void => {
      if (error !== undefined) return done(error)
      if (!makeDurable) return this.#settleUntrusted(index + 1, done)
      segment.file.flush((flushError) => {
        if (flushError !== undefined) return done(flushError)
        segment.flushedBytes = segment.sizeBytes
        this.#settleUntrusted(index + 1, done)
      })
    }
    if (lastStop === 'clean') return flush()
    const from = recoveryPoint <= segment.baseOffset ? 0 : segment.indexes.offsets.lookup(recoveryPoint).position
    rewrite(this.#environment, segment, from, flush)
  }

  /** Once more, as if the log had not been stopped in order. */
  #distrust(endOffset: number): void {
    const { directory } = this.#options
    this.#environment.logger.warn({ directory, endOffset }, 'log is shorter than it was at its last stop: read through')
    for (const segment of this.#segments) segment.close()
    loadLog(this.#environment, { ...this.#options, lastStop: 'unclean' }, this.#done)
  }

  /**
   * What is left of the log ends before its start offset: an end that nobody had flushed was lost. None of it counts any more, and the offsets up
   * to the start have been given out.
   */
  #beginAnew(endOffset: number): void {
    const { disk, logger } = this.#environment
    const { directory, startOffset } = this.#options
    logger.warn({ directory, startOffset, endOffset }, 'log ends before its start offset: it begins anew there')
    this.#remove(this.#segments.splice(0))
    this.#segments.push(LogSegment.create(disk, directory, startOffset, this.#options))
    this.#firstUntrusted = 0
    const { epochs, producers, digest } = this.#state
    epochs.clear()
    producers.advanceTo(startOffset)
    digest.forget()
  }

  /** Throws `DiskError`. */
  #remove(segments: readonly LogSegment[]): void {
    for (const segment of segments) {
      segment.close()
      removeSegmentFiles(this.#environment, this.#options.directory, segment.baseOffset)
    }
  }

  /** Up to where the log was promised to be there; what is below the start offset is not missed. */
  get #promisedEnd(): number {
    const { recoveryPoint, startOffset } = this.#options
    return recoveryPoint > startOffset ? recoveryPoint : 0
  }

  #open(baseOffset: number, trust: IndexTrust): void {
    const { disk, indexes } = this.#environment
    const { segment, indexed } = LogSegment.open(disk, this.#options.directory, baseOffset, this.#options, trust)
    if (trust === 'files' && indexed) segment.mayDropIndexes(indexes, disk, this.#options.directory)
    if (trust !== 'none' && !indexed) this.#rebuild.add(segment)
    this.#segments.push(segment)
  }

  /** Undefined if the file does not serve: then all is read through. */
  #readEpochs(hasSegments: boolean): LeaderEpochCache | undefined {
    const { disk, logger } = this.#environment
    const { directory } = this.#options
    const bytes = disk.readFile(`${directory}/${LEADER_EPOCH_CHECKPOINT}`)
    if (bytes === undefined) return hasSegments ? undefined : new LeaderEpochCache()
    const parsed = LeaderEpochCache.fromText(Buffer.from(bytes).toString('utf8'))
    if (parsed.kind === 'ok') return parsed.value
    logger.warn({ directory, reason: parsed.reason }, 'leader epochs are rebuilt')
    return undefined
  }

  /** From the newest snapshot that can be trusted. Those behind it may speak of batches that are no more. */
  #readProducers(snapshots: readonly number[], firstOffset: number, trustedEnd: number): ProducerState {
    const { disk } = this.#environment
    const { directory } = this.#options
    for (const offset of snapshots) {
      if (offset > trustedEnd) disk.remove(segmentPath(directory, offset, 'snapshot'))
    }
    let usable = snapshots
    for (;;) {
      // The one before the first segment tells of those that were removed.
      const offset = newestUsableSnapshot(usable, firstOffset - 1, trustedEnd)
      if (offset === undefined) return new ProducerState(firstOffset)
      const bytes = disk.readFile(segmentPath(directory, offset, 'snapshot'))
      const restored = ProducerState.restore(bytes ?? new Uint8Array(0), offset)
      if (restored.kind === 'ok') return restored.value
      usable = usable.filter((each) => each < offset)
    }
  }

  /** A digest that would have to be fed from before where the producers are is not worth the reading: it starts over. */
  #readDigest(trustedEnd: number, producersFrom: number): ReplicaDigest {
    const bytes = this.#environment.disk.readFile(`${this.#options.directory}/${DIGEST_CHECKPOINT}`)
    const parsed = ReplicaDigest.fromText(bytes === undefined ? '' : Buffer.from(bytes).toString('utf8'))
    if (parsed.kind === 'corrupt') return new ReplicaDigest()
    if (parsed.value.truncateTo(trustedEnd) < producersFrom) parsed.value.forget()
    return parsed.value
  }

  /** Where to begin reading a segment so as to meet every batch from `offset` on that is still needed. */
  #startOf(segment: LogSegment, offset: number): number {
    const index = this.#segments.indexOf(segment)
    if (index >= this.#firstUntrusted || this.#rebuild.has(segment)) return 0
    const wanted = offset <= segment.baseOffset ? 0 : segment.startFor(offset)
    return index === this.#segments.length - 1 ? Math.min(wanted, segment.indexes.resumePosition) : wanted
  }

  #fail(error: DiskError | LogDamagedError): void {
    for (const segment of this.#segments) segment.close()
    this.#done(error, undefined)
  }
}

/** The segment ends here. */
function settle(segment: LogSegment, sizeBytes: number): void {
  segment.sizeBytes = segment.writtenBytes = sizeBytes
}

/** How many of the sorted numbers are below `bound`. */
function countBelow(sorted: readonly number[], bound: number): number {
  return sorted.filter((each) => each < bound).length
}
