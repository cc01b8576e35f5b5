/** What a log is told by its owner, and what it tells it. */
import type { DiskError } from '../io/disk.js'
import type { BytesOwner } from './gather.js'
import type { SegmentOptions } from './log-segment.js'

export interface LogOptions extends SegmentOptions {
  readonly segmentBytes: number
  /** `segment.ms` */
  readonly segmentMs: number
  /** `segment.jitter.ms` */
  readonly segmentJitterMs: number
  readonly flushPolicy: 'commit' | 'os'
  /** `flush.messages`: from so many records on that are not durable, nothing is acknowledged before they are. */
  readonly flushMessages: number
  /** `flush.ms`: how old what is not durable may get; looked at every `log.flush.scheduler.interval.ms`. */
  readonly flushMs: number
  /** How long the files of a segment that was removed stay for those who read them. */
  readonly fileDeleteDelayMs: number
}

/** Who owns the log hears of it. Calls come at the end of a turn or from a completion, never from within `append`. */
export interface LogObserver {
  /** `logEndOffset` has moved. */
  written(): void
  /** `flushedEndOffset` has moved. */
  flushed(): void
  /** `startOffset` has moved. */
  startMoved(): void
  /** What was appended from `logEndOffset` on is lost; no more is taken until `repair`. */
  failed(error: DiskError): void
  /** Appends are taken again. */
  repaired(): void
}

/** Of bytes that nobody else uses. */
export const OWN_MEMORY: BytesOwner = { retain: () => {}, release: () => {} }
