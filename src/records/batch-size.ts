/**
 * How long the next batch is, from as few bytes as tell: the step that splits a `records` field or a segment into
 * batches. Judges as Kafka's reader does, so that the same bytes are split in the same way; of the batch's content
 * nothing is checked.
 */
import { BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES, FIELD_AT, MAGIC_V2 } from './batch.js'

/** Too few bytes to tell. */
export const SIZE_UNKNOWN = 0
/** No batch can begin like this. */
export const SIZE_CORRUPT = -1

/**
 * What tells whether and how long it is: base offset, length, leader epoch and magic (before magic 2: offset, length,
 * CRC and magic).
 */
export const BYTES_UP_TO_MAGIC = FIELD_AT.magic + 1

/** CRC, magic, attributes, two lengths: the smallest message of magic 0, behind the prefix. */
const SMALLEST_OLD_LENGTH = 14

/**
 * The size in bytes of the batch at `at`, the prefix included. It may well reach behind `end`: then the batch is cut
 * off there, which is normal for the last one of a Fetch. Or `SIZE_UNKNOWN`, or `SIZE_CORRUPT`.
 */
export function batchSizeAt(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < BATCH_PREFIX_BYTES) return SIZE_UNKNOWN
  const lengthAt = at + FIELD_AT.length
  const length =
    (bytes[lengthAt]! << 24) | (bytes[lengthAt + 1]! << 16) | (bytes[lengthAt + 2]! << 8) | bytes[lengthAt + 3]!
  if (length < SMALLEST_OLD_LENGTH) return SIZE_CORRUPT
  if (end - at < BYTES_UP_TO_MAGIC) return SIZE_UNKNOWN
  const magic = bytes[at + FIELD_AT.magic]!
  if (magic > MAGIC_V2) return SIZE_CORRUPT
  const size = length + BATCH_PREFIX_BYTES
  return magic === MAGIC_V2 && size < BATCH_HEADER_BYTES ? SIZE_CORRUPT : size
}
