/**
 * Which segments of a log have had their time: `retention.ms`, `retention.bytes`, and those in front of the log's start. Only from the front, only
 * what is committed, and each rule for itself, as in Kafka's `UnifiedLog.deleteOldSegments`.
 */

export interface RetentionLimits {
  /** How long a segment is kept after its latest record, in ms; negative: for ever. */
  readonly retentionMs: number
  /** What the log may grow to; a segment goes if the log is as large without it. Negative: no limit. */
  readonly retentionBytes: number
}

/** A segment, as far as this asks. */
export interface RetainedSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  /** In ms since 1970: of its records, or of its last change where they have no time. */
  readonly latestTimestamp: number
}

export interface RetainedLog {
  /** In order; the last is active. */
  readonly segments: readonly RetainedSegment[]
  readonly startOffset: number
  readonly endOffset: number
  /** Nothing at or above it goes. */
  readonly committedOffset: number
}

export type RetentionReason = 'start offset' | 'size' | 'time'

export interface RetentionDecision {
  readonly startOffset: number
  /** Why the last segment that goes does. */
  readonly reason: RetentionReason
  /** All of the log goes: the active segment has to be closed first. */
  readonly closeActive: boolean
}

/**
 * Where the log is to start. Undefined: no segment goes.
 * Without limits (a log that is only compacted) segments go only for the start offset.
 */
export function startAfterRetention(
  { segments, startOffset, endOffset, committedOffset }: RetainedLog,
  limits: RetentionLimits | undefined,
  nowMs: number,
): RetentionDecision | undefined {
  const { retentionMs, retentionBytes } = limits ?? { retentionMs: -1, retentionBytes: -1 }
  let kept = 0
  let reason: RetentionReason | undefined
  const endOf = (index: number): number => segments[index + 1]?.baseOffset ?? endOffset
  const dropWhile = (why: RetentionReason, expired: (segment: RetainedSegment, end: number) => boolean): void => {
    for (; kept < segments.length; kept++) {
      const segment = segments[kept]!
      const end = endOf(kept)
      const isEmptyActive = kept === segments.length - 1 && segment.sizeBytes === 0
      if (isEmptyActive || end > committedOffset || !expired(segment, end)) return
      reason = why
    }
  }
  dropWhile('start offset', (segment, end) => end <= startOffset && segment !== segments.at(-1))
  if (retentionBytes >= 0) {
    let excess = -retentionBytes
    for (let index = kept; index < segments.length; index++) excess += segments[index]!.sizeBytes
    dropWhile('size', ({ sizeBytes }) => {
      if (excess < sizeBytes) return false
      excess -= sizeBytes
      return true
    })
  }
  if (retentionMs >= 0) dropWhile('time', ({ latestTimestamp }) => nowMs - latestTimestamp > retentionMs)
  if (reason === undefined) return undefined
  const first = segments[kept]
  return {
    startOffset: Math.max(startOffset, first?.baseOffset ?? endOffset),
    reason,
    closeActive: first === undefined,
  }
}
