/**
 * A message set of magic 0 or 1 as an old producer sends it, made into one record batch: with the codec of the set or another, and with the timestamps of its
 * messages (magic 0 has none). What a producer says about offsets means nothing. The rules are those of Kafka's LogValidator.
 */
import { EncodeError } from '../../base/bytes/writer.js'
import { CODEC_MASK, NO_TIMESTAMP } from '../batch.js'
import { BatchBuilder } from '../builder.js'
import { CODEC_NAMES, type CodecName } from '../compression/codec.js'
import { BATCH_FAULTS } from '../validator.js'
import { MessageCursor } from './message.js'
import { MESSAGE_FAULTS, MessageSetReader } from './message-set.js'

export const SET_FAULTS = {
  ...MESSAGE_FAULTS,
  'more-wrappers': { error: 'INVALID_RECORD', message: 'there is more than one message, and one is compressed' },
  'message-too-large': { error: 'MESSAGE_TOO_LARGE', message: 'a message is larger than max.message.bytes' },
  'wrong-timestamp': { error: 'INVALID_TIMESTAMP', message: 'a timestamp is less than -1' },
  'unsafe-integer': { ...BATCH_FAULTS['unsafe-integer'], message: 'a timestamp is beyond +-(2^53 - 1)' },
} as const

export type SetFault = keyof typeof SET_FAULTS

export interface UpConversionLimits {
  /** What a message may take, a wrapper as it came. */
  readonly maxMessageBytes: number
  /** To what a wrapper is opened. */
  readonly maxPlainBytes: number
}

/**
 * The batch, or why there is none. A beginning of another message behind the last one is ignored, as Kafka does. `target`: how it is compressed, if
 * not as the set is.
 */
export function upConvert(
  bytes: Uint8Array,
  limits: UpConversionLimits,
  target?: { readonly codec: CodecName; readonly level?: number },
): Buffer | SetFault {
  const codecId = checkEntries(bytes, limits.maxMessageBytes)
  if (typeof codecId === 'string') return codecId
  const codec = CODEC_NAMES[codecId]
  if (codec === undefined) return 'unknown-codec'
  const reader = new MessageSetReader(bytes, 0, bytes.length, limits.maxPlainBytes, false)
  const builder = new BatchBuilder(target ?? { codec }, bytes.length)
  try {
    for (;;) {
      const step = reader.next()
      if (step === 'end' || step === 'cut-off') return builder.build()
      if (step !== 'record') return step
      const { timestamp, key, value } = reader
      if (timestamp < NO_TIMESTAMP) return 'wrong-timestamp'
      builder.append({ timestamp, key, value })
    }
  } catch (error) {
    if (error instanceof EncodeError) return 'unsafe-integer'
    throw error
  }
}

/** The outer level alone, before anything is opened. Returns the codec of the set. */
function checkEntries(bytes: Uint8Array, maxMessageBytes: number): number | SetFault {
  const entry = new MessageCursor()
  let count = 0
  let codecId = 0
  let magic = 0
  entry.reset(bytes, 0, bytes.length)
  for (;;) {
    const step = entry.next()
    if (step === 'end' || (step === 'cut-off' && count > 0)) break
    if (step !== 'message') return step
    if (count++ === 0) magic = entry.magic
    else if (entry.magic !== magic) return 'mixed-magic'
    if (entry.sizeBytes > maxMessageBytes) return 'message-too-large'
    codecId = entry.attributes & CODEC_MASK || codecId
  }
  if (count === 0) return 'cut-off'
  return codecId !== 0 && count > 1 ? 'more-wrappers' : codecId
}
