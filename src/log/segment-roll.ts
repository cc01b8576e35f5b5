/**
 * Whether the active segment must be closed before a batch, as in Kafka's `LogSegment.shouldRoll`. Not here: rolling by time.
 */
import { LARGEST_RELATIVE_OFFSET } from './offset-index.js'

/** Why a new segment begins. */
export type RollReason = 'size' | 'index full' | 'relative offset'

/** The active segment, as far as this asks. */
export interface RollableSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  /** Of either index: `SegmentIndexes.isFull`. */
  readonly isFull: boolean
}

/**
 * Why `segment` cannot take a batch of `batchBytes` that ends with `lastOffset`; undefined if it can. `segmentBytes` is
 * `segment.bytes`. The new segment begins at the batch's base offset.
 *
 * An empty segment takes any batch: a new one would be no better. Only offsets can be out of its reach, after a gap.
 */
export function rollReason(
  segment: RollableSegment,
  batchBytes: number,
  lastOffset: number,
  segmentBytes: number,
): RollReason | undefined {
  if (lastOffset - segment.baseOffset > LARGEST_RELATIVE_OFFSET) return 'relative offset'
  if (segment.sizeBytes === 0) return undefined
  if (segment.sizeBytes > segmentBytes - batchBytes) return 'size'
  return segment.isFull ? 'index full' : undefined
}
