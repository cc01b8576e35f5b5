/**
 * The message of magic 0 and 1, which came before record batches: one record with a header of its own. Messages follow each other in a message
 * set; compressed, a whole set is the value of another message, its wrapper. All numbers big-endian.
 *
 *      0 ┌──────────────┬──────────┬──────────┬───────┬────────────┬───────────┬────────────┬─────┬──────────────┬───────
 *        │ offset int64 │ length   │ CRC-32   │ magic │ attributes │ timestamp │ key length │ key │ value length │ value
 *        │              │ int32    │ uint32   │ int8  │ int8       │ int64,    │ int32      │     │ int32        │
 *        │              │          │          │ 0, 1  │            │ magic 1   │ -1: null   │     │ -1: null     │
 *        └──────────────┴──────────┴──────────┴───────┴────────────┴───────────┴────────────┴─────┴──────────────┴───────
 *
 *     length: what follows it      CRC: zlib's, of everything from the magic to the end
 *     attributes:  3 timestamp type (magic 1) | 2 1 0 codec
 */
import { crc32 } from 'node:zlib'
import { BATCH_PREFIX_BYTES, FIELD_AT, MAGIC_V2 } from '../batch.js'
import { batchSizeAt, SIZE_CORRUPT, SIZE_UNKNOWN } from '../batch-size.js'
import { NULL_LENGTH } from '../record-cursor.js'

export type OldMagic = 0 | 1

/** A message of magic 0 with empty key and value, and what magic 1 adds. */
const MAGIC_0_OVERHEAD_BYTES = 26
const TIMESTAMP_BYTES = 8

const LENGTH_BYTES = 4
const CRC_AT = 12
const CRC_START = FIELD_AT.magic
const ATTRIBUTES_AT = 17
const BODY_AT = 18

const TWO_TO_32 = 0x1_0000_0000
const EMPTY = new Uint8Array(0)

/** What a message takes besides key and value. */
export function messageOverheadBytes(magic: OldMagic): number {
  return magic === 0 ? MAGIC_0_OVERHEAD_BYTES : MAGIC_0_OVERHEAD_BYTES + TIMESTAMP_BYTES
}

/**
 * - `message`: the cursor stands on a good one
 * - `end`: nothing is left
 * - `cut-off`: the rest is the beginning of a message
 * - `new-magic`: what follows is a record batch
 *
 * The others are faults, and there is no way to go on.
 */
export type MessageStep =
  | 'message'
  | 'end'
  | 'cut-off'
  | 'new-magic'
  | 'wrong-length'
  | 'wrong-magic'
  | 'wrong-crc'
  | 'malformed-message'

/** Steps from message to message on one level of a set and says where things are. Copies nothing, throws nothing. */
export class MessageCursor {
  start = 0
  end = 0
  magic: OldMagic = 0
  attributes = 0
  /** As it stands there; beyond +-(2^53 - 1) it is rounded to something as unsafe. */
  offset = 0
  /** Likewise; -1 in magic 0. */
  timestamp = -1
  keyAt = 0
  /** -1: null. */
  keyLength = NULL_LENGTH
  valueAt = 0
  valueLength = NULL_LENGTH

  #bytes: Uint8Array = EMPTY
  #view: DataView = new DataView(EMPTY.buffer)
  #limit = 0
  #checkCrc = true

  /** Takes the messages in `bytes[start, end)`. Checksums need not be computed again where that was done before. */
  reset(bytes: Uint8Array, start: number, end: number, checkCrc = true): void {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#limit = end
    this.#checkCrc = checkCrc
    this.start = start
    this.end = start
  }

  get sizeBytes(): number {
    return this.end - this.start
  }

  next(): MessageStep {
    const view = this.#view
    const at = this.end
    if (at >= this.#limit) return 'end'
    const size = batchSizeAt(this.#bytes, at, this.#limit)
    if (size === SIZE_CORRUPT) {
      return this.#limit - at > CRC_START && this.#bytes[at + CRC_START]! > MAGIC_V2 ? 'wrong-magic' : 'wrong-length'
    }
    if (size === SIZE_UNKNOWN || size > this.#limit - at) return 'cut-off'
    const magic = this.#bytes[at + CRC_START]!
    if (magic === MAGIC_V2) return 'new-magic'
    this.magic = magic as OldMagic
    if (size < messageOverheadBytes(this.magic)) return 'wrong-length'
    this.start = at
    this.end = at + size
    if (this.#checkCrc && crc32(this.#bytes.subarray(at + CRC_START, this.end)) !== view.getUint32(at + CRC_AT)) {
      return 'wrong-crc'
    }
    this.offset = this.#int64(at)
    this.attributes = this.#bytes[at + ATTRIBUTES_AT]!
    let bodyAt = at + BODY_AT
    this.timestamp = magic === 0 ? -1 : this.#int64(bodyAt)
    if (magic !== 0) bodyAt += TIMESTAMP_BYTES
    this.keyLength = Math.max(view.getInt32(bodyAt), NULL_LENGTH)
    this.keyAt = bodyAt + LENGTH_BYTES
    const keyEnd = this.keyAt + Math.max(this.keyLength, 0)
    if (keyEnd + LENGTH_BYTES > this.end) return 'malformed-message'
    this.valueLength = Math.max(view.getInt32(keyEnd), NULL_LENGTH)
    this.valueAt = keyEnd + LENGTH_BYTES
    return this.valueAt + Math.max(this.valueLength, 0) === this.end ? 'message' : 'malformed-message'
  }

  get key(): Uint8Array | null {
    return this.keyLength < 0 ? null : this.#bytes.subarray(this.keyAt, this.keyAt + this.keyLength)
  }

  get value(): Uint8Array | null {
    return this.valueLength < 0 ? null : this.#bytes.subarray(this.valueAt, this.valueAt + this.valueLength)
  }

  #int64(at: number): number {
    return this.#view.getInt32(at) * TWO_TO_32 + this.#view.getUint32(at + 4)
  }
}

/** A message to be written. */
export interface MessageInput {
  readonly offset: number
  /** Not written in magic 0. */
  readonly timestamp: number
  readonly attributes: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
}

const FIRST_CAPACITY_BYTES = 1024

/** Writes messages one behind the other. */
export class MessageSetWriter {
  readonly magic: OldMagic
  #memory: Buffer
  #size = 0

  constructor(magic: OldMagic, capacityBytes = FIRST_CAPACITY_BYTES) {
    this.magic = magic
    this.#memory = Buffer.allocUnsafe(capacityBytes)
  }

  /** Of what has been written. */
  get sizeBytes(): number {
    return this.#size
  }

  /** What was written: a view. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#size)
  }

  append({ offset, timestamp, attributes, key, value }: MessageInput): void {
    const start = this.#size
    const end = start + messageOverheadBytes(this.magic) + (key?.length ?? 0) + (value?.length ?? 0)
    this.#reserve(end)
    const memory = this.#memory
    writeInt64(memory, start, offset)
    memory.writeInt32BE(end - start - BATCH_PREFIX_BYTES, start + FIELD_AT.length)
    memory[start + CRC_START] = this.magic
    memory[start + ATTRIBUTES_AT] = attributes
    let at = start + BODY_AT
    if (this.magic !== 0) at = writeInt64(memory, at, timestamp)
    at = writeNullable(memory, at, key)
    writeNullable(memory, at, value)
    memory.writeUInt32BE(crc32(memory.subarray(start + CRC_START, end)), start + CRC_AT)
    this.#size = end
  }

  #reserve(needed: number): void {
    if (needed <= this.#memory.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#memory.length * 2))
    grown.set(this.#memory.subarray(0, this.#size))
    this.#memory = grown
  }
}

function writeNullable(target: Buffer, at: number, bytes: Uint8Array | null): number {
  target.writeInt32BE(bytes === null ? NULL_LENGTH : bytes.length, at)
  if (bytes === null) return at + LENGTH_BYTES
  target.set(bytes, at + LENGTH_BYTES)
  return at + LENGTH_BYTES + bytes.length
}

function writeInt64(target: Buffer, at: number, value: number): number {
  const high = Math.floor(value / TWO_TO_32)
  target.writeInt32BE(high, at)
  target.writeUInt32BE(value - high * TWO_TO_32, at + 4)
  return at + 8
}
