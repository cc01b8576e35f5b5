/**
 * The pure part of recovery: walks the batches of a piece of a segment, checks each as a whole and in its place, and notes
 * what indexes, epochs, producers and digest are rebuilt from. What it calls valid are whole batches with the right CRC in
 * rising order; where it stops, the log ends, unless the piece just ended inside a batch.
 *
 * A piece may be any range of the file that begins with a batch. Not here: reading, and the decision to cut.
 */
import type { Job } from '../io/compute.js'
import { BATCH_HEADER_BYTES, BatchView, MAGIC_V2 } from '../records/batch.js'
import { LARGEST_RELATIVE_OFFSET } from './offset-index.js'
import { type BatchTable, BatchTableBuilder } from './scanned-batches.js'

export interface RecoveryScanInput {
  /** The piece: bytes of the segment's file from `filePosition` on. */
  readonly bytes: Uint8Array
  readonly filePosition: number
  readonly segmentBaseOffset: number
  /** No batch of the piece may begin before it: the offset after the batch before, or the segment's base offset. */
  readonly expectedOffset: number
  /** No batch of the piece may have an older one: that of the batch before, -1 if there is none. */
  readonly leaderEpoch: number
  /** The largest batch that is believed. It bounds what `neededBytes` can ask for. */
  readonly maximumBatchBytes: number
}

export interface RecoveryScanOutput {
  readonly batches: BatchTable
  readonly batchCount: number
  /** How much of the piece, from its start, is valid batches. */
  readonly validBytes: number
  /** For the next piece: it begins `validBytes` behind this one's start, with these two as its expectations. */
  readonly expectedOffset: number
  readonly leaderEpoch: number
  readonly stop: RecoveryStop
}

export type RecoveryStop =
  /** The last batch ends with the piece. */
  | { readonly kind: 'end' }
  /** The last batch goes on behind the piece: the next piece needs at least so many bytes. At the file's end: a torn tail. */
  | { readonly kind: 'partial'; readonly neededBytes: number }
  /** What follows the valid bytes is no batch of this log, however many bytes may come. */
  | { readonly kind: 'corrupt'; readonly reason: string }

/** `scanForRecovery` for the compute port. */
export const recoveryScan: Job<RecoveryScanInput, RecoveryScanOutput> = {
  module: import.meta.url,
  name: 'recoveryScan',
  lane: 'background',
  run: scanForRecovery,
}

export function scanForRecovery(input: RecoveryScanInput): RecoveryScanOutput {
  const { bytes, filePosition } = input
  const batches = new BatchTableBuilder()
  const batch = new BatchView()
  let { expectedOffset, leaderEpoch } = input
  let batchCount = 0
  let at = 0
  let stop: RecoveryStop | undefined
  for (;;) {
    if (bytes.length - at < BATCH_HEADER_BYTES) {
      stop = at === bytes.length ? { kind: 'end' } : { kind: 'partial', neededBytes: BATCH_HEADER_BYTES }
      break
    }
    batch.reset(bytes, at)
    const fault = faultOfHeader(batch, expectedOffset, leaderEpoch, input)
    if (fault !== undefined) {
      stop = { kind: 'corrupt', reason: `at ${filePosition + at}: ${fault}` }
      break
    }
    const sizeBytes = batch.sizeBytes
    if (bytes.length - at < sizeBytes) {
      stop = { kind: 'partial', neededBytes: sizeBytes }
      break
    }
    const crc = batch.computeCrc()
    if (crc !== batch.crc) {
      stop = {
        kind: 'corrupt',
        reason: `at ${filePosition + at}: the batch has CRC ${crc}, its header says ${batch.crc}`,
      }
      break
    }
    batches.add(batch)
    batchCount++
    expectedOffset = batch.nextOffset
    leaderEpoch = batch.partitionLeaderEpoch
    at += sizeBytes
  }
  return { batches: batches.finish(filePosition), batchCount, validBytes: at, expectedOffset, leaderEpoch, stop }
}

/** What is wrong with a header in this place, as far as its 61 bytes tell. */
function faultOfHeader(
  batch: BatchView,
  expectedOffset: number,
  leaderEpoch: number,
  { segmentBaseOffset, maximumBatchBytes }: RecoveryScanInput,
): string | undefined {
  const { sizeBytes, magic, baseOffset, lastOffsetDelta, recordCount } = batch
  if (sizeBytes < BATCH_HEADER_BYTES || sizeBytes > maximumBatchBytes) {
    return `a batch of ${sizeBytes} bytes, where ${BATCH_HEADER_BYTES} to ${maximumBatchBytes} are possible`
  }
  if (magic !== MAGIC_V2) return `a batch with magic ${magic}`
  if (baseOffset < expectedOffset) return `offset ${baseOffset}, where ${expectedOffset} is the least`
  if (batch.lastOffset - segmentBaseOffset > LARGEST_RELATIVE_OFFSET) {
    return `offset ${batch.lastOffset} is out of reach of a segment that begins at ${segmentBaseOffset}`
  }
  // Compaction removes records and leaves the offsets of the batch as they were, down to no record at all.
  if (recordCount < 0 || lastOffsetDelta < 0 || recordCount - 1 > lastOffsetDelta) {
    return `${recordCount} records over ${lastOffsetDelta + 1} offsets`
  }
  if (batch.partitionLeaderEpoch < leaderEpoch) {
    return `leader epoch ${batch.partitionLeaderEpoch} after ${leaderEpoch}`
  }
  if (!Number.isSafeInteger(batch.producerId)) return `producer id ${batch.producerId}`
  return undefined
}
