/**
 * Reads a range of a log piece by piece, and makes its digest (`replication/replica-digests.ts`): of what stands on the disk, not of what was appended once.
 */
import type { Clock } from '../io/clock.js'
import { BatchIterator } from '../records/reader.js'
import { RangeDigest, type RangeFault } from '../replication/replica-digests.js'
import { DamagedBatchError } from '../storage/log-damaged-error.js'
import type { PartitionLog } from '../storage/partition-log.js'

/** So much is read at once, unless a batch is larger. */
export const PIECE_BYTES = 256 * 1024

export interface RangeRead {
  /** Behind the last whole batch; where it began if there was none. */
  readonly endOffset: number
  readonly bytes: number
  /** Undefined: there is none. */
  readonly digest: string | undefined
  readonly fault: RangeFault | 'unreadable' | undefined
}

interface Range {
  readonly offset: number
  readonly upToOffset: number
}

/** One piece from `offset` on. */
export function digestPiece(log: PartitionLog, { offset, upToOffset }: Range, done: (read: RangeRead) => void): void {
  const digest = new RangeDigest()
  readInto(digest, log, { offset, upToOffset }, (bytes, fault) => done(resultOf(digest, offset, bytes, fault)))
}

/** All of it. */
export function digestRange(
  log: PartitionLog,
  { offset, upToOffset }: Range,
  clock: Clock,
  done: (read: RangeRead) => void,
): void {
  const digest = new RangeDigest()
  let bytes = 0
  const readOn = (from: number): void =>
    readInto(digest, log, { offset: from, upToOffset }, (read, fault) => {
      bytes += read
      const nextOffset = digest.nextOffset ?? offset
      if (fault === undefined && nextOffset < upToOffset && read > 0) clock.defer(() => readOn(nextOffset))
      else done(resultOf(digest, offset, bytes, fault))
    })
  readOn(offset)
}

function resultOf(digest: RangeDigest, offset: number, bytes: number, fault: RangeRead['fault']): RangeRead {
  const text = fault === undefined ? digest.toText() : undefined
  return { endOffset: digest.nextOffset ?? offset, bytes, digest: text, fault }
}

/** `bytes`: of whole batches. */
function readInto(
  digest: RangeDigest,
  log: PartitionLog,
  { offset, upToOffset }: Range,
  done: (bytes: number, fault: RangeRead['fault']) => void,
): void {
  if (log.closed || log.failed || offset < log.startOffset || upToOffset > log.settledEndOffset) {
    return done(0, 'unreadable')
  }
  log.read({ offset, upToOffset, maxBytes: PIECE_BYTES, wholeFirstBatch: true }, (error, read) => {
    if (read === undefined) return done(0, error instanceof DamagedBatchError ? 'damaged' : 'unreadable')
    const batches = new BatchIterator(read.bytes)
    let fault: RangeFault | undefined
    while (fault === undefined && batches.next() === 'batch') fault = digest.add(batches.batch)
    const { position } = batches
    read.release()
    done(position, fault)
  })
}
