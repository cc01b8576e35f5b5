/**
 * A batch without some of its records. The header stays but for the count, the latest timestamp and the delete horizon; records are copied as they
 * stand, whatever is odd about them, unless a horizon takes the place from which their timestamps are counted.
 */
import { BATCH_HEADER_BYTES, BatchView, DELETE_HORIZON_BIT, FIELD_AT } from '../records/batch.js'
import { sealed } from '../records/builder.js'
import { CODEC_NAMES } from '../records/compression/codec.js'
import type { RecordCursor } from '../records/record-cursor.js'
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from '../records/record-encoder.js'

/** Of a record that is kept: where it stands in the plain bytes, and what it is made again from. */
const CELLS = 5
const START = 0
const END = 1
const ATTRIBUTES = 2
const TIMESTAMP_DELTA = 3
const OFFSET_DELTA_AT = 4

export class CompactedBatch {
  #batch = new BatchView()
  #plain: Uint8Array = new Uint8Array(0)
  /** Five cells for each record: no objects, for there are millions of records. */
  #kept = new Float64Array(64 * CELLS)
  #count = 0
  #latestDelta = Number.NEGATIVE_INFINITY
  hasTombstones = false

  /** `plain` are its records without compression. */
  begin(batch: BatchView, plain: Uint8Array): void {
    this.#batch = batch
    this.#plain = plain
    this.#count = 0
    this.#latestDelta = Number.NEGATIVE_INFINITY
    this.hasTombstones = false
  }

  /** Takes the record on which the cursor stands. */
  keep({ start, end, attributes, timestampDelta, offsetDeltaAt, valueLength }: RecordCursor): void {
    const at = this.#count * CELLS
    if (at === this.#kept.length) {
      const grown = new Float64Array(2 * at)
      grown.set(this.#kept)
      this.#kept = grown
    }
    this.#kept[at + START] = start
    this.#kept[at + END] = end
    this.#kept[at + ATTRIBUTES] = attributes
    this.#kept[at + TIMESTAMP_DELTA] = timestampDelta
    this.#kept[at + OFFSET_DELTA_AT] = offsetDeltaAt
    this.#count++
    if (timestampDelta > this.#latestDelta) this.#latestDelta = timestampDelta
    if (valueLength < 0) this.hasTombstones = true
  }

  get recordCount(): number {
    return this.#count
  }

  /** Of what was kept; a batch without records keeps what it had. */
  get maxTimestamp(): number {
    const { timestampType, maxTimestamp, recordCount, baseTimestamp } = this.#batch
    const stays = this.recordCount === 0 || this.recordCount === recordCount || timestampType === 'LogAppendTime'
    return stays ? maxTimestamp : baseTimestamp + this.#latestDelta
  }

  /** The batch; `horizonMs` where it gets a delete horizon. */
  finish(horizonMs: number | undefined): Uint8Array {
    const batch = this.#batch
    const original = batch.bytes.subarray(batch.start, batch.end)
    if (horizonMs === undefined && this.recordCount === batch.recordCount) return original
    const records = horizonMs === undefined ? this.#copied() : this.#movedTo(horizonMs)
    const whole = Buffer.allocUnsafe(BATCH_HEADER_BYTES + records.length)
    whole.set(original.subarray(0, BATCH_HEADER_BYTES))
    whole.set(records, BATCH_HEADER_BYTES)
    whole.writeInt32BE(this.recordCount, FIELD_AT.recordCount)
    whole.writeBigInt64BE(BigInt(this.maxTimestamp), FIELD_AT.maxTimestamp)
    if (horizonMs !== undefined) {
      whole.writeInt16BE(batch.attributes | DELETE_HORIZON_BIT, FIELD_AT.attributes)
      whole.writeBigInt64BE(BigInt(horizonMs), FIELD_AT.baseTimestamp)
    }
    // An empty stream is nothing to be compressed, for Kafka too.
    return sealed(whole, records.length === 0 ? 'none' : CODEC_NAMES[batch.codecId]!)
  }

  #copied(): Uint8Array {
    const kept = this.#kept
    let size = 0
    for (let at = 0; at < this.#count * CELLS; at += CELLS) size += kept[at + END]! - kept[at + START]!
    const records = Buffer.allocUnsafe(size)
    let to = 0
    for (let at = 0; at < this.#count * CELLS; at += CELLS) {
      records.set(this.#plain.subarray(kept[at + START], kept[at + END]), to)
      to += kept[at + END]! - kept[at + START]!
    }
    return records
  }

  /** Timestamps counted from the horizon. */
  #movedTo(horizonMs: number): Uint8Array {
    const kept = this.#kept
    const shift = this.#batch.baseTimestamp - horizonMs
    const bodyBytes = (at: number): number =>
      1 + varlongBytes(kept[at + TIMESTAMP_DELTA]! + shift) + kept[at + END]! - kept[at + OFFSET_DELTA_AT]!
    let size = 0
    for (let at = 0; at < this.#count * CELLS; at += CELLS) size += varintBytes(bodyBytes(at)) + bodyBytes(at)
    const records = Buffer.allocUnsafe(size)
    let to = 0
    for (let at = 0; at < this.#count * CELLS; at += CELLS) {
      to = writeVarint(records, to, bodyBytes(at))
      records[to++] = kept[at + ATTRIBUTES]!
      to = writeVarlong(records, to, kept[at + TIMESTAMP_DELTA]! + shift)
      const rest = this.#plain.subarray(kept[at + OFFSET_DELTA_AT], kept[at + END])
      records.set(rest, to)
      to += rest.length
    }
    return records
  }
}
