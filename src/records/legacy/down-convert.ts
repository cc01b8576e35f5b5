/**
 * Record batches as an old consumer can read them: as messages of magic 0 or 1 with the offsets of their records. What those cannot hold is left
 * out: headers, what producers need, control batches; in magic 0 timestamps. Compressed batches become wrappers of the same codec. The rules are
 * those of Kafka's RecordsUtil.
 *
 * What is converted is bounded by what is asked for: a message that no longer fits ends the answer, as does the first batch that is larger when
 * opened than what is left to open. Only the first message, or wrapper, comes in any case.
 */
import { type BatchView, LOG_APPEND_TIME_BIT, NO_TIMESTAMP } from '../batch.js'
import { CompressionError } from '../compression/codec.js'
import { codecById } from '../compression/codecs.js'
import { BatchIterator, MAX_OPENED_BYTES, plainRecords, RecordFormatError } from '../reader.js'
import { RecordCursor } from '../record-cursor.js'
import { setOldChecksum } from './lz4-checksum.js'
import { MessageSetWriter, messageOverheadBytes, type OldMagic } from './message.js'

const LZ4 = 3
const ZSTD = 4

export interface DownConversion {
  readonly magic: OldMagic
  /** Records below it are left out where they need not come with others: old consumers would take them for what they asked for. */
  readonly fromOffset: number
  readonly maxBytes: number
  /** How much may be opened of compressed batches behind the first. */
  readonly maxPlainBytes: number
}

export interface DownConverted {
  readonly bytes: Uint8Array
  /** What compressed batches were opened to. */
  readonly plainBytes: number
  /** Behind the last batch that was done with; undefined: there was none. */
  readonly nextOffset: number | undefined
  /** Why there is nothing. Behind what could be converted it is for the next fetch to hear. */
  readonly error: 'CORRUPT_MESSAGE' | 'UNSUPPORTED_COMPRESSION_TYPE' | undefined
}

/** `bytes` are batches, the last one perhaps cut off. */
export function downConvert(bytes: Uint8Array, wanted: DownConversion): DownConverted {
  const converter = new DownConverter(wanted, bytes.length)
  const batches = new BatchIterator(bytes)
  let nextOffset: number | undefined
  let error: DownConverted['error']
  for (;;) {
    const step = batches.next()
    if (step === 'end' || step === 'partial') break
    const outcome = step === 'batch' ? converter.add(batches.batch) : 'CORRUPT_MESSAGE'
    if (outcome !== 'done') {
      if (outcome !== 'full' && converter.isEmpty) error = outcome
      break
    }
    nextOffset = batches.batch.nextOffset
  }
  return { bytes: converter.bytes, plainBytes: converter.plainBytes, nextOffset, error }
}

/** `full`: the answer ends before it, or in the middle of it. */
type Outcome = 'done' | 'full' | NonNullable<DownConverted['error']>

class DownConverter {
  plainBytes = 0
  readonly #wanted: DownConversion
  readonly #out: MessageSetWriter
  readonly #cursor = new RecordCursor()

  constructor(wanted: DownConversion, capacityBytes: number) {
    this.#wanted = wanted
    this.#out = new MessageSetWriter(wanted.magic, capacityBytes)
  }

  get bytes(): Uint8Array {
    return this.#out.bytes
  }

  get isEmpty(): boolean {
    return this.#out.sizeBytes === 0
  }

  add(batch: BatchView): Outcome {
    if (batch.isControl || batch.recordCount === 0) return 'done'
    if (batch.codecId === ZSTD) return 'UNSUPPORTED_COMPRESSION_TYPE'
    // Messages get checksums of their own: damage would be sealed in.
    if (batch.computeCrc() !== batch.crc) return 'CORRUPT_MESSAGE'
    return batch.codecId === 0 ? this.#addPlain(batch) : this.#addCompressed(batch)
  }

  #addPlain(batch: BatchView): Outcome {
    const { magic, fromOffset, maxBytes } = this.#wanted
    const out = this.#out
    const attributes = timestampTypeBit(batch, magic)
    return this.#eachRecord(batch, batch.bytes, batch.recordsStart, batch.end, (offset, timestamp, key, value) => {
      if (offset < fromOffset) return true
      if (out.sizeBytes > 0 && out.sizeBytes + this.#sizeOf(key, value) > maxBytes) return false
      out.append({ offset, timestamp, attributes, key, value })
      return true
    })
  }

  #addCompressed(batch: BatchView): Outcome {
    const { magic, fromOffset, maxBytes, maxPlainBytes } = this.#wanted
    const out = this.#out
    // Recompressed it takes about as much: what will not fit is not opened.
    if (!this.isEmpty && (out.sizeBytes + batch.sizeBytes > maxBytes || this.plainBytes >= maxPlainBytes)) return 'full'
    const limit = this.isEmpty ? MAX_OPENED_BYTES : maxPlainBytes - this.plainBytes
    let plain: Uint8Array
    try {
      plain = plainRecords(batch, limit)
    } catch (error) {
      if (error instanceof CompressionError && error.fault === 'too-large') {
        this.plainBytes += limit
        if (!this.isEmpty) return 'full'
      }
      if (error instanceof CompressionError || error instanceof RecordFormatError) return 'CORRUPT_MESSAGE'
      throw error
    }
    this.plainBytes += plain.length
    const inner = new MessageSetWriter(magic, plain.length)
    const attributes = timestampTypeBit(batch, magic)
    let firstOffset: number | undefined
    let lastOffset = 0
    let maxTimestamp = NO_TIMESTAMP
    const outcome = this.#eachRecord(batch, plain, 0, plain.length, (offset, timestamp, key, value) => {
      firstOffset ??= offset
      lastOffset = offset
      if (timestamp > maxTimestamp) maxTimestamp = timestamp
      const innerOffset = magic === 0 ? offset : offset - firstOffset
      inner.append({ offset: innerOffset, timestamp, attributes, key, value })
      return true
    })
    if (outcome !== 'done') return outcome
    if (lastOffset < fromOffset) return 'done'
    const value = compressed(inner.bytes, batch.codecId, magic)
    if (!this.isEmpty && out.sizeBytes + this.#sizeOf(null, value) > maxBytes) return 'full'
    out.append({
      offset: lastOffset,
      timestamp: maxTimestamp,
      attributes: attributes | batch.codecId,
      key: null,
      value,
    })
    return 'done'
  }

  /** `visit` says false to stop. */
  #eachRecord(
    batch: BatchView,
    bytes: Uint8Array,
    start: number,
    end: number,
    visit: (offset: number, timestamp: number, key: Uint8Array | null, value: Uint8Array | null) => boolean,
  ): Outcome {
    const cursor = this.#cursor
    const { baseOffset, baseTimestamp, recordCount } = batch
    const appendTime = batch.timestampType === 'LogAppendTime' ? batch.maxTimestamp : undefined
    cursor.reset(bytes, start, end)
    for (let index = 0; index < recordCount; index++) {
      if (!cursor.next()) return 'CORRUPT_MESSAGE'
      const { keyAt, keyLength, valueAt, valueLength } = cursor
      const offset = baseOffset + cursor.offsetDelta
      const timestamp = appendTime ?? baseTimestamp + cursor.timestampDelta
      if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(timestamp)) return 'CORRUPT_MESSAGE'
      const key = keyLength < 0 ? null : bytes.subarray(keyAt, keyAt + keyLength)
      const value = valueLength < 0 ? null : bytes.subarray(valueAt, valueAt + valueLength)
      if (!visit(offset, timestamp, key, value)) return 'full'
    }
    return cursor.atLimit ? 'done' : 'CORRUPT_MESSAGE'
  }

  #sizeOf(key: Uint8Array | null, value: Uint8Array | null): number {
    return messageOverheadBytes(this.#wanted.magic) + (key?.length ?? 0) + (value?.length ?? 0)
  }
}

/** The attribute of a message that says it; in magic 0 there is none. */
function timestampTypeBit(batch: BatchView, magic: OldMagic): number {
  return magic === 0 ? 0 : batch.attributes & LOG_APPEND_TIME_BIT
}

function compressed(plain: Uint8Array, codecId: number, magic: OldMagic): Uint8Array {
  const stream = codecById(codecId)!.compress(plain)
  if (magic === 0 && codecId === LZ4) setOldChecksum(stream)
  return stream
}
