/**
 * Whether the active segment must be closed before a batch, as in Kafka's `LogSegment.shouldRoll`.
 */
import type { Random } from '../io/random.js'
import { LARGEST_RELATIVE_OFFSET } from './offset-index.js'

const RANDOM_STEPS = 0x1_0000_0000

/** Why a new segment begins. */
export type RollReason = 'size' | 'time' | 'index full' | 'relative offset'

/** The active segment, as far as this asks. */
export interface RollableSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  /** The latest timestamp of its first batch, in ms since 1970; -1 if that has none. */
  readonly firstTimestamp: number
  /** When it was made, or opened, in ms since 1970. */
  readonly createdMs: number
  /** By how much earlier than others of its log it is closed: `segment.jitter.ms`, drawn when it was made. */
  readonly rollJitterMs: number
  /** Of either index: `SegmentIndexes.isFull`. */
  readonly isFull: boolean
}

/**
 * Why `segment` cannot take a batch; undefined if it can. The new segment begins at the batch's base offset.
 *
 * The age of a segment is the distance from its first batch to this one by the records' own time; records without time age by the clock.
 *
 * An empty segment takes any batch: a new one would be no better. Only offsets can be out of its reach, after a gap.
 */
export function rollReason(
  segment: RollableSegment,
  batch: { readonly sizeBytes: number; readonly lastOffset: number; readonly maxTimestamp: number },
  limits: { readonly segmentBytes: number; readonly segmentMs: number },
  nowMs: number,
): RollReason | undefined {
  const { sizeBytes, lastOffset, maxTimestamp } = batch
  if (lastOffset - segment.baseOffset > LARGEST_RELATIVE_OFFSET) return 'relative offset'
  if (segment.sizeBytes === 0) return undefined
  if (segment.sizeBytes > limits.segmentBytes - sizeBytes) return 'size'
  const { firstTimestamp, createdMs, rollJitterMs } = segment
  const ageMs = firstTimestamp >= 0 ? maxTimestamp - firstTimestamp : nowMs - createdMs
  if (ageMs > limits.segmentMs - rollJitterMs) return 'time'
  return segment.isFull ? 'index full' : undefined
}

/** Up to `segment.jitter.ms` and at most `segment.ms`, so that the segments of many logs are not closed all at once. */
export function drawRollJitter(
  random: Random,
  { segmentMs, segmentJitterMs }: { readonly segmentMs: number; readonly segmentJitterMs: number },
): number {
  const longestMs = Math.min(segmentMs, segmentJitterMs)
  return longestMs === 0 ? 0 : Math.floor((random.below(RANDOM_STEPS) / RANDOM_STEPS) * longestMs)
}
