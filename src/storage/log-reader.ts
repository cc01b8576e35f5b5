/**
 * Reads a log's bytes as they stand: no batch is decoded. What is probably in the page cache is read on the event loop, the rest through the
 * pool. Buffers are recycled.
 */
import type { DiskError } from '../io/disk.js'
import { BATCH_HEADER_BYTES } from '../records/batch.js'
import { RecordFormatError } from '../records/reader.js'
import { asDiskError } from './atomic-file.js'
import type { LogEnvironment } from './log-environment.js'
import type { LogSegment } from './log-segment.js'
import type { Segments } from './segments.js'

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

export type ReadDone = (error: DiskError | undefined, read: LogRead | undefined) => void

const NOTHING: LogRead = { bytes: new Uint8Array(0), release: () => {} }

interface Range {
  readonly segment: LogSegment
  readonly position: number
  readonly length: number
}

/** From `request.offset` on, which the log must have reached and not left behind. Done may come before this returns. */
export function readLog(environment: LogEnvironment, segments: Segments, request: ReadRequest, done: ReadDone): void {
  let range: Range | undefined
  try {
    range = rangeOf(segments, request)
  } catch (error) {
    return done(asDiskError(error), undefined)
  }
  if (range === undefined) return done(undefined, NOTHING)
  const { segment, position, length } = range
  const buffer = environment.buffers.take(length)
  const target = buffer.subarray(0, length)
  const finish = (error: DiskError | undefined, bytesRead: number): void => {
    const release = (): void => environment.buffers.give(buffer)
    if (error === undefined) return done(undefined, { bytes: buffer.subarray(0, bytesRead), release })
    release()
    done(error, undefined)
  }
  const warm = segment === segments.active && position >= segment.writtenBytes - WARM_TAIL_BYTES
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
function rangeOf(segments: Segments, request: ReadRequest): Range | undefined {
  const { offset, upToOffset, maxBytes, wholeFirstBatch } = request
  if (offset >= upToOffset) return undefined
  const segment = segments.containing(offset)
  const end = segments.endPosition(segment, upToOffset)
  const position = segments.positionOf(segment, offset)
  if (position === undefined || position >= end) return undefined
  const length = Math.min(maxBytes, end - position)
  const whole = end - position === length
  if (whole && length >= BATCH_HEADER_BYTES) return { segment, position, length }
  const firstBatchBytes = segment.batchSizeAt(position)
  if (length >= firstBatchBytes) return { segment, position, length }
  return wholeFirstBatch ? { segment, position, length: firstBatchBytes } : undefined
}
