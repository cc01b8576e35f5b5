/**
 * Writes Kafka's primitive types, big-endian, into memory that grows by pieces: what is written never moves, so a place
 * can be patched later, and large slices are taken by reference instead of copied.
 */
export class EncodeError extends Error {
  override readonly name = 'EncodeError'
}

/** From this many bytes on a slice is referenced, not copied: a gather write is then cheaper than the copy. */
export const REFERENCE_FROM_BYTES = 16 * 1024

const FIRST_PIECE_BYTES = 512
const LARGEST_PIECE_BYTES = 256 * 1024

export class Writer {
  #bytes: Buffer
  #view: DataView
  /** Where the next byte goes in `#bytes`, and where what is not yet in `#sealed` begins. */
  #position = 0
  #start = 0
  #sealed: Buffer[] = []
  #sealedBytes = 0

  constructor(firstPieceBytes = FIRST_PIECE_BYTES) {
    this.#bytes = Buffer.allocUnsafe(firstPieceBytes)
    this.#view = viewOf(this.#bytes)
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#sealedBytes + this.#position - this.#start
  }

  /** Starts over in the same memory. Only when nobody holds chunks of before. */
  reset(): void {
    this.#position = 0
    this.#start = 0
    this.#sealed = []
    this.#sealedBytes = 0
  }

  /** All that was written, in order. The writer may go on; later calls return everything again. */
  chunks(): Buffer[] {
    this.#seal()
    return this.#sealed
  }

  /** All that was written as one piece, copied only if it is in several. */
  toBuffer(): Buffer {
    const chunks = this.chunks()
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  }

  int8(value: number): void {
    const at = this.#reserve(1)
    this.#view.setInt8(at, value)
  }

  bool(value: boolean): void {
    const at = this.#reserve(1)
    this.#view.setInt8(at, value ? 1 : 0)
  }

  int16(value: number): void {
    const at = this.#reserve(2)
    this.#view.setInt16(at, value)
  }

  uint16(value: number): void {
    const at = this.#reserve(2)
    this.#view.setUint16(at, value)
  }

  int32(value: number): void {
    const at = this.#reserve(4)
    this.#view.setInt32(at, value)
  }

  uint32(value: number): void {
    const at = this.#reserve(4)
    this.#view.setUint32(at, value)
  }

  int64(value: number): void {
    const at = this.#reserve(8)
    const high = Math.floor(value / 0x1_0000_0000)
    this.#view.setInt32(at, high)
    this.#view.setUint32(at + 4, value - high * 0x1_0000_0000)
  }

  float64(value: number): void {
    const at = this.#reserve(8)
    this.#view.setFloat64(at, value)
  }

  uuid(value: string): void {
    const at = this.#reserve(16)
    if (this.#bytes.write(value, at, 16, 'base64url') !== 16) throw new EncodeError(`not a uuid: ${value}`)
  }

  uvarint(value: number): void {
    let at = this.#reserve(5)
    const first = at
    value >>>= 0
    while (value > 0x7f) {
      this.#view.setUint8(at++, (value & 0x7f) | 0x80)
      value >>>= 7
    }
    this.#view.setUint8(at++, value)
    this.#position = first + (at - first)
  }

  varint(value: number): void {
    this.uvarint((value << 1) ^ (value >> 31))
  }

  varlong(value: number): void {
    const magnitude = value < 0 ? -(value + 1) : value
    const high = Math.floor(magnitude / 0x8000_0000)
    // The zigzag code is 2 * magnitude (+ 1 if negative): its low 32 bits and the rest.
    let low = (((magnitude - high * 0x8000_0000) * 2) | (value < 0 ? 1 : 0)) >>> 0
    let rest = high
    let at = this.#reserve(10)
    while (rest > 0 || low > 0x7f) {
      this.#view.setUint8(at++, (low & 0x7f) | 0x80)
      low = ((low >>> 7) | ((rest & 0x7f) << 25)) >>> 0
      rest = Math.floor(rest / 128)
    }
    this.#view.setUint8(at++, low)
    this.#position = at
  }

  /** Copies small slices; takes large ones by reference: they must not change until the chunks are used. */
  raw(bytes: Uint8Array): void {
    if (bytes.length >= REFERENCE_FROM_BYTES) {
      this.#seal()
      this.#sealed.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
      this.#sealedBytes += bytes.length
      return
    }
    const at = this.#reserve(bytes.length)
    this.#bytes.set(bytes, at)
  }

  /** UTF-8 bytes without a length. */
  utf8(text: string, byteLength: number): void {
    const at = this.#reserve(byteLength)
    this.#bytes.write(text, at, byteLength, 'utf8')
  }

  /** Leaves 4 bytes open and returns a function that fills them: for a length that is known at the end. */
  openInt32(): (value: number) => void {
    const at = this.#reserve(4)
    const view = this.#view
    return (value) => view.setInt32(at, value)
  }

  #reserve(length: number): number {
    const at = this.#position
    if (at + length <= this.#bytes.length) {
      this.#position = at + length
      return at
    }
    this.#seal()
    const size = Math.max(length, Math.min(this.#bytes.length * 2, LARGEST_PIECE_BYTES))
    this.#bytes = Buffer.allocUnsafe(size)
    this.#view = viewOf(this.#bytes)
    this.#start = 0
    this.#position = length
    return 0
  }

  #seal(): void {
    if (this.#position > this.#start) {
      this.#sealed.push(this.#bytes.subarray(this.#start, this.#position))
      this.#sealedBytes += this.#position - this.#start
      this.#start = this.#position
    }
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
