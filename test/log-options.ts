/** For logs of tests: small segments, that are closed only for their size. */
import type { LogOptions } from '../src/storage/partition-log.js'

export const LOG_OPTIONS: LogOptions = {
  segmentBytes: 600,
  segmentMs: Number.MAX_SAFE_INTEGER,
  segmentJitterMs: 0,
  indexBytes: 1024,
  indexIntervalBytes: 100,
  flushPolicy: 'commit',
  flushMessages: Number.MAX_SAFE_INTEGER,
  flushMs: Number.MAX_SAFE_INTEGER,
  fileDeleteDelayMs: 1000,
}
