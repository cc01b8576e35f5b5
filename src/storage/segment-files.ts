/**
 * Which segments a log's directory holds that are part of the log, and the removal of what is not: leftovers of a replacement, segments that were
 * taken out of service, those in front of the start offset, and islands.
 *
 *     segment      ├── in front ──┤├───── kept ─────┤├── kept ──┤
 *                                        ▲ start offset
 *
 * A log without the segment that holds its start offset is an island: names that nobody flushed can be lost in any order. If nothing of it had
 * ever counted it is removed, else the log is damaged.
 */
import type { DiskError } from '../io/disk.js'
import { ProducerState } from '../log/producer-state.js'
import { asDiskError, TEMPORARY_SUFFIX, writeAtomically } from './atomic-file.js'
import { LogDamagedError } from './log-damaged-error.js'
import type { LoadEnvironment } from './log-environment.js'
import {
  DELETED_SUFFIX,
  parseSegmentName,
  SEGMENT_FILES,
  type SegmentFile,
  type SegmentName,
  segmentPath,
} from './log-segment.js'
import type { LastStop } from './stop-markers.js'

export interface SegmentFiles {
  /** Of the segments, in order; they are those of the log from its start offset on. */
  readonly baseOffsets: readonly number[]
  /** Of the snapshots of the producers' state, in order. */
  readonly snapshots: readonly number[]
}

export interface SegmentFilesOptions {
  readonly directory: string
  readonly recoveryPoint: number
  /** What is below it has been removed, or may be. */
  readonly startOffset: number
  /** The owner of the log uses its directory, and may be writing files of its own there. */
  readonly inUse?: boolean
  /** What stands in front of the start offset is left where it is. */
  readonly keepsFront?: boolean
}

/**
 * Has what the removal of segments in front of the start offset rests on durable before it: the snapshot of the producers' state of the first that is kept. After a flush
 * that failed it may be in the cache and nowhere else; a power loss would take it, and bring some of the segments back. Where there is no room for that they stay.
 */
export function secureFront(
  environment: LoadEnvironment,
  options: SegmentFilesOptions & { readonly lastStop: LastStop },
  done: (error: DiskError | undefined, keepsFront: boolean) => void,
): void {
  const { disk } = environment
  const { directory, startOffset } = options
  if (options.lastStop === 'clean') return done(undefined, false)
  let content: Uint8Array | undefined
  let name = ''
  try {
    const found = offsetsOf(parsed(disk.list(directory)), 'log')
    const first = found[0]
    if (first === undefined || first > startOffset) return done(undefined, false)
    const kept = firstKept(environment, directory, found, startOffset)
    if (kept === 0) return done(undefined, false)
    const path = segmentPath(directory, found[kept]!, 'snapshot')
    name = path.slice(directory.length + 1)
    content = disk.readFile(path)
  } catch (error) {
    return done(asDiskError(error), false)
  }
  if (content === undefined) return done(undefined, true)
  writeAtomically(disk, directory, name, content, (error) =>
    error?.code === 'ENOSPC' ? done(undefined, true) : done(error, false),
  )
}

/** Throws `DiskError`, and `LogDamagedError` before it has removed any segment. */
export function listSegmentFiles(environment: LoadEnvironment, options: SegmentFilesOptions): SegmentFiles {
  const { disk, logger } = environment
  const { directory, recoveryPoint, startOffset } = options
  const listed = disk.list(directory)
  for (const name of listed) {
    const isLeftOver = name.endsWith(TEMPORARY_SUFFIX) && options.inUse !== true
    if (isLeftOver || name.endsWith(DELETED_SUFFIX)) disk.remove(`${directory}/${name}`)
  }
  const names = parsed(listed)
  const found = offsetsOf(names, 'log')
  const first = found[0]
  if (first === undefined || first > startOffset) {
    if (recoveryPoint > startOffset) {
      throw damaged(
        directory,
        first === undefined
          ? `${directory} holds no segment, and was flushed up to offset ${recoveryPoint}`
          : `${directory} begins at offset ${first}, and was flushed up to ${recoveryPoint}`,
      )
    }
    if (first !== undefined) {
      logger.warn({ directory, first, startOffset }, 'log without its beginning removed after an unclean stop')
    }
    for (const baseOffset of found) removeSegmentFiles(environment, directory, baseOffset)
    return { baseOffsets: [], snapshots: offsetsOf(names, 'snapshot').filter((offset) => !found.includes(offset)) }
  }
  const kept = firstKept(environment, directory, found, startOffset)
  if (options.keepsFront !== true) {
    for (const baseOffset of found.slice(0, kept)) removeSegmentFiles(environment, directory, baseOffset)
  }
  const baseOffsets = found.slice(kept)
  const snapshots: number[] = []
  for (const offset of offsetsOf(names, 'snapshot')) {
    if (offset >= baseOffsets[0]!) snapshots.push(offset)
    else if (!found.includes(offset)) disk.remove(segmentPath(directory, offset, 'snapshot'))
  }
  return { baseOffsets, snapshots }
}

function parsed(names: readonly string[]): SegmentName[] {
  return names.flatMap((name) => parseSegmentName(name) ?? [])
}

/** Of the files of this kind, in order. */
function offsetsOf(names: readonly SegmentName[], wanted: SegmentFile): number[] {
  return names.flatMap(({ baseOffset, kind }) => (kind === wanted ? [baseOffset] : [])).sort((a, b) => a - b)
}

/** All that belongs to one segment. Throws `DiskError`. */
export function removeSegmentFiles({ disk }: LoadEnvironment, directory: string, baseOffset: number): void {
  for (const kind of SEGMENT_FILES) disk.remove(segmentPath(directory, baseOffset, kind))
}

export function damaged(directory: string, found: string): LogDamagedError {
  return new LogDamagedError(
    `${found}: data that had been flushed is damaged or gone. Nothing was changed; restore the directory ` +
      `${directory}, or remove it to go on without that data`,
  )
}

/**
 * The segment that holds the start offset, or an earlier one: what the producers did in those that are left out must be known from a snapshot.
 * Segments are only ever removed from the front up to one that has it, so any gap lies in front of it.
 */
function firstKept(
  { disk }: LoadEnvironment,
  directory: string,
  found: readonly number[],
  startOffset: number,
): number {
  let at = found.findLastIndex((baseOffset) => baseOffset <= startOffset)
  while (at > 0) {
    const baseOffset = found[at]!
    const bytes = disk.readFile(segmentPath(directory, baseOffset, 'snapshot'))
    if (bytes !== undefined && ProducerState.restore(bytes, baseOffset).kind === 'ok') break
    at--
  }
  return at
}
