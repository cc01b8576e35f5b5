/**
 * Builds one record batch, magic 2: for the producer, for the logs that brokers write themselves, and wherever a
 * batch must be written anew. Without compression the bytes are those of Kafka's MemoryRecordsBuilder; a codec may
 * choose others.
 */
import { assert } from '../base/assert.js'
import { EncodeError } from '../base/bytes/writer.js'
import { crc32c } from '../base/crc32c.js'
import {
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
  type BatchView,
  CODEC_MASK,
  CONTROL_BIT,
  DELETE_HORIZON_BIT,
  FIELD_AT,
  LOG_APPEND_TIME_BIT,
  MAGIC_V2,
  NO_LEADER_EPOCH,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  NO_SEQUENCE,
  NO_TIMESTAMP,
  type TimestampType,
  TRANSACTIONAL_BIT,
} from './batch.js'
import { CODEC_NAMES, type CodecName } from './compression/codec.js'
import { codecByName } from './compression/codecs.js'
import { encodeRecord, type RecordInput, recordBodyBytes, recordBytes } from './record-encoder.js'

/** The length field is an int32. */
export const MAX_BATCH_BYTES = 0x7fff_ffff

/** What is absent: no compression, offset 0, and -1 for what does not apply. */
export interface BatchOptions {
  readonly codec?: CodecName
  /** As in `Codec.compress`. */
  readonly level?: number
  readonly baseOffset?: number
  /** If it is behind the last record's: compaction keeps the end of a batch. */
  readonly lastOffset?: number
  readonly partitionLeaderEpoch?: number
  readonly timestampType?: TimestampType
  /** If it is not the largest of the records: the append time, or what a compacted batch had. */
  readonly maxTimestamp?: number
  readonly deleteHorizonMs?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly transactional?: boolean
  readonly control?: boolean
}

const FIRST_CAPACITY_BYTES = 1024
const MAX_DELTA = 0x7fff_ffff

/** One batch. Keys and values are copied when they are appended. */
export class BatchBuilder {
  readonly #options: BatchOptions
  readonly #baseOffset: number
  #memory: Buffer
  /** Where the next record goes; the header's place is left open. */
  #at = BATCH_HEADER_BYTES
  #recordCount = 0
  #nextOffset: number
  #baseTimestamp: number | undefined
  #maxTimestamp = NO_TIMESTAMP
  #built = false

  constructor(options: BatchOptions = {}, capacityBytes = FIRST_CAPACITY_BYTES) {
    this.#options = options
    this.#baseOffset = options.baseOffset ?? 0
    this.#nextOffset = this.#baseOffset
    this.#baseTimestamp = options.deleteHorizonMs
    this.#memory = Buffer.allocUnsafe(Math.max(capacityBytes, BATCH_HEADER_BYTES))
  }

  get recordCount(): number {
    return this.#recordCount
  }

  /** The batch as it would be without compression. */
  get sizeBytes(): number {
    return this.#at
  }

  /** What `sizeBytes` would be after this record. */
  sizeBytesWith(record: RecordInput): number {
    return this.#at + recordBytes(recordBodyBytes(record, this.#timestampDelta(record), this.#offsetDelta(record)))
  }

  /** Throws `EncodeError` for an offset or timestamp that the batch cannot hold, and if it would become too large. */
  append(record: RecordInput): void {
    assert(!this.#built, 'a record for a batch that is built')
    const timestamp = record.timestamp ?? NO_TIMESTAMP
    const timestampDelta = this.#timestampDelta(record)
    const offsetDelta = this.#offsetDelta(record)
    const bodyBytes = recordBodyBytes(record, timestampDelta, offsetDelta)
    this.#reserve(recordBytes(bodyBytes))
    this.#at = encodeRecord(this.#memory, this.#at, bodyBytes, record, timestampDelta, offsetDelta)
    this.#baseTimestamp ??= timestamp
    if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    this.#nextOffset = this.#baseOffset + offsetDelta + 1
    this.#recordCount++
  }

  /** The finished batch, without compression a view on the builder's memory. May be called once. */
  build(): Buffer {
    assert(!this.#built, 'a batch is built once')
    this.#built = true
    const options = this.#options
    const codec = options.codec ?? 'none'
    const view = new DataView(this.#memory.buffer, this.#memory.byteOffset, BATCH_HEADER_BYTES)
    const lastOffset = options.lastOffset ?? this.#nextOffset - 1
    assert(
      lastOffset >= this.#nextOffset - 1 && lastOffset - this.#baseOffset <= MAX_DELTA,
      () => `last offset ${lastOffset} in a batch of ${this.#baseOffset} to ${this.#nextOffset - 1}`,
    )
    writeInt64(view, FIELD_AT.baseOffset, this.#baseOffset)
    view.setInt32(FIELD_AT.partitionLeaderEpoch, options.partitionLeaderEpoch ?? NO_LEADER_EPOCH)
    view.setInt8(FIELD_AT.magic, MAGIC_V2)
    view.setInt16(FIELD_AT.attributes, attributesOf(options))
    view.setInt32(FIELD_AT.lastOffsetDelta, lastOffset - this.#baseOffset)
    writeInt64(view, FIELD_AT.baseTimestamp, this.#baseTimestamp ?? NO_TIMESTAMP)
    writeInt64(view, FIELD_AT.maxTimestamp, options.maxTimestamp ?? this.#maxTimestamp)
    writeInt64(view, FIELD_AT.producerId, options.producerId ?? NO_PRODUCER_ID)
    view.setInt16(FIELD_AT.producerEpoch, options.producerEpoch ?? NO_PRODUCER_EPOCH)
    view.setInt32(FIELD_AT.baseSequence, options.baseSequence ?? NO_SEQUENCE)
    view.setInt32(FIELD_AT.recordCount, this.#recordCount)
    const whole = this.#memory.subarray(0, this.#at)
    return codec === 'none' ? seal(whole) : compressed(whole, whole.subarray(BATCH_HEADER_BYTES), codec, options.level)
  }

  #timestampDelta(record: RecordInput): number {
    const timestamp = record.timestamp ?? NO_TIMESTAMP
    const delta = timestamp - (this.#baseTimestamp ?? timestamp)
    if (timestamp < NO_TIMESTAMP || !Number.isSafeInteger(timestamp) || !Number.isSafeInteger(delta)) {
      throw new EncodeError(`a record cannot have the timestamp ${timestamp}`)
    }
    return delta
  }

  #offsetDelta(record: RecordInput): number {
    const offset = record.offset ?? this.#nextOffset
    if (offset < this.#nextOffset || offset - this.#baseOffset > MAX_DELTA || !Number.isSafeInteger(offset)) {
      throw new EncodeError(
        `offset ${offset} does not fit behind ${this.#nextOffset - 1} in a batch from ${this.#baseOffset}`,
      )
    }
    return offset - this.#baseOffset
  }

  #reserve(size: number): void {
    const needed = this.#at + size
    if (needed > MAX_BATCH_BYTES) throw new EncodeError(`a batch of ${needed} bytes`)
    if (needed <= this.#memory.length) return
    const grown = Buffer.allocUnsafe(Math.min(Math.max(needed, this.#memory.length * 2), MAX_BATCH_BYTES))
    grown.set(this.#memory.subarray(0, this.#at))
    this.#memory = grown
  }
}

export function buildBatch(records: Iterable<RecordInput>, options: BatchOptions = {}): Buffer {
  const builder = new BatchBuilder(options)
  for (const record of records) builder.append(record)
  return builder.build()
}

/**
 * The same batch under another codec. `plain` are its records without compression (`plainRecords`), which are copied,
 * not read: what is odd about them stays. Throws `EncodeError` for a codec that this machine has not got.
 */
export function recompress(batch: BatchView, plain: Uint8Array, codec: CodecName, level?: number): Buffer {
  return compressed(batch.bytes.subarray(batch.start, batch.recordsStart), plain, codec, level)
}

/** `plain` is a whole batch without compression, but for what depends on everything else: length, codec, CRC. It may be changed. */
export function sealed(plain: Buffer, codec: CodecName): Buffer {
  if (codec !== 'none') return compressed(plain, plain.subarray(BATCH_HEADER_BYTES), codec, undefined)
  plain.writeInt16BE(plain.readInt16BE(FIELD_AT.attributes) & ~CODEC_MASK, FIELD_AT.attributes)
  return seal(plain)
}

function compressed(header: Uint8Array, plain: Uint8Array, codec: CodecName, level: number | undefined): Buffer {
  const implementation = codecByName(codec)
  if (implementation === undefined) throw new EncodeError(`there is no ${codec} on this machine`)
  const stream = implementation.compress(plain, level)
  const batch = Buffer.allocUnsafe(BATCH_HEADER_BYTES + stream.length)
  batch.set(header.subarray(0, BATCH_HEADER_BYTES))
  batch.set(stream, BATCH_HEADER_BYTES)
  const attributes = batch.readInt16BE(FIELD_AT.attributes)
  batch.writeInt16BE((attributes & ~CODEC_MASK) | CODEC_NAMES.indexOf(codec), FIELD_AT.attributes)
  return seal(batch)
}

/** Fills in what depends on everything else. */
function seal(batch: Buffer): Buffer {
  batch.writeInt32BE(batch.length - BATCH_PREFIX_BYTES, FIELD_AT.length)
  batch.writeUInt32BE(crc32c(batch, FIELD_AT.attributes, batch.length), FIELD_AT.crc)
  return batch
}

/** Without the codec. */
function attributesOf(options: BatchOptions): number {
  return (
    (options.timestampType === 'LogAppendTime' ? LOG_APPEND_TIME_BIT : 0) |
    (options.transactional === true ? TRANSACTIONAL_BIT : 0) |
    (options.control === true ? CONTROL_BIT : 0) |
    (options.deleteHorizonMs === undefined ? 0 : DELETE_HORIZON_BIT)
  )
}

function writeInt64(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000)
  view.setInt32(at, high)
  view.setUint32(at + 4, value - high * 0x1_0000_0000)
}
