/**
 * Reads Kafka's primitive types, big-endian, from a range of bytes. Every read is bounded by the range; what does not fit
 * or is out of range throws `DecodeError`. Slices are views on the given bytes, nothing is copied.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}

/** What a string of the protocol may have, and what U+FFFD takes of it. */
const MAX_STRING_BYTES = 0x7fff
const REPLACEMENT_BYTES = 3

export class Reader {
  position: number
  end: number
  #bytes: Buffer
  #view: DataView

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = asBuffer(bytes)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.position = start
    this.end = end
  }

  /** Takes another range; cheap when the bytes are the same object as before. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    if (this.#bytes !== bytes) {
      this.#bytes = asBuffer(bytes)
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    this.position = start
    this.end = end
  }

  get remaining(): number {
    return this.end - this.position
  }

  /** Moves on by `length` and returns where it stood; throws if that is past the end. */
  advance(length: number): number {
    const at = this.position
    if (length > this.end - at) {
      throw new DecodeError(`${length} bytes are wanted at ${at}, ${this.end - at} are left`)
    }
    this.position = at + length
    return at
  }

  int8(): number {
    return this.#view.getInt8(this.advance(1))
  }

  uint8(): number {
    return this.#view.getUint8(this.advance(1))
  }

  /** Any byte but 0 is true. */
  bool(): boolean {
    return this.#view.getInt8(this.advance(1)) !== 0
  }

  int16(): number {
    return this.#view.getInt16(this.advance(2))
  }

  uint16(): number {
    return this.#view.getUint16(this.advance(2))
  }

  int32(): number {
    return this.#view.getInt32(this.advance(4))
  }

  uint32(): number {
    return this.#view.getUint32(this.advance(4))
  }

  /** Refuses what a number cannot hold exactly: beyond +-(2^53 - 1). */
  int64(): number {
    const at = this.advance(8)
    const value = this.#view.getInt32(at) * 0x1_0000_0000 + this.#view.getUint32(at + 4)
    if (!Number.isSafeInteger(value)) throw new DecodeError(`the int64 at ${at} is beyond +-(2^53 - 1)`)
    return value
  }

  float64(): number {
    return this.#view.getFloat64(this.advance(8))
  }

  /** Base64url, 22 characters. */
  uuid(): string {
    const at = this.advance(16)
    return this.#bytes.toString('base64url', at, at + 16)
  }

  /** An unsigned varint of up to 32 bits, at most 5 bytes long; padding is accepted, surplus bits are dropped. */
  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#view.getUint8(this.advance(1))
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new DecodeError(`the varint that ends at ${this.position} is longer than 5 bytes`)
  }

  /** A zigzag varint of 32 bits. */
  varint(): number {
    const raw = this.uvarint()
    return (raw >>> 1) ^ -(raw & 1)
  }

  /** A zigzag varint of 64 bits, at most 10 bytes long; refuses what a number cannot hold exactly. */
  varlong(): number {
    let low = 0
    let high = 0
    for (let index = 0; index < 10; index++) {
      const byte = this.#view.getUint8(this.advance(1))
      const bits = byte & 0x7f
      if (index < 4) low |= bits << (7 * index)
      else if (index === 4) {
        low |= (bits & 0x0f) << 28
        high |= bits >>> 4
      } else high |= bits << (7 * index - 32)
      if (byte < 0x80) {
        const negative = (low & 1) !== 0
        const magnitude = (high >>> 1) * 0x1_0000_0000 + (((high & 1) * 0x8000_0000 + (low >>> 1)) >>> 0)
        const value = negative ? -magnitude - 1 : magnitude
        if (!Number.isSafeInteger(value)) {
          throw new DecodeError(`the varlong that ends at ${this.position} is beyond +-(2^53 - 1)`)
        }
        return value
      }
    }
    throw new DecodeError(`the varlong that ends at ${this.position} is longer than 10 bytes`)
  }

  /** A view on the next bytes. */
  slice(length: number): Buffer {
    if (length < 0) throw new DecodeError(`a length of ${length} at ${this.position}`)
    const at = this.advance(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** UTF-8; what is not becomes U+FFFD. That takes up to three times the room, and is refused where no string could hold it again. */
  utf8(length: number): string {
    if (length < 0) throw new DecodeError(`a length of ${length} at ${this.position}`)
    const at = this.advance(length)
    const text = this.#bytes.toString('utf8', at, at + length)
    if (length > MAX_STRING_BYTES / REPLACEMENT_BYTES) {
      const again = Buffer.byteLength(text)
      if (again > Math.max(length, MAX_STRING_BYTES)) {
        throw new DecodeError(`the string at ${at} is no UTF-8, and would take ${again} bytes to write`)
      }
    }
    return text
  }
}

/** The same bytes as a Buffer, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
