/**
 * Whether a batch may be appended. The hot path looks at a batch of a produce request without decoding it: header,
 * CRC, and of an uncompressed one where its records begin and end; a compressed one is opened only on demand.
 *
 * Answers are codes, never exceptions. The rules are those of Kafka's ProduceRequest, DefaultRecordBatch.ensureValid
 * and LogValidator; where it breaks down on input (UNKNOWN_SERVER_ERROR), here stands a clear refusal.
 */
import { BATCH_HEADER_BYTES, BatchView, FIELD_AT, MAGIC_V2, NO_SEQUENCE, NO_TIMESTAMP } from './batch.js'
import { batchSizeAt, SIZE_CORRUPT, SIZE_UNKNOWN } from './batch-size.js'
import { CODEC_NAMES, CompressionError } from './compression/codec.js'
import { codecById } from './compression/codecs.js'
import { plainRecords } from './reader.js'
import { RecordCursor } from './record-cursor.js'

/** Kafka's errors by name; their numbers are the protocol's matter. */
export type BatchErrorName =
  | 'CORRUPT_MESSAGE'
  | 'INVALID_RECORD'
  | 'INVALID_TIMESTAMP'
  | 'UNSUPPORTED_COMPRESSION_TYPE'
  | 'MESSAGE_TOO_LARGE'

/** What a topic asks of each record. */
export interface RecordRules {
  /** No record may be without a key: a topic that is compacted asks for that. */
  readonly keysRequired: boolean
  /** Between which create times have to lie, both included; a record without a time may always be. In ms since 1970. */
  readonly earliestMs: number
  readonly latestMs: number
}

export const NO_RULES: RecordRules = {
  keysRequired: false,
  earliestMs: Number.NEGATIVE_INFINITY,
  latestMs: Number.POSITIVE_INFINITY,
}

/** A record that breaks a rule, by its place in the batch (KIP-467). */
export interface RecordError {
  readonly batchIndex: number
  readonly batchIndexErrorMessage: string
}

/** More are not told of one batch. */
export const MAX_RECORD_ERRORS = 100

/**
 * What is wrong, which error a client gets for it, and what its message says. CORRUPT_MESSAGE makes a client try
 * again.
 */
export const BATCH_FAULTS = {
  'cut-off': { error: 'INVALID_RECORD', message: 'there is no whole record batch' },
  'wrong-length': { error: 'CORRUPT_MESSAGE', message: 'the length of the batch is impossible' },
  'wrong-magic': { error: 'CORRUPT_MESSAGE', message: 'the magic of the batch is unknown' },
  'old-magic': { error: 'INVALID_RECORD', message: 'the batch has magic 0 or 1, only 2 is allowed here' },
  'wrong-crc': { error: 'CORRUPT_MESSAGE', message: 'the CRC of the batch is wrong' },
  'unsafe-integer': { error: 'INVALID_RECORD', message: 'a number of the batch is beyond +-(2^53 - 1)' },
  'unknown-codec': { error: 'UNSUPPORTED_COMPRESSION_TYPE', message: 'the compression of the batch is unknown' },
  'more-batches': { error: 'INVALID_RECORD', message: 'there is more than one batch for the partition' },
  'garbage-behind': { error: 'CORRUPT_MESSAGE', message: 'what follows the batch is no batch' },
  'wrong-base-offset': { error: 'INVALID_RECORD', message: 'the base offset of a batch from a producer is not 0' },
  'wrong-count': { error: 'INVALID_RECORD', message: 'the record count of the batch is wrong' },
  'wrong-last-offset': { error: 'INVALID_RECORD', message: 'the last offset and the record count disagree' },
  'control-batch': { error: 'INVALID_RECORD', message: 'a producer must not send control records' },
  'no-sequence': { error: 'INVALID_RECORD', message: 'the batch has a producer id and no sequence number' },
  'malformed-record': { error: 'INVALID_RECORD', message: 'a record of the batch is malformed' },
  'broken-stream': { error: 'INVALID_RECORD', message: 'the records of the batch cannot be decompressed' },
  'invalid-records': { error: 'INVALID_RECORD', message: 'records of the batch are not allowed in the topic' },
  'invalid-times': { error: 'INVALID_TIMESTAMP', message: 'records of the batch are too old or too new' },
  'too-large': { error: 'MESSAGE_TOO_LARGE', message: 'the records of the batch are too large when decompressed' },
} as const satisfies Record<string, { readonly error: BatchErrorName; readonly message: string }>

export type BatchFault = keyof typeof BATCH_FAULTS
export type BatchVerdict = 'ok' | BatchFault

const NOTHING = new Uint8Array(0)

/** Made once per connection or partition and used for batch after batch; what it found stays until the next check. */
export class BatchValidator {
  /** The batch of the last check that got as far as its header. */
  readonly batch = new BatchView()

  /** Whether the records were walked: the fields below are then those of this batch, otherwise they mean nothing. */
  walked = false
  /**
   * By create time, whatever timestamp type the header claims; -1 without records. The header's own maximum may be
   * wrong: Kafka corrects it.
   */
  maxTimestamp = 0
  minTimestamp = 0
  /** Whether the offset deltas are 0, 1, 2 ... A producer's should be; Kafka appends the batch even if they are not. */
  denseOffsets = false
  /** The first record with a null key, which a compacted topic refuses; -1 if every record has a key. */
  nullKeyIndex = -1
  /** With `malformed-record`: which one, from 0. */
  recordIndex = -1
  /** With `invalid-records` and `invalid-times`: which ones and why, the first `MAX_RECORD_ERRORS`. */
  recordErrors: readonly RecordError[] = []
  /** After `checkRecords` with `ok`: the records without compression, a view on the batch if it has none. */
  plain: Uint8Array = NOTHING

  readonly #cursor = new RecordCursor()

  /**
   * A `records` field as a producer sends it, in `bytes[start, end)`: exactly one batch, whole and in order. A
   * beginning of another batch behind it is ignored, as Kafka does. `ok` says nothing about what is inside a
   * compressed batch. Of the verdicts those about rules come last: with them everything else is in order.
   */
  checkProduced(bytes: Uint8Array, start: number, end: number, rules: RecordRules = NO_RULES): BatchVerdict {
    const verdict = this.#checkWhole(bytes, start, end)
    if (verdict !== 'ok') return verdict
    const batch = this.batch
    const behind = this.#checkBehind(bytes, batch.end, end)
    if (behind !== 'ok') return behind
    if (batch.baseOffset !== 0) return 'wrong-base-offset'
    const count = batch.recordCount
    if (count < 1) return 'wrong-count'
    if (batch.lastOffsetDelta !== count - 1) return 'wrong-last-offset'
    if (batch.isControl) return 'control-batch'
    if (batch.hasProducer && batch.baseSequence <= NO_SEQUENCE) return 'no-sequence'
    const codecId = batch.codecId
    if (codecId === 0) return this.#walk(bytes, batch.recordsStart, batch.end, rules)
    if (codecId >= CODEC_NAMES.length) return 'unknown-codec'
    return batch.sizeBytes === BATCH_HEADER_BYTES ? 'wrong-count' : 'ok'
  }

  /**
   * A batch that another broker or the disk gave: that it is whole, of magic 2, undamaged, and that its numbers can
   * be held. Its offsets may have gaps and it may have no records left: compaction does that.
   */
  checkStored(bytes: Uint8Array, at: number, end: number): BatchVerdict {
    const verdict = this.#checkWhole(bytes, at, end)
    if (verdict !== 'ok') return verdict
    const { lastOffsetDelta, recordCount } = this.batch
    if (lastOffsetDelta < 0) return 'wrong-last-offset'
    // As recovery has it: what is stored must be believed after a restart too.
    return recordCount < 0 || recordCount - 1 > lastOffsetDelta ? 'wrong-count' : 'ok'
  }

  #checkWhole(bytes: Uint8Array, at: number, end: number): BatchVerdict {
    this.walked = false
    const size = batchSizeAt(bytes, at, end)
    if (size === SIZE_CORRUPT) return bytes[at + FIELD_AT.magic]! > MAGIC_V2 ? 'wrong-magic' : 'wrong-length'
    if (size === SIZE_UNKNOWN || size > end - at) return 'cut-off'
    if (bytes[at + FIELD_AT.magic] !== MAGIC_V2) return 'old-magic'
    const batch = this.batch.reset(bytes, at)
    if (batch.computeCrc() !== batch.crc) return 'wrong-crc'
    return batch.hasUnsafeInteger ? 'unsafe-integer' : 'ok'
  }

  /**
   * After a check that said `ok`: opens the batch if it is compressed, to at most `maxBytes`, and walks its records.
   */
  checkRecords(maxBytes: number, rules: RecordRules = NO_RULES): BatchVerdict {
    if (codecById(this.batch.codecId) === undefined) return 'unknown-codec'
    let plain: Uint8Array
    try {
      plain = plainRecords(this.batch, maxBytes)
    } catch (error) {
      if (error instanceof CompressionError) return error.fault === 'too-large' ? 'too-large' : 'broken-stream'
      throw error
    }
    this.plain = plain
    return this.#walk(plain, 0, plain.length, rules)
  }

  #checkBehind(bytes: Uint8Array, at: number, end: number): BatchVerdict {
    if (at === end) return 'ok'
    const size = batchSizeAt(bytes, at, end)
    if (size === SIZE_CORRUPT) return 'garbage-behind'
    return size === SIZE_UNKNOWN || size > end - at ? 'ok' : 'more-batches'
  }

  #walk(bytes: Uint8Array, start: number, end: number, rules: RecordRules): BatchVerdict {
    const cursor = this.#cursor
    const count = this.batch.recordCount
    let minDelta = Number.POSITIVE_INFINITY
    let maxDelta = Number.NEGATIVE_INFINITY
    let dense = true
    this.nullKeyIndex = -1
    cursor.reset(bytes, start, end)
    for (let index = 0; index < count; index++) {
      if (cursor.atLimit) return 'wrong-count'
      if (!cursor.next()) {
        this.recordIndex = index
        return 'malformed-record'
      }
      const delta = cursor.timestampDelta
      if (delta < minDelta) minDelta = delta
      if (delta > maxDelta) maxDelta = delta
      if (cursor.offsetDelta !== index) dense = false
      if (cursor.keyLength < 0 && this.nullKeyIndex < 0) this.nullKeyIndex = index
    }
    if (!cursor.atLimit) return 'wrong-count'
    this.denseOffsets = dense
    this.minTimestamp = count > 0 ? this.batch.baseTimestamp + minDelta : NO_TIMESTAMP
    this.maxTimestamp = count > 0 ? this.batch.baseTimestamp + maxDelta : NO_TIMESTAMP
    if (count > 0 && !(areSafe(minDelta, maxDelta) && areSafe(this.minTimestamp, this.maxTimestamp))) {
      return 'unsafe-integer'
    }
    this.walked = true
    const breaksRules =
      (rules.keysRequired && this.nullKeyIndex >= 0) ||
      this.minTimestamp < rules.earliestMs ||
      this.maxTimestamp > rules.latestMs
    return breaksRules ? this.#findRecordErrors(bytes, start, end, rules) : 'ok'
  }

  /** Again, record by record; a time that is wrong decides what the whole is called, as in Kafka. */
  #findRecordErrors(bytes: Uint8Array, start: number, end: number, rules: RecordRules): BatchVerdict {
    const { keysRequired, earliestMs, latestMs } = rules
    const cursor = this.#cursor
    const { baseTimestamp, recordCount } = this.batch
    const errors: RecordError[] = []
    let verdict: BatchVerdict = 'ok'
    cursor.reset(bytes, start, end)
    for (let batchIndex = 0; batchIndex < recordCount && cursor.next(); batchIndex++) {
      const timestamp = baseTimestamp + cursor.timestampDelta
      let batchIndexErrorMessage: string
      if (keysRequired && cursor.keyLength < 0) {
        if (verdict === 'ok') verdict = 'invalid-records'
        batchIndexErrorMessage = 'the record has no key, and the topic is compacted'
      } else if (timestamp !== NO_TIMESTAMP && (timestamp < earliestMs || timestamp > latestMs)) {
        verdict = 'invalid-times'
        batchIndexErrorMessage = `the time ${timestamp} is not between ${Math.max(0, earliestMs)} and ${latestMs}`
      } else continue
      if (errors.length < MAX_RECORD_ERRORS) errors.push({ batchIndex, batchIndexErrorMessage })
    }
    this.recordErrors = errors
    return verdict
  }
}

function areSafe(a: number, b: number): boolean {
  return Number.isSafeInteger(a) && Number.isSafeInteger(b)
}
