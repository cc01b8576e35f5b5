/**
 * LogSegment: one file of batches with its two indexes. It knows positions and bytes; offsets are given out by the log that owns it.
 *
 *     00000000000000000042.log        batches, one after the other, the first with base offset 42
 *     00000000000000000042.index      offset -> position      } in memory while it grows, written when the segment is
 *     00000000000000000042.timeindex  timestamp -> offset     } closed or the log stops cleanly, rebuilt otherwise
 *     00000000000000000042.snapshot   the producers' state before offset 42
 */
import type { Disk, DiskDone, DiskFile } from '../io/disk.js'
import { OFFSET_INDEX_ENTRY_BYTES, OffsetIndex } from '../log/offset-index.js'
import { SegmentIndexes } from '../log/segment-indexes.js'
import { TimeIndex } from '../log/time-index.js'
import { BATCH_HEADER_BYTES, BatchView, MAGIC_V2, NO_TIMESTAMP } from '../records/batch.js'
import { asDiskError } from './atomic-file.js'
import type { IndexCache } from './index-cache.js'

/** How much is read at a time to hop from header to header. */
const HOP_WINDOW_BYTES = 16 * 1024

/** The log's state at one offset, as its files hold it. */
export interface StateSnapshot {
  /** `.snapshot` */
  readonly producers: Uint8Array
  /** `replica-digest-checkpoint` */
  readonly digest: string
}

export interface SegmentOptions {
  /** `segment.index.bytes` */
  readonly indexBytes: number
  /** `index.interval.bytes` */
  readonly indexIntervalBytes: number
}

/** What is believed of a segment's index files. `if they fit`: appends will go on from their last entries. */
export type IndexTrust = 'none' | 'if they fit' | 'files'

export class LogSegment {
  readonly baseOffset: number
  readonly file: DiskFile
  /** Undefined: dropped, and in the files. */
  #indexes: SegmentIndexes | undefined
  /** Of a closed segment whose indexes may be dropped. */
  #cache: IndexCache | undefined
  #readAgain: (() => SegmentIndexes) | undefined
  #latest = { maxTimestamp: NO_TIMESTAMP, offsetOfMaxTimestamp: 0 }
  /** With what is still to be written. */
  sizeBytes: number
  /** When it last changed, in ms since 1970, as far as this process knows: it stands in for timestamps that there are none of. */
  changedMs = 0
  /** When it was made, or opened. */
  createdMs = 0
  /** See `RollableSegment`. */
  rollJitterMs = 0
  /** See `RollableSegment`. Of a segment that was opened: known once `readFirstTimestamp` was called. */
  firstTimestamp = NO_TIMESTAMP
  /** The end of what is written and can be read. */
  writtenBytes: number
  /** Up to where the file is known to be durable. */
  flushedBytes = 0
  /** Of a closed segment: its index files and the snapshot after it are durable. */
  filesWritten = false
  /** It was there when the log was loaded: there may be index files of a part of it. */
  wasThere = false
  /** What the log's state was before this segment: to be written down once, undefined when it has been. */
  stateBefore: StateSnapshot | undefined

  constructor(baseOffset: number, file: DiskFile, indexes: SegmentIndexes) {
    this.baseOffset = baseOffset
    this.file = file
    this.#indexes = indexes
    this.sizeBytes = file.sizeBytes
    this.writtenBytes = file.sizeBytes
  }

  /** A new, empty one. Throws `DiskError`. */
  static create(disk: Disk, directory: string, baseOffset: number, options: SegmentOptions): LogSegment {
    const file = disk.open(segmentPath(directory, baseOffset, 'log'), { create: true })
    if (file.sizeBytes > 0) file.truncate(0)
    const indexes = SegmentIndexes.empty(baseOffset, options.indexBytes, options.indexIntervalBytes)
    return new LogSegment(baseOffset, file, indexes)
  }

  /** One that is there, with its indexes from their files as far as these are trusted, else empty. Throws `DiskError`. */
  static open(
    disk: Disk,
    directory: string,
    baseOffset: number,
    options: SegmentOptions,
    trust: IndexTrust,
  ): { readonly segment: LogSegment; readonly indexed: boolean } {
    const file = disk.open(segmentPath(directory, baseOffset, 'log'), { create: false })
    const found = trust === 'none' ? undefined : readIndexes(disk, directory, baseOffset, file.sizeBytes, options)
    const opened = (indexes: SegmentIndexes): LogSegment => {
      const segment = new LogSegment(baseOffset, file, indexes)
      segment.wasThere = true
      return segment
    }
    if (found !== undefined) {
      const segment = opened(found)
      if (trust === 'files' || segment.indexesFit) return { segment, indexed: true }
    }
    const empty = SegmentIndexes.empty(baseOffset, options.indexBytes, options.indexIntervalBytes)
    return { segment: opened(empty), indexed: false }
  }

  /** Throws `DiskError` if they have to be read again and cannot be. */
  get indexes(): SegmentIndexes {
    this.#indexes ??= this.#readAgain!()
    this.#cache?.keep(this)
    return this.#indexes
  }

  /** What the entries take in memory. */
  get indexBytes(): number {
    return this.#indexes?.memoryBytes ?? 0
  }

  /** Where the last batch of such a file ends; the base offset if there is none. Throws `DiskError`. */
  static endOffsetOf(baseOffset: number, file: DiskFile): number {
    const segment = new LogSegment(baseOffset, file, SegmentIndexes.empty(baseOffset, 0, 0))
    let endOffset = baseOffset
    segment.#hop(0, file.sizeBytes, (batch) => {
      endOffset = batch.nextOffset
      return false
    })
    return endOffset
  }

  get isFull(): boolean {
    return this.indexes.isFull
  }

  /** The latest timestamp of its batches; -1 if there is none. */
  get maxTimestamp(): number {
    return this.#indexes?.maxTimestamp ?? this.#latest.maxTimestamp
  }

  /** The last offset of the batch that brought it. */
  get offsetOfMaxTimestamp(): number {
    return this.#indexes?.offsetOfMaxTimestamp ?? this.#latest.offsetOfMaxTimestamp
  }

  /** The segment is closed and its index files are durable: the entries need not stay in memory. */
  mayDropIndexes(cache: IndexCache, disk: Disk, directory: string): void {
    const { offsets, intervalBytes } = this.indexes
    const options = {
      indexBytes: offsets.maximumEntries * OFFSET_INDEX_ENTRY_BYTES,
      indexIntervalBytes: intervalBytes,
    }
    this.#cache = cache
    this.#readAgain = () =>
      readIndexes(disk, directory, this.baseOffset, this.sizeBytes, options) ??
      SegmentIndexes.empty(this.baseOffset, options.indexBytes, options.indexIntervalBytes)
    cache.keep(this)
  }

  dropIndexes(): void {
    const { maxTimestamp, offsetOfMaxTimestamp } = this
    this.#latest = { maxTimestamp, offsetOfMaxTimestamp }
    this.#indexes = undefined
  }

  /** Before it takes appends. Throws `DiskError`. */
  readFirstTimestamp(): void {
    this.firstTimestamp = this.#headerAt(0)?.maxTimestamp ?? NO_TIMESTAMP
  }

  /** Takes note of a batch at its end; `nowMs` since 1970. */
  add(
    batch: { readonly sizeBytes: number; readonly lastOffset: number; readonly maxTimestamp: number },
    nowMs: number,
  ): void {
    const { sizeBytes, lastOffset, maxTimestamp } = batch
    if (this.sizeBytes === 0) this.firstTimestamp = maxTimestamp
    this.indexes.append(this.sizeBytes, lastOffset, maxTimestamp)
    this.sizeBytes += sizeBytes
    this.changedMs = nowMs
  }

  /** Of its records, or of its last change where they have no time. */
  get latestTimestamp(): number {
    const { maxTimestamp } = this
    return maxTimestamp < 0 ? this.changedMs : maxTimestamp
  }

  /**
   * Where the batch begins that holds `offset`, or the first one behind it; `undefined` if there is none below `endPosition`.
   * Throws `DiskError`.
   */
  positionOf(offset: number, endPosition: number): number | undefined {
    return this.#hop(this.startFor(offset), endPosition, (batch) => batch.lastOffset >= offset)
  }

  /** Where the first batch begins that reaches `fromOffset` and holds a timestamp of at least this. Throws `DiskError`. */
  positionOfTimestamp(timestamp: number, fromOffset: number, endPosition: number): number | undefined {
    const start = this.startFor(Math.max(fromOffset, this.indexes.times.lookup(timestamp).offset))
    return this.#hop(start, endPosition, (batch) => batch.maxTimestamp >= timestamp && batch.lastOffset >= fromOffset)
  }

  /** The largest timestamp of the batches that reach `fromOffset`; -1 if there is none. Throws `DiskError`. */
  maxTimestampFrom(fromOffset: number): number {
    const { maxTimestamp, offsetOfMaxTimestamp } = this
    if (offsetOfMaxTimestamp >= fromOffset || maxTimestamp < 0) return maxTimestamp
    let largest = NO_TIMESTAMP
    this.#hop(this.startFor(fromOffset), this.writtenBytes, (batch) => {
      if (batch.lastOffset >= fromOffset) largest = Math.max(largest, batch.maxTimestamp)
      return false
    })
    return largest
  }

  /**
   * Where to begin looking for the batch with `offset`: where the index says, if a batch stands there that is not behind what is looked for, else
   * at the beginning. An index has no checksum; one that has rotted costs time, and no records. Throws `DiskError`.
   */
  startFor(offset: number): number {
    const { position, offset: lastOffset } = this.indexes.offsets.lookup(offset)
    if (position === 0 || position >= this.writtenBytes) return position
    const batch = this.#headerAt(position)
    const stands = batch !== undefined && batch.magic === MAGIC_V2 && isWithin(batch, this.baseOffset, lastOffset)
    return stands ? position : 0
  }

  /** Whether the last entries of the indexes speak of batches that are there: appends will go on from them. Throws `DiskError`. */
  get indexesFit(): boolean {
    const { offsets, times } = this.indexes
    if (offsets.count > 0 && this.#headerAt(offsets.lastPosition)?.lastOffset !== offsets.lastOffset) return false
    if (times.count === 0) return true
    const position = this.positionOf(times.lastOffset, this.writtenBytes)
    const latest = position === undefined ? undefined : this.#headerAt(position)
    return latest?.lastOffset === times.lastOffset && latest.maxTimestamp === times.lastTimestamp
  }

  /** The size of the batch that begins at `position`; 0 if no whole one does: what was flushed may have rotted. Throws `DiskError`. */
  batchSizeAt(position: number): number {
    const sizeBytes = this.#headerAt(position)?.sizeBytes ?? 0
    return sizeBytes >= BATCH_HEADER_BYTES && sizeBytes <= this.writtenBytes - position ? sizeBytes : 0
  }

  /** Writes both index files and makes their content durable (not yet their names). */
  writeIndexes(disk: Disk, directory: string, done: DiskDone): void {
    const { offsets, times } = this.indexes
    writeFlushed(disk, segmentPath(directory, this.baseOffset, 'index'), offsets.toBytes(), (error) => {
      if (error !== undefined) return done(error)
      writeFlushed(disk, segmentPath(directory, this.baseOffset, 'timeindex'), times.toBytes(), done)
    })
  }

  close(): void {
    this.#cache?.forget(this)
    this.#cache = undefined
    this.file.close()
  }

  #headerAt(position: number): BatchView | undefined {
    const header = Buffer.allocUnsafe(BATCH_HEADER_BYTES)
    return this.file.readSync(position, header) < header.length ? undefined : new BatchView().reset(header, 0)
  }

  #hop(start: number, endPosition: number, found: (batch: BatchView) => boolean): number | undefined {
    const window = Buffer.allocUnsafe(HOP_WINDOW_BYTES)
    const batch = new BatchView()
    let windowStart = start
    let windowEnd = start
    let nextOffset = this.baseOffset
    for (let position = start; position + BATCH_HEADER_BYTES <= endPosition; ) {
      if (position + BATCH_HEADER_BYTES > windowEnd) {
        windowStart = position
        windowEnd = position + this.file.readSync(position, window)
        if (position + BATCH_HEADER_BYTES > windowEnd) return undefined
      }
      batch.reset(window, position - windowStart)
      // An offset that has rotted would have it stepped over.
      if (batch.baseOffset < nextOffset) return undefined
      nextOffset = batch.nextOffset
      if (found(batch)) return position
      const size = batch.sizeBytes
      if (size < BATCH_HEADER_BYTES) return undefined
      position += size
    }
    return undefined
  }
}

function isWithin({ baseOffset, sizeBytes }: BatchView, firstOffset: number, lastOffset: number): boolean {
  return baseOffset >= firstOffset && baseOffset <= lastOffset && sizeBytes >= BATCH_HEADER_BYTES
}

export const SEGMENT_FILES = ['log', 'index', 'timeindex', 'snapshot'] as const
export type SegmentFile = (typeof SEGMENT_FILES)[number]

/** Of a segment's file that was taken out of service, and is removed later. */
export const DELETED_SUFFIX = '.deleted'

export function segmentPath(directory: string, baseOffset: number, kind: SegmentFile): string {
  return `${directory}/${String(baseOffset).padStart(20, '0')}.${kind}`
}

export interface SegmentName {
  readonly baseOffset: number
  readonly kind: SegmentFile
}

/** The base offset and the kind, if that is the name of a segment's file. */
export function parseSegmentName(name: string): SegmentName | undefined {
  const match = /^(\d{20})\.(log|index|timeindex|snapshot)$/.exec(name)
  return match === null ? undefined : { baseOffset: Number(match[1]), kind: match[2] as SegmentFile }
}

/**
 * The indexes of a segment from their files; undefined if one is missing, damaged, or speaks of more than the `logBytes` of batches that
 * there are. Throws `DiskError`.
 */
function readIndexes(
  disk: Disk,
  directory: string,
  baseOffset: number,
  logBytes: number,
  options: SegmentOptions,
): SegmentIndexes | undefined {
  const offsetBytes = disk.readFile(segmentPath(directory, baseOffset, 'index'))
  const timeBytes = disk.readFile(segmentPath(directory, baseOffset, 'timeindex'))
  if (offsetBytes === undefined || timeBytes === undefined) return undefined
  const offsets = OffsetIndex.fromBytes(offsetBytes, baseOffset, options.indexBytes)
  const times = TimeIndex.fromBytes(timeBytes, baseOffset, options.indexBytes)
  if (offsets.kind === 'corrupt' || times.kind === 'corrupt') return undefined
  if (offsets.value.count > 0 && offsets.value.lastPosition >= logBytes) return undefined
  return new SegmentIndexes(offsets.value, times.value, options.indexIntervalBytes)
}

/** Replaces a file that can be rebuilt, not atomically; its bytes, not its name, are durable when done. */
export function writeFlushed(disk: Disk, path: string, bytes: Uint8Array, done: DiskDone): void {
  let file: DiskFile
  try {
    file = disk.open(path, { create: true })
    file.truncate(0)
  } catch (error) {
    return done(asDiskError(error))
  }
  const finish: DiskDone = (error) => {
    file.close()
    done(error)
  }
  if (bytes.length === 0) return file.flush(finish)
  file.append([bytes], (error) => (error === undefined ? file.flush(finish) : finish(error)))
}
