/**
 * The sparse index of one segment from timestamps to offsets, in Kafka's `.timeindex` format: entries of 12 bytes, big-endian.
 *
 *      ┌──────────────────────────────┬─────────────────┐   an entry (t, o) says: up to and with the batch that ends
 *      │ timestamp              int64 │ relative  int32 │   at o, no record is later than t; and that batch has t
 *      └──────────────────────────────┴─────────────────┘
 *
 * Timestamps rise strictly, offsets never fall. The last slot is kept free for the entry that is written when the segment
 * is closed, so `isFull` comes one entry early. When entries are made is decided in `segment-indexes.ts`.
 */
import { assert } from '../base/assert.js'
import { NO_TIMESTAMP } from '../records/batch.js'
import { countUpTo } from './count-up-to.js'
import { LARGEST_RELATIVE_OFFSET } from './offset-index.js'
import { corrupt, ok, type Parsed } from './parsed.js'

export const TIME_INDEX_ENTRY_BYTES = 12

const FIRST_CAPACITY = 16
const TWO_TO_32 = 0x1_0000_0000

export interface TimeIndexEntry {
  /** Milliseconds since 1970; -1 where there is no entry. */
  readonly timestamp: number
  readonly offset: number
}

export class TimeIndex {
  readonly baseOffset: number
  /** With the slot for the closing entry; an index that was read from a file may hold more already. */
  readonly maximumEntries: number
  #timestamps = new Float64Array(0)
  #relatives = new Int32Array(0)
  #count = 0

  /** `maximumBytes` is `segment.index.bytes`; what does not fill an entry is not used. */
  constructor(baseOffset: number, maximumBytes: number) {
    this.baseOffset = baseOffset
    this.maximumEntries = Math.floor(maximumBytes / TIME_INDEX_ENTRY_BYTES)
  }

  /**
   * Reads the content of an index file. Zeros at the end are what Kafka preallocates while a segment is active; they are cut.
   * A true entry of timestamp 0 at the base offset looks the same; without it a lookup starts at the base offset too.
   */
  static fromBytes(bytes: Uint8Array, baseOffset: number, maximumBytes: number): Parsed<TimeIndex> {
    if (bytes.length % TIME_INDEX_ENTRY_BYTES !== 0) {
      return corrupt(`a time index of ${bytes.length} bytes is no multiple of ${TIME_INDEX_ENTRY_BYTES}`)
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let count = bytes.length / TIME_INDEX_ENTRY_BYTES
    while (count > 0 && isZero(view, (count - 1) * TIME_INDEX_ENTRY_BYTES)) count--
    const index = new TimeIndex(baseOffset, maximumBytes)
    index.#reserve(count)
    let lastTimestamp = NO_TIMESTAMP
    let lastRelative = 0
    for (let slot = 0; slot < count; slot++) {
      const at = slot * TIME_INDEX_ENTRY_BYTES
      const timestamp = view.getInt32(at) * TWO_TO_32 + view.getUint32(at + 4)
      const relative = view.getInt32(at + 8)
      if (timestamp <= lastTimestamp || relative < lastRelative || !Number.isSafeInteger(timestamp)) {
        return corrupt(
          `entry ${slot} of a time index (timestamp ${timestamp}, relative offset ${relative}) does not come after ` +
            `the one before (${lastTimestamp}, ${lastRelative}) or is no time`,
        )
      }
      index.#timestamps[slot] = lastTimestamp = timestamp
      index.#relatives[slot] = lastRelative = relative
    }
    index.#count = count
    return ok(index)
  }

  get count(): number {
    return this.#count
  }

  /** Only the closing entry still has room. */
  get isFull(): boolean {
    return this.#count >= this.maximumEntries - 1
  }

  get sizeBytes(): number {
    return this.#count * TIME_INDEX_ENTRY_BYTES
  }

  /** With room for more entries. */
  get memoryBytes(): number {
    return this.#timestamps.byteLength + this.#relatives.byteLength
  }

  /** -1 while there is no entry. */
  get lastTimestamp(): number {
    return this.#count === 0 ? NO_TIMESTAMP : this.#timestamps[this.#count - 1]!
  }

  /** The base offset while there is no entry. */
  get lastOffset(): number {
    return this.#count === 0 ? this.baseOffset : this.baseOffset + this.#relatives[this.#count - 1]!
  }

  /**
   * Takes an entry if its timestamp is later than the last one's (than -1 for the first), else changes nothing; says which.
   * Not when full; `offset` never falls.
   */
  appendIfLater(timestamp: number, offset: number): boolean {
    if (timestamp <= this.lastTimestamp) return false
    if (this.isFull) assert(false, `timestamp ${timestamp} for a full time index of ${this.#count} entries`)
    this.#push(timestamp, offset)
    return true
  }

  /** The same for the entry that a segment gets when it is closed: it may take the slot that was kept for it. */
  appendClosing(timestamp: number, offset: number): boolean {
    if (timestamp <= this.lastTimestamp || this.#count >= this.maximumEntries) return false
    this.#push(timestamp, offset)
    return true
  }

  entry(slot: number): TimeIndexEntry {
    if (slot < 0 || slot >= this.#count) assert(false, `entry ${slot} of ${this.#count}`)
    return { timestamp: this.#timestamps[slot]!, offset: this.baseOffset + this.#relatives[slot]! }
  }

  /**
   * The last entry with a timestamp at or below `timestamp`, or (-1, base offset) if there is none. The first record as
   * late as `timestamp` stands in the batch that holds this offset, or behind it.
   */
  lookup(timestamp: number): TimeIndexEntry {
    const slot = countUpTo(this.#timestamps, this.#count, timestamp) - 1
    return slot < 0 ? { timestamp: NO_TIMESTAMP, offset: this.baseOffset } : this.entry(slot)
  }

  /** Drops the entries whose offset is at or above `offset`. */
  truncateTo(offset: number): void {
    this.#count = countUpTo(this.#relatives, this.#count, offset - this.baseOffset - 1)
  }

  /** The content of the file. */
  toBytes(): Buffer {
    const bytes = Buffer.allocUnsafe(this.sizeBytes)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let slot = 0; slot < this.#count; slot++) {
      const at = slot * TIME_INDEX_ENTRY_BYTES
      const timestamp = this.#timestamps[slot]!
      const high = Math.floor(timestamp / TWO_TO_32)
      view.setInt32(at, high)
      view.setUint32(at + 4, timestamp - high * TWO_TO_32)
      view.setInt32(at + 8, this.#relatives[slot]!)
    }
    return bytes
  }

  #push(timestamp: number, offset: number): void {
    const relative = offset - this.baseOffset
    if (relative < 0 || relative > LARGEST_RELATIVE_OFFSET) {
      assert(false, `offset ${offset} is out of reach of a segment that begins at ${this.baseOffset}`)
    }
    if (offset < this.lastOffset) assert(false, `offset ${offset} after ${this.lastOffset}`)
    if (!Number.isSafeInteger(timestamp)) assert(false, `${timestamp} is no timestamp`)
    if (this.#count === this.#timestamps.length) {
      this.#reserve(Math.min(this.maximumEntries, Math.max(FIRST_CAPACITY, 2 * this.#count)))
    }
    this.#timestamps[this.#count] = timestamp
    this.#relatives[this.#count] = relative
    this.#count++
  }

  #reserve(capacity: number): void {
    const timestamps = new Float64Array(capacity)
    const relatives = new Int32Array(capacity)
    timestamps.set(this.#timestamps)
    relatives.set(this.#relatives)
    this.#timestamps = timestamps
    this.#relatives = relatives
  }
}

function isZero(view: DataView, at: number): boolean {
  return view.getInt32(at) === 0 && view.getInt32(at + 4) === 0 && view.getInt32(at + 8) === 0
}
