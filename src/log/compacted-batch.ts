/**
 * A batch without some of its records. The header stays but for the count, the latest timestamp and the delete horizon; records are copied as they
 * stand, whatever is odd about them, unless a horizon takes the place from which their timestamps are counted.
 */
import { BATCH_HEADER_BYTES, BatchView, DELETE_HORIZON_BIT, FIELD_AT } from '../records/batch.js'
import { sealed } from '../records/builder.js'
import { CODEC_NAMES } from '../records/compression/codec.js'
import type { RecordCursor } from '../records/record-cursor.js'
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from '../records/record-encoder.js'

/** Where a record stands in the plain bytes, and what it is made again from. */
interface Kept {
  readonly start: number
  readonly end: number
  readonly attributes: number
  readonly timestampDelta: number
  readonly offsetDeltaAt: number
}

export class CompactedBatch {
  #batch = new BatchView()
  #plain: Uint8Array = new Uint8Array(0)
  #kept: Kept[] = []
  #latestDelta = Number.NEGATIVE_INFINITY
  hasTombstones = false

  /** `plain` are its records without compression. */
  begin(batch: BatchView, plain: Uint8Array): void {
    this.#batch = batch
    this.#plain = plain
    this.#kept = []
    this.#latestDelta = Number.NEGATIVE_INFINITY
    this.hasTombstones = false
  }

  /** Takes the record on which the cursor stands. */
  keep({ start, end, attributes, timestampDelta, offsetDeltaAt, valueLength }: RecordCursor): void {
    this.#kept.push({ start, end, attributes, timestampDelta, offsetDeltaAt })
    if (timestampDelta > this.#latestDelta) this.#latestDelta = timestampDelta
    if (valueLength < 0) this.hasTombstones = true
  }

  get recordCount(): number {
    return this.#kept.length
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
    return Buffer.concat(this.#kept.map(({ start, end }) => this.#plain.subarray(start, end)))
  }

  /** Timestamps counted from the horizon. */
  #movedTo(horizonMs: number): Uint8Array {
    const shift = this.#batch.baseTimestamp - horizonMs
    const sizes = this.#kept.map(
      ({ end, timestampDelta, offsetDeltaAt }) => 1 + varlongBytes(timestampDelta + shift) + end - offsetDeltaAt,
    )
    const records = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + varintBytes(size) + size, 0))
    let at = 0
    for (const [n, { end, attributes, timestampDelta, offsetDeltaAt }] of this.#kept.entries()) {
      at = writeVarint(records, at, sizes[n]!)
      records[at++] = attributes
      at = writeVarlong(records, at, timestampDelta + shift)
      records.set(this.#plain.subarray(offsetDeltaAt, end), at)
      at += end - offsetDeltaAt
    }
    return records
  }
}
