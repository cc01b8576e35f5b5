/**
 * LogCleaning: the cleaning of one log. It reads the dirty part for its keys, then all segments up to its end for their records, piece by piece through
 * the compute port; writes each group of segments anew beside them, and has the log put that into their place.
 *
 * It gives up, and leaves the log as it was, when the log has changed under it (segments removed, the log repaired or closed), and when the disk says
 * no. What cannot be read as batches ends it with a reason: such a log is not to be cleaned again.
 */
import { oneByOne } from '../base/one-by-one.js'
import type { Compute, Job } from '../io/compute.js'
import type { Disk, DiskError } from '../io/disk.js'
import {
  type CompactBatchesOutput,
  compactBatchesJob,
  type IndexKeysOutput,
  indexKeysJob,
  type PieceStop,
} from '../log/compaction.js'
import { type Dirtiness, type GroupableSegment, groupSegments } from '../log/compaction-plan.js'
import type { OffsetMapState } from '../log/offset-map.js'
import type { ProducerState } from '../log/producer-state.js'
import { asDiskError } from './atomic-file.js'
import { CleanedSegment } from './cleaned-segment.js'
import type { LogSegment } from './log-segment.js'

/** The largest batch that is believed in. */
const LARGEST_BATCH_BYTES = 128 * 1024 * 1024

export interface CleaningOptions {
  readonly directory: string
  /** Closed, in order, with durable recovery files. */
  readonly segments: readonly LogSegment[]
  readonly closedEndOffset: number
  readonly dirtiness: Dirtiness
  readonly segmentBytes: number
  readonly indexBytes: number
  readonly indexIntervalBytes: number
  /** `delete.retention.ms` */
  readonly deleteRetentionMs: number
  /** How much is read at a time, unless a batch is larger. */
  readonly pieceBytes: number
  /** How many keys the map takes. */
  readonly maximumKeys: number
  readonly nowMs: number
}

/** What it works with. */
export interface CleaningTools {
  readonly disk: Disk
  readonly compute: Compute
  readonly map: Omit<OffsetMapState, 'count'>
  /** As it is when it is asked. */
  readonly producers: () => ProducerState
  /** Calls back when so many more bytes may have been read or written. */
  readonly throttle: (bytes: number, next: () => void) => void
  /** Has the log replace segments; false: it does not hold them any more. */
  readonly replace: (
    made: CleanedSegment,
    replaced: readonly LogSegment[],
    done: (error: DiskError | undefined, isReplaced: boolean) => void,
  ) => void
}

export type CleaningEnd =
  | { readonly kind: 'cleaned'; readonly endOffset: number }
  /** The log changed, or the cleaning was stopped. */
  | { readonly kind: 'gave up' }
  | { readonly kind: 'disk'; readonly error: DiskError }
  | { readonly kind: 'uncleanable'; readonly reason: string }

export class LogCleaning {
  readonly #options: CleaningOptions
  readonly #tools: CleaningTools
  readonly #done: (end: CleaningEnd) => void
  #ended = false
  #keys = 0
  #endOffset: number
  #making: CleanedSegment | undefined
  /** What is read, and what is made of it: shared with the thread that does the work, or every piece would be copied twice. */
  #piece: Buffer
  #target: Buffer
  /** Of the segments that were made anew, and of what they became. */
  bytesReplaced = 0
  bytesWritten = 0
  recordsRead = 0
  recordsKept = 0

  constructor(options: CleaningOptions, tools: CleaningTools, done: (end: CleaningEnd) => void) {
    this.#options = options
    this.#tools = tools
    this.#done = done
    this.#endOffset = options.dirtiness.firstDirtyOffset
    this.#piece = sharedBuffer(options.pieceBytes)
    this.#target = sharedBuffer(options.pieceBytes)
  }

  /** How many keys there are in the map. */
  get keys(): number {
    return this.#keys
  }

  start(): void {
    const { segments, dirtiness } = this.#options
    const { firstDirtyOffset, uncleanableOffset } = dirtiness
    const dirty = segments.filter(
      (segment, n) => this.#endOf(n) > firstDirtyOffset && segment.baseOffset < uncleanableOffset,
    )
    let isFirst = true
    let isFull = false
    const take = (bytes: Uint8Array, next: (stop: PieceStop, validBytes: number) => void): void => {
      const { maximumKeys } = this.#options
      const map = { ...this.#tools.map, count: this.#keys }
      const input = { bytes, map, clear: isFirst, fromOffset: firstDirtyOffset, maximumKeys }
      isFirst = false
      this.#run(indexKeysJob, input, ({ count, endOffset, stop, validBytes }: IndexKeysOutput) => {
        this.#keys = count
        this.#endOffset = endOffset ?? this.#endOffset
        if (stop.kind === 'full') isFull = true
        next(stop, validBytes)
      })
    }
    oneByOne(
      dirty,
      (segment, next) => (isFull ? next() : this.#readThrough(segment, take, next)),
      () => {
        if (this.#endOffset > firstDirtyOffset) return this.#compact()
        this.#end({ kind: 'uncleanable', reason: 'log.cleaner.dedupe.buffer.size is too small for one batch' })
      },
    )
  }

  /** Gives up. */
  stop(): void {
    this.#end({ kind: 'gave up' })
  }

  #compact(): void {
    const { segments, closedEndOffset } = this.#options
    let groups: { readonly segment: LogSegment }[][]
    try {
      groups = groupSegments(segments.map(sized), closedEndOffset, this.#endOffset, this.#options)
    } catch (error) {
      return this.#diskSaid(asDiskError(error))
    }
    oneByOne(
      groups.map((group) => group.map(({ segment }) => segment)),
      (group, next) => this.#compactGroup(group, next),
      () => this.#end({ kind: 'cleaned', endOffset: this.#endOffset }),
    )
  }

  #compactGroup(group: readonly LogSegment[], next: () => void): void {
    const { disk, map, producers, replace } = this.#tools
    const { directory, segments, deleteRetentionMs, nowMs } = this.#options
    const last = group.at(-1)!
    const lastNextOffset = this.#endOf(segments.indexOf(last))
    const rememberedOffsets = rememberedWithin(producers(), group[0]!.baseOffset, lastNextOffset)
    let made: CleanedSegment
    try {
      made = new CleanedSegment(disk, directory, group[0]!.baseOffset, this.#options)
    } catch (error) {
      return this.#diskSaid(asDiskError(error))
    }
    this.#making = made
    const take = (bytes: Uint8Array, taken: (stop: PieceStop, validBytes: number) => void): void => {
      const input = {
        bytes,
        map: { ...map, count: this.#keys },
        endOffset: this.#endOffset,
        nowMs,
        deleteRetentionMs,
        lastNextOffset,
        rememberedOffsets,
        target: this.#target,
      }
      this.#run(compactBatchesJob, input, (output: CompactBatchesOutput) => {
        this.recordsRead += output.recordsRead
        this.recordsKept += output.recordsKept
        this.bytesReplaced += output.validBytes
        this.bytesWritten += output.writtenBytes
        made.append(output.overflow ?? this.#target.subarray(0, output.writtenBytes), output.rows, (error) => {
          if (error !== undefined) return this.#diskSaid(error)
          if (this.#ended) return
          this.#tools.throttle(output.writtenBytes, () => {
            if (!this.#ended) taken(output.stop, output.validBytes)
          })
        })
      })
    }
    oneByOne(
      group,
      (segment, nextSegment) => this.#readThrough(segment, take, nextSegment),
      () =>
        made.finish(last.changedMs, (error) => {
          if (error !== undefined) return this.#diskSaid(error)
          if (this.#ended) return
          // From here on it is the log's.
          this.#making = undefined
          replace(made, group, (replaceError, isReplaced) => {
            if (replaceError !== undefined) return this.#diskSaid(replaceError)
            if (!isReplaced) return this.#end({ kind: 'gave up' })
            if (!this.#ended) next()
          })
        }),
    )
  }

  /** Reads a segment in pieces that begin with a batch; `take` says how far it came. */
  #readThrough(
    segment: LogSegment,
    take: (bytes: Uint8Array, next: (stop: PieceStop, validBytes: number) => void) => void,
    done: () => void,
  ): void {
    let position = 0
    const readOn = (): void => {
      if (position >= segment.sizeBytes) return done()
      const target = this.#piece.subarray(0, segment.sizeBytes - position)
      this.#read(segment, position, target, () => {
        take(target, (stop, validBytes) => {
          position += validBytes
          if (stop.kind === 'full') return done()
          if (stop.kind === 'corrupt') return this.#corrupt(segment, position, stop.reason)
          if (stop.kind === 'partial') {
            const { neededBytes } = stop
            if (neededBytes > Math.min(segment.sizeBytes - position, LARGEST_BATCH_BYTES)) {
              return this.#corrupt(segment, position, `a batch of ${neededBytes} bytes`)
            }
            if (neededBytes > this.#piece.length) {
              this.#piece = sharedBuffer(neededBytes)
              // What does not fit there is copied from thread to thread, for every batch anew.
              this.#target = sharedBuffer(neededBytes)
            }
          }
          readOn()
        })
      })
    }
    readOn()
  }

  #read(segment: LogSegment, position: number, target: Buffer, next: () => void): void {
    try {
      segment.file.read(position, target, (error, bytesRead) => {
        if (this.#ended) return
        if (error !== undefined) return this.#diskSaid(error)
        if (bytesRead < target.length) return this.#corrupt(segment, position + bytesRead, 'the file ends')
        this.#tools.throttle(bytesRead, () => {
          if (!this.#ended) next()
        })
      })
    } catch (error) {
      this.#diskSaid(asDiskError(error))
    }
  }

  #run<Input, Output>(job: Job<Input, Output>, input: Input, next: (output: Output) => void): void {
    this.#tools.compute.run(job, input, (error, output) => {
      if (this.#ended) return
      if (output === undefined) this.#end({ kind: 'uncleanable', reason: `${job.name} failed: ${error?.message}` })
      else next(output)
    })
  }

  #corrupt(segment: LogSegment, position: number, reason: string): void {
    this.#end({ kind: 'uncleanable', reason: `${segment.file.path} at ${position}: ${reason}` })
  }

  /** A file that was closed: its segment was taken out of the log. */
  #diskSaid(error: DiskError): void {
    this.#end(error.code === 'EBADF' ? { kind: 'gave up' } : { kind: 'disk', error })
  }

  #end(end: CleaningEnd): void {
    if (this.#ended) return
    this.#ended = true
    let result = end
    try {
      this.#making?.abandon()
    } catch (error) {
      result = { kind: 'disk', error: asDiskError(error) }
    }
    this.#done(result)
  }

  #endOf(index: number): number {
    const { segments, closedEndOffset } = this.#options
    return segments[index + 1]?.baseOffset ?? closedEndOffset
  }
}

/** Last offsets, rising, of the batches that are remembered of producers and stand in [from, to). */
function rememberedWithin(producers: ProducerState, from: number, to: number): Float64Array {
  const offsets: number[] = []
  for (const { batches } of producers.entries()) {
    for (const { lastOffset } of batches) if (lastOffset >= from && lastOffset < to) offsets.push(lastOffset)
  }
  return Float64Array.from(offsets).sort()
}

function sharedBuffer(sizeBytes: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(sizeBytes))
}

/** Throws `DiskError`. */
function sized(segment: LogSegment): GroupableSegment & { readonly segment: LogSegment } {
  const { baseOffset, sizeBytes, indexes } = segment
  return {
    segment,
    ...{ baseOffset, sizeBytes },
    ...{ offsetIndexBytes: indexes.offsets.sizeBytes, timeIndexBytes: indexes.times.sizeBytes },
  }
}
