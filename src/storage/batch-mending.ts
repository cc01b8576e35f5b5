/**
 * Mending: where in a log that is in use a batch has rotted, and how what another replica has of it is written into its place. Replicas have the same bytes, unless
 * compaction has left others of their records out; so what is written must fit to the byte, or nothing is done.
 *
 * A crash in the middle leaves a batch whose checksum is wrong, as before.
 */
import type { DiskDone, DiskError } from '../io/disk.js'
import { BATCH_HEADER_BYTES, BatchView, MAGIC_V2 } from '../records/batch.js'
import { BatchIterator } from '../records/reader.js'
import { asDiskError } from './atomic-file.js'
import type { LogSegment } from './log-segment.js'
import type { PartitionLog } from './partition-log.js'

/** A batch that has rotted. */
export interface Damage {
  readonly segment: LogSegment
  readonly position: number
  /** What it holds first. */
  readonly offset: number
}

/** `misfit`: the bytes are no batch that can have stood there. `gone`: the segment is not in use any more. */
export type Mended = 'mended' | 'misfit' | 'gone'

/** So much is read at once. */
const PIECE_BYTES = 1024 * 1024

/** Looks for the first batch that has rotted in the segment that holds `offset`. Of what the disk says only that it could not be read. */
export function findDamage(
  log: PartitionLog,
  offset: number,
  done: (error: DiskError | undefined, damage: Damage | undefined) => void,
): void {
  const segment = segmentOf(log, offset)
  const { writtenBytes } = segment
  /** Of the batch before: where it begins, and whether its offset is the one that it has to have. */
  let before = { position: 0, offset: segment.baseOffset, fits: true }
  let expected = segment.baseOffset
  const damaged = (position: number, at = expected): void => done(undefined, { segment, position, offset: at })
  const look = (start: number, bytes: Uint8Array): void => {
    const batches = new BatchIterator(bytes)
    for (;;) {
      const position = start + batches.position
      const step = batches.next()
      if (step === 'end' || (step === 'partial' && position > start)) return readOn(position)
      const { batch } = batches
      if (step !== 'batch' || batch.computeCrc() !== batch.crc) return damaged(position)
      if (batch.baseOffset < expected) return before.fits ? damaged(position) : damaged(before.position, before.offset)
      before = { position, offset: expected, fits: batch.baseOffset === expected }
      expected = batch.nextOffset
    }
  }
  const readOn = (start: number): void => {
    if (start >= writtenBytes) {
      const end = log.segments[log.segments.indexOf(segment) + 1]?.baseOffset ?? log.logEndOffset
      return expected > end && !before.fits ? damaged(before.position, before.offset) : done(undefined, undefined)
    }
    let size: number
    try {
      size = segment.batchSizeAt(start)
    } catch (error) {
      return done(asDiskError(error), undefined)
    }
    if (size === 0) return damaged(start)
    const bytes = Buffer.allocUnsafe(Math.min(writtenBytes - start, Math.max(size, PIECE_BYTES)))
    segment.file.read(start, bytes, (error, bytesRead) => {
      if (error !== undefined) done(error, undefined)
      else if (bytesRead < size) damaged(start)
      else look(start, bytes.subarray(0, bytesRead))
    })
  }
  readOn(0)
}

/** Writes a batch, whose checksum is right, into the place of one that has rotted; durably. */
export function mend(
  log: PartitionLog,
  { segment, position, offset }: Damage,
  bytes: Uint8Array,
  done: (error: DiskError | undefined, mended: Mended) => void,
): void {
  if (log.closed || !log.segments.includes(segment)) return done(undefined, 'gone')
  const batch = new BatchView().reset(bytes, 0)
  const end = position + bytes.length
  try {
    if (
      batch.baseOffset !== offset ||
      end > segment.writtenBytes ||
      !goesOnBehind(log, segment, end, batch.nextOffset)
    ) {
      return done(undefined, 'misfit')
    }
  } catch (error) {
    return done(asDiskError(error), 'misfit')
  }
  const finish: DiskDone = (error) => done(error, 'mended')
  segment.file.rewrite(position, bytes, (error) => (error === undefined ? segment.file.flush(finish) : finish(error)))
}

/** Whether a batch that ends there, before `nextOffset`, has a neighbour behind it, or is the last one. Throws `DiskError`. */
function goesOnBehind(log: PartitionLog, segment: LogSegment, end: number, nextOffset: number): boolean {
  if (end === segment.writtenBytes) {
    const next = log.segments[log.segments.indexOf(segment) + 1]
    return nextOffset === (next?.baseOffset ?? log.logEndOffset)
  }
  const header = Buffer.allocUnsafe(BATCH_HEADER_BYTES)
  if (segment.file.readSync(end, header) < header.length) return false
  const { magic, baseOffset } = new BatchView().reset(header, 0)
  return magic === MAGIC_V2 && baseOffset >= nextOffset && segment.batchSizeAt(end) > 0
}

function segmentOf({ segments }: PartitionLog, offset: number): LogSegment {
  return segments.findLast(({ baseOffset }) => baseOffset <= offset) ?? segments[0]!
}
