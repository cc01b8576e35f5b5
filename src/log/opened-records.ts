/**
 * The records that a producer has sent, looked at one by one where that takes more than a glance at them: compressed ones, messages of magic 0 and 1,
 * and batches with odd offsets. The rules are those of Kafka's LogValidator: as many records as the header says, each whole, none behind them, and
 * what the topic asks of each; the latest time is that of the records. A batch is built anew where its offsets are not 0, 1, 2 ..., and where the topic
 * wants another codec than it has; one that has the codec stays as it is, at whatever level it was compressed.
 *
 * A job of the compute port, and small enough inputs are looked at on the loop.
 */
import { EncodeError } from '../base/bytes/writer.js'
import type { Job } from '../io/compute.js'
import { BatchView } from '../records/batch.js'
import { BatchBuilder, recompress } from '../records/builder.js'
import { CODEC_NAMES } from '../records/compression/codec.js'
import { codecByName } from '../records/compression/codecs.js'
import { SET_FAULTS, upConvert } from '../records/legacy/up-convert.js'
import { readRecords } from '../records/reader.js'
import {
  BATCH_FAULTS,
  type BatchErrorName,
  BatchValidator,
  type RecordError,
  type RecordRules,
} from '../records/validator.js'
import type { TargetCompression } from './target-compression.js'

export interface SentRecords {
  /** One batch whose header and checksum are in order; with `old` messages of magic 0 or 1. */
  readonly bytes: Uint8Array
  readonly old: boolean
  readonly rules: RecordRules
  /** What a message of magic 0 or 1 may take (`max.message.bytes`). */
  readonly maxMessageBytes: number
  /** To how much they are decompressed at most. */
  readonly maxPlainBytes: number
  /** What the topic wants; undefined: what the batch has. */
  readonly target: TargetCompression | undefined
}

export type OpenedRecords =
  | {
      readonly kind: 'ok'
      /** The latest create time of the records. */
      readonly maxTimestamp: number
      /** The batch, where it had to be built anew. */
      readonly batch: Uint8Array | undefined
      /** Without compression. */
      readonly plainBytes: number
    }
  | {
      readonly kind: 'refused'
      readonly error: BatchErrorName
      readonly message: string
      readonly recordErrors: readonly RecordError[]
      /** It would be more than `maxPlainBytes`. */
      readonly tooLarge: boolean
    }

export const openRecords: Job<SentRecords, OpenedRecords> = {
  module: import.meta.url,
  name: 'openRecords',
  lane: 'request',
  run: open,
}

function open({ bytes, old, rules, maxMessageBytes, maxPlainBytes, target }: SentRecords): OpenedRecords {
  if (target !== undefined && codecByName(target.codec) === undefined) return refused(NO_SUCH_CODEC, false)
  let batchBytes = bytes
  if (old) {
    const converted = upConvert(bytes, { maxMessageBytes, maxPlainBytes }, target)
    if (typeof converted === 'string') return refused(SET_FAULTS[converted], converted === 'too-large')
    batchBytes = converted
  }
  const validator = new BatchValidator()
  const batch = validator.batch.reset(batchBytes, 0)
  const verdict = validator.checkRecords(maxPlainBytes, rules)
  if (verdict !== 'ok') return refused(BATCH_FAULTS[verdict], verdict === 'too-large', validator.recordErrors)
  const { maxTimestamp, plain } = validator
  const plainBytes = plain.length
  let anew = old ? batchBytes : undefined
  if (!validator.denseOffsets) {
    anew = withDenseOffsets(batch, maxPlainBytes, target)
    if (anew === undefined) return refused(SET_FAULTS['wrong-timestamp'], false)
  } else if (target !== undefined && target.codec !== CODEC_NAMES[batch.codecId]) {
    anew = recompress(batch, plain, target.codec, target.level)
  }
  return { kind: 'ok', maxTimestamp, batch: anew, plainBytes }
}

const NO_SUCH_CODEC = {
  error: 'UNSUPPORTED_COMPRESSION_TYPE',
  message: 'the broker has not got the codec that compression.type asks for',
} as const

function refused(
  fault: { readonly error: BatchErrorName; readonly message: string },
  tooLarge: boolean,
  recordErrors: readonly RecordError[] = [],
): OpenedRecords {
  return { kind: 'refused', error: fault.error, message: fault.message, recordErrors, tooLarge }
}

/** The same records, one offset after the other; undefined: one has a time that no batch that is built may have. */
function withDenseOffsets(
  batch: BatchView,
  maxPlainBytes: number,
  target: TargetCompression | undefined,
): Uint8Array | undefined {
  const { producerId, producerEpoch, baseSequence, isTransactional: transactional } = batch
  const compression = target ?? { codec: CODEC_NAMES[batch.codecId]! }
  const builder = new BatchBuilder({ ...compression, producerId, producerEpoch, baseSequence, transactional })
  const createTimes = new BatchView().reset(withCreateTimes(batch), 0)
  try {
    for (const { timestamp, key, value, headers } of readRecords(createTimes, maxPlainBytes)) {
      builder.append({ timestamp, key, value, headers })
    }
    return builder.build()
  } catch (error) {
    if (error instanceof EncodeError) return undefined
    throw error
  }
}

/** A producer may claim that the times are the broker's. */
function withCreateTimes(batch: BatchView): Uint8Array {
  const copy = Uint8Array.prototype.slice.call(batch.bytes, batch.start, batch.end)
  new BatchView().reset(copy, 0).setMaxTimestamp('CreateTime', batch.maxTimestamp)
  return copy
}
