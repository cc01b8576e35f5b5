/**
 * Whose time the records of a produced batch have (`message.timestamp.type`), and how far from the broker's it may be
 * (`message.timestamp.before.max.ms` and `.after.max.ms`, KIP-937). Kafka's `LogValidator`; of compressed batches the header is believed for the
 * latest time, and they are opened only where there is a limit to the past.
 */
import type { TopicSettings } from '../../../config/topic-settings.js'
import { type BatchView, NO_TIMESTAMP } from '../../../records/batch.js'
import { CompressionError } from '../../../records/compression/codec.js'
import { RecordFormatError, readRecords } from '../../../records/reader.js'

export interface RecordError {
  readonly batchIndex: number
  readonly batchIndexErrorMessage: string
}

export type TimesVerdict =
  | { readonly kind: 'ok'; readonly logAppendTimeMs: number }
  | { readonly kind: 'invalid'; readonly recordErrors: readonly RecordError[] }
  | { readonly kind: 'unreadable'; readonly message: string }

const CREATE_TIME: TimesVerdict = { kind: 'ok', logAppendTimeMs: NO_TIMESTAMP }

/** Under LogAppendTime the batch gets the time, in place; otherwise its records must keep the limits. `nowMs` since 1970. */
export function settleTimes(
  batch: BatchView,
  settings: TopicSettings,
  nowMs: number,
  maxPlainBytes: number,
): TimesVerdict {
  if (settings['message.timestamp.type'] === 'LogAppendTime') {
    batch.setMaxTimestamp('LogAppendTime', nowMs)
    return { kind: 'ok', logAppendTimeMs: nowMs }
  }
  const earliestMs = nowMs - settings['message.timestamp.before.max.ms']
  const latestMs = nowMs + settings['message.timestamp.after.max.ms']
  if (earliestMs <= 0 && batch.maxTimestamp <= latestMs) return CREATE_TIME
  const recordErrors: RecordError[] = []
  try {
    for (const [batchIndex, { timestamp }] of readRecords(batch, maxPlainBytes).entries()) {
      if (timestamp === NO_TIMESTAMP || (timestamp >= earliestMs && timestamp <= latestMs)) continue
      const batchIndexErrorMessage = `the time ${timestamp} is not between ${Math.max(0, earliestMs)} and ${latestMs}`
      recordErrors.push({ batchIndex, batchIndexErrorMessage })
    }
  } catch (error) {
    if (error instanceof CompressionError || error instanceof RecordFormatError) {
      return { kind: 'unreadable', message: error.message }
    }
    throw error
  }
  return recordErrors.length === 0 ? CREATE_TIME : { kind: 'invalid', recordErrors }
}
