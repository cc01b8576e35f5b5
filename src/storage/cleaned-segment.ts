/**
 * CleanedSegment: a segment that is made of others, beside them: its files have a suffix that says so, and a start that finds them removes them. What
 * takes its place in the log is in `segment-replacement.ts`.
 */
import { type Disk, type DiskDone, DiskError } from '../io/disk.js'
import { ROW_CELLS } from '../log/compaction.js'
import { SegmentIndexes } from '../log/segment-indexes.js'
import { LogSegment, type SegmentFile, type SegmentOptions, segmentPath, writeFlushed } from './log-segment.js'

/** Of files that are being written, and mean nothing yet. */
export const CLEANED_SUFFIX = '.cleaned'
/** Which of a segment's files are made anew; the log goes last where names are given. */
export const CLEANED_FILES = ['index', 'timeindex', 'log'] as const satisfies readonly SegmentFile[]

export class CleanedSegment {
  readonly segment: LogSegment
  readonly #disk: Disk
  readonly #directory: string

  /** Throws `DiskError`. */
  constructor(disk: Disk, directory: string, baseOffset: number, options: SegmentOptions) {
    this.#disk = disk
    this.#directory = directory
    const file = disk.open(segmentPath(directory, baseOffset, 'log') + CLEANED_SUFFIX, { create: true })
    if (file.sizeBytes > 0) file.truncate(0)
    const indexes = SegmentIndexes.empty(baseOffset, options.indexBytes, options.indexIntervalBytes)
    this.segment = new LogSegment(baseOffset, file, indexes)
  }

  /** Batches, and the rows that `compactBatches` tells of them. */
  append(bytes: Uint8Array, rows: Float64Array, done: DiskDone): void {
    const { segment } = this
    for (let at = 0; at < rows.length; at += ROW_CELLS) {
      segment.add({ sizeBytes: rows[at]!, lastOffset: rows[at + 1]!, maxTimestamp: rows[at + 2]! }, segment.changedMs)
    }
    if (bytes.length === 0) return done(undefined)
    this.#asking((finish) => segment.file.append([bytes], finish), done)
  }

  /** Makes everything durable but the names. `changedMs`: when the last of those that it replaces last changed. */
  finish(changedMs: number, done: DiskDone): void {
    const { segment } = this
    segment.indexes.close()
    segment.changedMs = segment.createdMs = changedMs
    segment.writtenBytes = segment.flushedBytes = segment.sizeBytes
    segment.filesWritten = true
    const { offsets, times } = segment.indexes
    this.#asking(
      (finish) => segment.file.flush(finish),
      (error) => {
        if (error !== undefined) return done(error)
        writeFlushed(this.#disk, this.pathOf('index'), offsets.toBytes(), (indexError) => {
          if (indexError !== undefined) return done(indexError)
          writeFlushed(this.#disk, this.pathOf('timeindex'), times.toBytes(), done)
        })
      },
    )
  }

  pathOf(kind: SegmentFile): string {
    return segmentPath(this.#directory, this.segment.baseOffset, kind) + CLEANED_SUFFIX
  }

  /** Lets go of it, and removes its files. Throws `DiskError`. */
  abandon(): void {
    this.segment.close()
    for (const kind of CLEANED_FILES) this.#disk.remove(this.pathOf(kind))
  }

  /** Where the file was closed meanwhile, that is the answer. */
  #asking(ask: (finish: DiskDone) => void, done: DiskDone): void {
    try {
      ask(done)
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      done(error)
    }
  }
}
