/**
 * Decisions of compaction, as Kafka's LogCleanerManager and Cleaner take them: how dirty a log is, which one is cleaned first, and which segments
 * become one.
 *
 *      ├── clean ──┼────────── dirty ──────────┼── not to be cleaned yet ──┤
 *      start    first dirty offset      uncleanable offset              log end
 *
 * The dirty ratio is dirty / (clean + dirty), in bytes of whole segments.
 */
import { LARGEST_RELATIVE_OFFSET } from './offset-index.js'

/** A closed segment, as far as this asks. */
export interface CompactableSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  /** In ms since 1970: of its records, or of its last change where they have no time. */
  readonly latestTimestamp: number
  /** Of its first batch; negative if that has none. */
  readonly firstTimestamp: number
}

export interface GroupableSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly offsetIndexBytes: number
  readonly timeIndexBytes: number
}

export interface CompactableLog {
  /** Closed, in order, one beginning where the one before ends. */
  readonly segments: readonly CompactableSegment[]
  /** Where the last of them ends. */
  readonly closedEndOffset: number
  readonly startOffset: number
  /** Up to where it was cleaned; undefined: never. */
  readonly cleanedEndOffset: number | undefined
  /** No segment that reaches beyond it is cleaned: what is behind it is not committed, or belongs to a transaction that is open. */
  readonly stableOffset: number
}

export interface CompactionLimits {
  /** `min.cleanable.dirty.ratio` */
  readonly minDirtyRatio: number
  /** `min.compaction.lag.ms` */
  readonly minLagMs: number
  /** `max.compaction.lag.ms` */
  readonly maxLagMs: number
}

export interface Dirtiness {
  readonly firstDirtyOffset: number
  /** From here on no segment is cleaned. */
  readonly uncleanableOffset: number
  readonly cleanBytes: number
  readonly dirtyBytes: number
  /** 0 to 1. */
  readonly dirtyRatio: number
  /** By how much the oldest dirty segment has outlived `max.compaction.lag.ms`, in ms. */
  readonly overdueMs: number
  /** Whether it is to be cleaned. */
  readonly isDue: boolean
}

/** Asks a segment for its first timestamp only where there is a largest lag. */
export function dirtinessOf(log: CompactableLog, limits: CompactionLimits, nowMs: number): Dirtiness {
  const { segments, closedEndOffset, startOffset, cleanedEndOffset = startOffset, stableOffset } = log
  const { minDirtyRatio, minLagMs, maxLagMs } = limits
  // What was cleaned of a log that was removed since says nothing.
  const firstDirtyOffset = cleanedEndOffset > closedEndOffset ? startOffset : Math.max(cleanedEndOffset, startOffset)
  const endOf = (index: number): number => segments[index + 1]?.baseOffset ?? closedEndOffset
  let uncleanableOffset = firstDirtyOffset
  let cleanBytes = 0
  let dirtyBytes = 0
  let overdueMs = 0
  for (const [index, segment] of segments.entries()) {
    const end = endOf(index)
    if (end <= firstDirtyOffset) {
      cleanBytes += segment.sizeBytes
      continue
    }
    if (end > stableOffset) break
    if (minLagMs > 0 && segment.latestTimestamp > nowMs - minLagMs) break
    uncleanableOffset = end
    dirtyBytes += segment.sizeBytes
    if (maxLagMs < Number.MAX_SAFE_INTEGER && segment.firstTimestamp > 0) {
      overdueMs = Math.max(overdueMs, nowMs - maxLagMs - segment.firstTimestamp)
    }
  }
  const dirtyRatio = dirtyBytes === 0 ? 0 : dirtyBytes / (cleanBytes + dirtyBytes)
  const isDue = dirtyBytes > 0 && (overdueMs > 0 || dirtyRatio > minDirtyRatio)
  return { firstDirtyOffset, uncleanableOffset, cleanBytes, dirtyBytes, dirtyRatio, overdueMs, isDue }
}

/** The one of those that are due that has the largest dirty ratio; undefined: none is. */
export function filthiest<T extends { readonly dirtiness: Dirtiness }>(logs: readonly T[]): T | undefined {
  let found: T | undefined
  for (const log of logs) {
    const { isDue, dirtyRatio } = log.dirtiness
    if (isDue && (found === undefined || dirtyRatio > found.dirtiness.dirtyRatio)) found = log
  }
  return found
}

/**
 * Neighbours that become one segment: as long as together they are no larger than a segment may be, in bytes, in either index, and in the reach
 * of its offsets. Those that begin at `endOffset` or behind it are left alone.
 */
export function groupSegments<T extends GroupableSegment>(
  segments: readonly T[],
  closedEndOffset: number,
  endOffset: number,
  limits: { readonly segmentBytes: number; readonly indexBytes: number },
): T[][] {
  const groups: T[][] = []
  let group: T[] = []
  let bytes = 0
  let offsetIndexBytes = 0
  let timeIndexBytes = 0
  for (const [index, segment] of segments.entries()) {
    if (segment.baseOffset >= endOffset) break
    const end = segments[index + 1]?.baseOffset ?? closedEndOffset
    bytes += segment.sizeBytes
    offsetIndexBytes += segment.offsetIndexBytes
    timeIndexBytes += segment.timeIndexBytes
    const fits =
      group.length > 0 &&
      bytes <= limits.segmentBytes &&
      offsetIndexBytes < limits.indexBytes &&
      timeIndexBytes < limits.indexBytes &&
      end - 1 - group[0]!.baseOffset <= LARGEST_RELATIVE_OFFSET
    if (fits) {
      group.push(segment)
      continue
    }
    groups.push((group = [segment]))
    bytes = segment.sizeBytes
    offsetIndexBytes = segment.offsetIndexBytes
    timeIndexBytes = segment.timeIndexBytes
  }
  return groups
}
