/**
 * The record batch, magic 2 (KIP-98): the unit that is sent, stored and replicated. All numbers big-endian.
 *
 *      0 ┌────────────────────┬──────────┬──────────┬──┐
 *        │ base offset  int64 │ length   │ leader   │ m│   length: what follows it, so the whole is length + 12
 *        │                    │ int32    │ epoch i32│ i│   m: magic, int8, 2
 *     17 ├──────────┬─────┬───┴──────┬───┴──────────┴──┤
 *        │ CRC-32C  │attri│last      │ base timestamp  │   CRC: of everything from the attributes to the end
 *        │ uint32   │i16  │delta i32 │ int64           │   last delta: last offset - base offset
 *     35 ├──────────┴─────┴───┬──────┴─────────────────┤
 *        │ max timestamp int64│ producer id  int64     │   -1: none
 *     51 ├─────┬──────────┬───┴──────┬─────────────────┘
 *        │epoch│base      │count     │  epoch: the producer's; count: of records
 *        │i16  │seq. i32  │int32     │
 *     61 ├─────┴──────────┴──────────┴─ ...
 *        │ records, compressed as one stream if the codec is not 0 (`record.ts` draws one)
 *
 *     attributes:  15 .. 7 unused | 6 delete horizon | 5 control | 4 transactional | 3 timestamp type | 2 1 0 codec
 *
 * A broker changes base offset and leader epoch freely: they stand before the CRC's range on purpose.
 */
import { assert } from '../base/assert.js'
import { crc32c } from '../base/crc32c.js'

/** Base offset and length: what must be there to know how long a batch is. */
export const BATCH_PREFIX_BYTES = 12
/** The header, and so the smallest batch. */
export const BATCH_HEADER_BYTES = 61
export const MAGIC_V2 = 2

export const NO_PRODUCER_ID = -1
export const NO_PRODUCER_EPOCH = -1
export const NO_SEQUENCE = -1
export const NO_TIMESTAMP = -1
export const NO_LEADER_EPOCH = -1

/** Where each field of the header begins. */
export const FIELD_AT = {
  baseOffset: 0,
  length: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
} as const

export const CODEC_MASK = 0x07
export const LOG_APPEND_TIME_BIT = 0x08
export const TRANSACTIONAL_BIT = 0x10
export const CONTROL_BIT = 0x20
export const DELETE_HORIZON_BIT = 0x40

const SEQUENCE_COUNT = 0x8000_0000
const TWO_TO_32 = 0x1_0000_0000

const EMPTY = new Uint8Array(0)
const EMPTY_VIEW = new DataView(EMPTY.buffer)

/** As `message.timestamp.type` names them. */
export type TimestampType = 'CreateTime' | 'LogAppendTime'

/**
 * A window on one batch, made once and moved from batch to batch. Nothing is checked here and nothing is copied; every
 * getter reads the bytes as they are now. Moving allocates nothing while the memory stays the same ArrayBuffer.
 *
 * An int64 that a number cannot hold comes out rounded. Rounding never leads back inside +-(2^53 - 1), so
 * `Number.isSafeInteger` on the field tells, and `hasUnsafeInteger` on the header; the validator refuses such a batch.
 */
export class BatchView {
  #bytes: Uint8Array = EMPTY
  #memory: ArrayBufferLike = EMPTY.buffer
  #view: DataView = EMPTY_VIEW
  /** Where `#bytes` begins in `#memory`, and where the batch does. */
  #origin = 0
  #at = 0

  /** Moves to the batch that begins at `at`; its whole header must lie inside `bytes`, its records need not. */
  reset(bytes: Uint8Array, at: number): this {
    if (bytes !== this.#bytes) {
      const memory = bytes.buffer
      if (memory !== this.#memory) {
        this.#memory = memory
        this.#view = new DataView(memory)
      }
      this.#bytes = bytes
      this.#origin = bytes.byteOffset
    }
    if (at < 0 || bytes.length - at < BATCH_HEADER_BYTES) assert(false, `no header at ${at} of ${bytes.length} bytes`)
    this.#at = this.#origin + at
    return this
  }

  /** Lets go of the memory that it looks at. */
  release(): void {
    this.#bytes = EMPTY
    this.#memory = EMPTY.buffer
    this.#view = EMPTY_VIEW
    this.#origin = 0
    this.#at = 0
  }

  get bytes(): Uint8Array {
    return this.#bytes
  }

  /** Where in `bytes` the batch, its records and what follows it begin. */
  get start(): number {
    return this.#at - this.#origin
  }

  get recordsStart(): number {
    return this.#at - this.#origin + BATCH_HEADER_BYTES
  }

  get end(): number {
    return this.#at - this.#origin + this.sizeBytes
  }

  get baseOffset(): number {
    return this.#int64(FIELD_AT.baseOffset)
  }

  set baseOffset(offset: number) {
    this.#setInt64(FIELD_AT.baseOffset, offset)
  }

  /** The whole batch, the first 12 bytes included. As untrusted as any other field: may be less than a header. */
  get sizeBytes(): number {
    return this.#view.getInt32(this.#at + FIELD_AT.length) + BATCH_PREFIX_BYTES
  }

  get partitionLeaderEpoch(): number {
    return this.#view.getInt32(this.#at + FIELD_AT.partitionLeaderEpoch)
  }

  set partitionLeaderEpoch(epoch: number) {
    this.#view.setInt32(this.#at + FIELD_AT.partitionLeaderEpoch, epoch)
  }

  get magic(): number {
    return this.#view.getInt8(this.#at + FIELD_AT.magic)
  }

  /** Unsigned, as it stands in the header. */
  get crc(): number {
    return this.#view.getUint32(this.#at + FIELD_AT.crc)
  }

  get attributes(): number {
    return this.#view.getInt16(this.#at + FIELD_AT.attributes)
  }

  get lastOffsetDelta(): number {
    return this.#view.getInt32(this.#at + FIELD_AT.lastOffsetDelta)
  }

  /** Milliseconds since 1970; the first record's, or with a delete horizon that horizon. Deltas count from here. */
  get baseTimestamp(): number {
    return this.#int64(FIELD_AT.baseTimestamp)
  }

  /** With LogAppendTime the time of every record of the batch. */
  get maxTimestamp(): number {
    return this.#int64(FIELD_AT.maxTimestamp)
  }

  get producerId(): number {
    return this.#int64(FIELD_AT.producerId)
  }

  get producerEpoch(): number {
    return this.#view.getInt16(this.#at + FIELD_AT.producerEpoch)
  }

  get baseSequence(): number {
    return this.#view.getInt32(this.#at + FIELD_AT.baseSequence)
  }

  get recordCount(): number {
    return this.#view.getInt32(this.#at + FIELD_AT.recordCount)
  }

  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta
  }

  get nextOffset(): number {
    return this.baseOffset + this.lastOffsetDelta + 1
  }

  /** -1 without a base sequence. After 2^31 - 1 comes 0. */
  get lastSequence(): number {
    const first = this.baseSequence
    return first === NO_SEQUENCE ? NO_SEQUENCE : sequenceAfter(first, this.lastOffsetDelta)
  }

  /** 0 to 4 are known (`compression/codec.ts`), 5 to 7 are not. */
  get codecId(): number {
    return this.attributes & CODEC_MASK
  }

  get timestampType(): TimestampType {
    return (this.attributes & LOG_APPEND_TIME_BIT) === 0 ? 'CreateTime' : 'LogAppendTime'
  }

  get isTransactional(): boolean {
    return (this.attributes & TRANSACTIONAL_BIT) !== 0
  }

  get isControl(): boolean {
    return (this.attributes & CONTROL_BIT) !== 0
  }

  get hasProducer(): boolean {
    return this.producerId > NO_PRODUCER_ID
  }

  /** When tombstones and markers of this batch may be compacted away (KIP-534); undefined if that is not set yet. */
  get deleteHorizonMs(): number | undefined {
    return (this.attributes & DELETE_HORIZON_BIT) === 0 ? undefined : this.baseTimestamp
  }

  /** Whether one of the four int64 fields is beyond +-(2^53 - 1), or the offset after the batch would be. */
  get hasUnsafeInteger(): boolean {
    return !(
      Number.isSafeInteger(this.nextOffset) &&
      Number.isSafeInteger(this.baseOffset) &&
      Number.isSafeInteger(this.baseTimestamp) &&
      Number.isSafeInteger(this.maxTimestamp) &&
      Number.isSafeInteger(this.producerId)
    )
  }

  /** What the CRC field should say. The whole batch must lie inside `bytes`. */
  computeCrc(): number {
    return crc32c(this.#bytes, this.start + FIELD_AT.attributes, this.end)
  }

  /**
   * What a broker does for LogAppendTime, or to correct a client's maximum: sets both fields and the CRC over them, and
   * takes away a delete horizon, which only compaction sets. The whole batch must lie inside `bytes`, and its CRC must
   * have been verified before, or damage would be sealed in.
   */
  setMaxTimestamp(type: TimestampType, timestampMs: number): void {
    const others = this.attributes & ~LOG_APPEND_TIME_BIT & ~DELETE_HORIZON_BIT
    const attributes = type === 'LogAppendTime' ? others | LOG_APPEND_TIME_BIT : others
    if (attributes === this.attributes && timestampMs === this.maxTimestamp) return
    this.#view.setInt16(this.#at + FIELD_AT.attributes, attributes)
    this.#setInt64(FIELD_AT.maxTimestamp, timestampMs)
    this.#view.setUint32(this.#at + FIELD_AT.crc, this.computeCrc())
  }

  #int64(field: number): number {
    const at = this.#at + field
    return this.#view.getInt32(at) * TWO_TO_32 + this.#view.getUint32(at + 4)
  }

  #setInt64(field: number, value: number): void {
    const at = this.#at + field
    const high = Math.floor(value / TWO_TO_32)
    this.#view.setInt32(at, high)
    this.#view.setUint32(at + 4, value - high * TWO_TO_32)
  }
}

/** The sequence number `steps` after `sequence`: 31 bits that wrap to 0. */
export function sequenceAfter(sequence: number, steps: number): number {
  return (sequence + steps) % SEQUENCE_COUNT
}
