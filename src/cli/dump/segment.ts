/** A segment or snapshot in Kafka's notation: a line for each batch and, if wanted, for each record. */
import { parseSnapshotFileName } from '../../broker/quorum/snapshot-file.js'
import type { BatchView } from '../../records/batch.js'
import { NO_SEQUENCE, sequenceAfter } from '../../records/batch.js'
import { CODEC_NAMES, CompressionError } from '../../records/compression/codec.js'
import { controlTypeOf } from '../../records/control.js'
import { RecordFormatError, readRecords, type StoredRecord } from '../../records/reader.js'
import { controlText, metadataText } from './meaning.js'
import type { FoundBatch, SegmentFile } from './segment-file.js'

export interface SegmentDumpOptions {
  readonly deep: boolean
  readonly payloads: boolean
  /** Without the line's beginning: payloads only. */
  readonly skipMetadata: boolean
  /** Values are metadata records. */
  readonly metadata: boolean
  readonly maxBytes: number
}

/** What one batch may be when it is decompressed. */
const MAX_PLAIN_BYTES = 512 * 1024 * 1024

/** Yields lines; returns whether all of it is in order. */
export function* dumpSegment(file: SegmentFile, name: string, options: SegmentDumpOptions): Generator<string, boolean> {
  const snapshot = parseSnapshotFileName(name)
  // The offsets in a snapshot count from 0.
  const start = snapshot === undefined ? Number(/^(\d{20})/.exec(name)?.[1] ?? 0) : 0
  if (snapshot === undefined) yield `Log starting offset: ${start}`
  else yield `Snapshot end offset: ${snapshot.offset}, epoch: ${snapshot.epoch}`
  let sound = true
  let nextOffset = start
  for (const found of file.batches(options.maxBytes)) {
    const { batch } = found
    if (batch === undefined) {
      yield oldLine(found)
      continue
    }
    const valid = batch.computeCrc() === batch.crc
    yield batchLine(batch, found.position, valid)
    if (!valid) sound = false
    if (batch.baseOffset < nextOffset) {
      sound = false
      yield `The batch at position ${found.position} begins at offset ${batch.baseOffset}, before ${nextOffset} where the one before ends`
    }
    nextOffset = batch.nextOffset
    if (!options.deep) continue
    try {
      for (const record of readRecords(batch, MAX_PLAIN_BYTES)) yield recordLine(batch, record, options)
    } catch (error) {
      if (!(error instanceof RecordFormatError || error instanceof CompressionError)) throw error
      sound = false
      yield `The records of the batch at position ${found.position} cannot be read: ${error.message}`
    }
  }
  const rest = Math.min(file.sizeBytes, options.maxBytes) - file.validBytes
  if (rest > 0 && file.validBytes < file.sizeBytes) {
    yield `Found ${file.sizeBytes - file.validBytes} invalid bytes at the end of ${name}`
    return false
  }
  return sound
}

function batchLine(batch: BatchView, position: number, valid: boolean): string {
  const horizon = batch.deleteHorizonMs
  return (
    `baseOffset: ${batch.baseOffset} lastOffset: ${batch.lastOffset} count: ${batch.recordCount} baseSequence: ${batch.baseSequence} ` +
    `lastSequence: ${batch.lastSequence} producerId: ${batch.producerId} producerEpoch: ${batch.producerEpoch} ` +
    `partitionLeaderEpoch: ${batch.partitionLeaderEpoch} isTransactional: ${batch.isTransactional} isControl: ${batch.isControl} ` +
    `deleteHorizonMs: ${horizon === undefined ? 'OptionalLong.empty' : `OptionalLong[${horizon}]`} position: ${position} ` +
    `${batch.timestampType}: ${batch.maxTimestamp} size: ${batch.sizeBytes} magic: ${batch.magic} ` +
    `compresscodec: ${CODEC_NAMES[batch.codecId] ?? batch.codecId} crc: ${batch.crc} isvalid: ${valid}`
  )
}

/** Offset and CRC stand where they stood before magic 2. */
function oldLine({ position, sizeBytes, magic, bytes }: FoundBatch): string {
  return `offset: ${bytes.readBigInt64BE(0)} position: ${position} size: ${sizeBytes} magic: ${magic} crc: ${bytes.readUInt32BE(12)}`
}

function recordLine(batch: BatchView, record: StoredRecord, options: SegmentDumpOptions): string {
  const { offset, timestamp, key, value, headers } = record
  const sequence =
    batch.baseSequence === NO_SEQUENCE ? NO_SEQUENCE : sequenceAfter(batch.baseSequence, offset - batch.baseOffset)
  const keys = headers.map((header) => header.key).join(',')
  const size = (bytes: Uint8Array | null): number => bytes?.length ?? -1
  const head =
    `offset: ${offset} ${batch.timestampType}: ${timestamp} keySize: ${size(key)} valueSize: ${size(value)} ` +
    `sequence: ${sequence} headerKeys: [${keys}]`
  const parts = options.skipMetadata ? [] : [head]
  if (batch.isControl) parts.push(controlText(controlTypeOf(key), value))
  else if (options.metadata) parts.push(`payload: ${metadataText(value)}`)
  else if (options.payloads) {
    if (key !== null) parts.push(`key: ${Buffer.from(key).toString('utf8')}`)
    if (value !== null) parts.push(`payload: ${Buffer.from(value).toString('utf8')}`)
  }
  return `| ${parts.join(' ')}`
}
