/**
 * Reading what others wrote: the batches of a `records` field or a file, whose last one may be cut off, and the
 * records of a batch. Whether a batch is in order is the validator's question; here what cannot be read is reported,
 * not repaired.
 */
import { asBuffer } from '../base/bytes/reader.js'
import { BatchView, FIELD_AT, MAGIC_V2 } from './batch.js'
import { BYTES_UP_TO_MAGIC, batchSizeAt, SIZE_CORRUPT, SIZE_UNKNOWN } from './batch-size.js'
import { codecById } from './compression/codecs.js'
import { NULL_LENGTH, RecordCursor } from './record-cursor.js'

/**
 * - `batch`: `batch` stands on a whole one
 * - `end`: nothing is left
 * - `partial`: the rest is the beginning of a batch that needs `wantedBytes`
 * - `old-magic`: a whole batch of magic 0 or 1, stepped over
 * - `corrupt`: what follows is no batch; there is no way to go on
 */
export type BatchStep = 'batch' | 'end' | 'partial' | 'old-magic' | 'corrupt'

/** Steps through consecutive batches, with one view that moves along. */
export class BatchIterator {
  readonly batch = new BatchView()
  /** Where the next batch begins. */
  position = 0
  /** After `partial`: how many bytes from `position` on to have before asking again. */
  wantedBytes = 0

  #bytes: Uint8Array
  #end = 0

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.reset(bytes, start, end)
  }

  /** Takes other bytes. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes
    this.position = start
    this.#end = end
    this.wantedBytes = 0
  }

  next(): BatchStep {
    const at = this.position
    const rest = this.#end - at
    if (rest <= 0) return 'end'
    const size = batchSizeAt(this.#bytes, at, this.#end)
    if (size === SIZE_CORRUPT) return 'corrupt'
    if (size === SIZE_UNKNOWN || size > rest) {
      this.wantedBytes = size === SIZE_UNKNOWN ? BYTES_UP_TO_MAGIC : size
      return 'partial'
    }
    this.position = at + size
    if (this.#bytes[at + FIELD_AT.magic] !== MAGIC_V2) return 'old-magic'
    this.batch.reset(this.#bytes, at)
    return 'batch'
  }
}

/** To no more than this the records of one batch are opened that a client has sent compressed. */
export const MAX_OPENED_BYTES = 128 * 1024 * 1024

export interface RecordHeader {
  /** What is not UTF-8 has become U+FFFD. */
  readonly key: string
  readonly value: Uint8Array | null
}

/**
 * A record with what its batch adds to it. Keys and values are views: on the batch's memory if it is not compressed.
 */
export interface StoredRecord {
  readonly offset: number
  /** Milliseconds since 1970, -1 for none; with LogAppendTime that of the batch. */
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
}

/** The records of a batch do not agree with its header or with themselves. */
export class RecordFormatError extends Error {
  override readonly name = 'RecordFormatError'
}

/**
 * All records of the batch, in the order in which they stand. The whole batch must lie inside the view's bytes; its
 * CRC is not looked at. Throws `RecordFormatError`, and `CompressionError` for a stream that is broken or longer than
 * `maxBytes`.
 */
export function readRecords(batch: BatchView, maxBytes: number): StoredRecord[] {
  const plain = asBuffer(plainRecords(batch, maxBytes))
  const { baseOffset, baseTimestamp, recordCount } = batch
  const appendTime = batch.timestampType === 'LogAppendTime' ? batch.maxTimestamp : undefined
  const cursor = new RecordCursor()
  const records: StoredRecord[] = []
  cursor.reset(plain, 0, plain.length)
  for (let index = 0; index < recordCount; index++) {
    if (!cursor.next()) {
      throw new RecordFormatError(`record ${index} of ${recordCount} in the batch at offset ${baseOffset} is malformed`)
    }
    records.push({
      offset: exact(baseOffset + cursor.offsetDelta, 'offset'),
      timestamp: exact(appendTime ?? baseTimestamp + cursor.timestampDelta, 'timestamp'),
      key: slice(plain, cursor.keyAt, cursor.keyLength),
      value: slice(plain, cursor.valueAt, cursor.valueLength),
      headers: cursor.headerCount === 0 ? NO_HEADERS : readHeaders(plain, cursor),
    })
  }
  if (!cursor.atLimit) {
    throw new RecordFormatError(`more than the ${recordCount} records of the batch at offset ${baseOffset}`)
  }
  return records
}

/**
 * The records of the batch one after the other without compression: a view on the batch itself if it has none. Throws
 * `RecordFormatError` for an unknown codec, and `CompressionError`.
 */
export function plainRecords(batch: BatchView, maxBytes: number): Uint8Array {
  const stream = batch.bytes.subarray(batch.recordsStart, batch.end)
  if (batch.codecId === 0) return stream
  const codec = codecById(batch.codecId)
  if (codec === undefined) throw new RecordFormatError(`codec ${batch.codecId} is unknown`)
  return codec.decompress(stream, maxBytes)
}

const NO_HEADERS: readonly RecordHeader[] = []

function readHeaders(plain: Buffer, cursor: RecordCursor): RecordHeader[] {
  const headers: RecordHeader[] = []
  cursor.eachHeader((keyAt, keyLength, valueAt, valueLength) => {
    headers.push({ key: plain.toString('utf8', keyAt, keyAt + keyLength), value: slice(plain, valueAt, valueLength) })
  })
  return headers
}

function slice(plain: Buffer, at: number, length: number): Uint8Array | null {
  return length === NULL_LENGTH ? null : plain.subarray(at, at + length)
}

function exact(value: number, what: string): number {
  if (!Number.isSafeInteger(value)) throw new RecordFormatError(`the ${what} of a record is beyond +-(2^53 - 1)`)
  return value
}
