/**
 * Reads a log's bytes as they stand: no batch is decoded. What is probably in the page cache is read on the event loop, the rest through the
 * pool. Buffers are recycled.
 *
 * No batch is given away whose checksum is wrong: what stands before it is, then it is an error. What this process has appended and just reads back from the
 * end of the log was looked at when it came.
 */
import type { DiskError } from '../io/disk.js'
import { BATCH_HEADER_BYTES } from '../records/batch.js'
import { RecordFormatError } from '../records/reader.js'
import { asDiskError } from './atomic-file.js'
import { DamagedBatchError } from './log-damaged-error.js'
import type { LogEnvironment } from './log-environment.js'
import type { LogSegment } from './log-segment.js'
import type { Segments } from './segments.js'
import { soundBatches } from './stored-batches.js'

/** What lies this close to the end of the active segment is taken to be in the page cache. */
const WARM_TAIL_BYTES = 64 * 1024 * 1024

export interface ReadRequest {
  readonly offset: number
  /** Only batches below it are returned. */
  readonly upToOffset: number
  readonly maxBytes: number
  /** Return the first batch whole even if it is larger than `maxBytes`. */
  readonly wholeFirstBatch: boolean
}

/** Batches as they stand, the last one perhaps cut off. Call `release` when nobody looks at the bytes any more. */
export interface LogRead {
  readonly bytes: Uint8Array
  readonly release: () => void
}

export type ReadDone = (error: DiskError | DamagedBatchError | undefined, read: LogRead | undefined) => void

const NOTHING: LogRead = { bytes: new Uint8Array(0), release: () => {} }

interface Range {
  readonly segment: LogSegment
  readonly position: number
  readonly length: number
  /** A batch ends there. */
  readonly isWhole: boolean
}

/** From `request.offset` on, which the log must have reached and not left behind. Done may come before this returns. */
export function readLog(
  environment: LogEnvironment,
  directory: string,
  segments: Segments,
  request: ReadRequest,
  done: ReadDone,
): void {
  let range: Range | 'damaged' | undefined
  try {
    range = rangeOf(segments, request)
  } catch (error) {
    return done(asDiskError(error), undefined)
  }
  if (range === undefined) return done(undefined, NOTHING)
  if (range === 'damaged') return done(new DamagedBatchError(directory, request.offset), undefined)
  const { segment, position, length, isWhole } = range
  const warm = segment === segments.active && position >= segment.writtenBytes - WARM_TAIL_BYTES
  const isKnown = warm && request.offset >= segments.appendedFrom
  const buffer = environment.buffers.take(length)
  const target = buffer.subarray(0, length)
  const finish = (error: DiskError | undefined, bytesRead: number): void => {
    const release = (): void => environment.buffers.give(buffer)
    const bytes = buffer.subarray(0, bytesRead)
    if (error === undefined && isKnown) return done(undefined, { bytes, release })
    if (error === undefined) {
      const { bytes: soundBytes, isDamaged } = soundBatches(bytes, {
        fromOffset: request.offset,
        upToOffset: request.upToOffset,
        isWhole,
      })
      if (!isDamaged) return done(undefined, { bytes, release })
      if (soundBytes > 0) return done(undefined, { bytes: bytes.subarray(0, soundBytes), release })
      release()
      return done(new DamagedBatchError(directory, request.offset), undefined)
    }
    release()
    done(error, undefined)
  }
  if (!warm) return segment.file.read(position, target, finish)
  let bytesRead: number
  try {
    bytesRead = segment.file.readSync(position, target)
  } catch (error) {
    return finish(asDiskError(error), 0)
  }
  finish(undefined, bytesRead)
}

/** The first batch that reaches `fromOffset` and has a timestamp of at least this, below `upToOffset`; undefined if there is none. Throws
 * `DiskError` and `RecordFormatError`. */
export function batchAtTimestamp(
  segments: Segments,
  timestamp: number,
  fromOffset: number,
  upToOffset: number,
): Uint8Array | undefined {
  for (const segment of segments.all) {
    if (segment.baseOffset >= upToOffset) return undefined
    if (segment.maxTimestamp < timestamp) continue
    const position = segment.positionOfTimestamp(timestamp, fromOffset, segments.endPosition(segment, upToOffset))
    if (position === undefined) continue
    const size = segment.batchSizeAt(position)
    if (size === 0) throw new RecordFormatError(`no batch begins at ${position} in ${segment.file.path}: it is damaged`)
    const bytes = Buffer.allocUnsafe(size)
    segment.file.readSync(position, bytes)
    return bytes
  }
  return undefined
}

/** Throws `DiskError`. */
function rangeOf(segments: Segments, request: ReadRequest): Range | 'damaged' | undefined {
  const { offset, upToOffset, maxBytes, wholeFirstBatch } = request
  if (offset >= upToOffset) return undefined
  const segment = segments.containing(offset)
  const end = segments.endPosition(segment, upToOffset)
  const position = segments.positionOf(segment, offset)
  // Batches follow one another up to the end of the segment, unless the length of one is wrong.
  if (position === undefined) return 'damaged'
  if (position >= end) return undefined
  const length = Math.min(maxBytes, end - position)
  const whole = end - position === length
  if (whole && length >= BATCH_HEADER_BYTES) return { segment, position, length, isWhole: true }
  const firstBatchBytes = segment.batchSizeAt(position)
  if (firstBatchBytes === 0) return 'damaged'
  if (length >= firstBatchBytes) return { segment, position, length, isWhole: whole }
  return wholeFirstBatch ? { segment, position, length: firstBatchBytes, isWhole: true } : undefined
}
