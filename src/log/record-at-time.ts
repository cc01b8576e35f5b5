/**
 * The first record of a batch that is not older than a time: what ListOffsets looks for once it has found the batch. A job of the compute port,
 * and small batches are looked through on the loop.
 */
import type { Job } from '../io/compute.js'
import { BatchView } from '../records/batch.js'
import { CompressionError } from '../records/compression/codec.js'
import { plainRecords, RecordFormatError } from '../records/reader.js'
import { RecordCursor } from '../records/record-cursor.js'

export interface TimeSearch {
  /** One whole batch. */
  readonly bytes: Uint8Array
  /** In ms since 1970. */
  readonly timestamp: number
  /** Records in front of this offset do not count. */
  readonly fromOffset: number
  /** To how much the batch is opened at most. */
  readonly maxPlainBytes: number
}

export type TimeSearchResult =
  | { readonly kind: 'found'; readonly offset: number; readonly timestamp: number; readonly plainBytes: number }
  /** None of its records is as new, whatever the batch says. */
  | { readonly kind: 'none'; readonly plainBytes: number }
  /** It cannot be read, or would be more than `maxPlainBytes`. */
  | { readonly kind: 'unreadable'; readonly tooLarge: boolean }

export const recordAtTime: Job<TimeSearch, TimeSearchResult> = {
  module: import.meta.url,
  name: 'recordAtTime',
  lane: 'request',
  run: find,
}

function find({ bytes, timestamp, fromOffset, maxPlainBytes }: TimeSearch): TimeSearchResult {
  const batch = new BatchView().reset(bytes, 0)
  let plain: Uint8Array
  try {
    plain = plainRecords(batch, maxPlainBytes)
  } catch (error) {
    if (error instanceof CompressionError) return { kind: 'unreadable', tooLarge: error.fault === 'too-large' }
    if (error instanceof RecordFormatError) return { kind: 'unreadable', tooLarge: false }
    throw error
  }
  const { baseOffset, baseTimestamp, recordCount } = batch
  const appendTime = batch.timestampType === 'LogAppendTime' ? batch.maxTimestamp : undefined
  const cursor = new RecordCursor()
  cursor.reset(plain, 0, plain.length)
  for (let index = 0; index < recordCount; index++) {
    if (!cursor.next()) return { kind: 'unreadable', tooLarge: false }
    const offset = baseOffset + cursor.offsetDelta
    const time = appendTime ?? baseTimestamp + cursor.timestampDelta
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(time)) return { kind: 'unreadable', tooLarge: false }
    if (time >= timestamp && offset >= fromOffset) {
      return { kind: 'found', offset, timestamp: time, plainBytes: plain.length }
    }
  }
  return { kind: 'none', plainBytes: plain.length }
}
