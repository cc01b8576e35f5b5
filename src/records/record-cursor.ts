/**
 * One record inside a batch, magic 2 (KIP-98). All lengths are zigzag varints; -1 stands for null.
 *
 *     ┌────────┬────────────┬───────────┬──────────┬────────────┬─────┬──────────────┬───────┬────────┬─────────
 *     │ length │ attributes │ timestamp │ offset   │ key length │ key │ value length │ value │ header │ headers
 *     │ varint │ int8       │ delta     │ delta    │ varint     │     │ varint       │       │ count  │
 *     │        │ all unused │ varlong   │ varint   │            │     │              │       │ varint │
 *     └────────┴────────────┴───────────┴──────────┴────────────┴─────┴──────────────┴───────┴────────┴─────────
 *      counts   each header: key length (varint, never null), key in UTF-8, value length (varint), value
 *      the rest
 */

/** The length that stands for null. */
export const NULL_LENGTH = -1

/** Attributes, two deltas, two lengths and the header count, one byte each. */
const MIN_BODY_BYTES = 6

const EMPTY = new Uint8Array(0)

/**
 * The cursor steps from record to record and says where things are. It copies nothing, allocates nothing, throws
 * nothing: what does not fit into its record ends the walk with `false`.
 */
export class RecordCursor {
  /** Of the record that `next` stepped on: from the first byte of its length to behind its last header. */
  start = 0
  end = 0
  attributes = 0
  /** Beyond +-(2^53 - 1) it is rounded to something as unsafe. */
  timestampDelta = 0
  /** Where the offset delta begins, which ends the part that a change of timestamps changes. */
  offsetDeltaAt = 0
  offsetDelta = 0
  keyAt = 0
  /** -1: null. */
  keyLength = NULL_LENGTH
  valueAt = 0
  valueLength = NULL_LENGTH
  headersAt = 0
  headerCount = 0

  #bytes: Uint8Array = EMPTY
  #limit = 0
  /** Where the next byte is read, and where reading must stop for now. */
  #at = 0
  #stop = 0
  #broken = false

  /** Takes the records in `bytes[start, end)`; no record is stepped on yet. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes
    this.#at = start
    this.#limit = end
    this.end = start
  }

  /** Whether every byte was consumed by the records so far. */
  get atLimit(): boolean {
    return this.#at === this.#limit
  }

  /** Steps on the next record; false if there is none or it is malformed, and then it must not be called again. */
  next(): boolean {
    this.#broken = false
    this.start = this.#at
    this.#stop = this.#limit
    const length = this.#varint()
    const end = this.#at + length
    if (this.#broken || length < MIN_BODY_BYTES || end > this.#limit) return false
    this.#stop = end
    this.end = end
    this.attributes = this.#bytes[this.#at++]!
    this.timestampDelta = this.#varlong()
    this.offsetDeltaAt = this.#at
    this.offsetDelta = this.#varint()
    this.keyLength = this.#skipNullable()
    this.keyAt = this.keyLength < 0 ? this.#at : this.#at - this.keyLength
    this.valueLength = this.#skipNullable()
    this.valueAt = this.valueLength < 0 ? this.#at : this.#at - this.valueLength
    const headerCount = this.#varint()
    if (this.#broken || headerCount < 0) return false
    this.headerCount = headerCount
    this.headersAt = this.#at
    for (let left = headerCount; left > 0; left--) {
      // Each takes two bytes or more, or it is broken: no count makes this long.
      if (this.#skipNullable() < 0) return false
      this.#skipNullable()
      if (this.#broken) return false
    }
    return this.#at === end
  }

  /** Calls back with each header's places in the bytes; only after `next` said true. */
  eachHeader(visit: (keyAt: number, keyLength: number, valueAt: number, valueLength: number) => void): void {
    const resumeAt = this.#at
    this.#at = this.headersAt
    this.#stop = this.end
    for (let left = this.headerCount; left > 0; left--) {
      const keyLength = this.#skipNullable()
      const keyAt = this.#at - keyLength
      const valueLength = this.#skipNullable()
      visit(keyAt, keyLength, valueLength < 0 ? this.#at : this.#at - valueLength, valueLength)
    }
    this.#at = resumeAt
  }

  /** Reads a length and steps over as many bytes. Any negative length is null, as Kafka reads it. */
  #skipNullable(): number {
    const length = this.#varint()
    if (length < 0) return NULL_LENGTH
    if (length > this.#stop - this.#at) {
      this.#broken = true
      return 0
    }
    this.#at += length
    return length
  }

  #varint(): number {
    const at = this.#at
    if (at < this.#stop) {
      const byte = this.#bytes[at]!
      if (byte < 0x80) {
        this.#at = at + 1
        return (byte >>> 1) ^ -(byte & 1)
      }
    }
    return this.#longVarint()
  }

  /** At most 5 bytes; padding is accepted and surplus bits of the fifth byte are dropped, as in Kafka. */
  #longVarint(): number {
    let raw = 0
    for (let shift = 0; shift < 35 && this.#at < this.#stop; shift += 7) {
      const byte = this.#bytes[this.#at++]!
      raw |= (byte & 0x7f) << shift
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1)
    }
    this.#broken = true
    return 0
  }

  /** At most 10 bytes. Four are kept in 32-bit arithmetic: timestamps within a batch are seldom 18 hours apart. */
  #varlong(): number {
    let low = 0
    for (let shift = 0; shift < 28 && this.#at < this.#stop; shift += 7) {
      const byte = this.#bytes[this.#at++]!
      low |= (byte & 0x7f) << shift
      if (byte < 0x80) return (low >>> 1) ^ -(low & 1)
    }
    let scale = 2 ** 28
    let rest = 0
    for (let count = 4; count < 10 && this.#at < this.#stop; count++) {
      const byte = this.#bytes[this.#at++]!
      // The tenth byte has room for one bit more.
      rest += (count === 9 ? byte & 0x01 : byte & 0x7f) * scale
      scale *= 128
      if (byte < 0x80) {
        // rest is a multiple of 2^28, so halving it is exact; what it lost to rounding is far beyond 2^53 anyway.
        const half = rest / 2 + (low >>> 1)
        return (low & 1) === 0 ? half : -half - 1
      }
    }
    this.#broken = true
    return 0
  }
}
