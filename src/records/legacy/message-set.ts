/**
 * Reading message sets of magic 0 and 1: what was compressed into wrappers comes out record by record, with absolute offsets. The rules are those
 * of Kafka's ByteBufferLogInputStream and AbstractLegacyRecordBatch; what Kafka passes over in silence inside a wrapper (a message that is cut
 * off) is refused here.
 */
import { CODEC_MASK, LOG_APPEND_TIME_BIT } from '../batch.js'
import { CODEC_NAMES, CompressionError } from '../compression/codec.js'
import { codecById } from '../compression/codecs.js'
import { BATCH_FAULTS } from '../validator.js'
import { withRightChecksum } from './lz4-checksum.js'
import { MessageCursor } from './message.js'

const LZ4 = 3
const ZSTD = 4

/** What is wrong, as in `BATCH_FAULTS`. */
export const MESSAGE_FAULTS = {
  'cut-off': { error: 'INVALID_RECORD', message: 'there is no whole message' },
  'wrong-length': { error: 'CORRUPT_MESSAGE', message: 'the length of a message is impossible' },
  'wrong-magic': { error: 'CORRUPT_MESSAGE', message: 'the magic of a message is unknown' },
  'new-magic': { error: 'INVALID_RECORD', message: 'there is a record batch among messages of magic 0 or 1' },
  'wrong-crc': { error: 'CORRUPT_MESSAGE', message: 'the CRC of a message is wrong' },
  'malformed-message': { error: 'INVALID_RECORD', message: 'key and value do not fit into their message' },
  'mixed-magic': { error: 'INVALID_RECORD', message: 'messages of magic 0 and 1 are mixed' },
  'unknown-codec': BATCH_FAULTS['unknown-codec'],
  'new-codec': { error: 'INVALID_RECORD', message: 'messages of magic 0 and 1 cannot be compressed with zstd' },
  'broken-stream': BATCH_FAULTS['broken-stream'],
  'too-large': BATCH_FAULTS['too-large'],
  'empty-wrapper': { error: 'INVALID_RECORD', message: 'a compressed message has no messages inside' },
  'nested-wrapper': {
    error: 'INVALID_RECORD',
    message: 'there is a compressed message inside of a compressed message',
  },
  'wrong-wrapper-offset': {
    error: 'INVALID_RECORD',
    message: 'the offset of a compressed message is less than that of its last message inside',
  },
} as const

export type MessageFault = keyof typeof MESSAGE_FAULTS

/** Steps through all records of a set. */
export class MessageSetReader {
  /** The message on the outer level that the record is, or is compressed in. */
  readonly entry = new MessageCursor()
  offset = 0
  /** -1: none. */
  timestamp = -1
  key: Uint8Array | null = null
  value: Uint8Array | null = null

  readonly #inner = new MessageCursor()
  /** The inner cursor is in the wrapper that the outer one stands on. */
  #inside = false
  /** What the offsets inside the wrapper count from. */
  #baseOffset = 0
  readonly #maxPlainBytes: number

  /** No wrapper is opened to more than `maxPlainBytes`. Where checksums were computed before, those of the outer level need not be again. */
  constructor(bytes: Uint8Array, start: number, end: number, maxPlainBytes: number, checkCrc = true) {
    this.#maxPlainBytes = maxPlainBytes
    this.entry.reset(bytes, start, end, checkCrc)
  }

  /** `cut-off` is normal for the end of what was fetched. */
  next(): 'record' | 'end' | MessageFault {
    const { entry } = this
    // All messages inside were found good when the wrapper was opened.
    if (this.#inside && this.#inner.next() === 'message') return this.#take(this.#inner)
    this.#inside = false
    const step = entry.next()
    if (step !== 'message') return step
    this.#baseOffset = 0
    if ((entry.attributes & CODEC_MASK) === 0) return this.#take(entry)
    const fault = this.#open()
    if (fault !== undefined) return fault
    this.#inside = true
    this.#inner.next()
    return this.#take(this.#inner)
  }

  #take(message: MessageCursor): 'record' {
    const { entry } = this
    this.offset = this.#baseOffset + message.offset
    const appendTime = entry.magic === 1 && (entry.attributes & LOG_APPEND_TIME_BIT) !== 0
    this.timestamp = appendTime ? entry.timestamp : message.timestamp
    this.key = message.key
    this.value = message.value
    return 'record'
  }

  #open(): MessageFault | undefined {
    const { entry } = this
    const plain = decompressed(entry, this.#maxPlainBytes)
    if (typeof plain === 'string') return plain
    const inner = this.#inner
    inner.reset(plain, 0, plain.length)
    let lastOffset: number | undefined
    for (;;) {
      const step = inner.next()
      if (step === 'end') break
      if (step === 'cut-off') return 'malformed-message'
      if (step === 'new-magic') return 'mixed-magic'
      if (step !== 'message') return step
      if (inner.magic !== entry.magic) return 'mixed-magic'
      if ((inner.attributes & CODEC_MASK) !== 0) return 'nested-wrapper'
      lastOffset = inner.offset
    }
    if (lastOffset === undefined) return 'empty-wrapper'
    // In magic 0 they are absolute. In magic 1 they are relative, and the wrapper has the last one; some clients send it as 0.
    if (entry.magic === 1 && entry.offset !== 0) {
      if (entry.offset < lastOffset) return 'wrong-wrapper-offset'
      this.#baseOffset = entry.offset - lastOffset
    }
    inner.reset(plain, 0, plain.length, false)
    return undefined
  }
}

function decompressed({ attributes, magic, value }: MessageCursor, maxPlainBytes: number): Uint8Array | MessageFault {
  const codecId = attributes & CODEC_MASK
  if (codecId >= CODEC_NAMES.length) return 'unknown-codec'
  if (codecId === ZSTD) return 'new-codec'
  if (value === null) return 'empty-wrapper'
  try {
    const stream = magic === 0 && codecId === LZ4 ? withRightChecksum(value) : value
    return codecById(codecId)!.decompress(stream, maxPlainBytes)
  } catch (error) {
    if (error instanceof CompressionError) return error.fault === 'too-large' ? 'too-large' : 'broken-stream'
    throw error
  }
}
