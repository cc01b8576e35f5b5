/**
 * The sparse index of one segment from offsets to file positions, in Kafka's `.index` format: entries of 8 bytes, big-endian.
 *
 *      ┌─────────────────┬──────────────────┐   relative: last offset of a batch - base offset of the segment
 *      │ relative  int32 │ position   int32 │   position: where that batch begins in the `.log` file
 *      └─────────────────┴──────────────────┘
 *
 * Offsets and positions rise strictly from entry to entry. Memory is taken as entries come, up to the maximum. Which
 * batches get an entry is not decided here: see `segment-indexes.ts`.
 */
import { assert } from '../base/assert.js'
import { countUpTo } from './count-up-to.js'
import { corrupt, ok, type Parsed } from './parsed.js'

export const OFFSET_INDEX_ENTRY_BYTES = 8

/** Relative offsets and positions are int32 in the files. */
export const LARGEST_RELATIVE_OFFSET = 0x7fff_ffff

const FIRST_CAPACITY = 16

export interface OffsetIndexEntry {
  readonly offset: number
  readonly position: number
}

export class OffsetIndex {
  readonly baseOffset: number
  /** How many entries it takes before `isFull`; one that was read from a file may hold more already. */
  readonly maximumEntries: number
  #relatives = new Int32Array(0)
  #positions = new Int32Array(0)
  #count = 0

  /** `maximumBytes` is `segment.index.bytes`; what does not fill an entry is not used. */
  constructor(baseOffset: number, maximumBytes: number) {
    this.baseOffset = baseOffset
    this.maximumEntries = Math.floor(maximumBytes / OFFSET_INDEX_ENTRY_BYTES)
  }

  /**
   * Reads the content of an index file. Zeros at the end are what Kafka preallocates while a segment is active; they are cut:
   * no batch but the first stands at position 0, and that one never gets an entry.
   */
  static fromBytes(bytes: Uint8Array, baseOffset: number, maximumBytes: number): Parsed<OffsetIndex> {
    if (bytes.length % OFFSET_INDEX_ENTRY_BYTES !== 0) {
      return corrupt(`an offset index of ${bytes.length} bytes is no multiple of ${OFFSET_INDEX_ENTRY_BYTES}`)
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let count = bytes.length / OFFSET_INDEX_ENTRY_BYTES
    while (count > 0 && isZero(view, (count - 1) * OFFSET_INDEX_ENTRY_BYTES)) count--
    const index = new OffsetIndex(baseOffset, maximumBytes)
    index.#reserve(count)
    let lastRelative = -1
    let lastPosition = -1
    for (let slot = 0; slot < count; slot++) {
      const relative = view.getInt32(slot * OFFSET_INDEX_ENTRY_BYTES)
      const position = view.getInt32(slot * OFFSET_INDEX_ENTRY_BYTES + 4)
      if (relative <= lastRelative || position <= lastPosition) {
        return corrupt(
          `entry ${slot} of an offset index (relative offset ${relative}, position ${position}) does not come after ` +
            `the one before (${lastRelative}, ${lastPosition})`,
        )
      }
      index.#relatives[slot] = lastRelative = relative
      index.#positions[slot] = lastPosition = position
    }
    index.#count = count
    return ok(index)
  }

  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#count >= this.maximumEntries
  }

  get sizeBytes(): number {
    return this.#count * OFFSET_INDEX_ENTRY_BYTES
  }

  /** With room for more entries. */
  get memoryBytes(): number {
    return this.#relatives.byteLength + this.#positions.byteLength
  }

  /** The base offset while there is no entry. */
  get lastOffset(): number {
    return this.#count === 0 ? this.baseOffset : this.baseOffset + this.#relatives[this.#count - 1]!
  }

  /** 0 while there is no entry. */
  get lastPosition(): number {
    return this.#count === 0 ? 0 : this.#positions[this.#count - 1]!
  }

  /** `offset` is the last one of the batch that begins at `position`, not the first batch. Not when full; both rise strictly. */
  append(offset: number, position: number): void {
    const relative = offset - this.baseOffset
    const slot = this.#count
    if (this.isFull) assert(false, `offset ${offset} for a full index of ${slot} entries`)
    if (relative < 0 || relative > LARGEST_RELATIVE_OFFSET) {
      assert(false, `offset ${offset} is out of reach of a segment that begins at ${this.baseOffset}`)
    }
    if (position <= 0 || position > LARGEST_RELATIVE_OFFSET) assert(false, `no entry can name position ${position}`)
    if (slot > 0 && (offset <= this.lastOffset || position <= this.lastPosition)) {
      assert(false, `(${offset}, ${position}) after (${this.lastOffset}, ${this.lastPosition})`)
    }
    if (slot === this.#relatives.length) {
      this.#reserve(Math.min(this.maximumEntries, Math.max(FIRST_CAPACITY, 2 * slot)))
    }
    this.#relatives[slot] = relative
    this.#positions[slot] = position
    this.#count = slot + 1
  }

  entry(slot: number): OffsetIndexEntry {
    if (slot < 0 || slot >= this.#count) assert(false, `entry ${slot} of ${this.#count}`)
    return { offset: this.baseOffset + this.#relatives[slot]!, position: this.#positions[slot]! }
  }

  /**
   * The entry with the greatest offset at or below `offset`, or (base offset, 0) if there is none: whatever has this
   * offset or a later one stands at its position or behind it.
   */
  lookup(offset: number): OffsetIndexEntry {
    const slot = countUpTo(this.#relatives, this.#count, offset - this.baseOffset) - 1
    return slot < 0 ? { offset: this.baseOffset, position: 0 } : this.entry(slot)
  }

  /** Drops the entries at or above `offset`. */
  truncateTo(offset: number): void {
    this.#count = countUpTo(this.#relatives, this.#count, offset - this.baseOffset - 1)
  }

  /** The content of the file. */
  toBytes(): Buffer {
    const bytes = Buffer.allocUnsafe(this.sizeBytes)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let slot = 0; slot < this.#count; slot++) {
      view.setInt32(slot * OFFSET_INDEX_ENTRY_BYTES, this.#relatives[slot]!)
      view.setInt32(slot * OFFSET_INDEX_ENTRY_BYTES + 4, this.#positions[slot]!)
    }
    return bytes
  }

  #reserve(capacity: number): void {
    const relatives = new Int32Array(capacity)
    const positions = new Int32Array(capacity)
    relatives.set(this.#relatives)
    positions.set(this.#positions)
    this.#relatives = relatives
    this.#positions = positions
  }
}

function isZero(view: DataView, at: number): boolean {
  return view.getInt32(at) === 0 && view.getInt32(at + 4) === 0
}
