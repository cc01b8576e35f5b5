/**
 * The work of compaction (KIP-58, KIP-534) on pieces of a log, for the compute port: `indexKeys` takes the keys of batches into an `OffsetMap`,
 * `compactBatches` copies batches without the records that a later one of the same key has taken the place of. Decisions about which pieces are in
 * `compaction-plan.ts`, the files are the shell's.
 *
 *      0        first dirty offset      end of the map         uncleanable
 *      ├─────────────┼───────────────────────┼─────────────────────┤
 *      │             │  keys are indexed     │   copied as it is   │
 *      │  records of a key that is indexed   │
 *      │  at a later offset are left out     │
 *
 * What stays keeps its offset, and a batch its base and last offset, its producer and its sequences. A batch without records stays as a header where
 * it is the last of its segment, so that segments follow one another without a hole, or one of those that the log remembers of a producer. A record
 * without a value (a tombstone) stays until the delete horizon of its batch, which is set when it is met for the first time. A record without a key
 * has no place in a compacted log, and goes.
 *
 * Batches of transactions and control batches stay as they are, and take nobody's place: which transactions were aborted is not known here.
 */
import type { Job } from '../io/compute.js'
import type { BatchView } from '../records/batch.js'
import { CompressionError } from '../records/compression/codec.js'
import { BatchIterator, MAX_OPENED_BYTES, plainRecords, RecordFormatError } from '../records/reader.js'
import { RecordCursor } from '../records/record-cursor.js'
import { CompactedBatch } from './compacted-batch.js'
import { OffsetMap, type OffsetMapState } from './offset-map.js'

/** What the pieces of both passes have in common. */
interface Piece {
  /** Begins with a batch. */
  readonly bytes: Uint8Array
  readonly map: OffsetMapState
}

/** Why a piece was not read further. */
export type PieceStop =
  /** The last batch ends with the piece. */
  | { readonly kind: 'end' }
  /** The last batch goes on behind the piece: the next one needs at least so many bytes. */
  | { readonly kind: 'partial'; readonly neededBytes: number }
  /** The map takes no more keys. */
  | { readonly kind: 'full' }
  /** What follows is no whole batch, or one that cannot be read. */
  | { readonly kind: 'corrupt'; readonly reason: string }

export interface IndexKeysInput extends Piece {
  /** The memory was used before. */
  readonly clear: boolean
  /** Records before it are not looked at. */
  readonly fromOffset: number
  /** How many keys the map may take. */
  readonly maximumKeys: number
}

export interface IndexKeysOutput {
  /** Keys in the map. */
  readonly count: number
  /** Behind the last batch whose keys are all in the map; undefined if there is none in this piece. */
  readonly endOffset: number | undefined
  readonly validBytes: number
  readonly stop: PieceStop
}

export interface CompactBatchesInput extends Piece {
  /** The end of the map: what lies behind it stays. */
  readonly endOffset: number
  readonly nowMs: number
  /** `delete.retention.ms` */
  readonly deleteRetentionMs: number
  /** The batch that ends here, the last of the segment, stays even without records. */
  readonly lastNextOffset: number
  /** Last offsets of the batches that are remembered of producers, rising. */
  readonly rememberedOffsets: Float64Array
  /** Where the batches are written to if they fit: memory that is shared need not be copied from thread to thread. */
  readonly target: Uint8Array
}

export interface CompactBatchesOutput {
  /** Of the batches, one after the other. */
  readonly writtenBytes: number
  /** They, where they do not fit into the target. */
  readonly overflow: Uint8Array | undefined
  /** Of each batch: size, last offset, max timestamp. */
  readonly rows: Float64Array
  readonly validBytes: number
  readonly recordsRead: number
  readonly recordsKept: number
  readonly stop: PieceStop
}

export const ROW_CELLS = 3

export const indexKeysJob: Job<IndexKeysInput, IndexKeysOutput> = {
  module: import.meta.url,
  name: 'indexKeysJob',
  lane: 'background',
  run: indexKeys,
}

export const compactBatchesJob: Job<CompactBatchesInput, CompactBatchesOutput> = {
  module: import.meta.url,
  name: 'compactBatchesJob',
  lane: 'background',
  run: compactBatches,
}

/** One for all pieces: a new one for each would leave its memory to a collector that comes late. */
const scratch = new CompactedBatch()

export function indexKeys({ bytes, map: state, clear, fromOffset, maximumKeys }: IndexKeysInput): IndexKeysOutput {
  const map = new OffsetMap(state)
  if (clear) map.clear()
  const cursor = new RecordCursor()
  let endOffset: number | undefined
  const pieces = walk(bytes, (batch) => {
    if (batch.nextOffset <= fromOffset) return undefined
    if (!staysAsItIs(batch)) {
      const plain = plainRecords(batch, MAX_OPENED_BYTES)
      cursor.reset(plain, 0, plain.length)
      for (let left = batch.recordCount; left > 0; left--) {
        step(cursor, batch)
        const offset = batch.baseOffset + cursor.offsetDelta
        if (cursor.keyLength < 0 || offset < fromOffset) continue
        const { keyAt } = cursor
        const keyEnd = keyAt + cursor.keyLength
        if (map.count >= maximumKeys && map.get(plain, keyAt, keyEnd) < 0) return 'full'
        map.put(plain, keyAt, keyEnd, offset)
      }
    }
    endOffset = batch.nextOffset
    return undefined
  })
  return { count: map.count, endOffset, ...pieces }
}

export function compactBatches(input: CompactBatchesInput): CompactBatchesOutput {
  const { bytes, endOffset, nowMs, deleteRetentionMs, lastNextOffset, rememberedOffsets } = input
  const map = new OffsetMap(input.map)
  const cursor = new RecordCursor()
  const copy = scratch
  const chunks: Uint8Array[] = []
  const rows: number[] = []
  let recordsRead = 0
  let recordsKept = 0
  const write = (chunk: Uint8Array, batch: BatchView, maxTimestamp: number): void => {
    chunks.push(chunk)
    rows.push(chunk.length, batch.lastOffset, Math.min(maxTimestamp, Number.MAX_SAFE_INTEGER))
  }
  const pieces = walk(bytes, (batch) => {
    const { recordCount, deleteHorizonMs } = batch
    recordsRead += recordCount
    if (batch.baseOffset >= endOffset || staysAsItIs(batch)) {
      recordsKept += recordCount
      write(bytes.subarray(batch.start, batch.end), batch, batch.maxTimestamp)
      return undefined
    }
    const tombstonesStay = deleteHorizonMs === undefined || nowMs < deleteHorizonMs
    const plain = plainRecords(batch, MAX_OPENED_BYTES)
    cursor.reset(plain, 0, plain.length)
    copy.begin(batch, plain)
    for (let left = recordCount; left > 0; left--) {
      step(cursor, batch)
      const offset = batch.baseOffset + cursor.offsetDelta
      const hasValue = cursor.valueLength >= 0
      const stays =
        offset >= endOffset ||
        (cursor.keyLength >= 0 &&
          offset >= map.get(plain, cursor.keyAt, cursor.keyAt + cursor.keyLength) &&
          (hasValue || tombstonesStay))
      if (stays) copy.keep(cursor)
    }
    recordsKept += copy.recordCount
    const staysEmpty =
      batch.nextOffset === lastNextOffset || (batch.hasProducer && includes(rememberedOffsets, batch.lastOffset))
    if (copy.recordCount === 0 && !staysEmpty) return undefined
    const horizonMs =
      copy.hasTombstones && deleteHorizonMs === undefined
        ? Math.min(nowMs + deleteRetentionMs, LATEST_HORIZON_MS)
        : undefined
    write(copy.finish(horizonMs), batch, copy.maxTimestamp)
    return undefined
  })
  const { writtenBytes, overflow } = gathered(chunks, input.target)
  return { writtenBytes, overflow, rows: Float64Array.from(rows), recordsRead, recordsKept, ...pieces }
}

function gathered(
  chunks: readonly Uint8Array[],
  target: Uint8Array,
): Pick<CompactBatchesOutput, 'writtenBytes' | 'overflow'> {
  const writtenBytes = chunks.reduce((sum, { length }) => sum + length, 0)
  if (writtenBytes > target.length) return { writtenBytes, overflow: Buffer.concat(chunks) }
  let at = 0
  for (const chunk of chunks) {
    target.set(chunk, at)
    at += chunk.length
  }
  return { writtenBytes, overflow: undefined }
}

/** Timestamps are counted from the horizon then: the distance must be a number that can be held, too. */
const LATEST_HORIZON_MS = 2 ** 52

/** Visits each batch of the piece after its checksum was looked at, until one says that the map is full. */
function walk(
  bytes: Uint8Array,
  visit: (batch: BatchView) => 'full' | undefined,
): { readonly validBytes: number; readonly stop: PieceStop } {
  const batches = new BatchIterator(bytes)
  const { batch } = batches
  let validBytes = 0
  const corrupt = (reason: string) => ({ validBytes, stop: { kind: 'corrupt', reason } as const })
  for (;;) {
    const found = batches.next()
    switch (found) {
      case 'end':
        return { validBytes, stop: { kind: 'end' } }
      case 'partial':
        return { validBytes, stop: { kind: 'partial', neededBytes: batches.wantedBytes } }
      case 'old-magic':
      case 'corrupt':
        return corrupt('what follows is no batch')
    }
    if (batch.computeCrc() !== batch.crc) return corrupt(`the batch at offset ${batch.baseOffset} has a wrong CRC`)
    try {
      if (visit(batch) === 'full') return { validBytes, stop: { kind: 'full' } }
    } catch (error) {
      if (!(error instanceof CompressionError || error instanceof RecordFormatError)) throw error
      return corrupt(`the batch at offset ${batch.baseOffset}: ${error.message}`)
    }
    validBytes = batches.position
  }
}

function staysAsItIs(batch: BatchView): boolean {
  return batch.isControl || batch.isTransactional
}

function step(cursor: RecordCursor, { baseOffset, lastOffsetDelta }: BatchView): void {
  if (cursor.next() && cursor.offsetDelta >= 0 && cursor.offsetDelta <= lastOffsetDelta) return
  throw new RecordFormatError(`a record behind offset ${baseOffset} is malformed`)
}

/** Whether the number is one of these, which rise. */
function includes(numbers: Float64Array, wanted: number): boolean {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (numbers[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return numbers[low] === wanted
}
