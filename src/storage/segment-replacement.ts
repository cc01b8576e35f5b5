/**
 * SegmentReplacement: puts a cleaned segment into the place of those that it was made of, so that after a crash or a power loss at any moment the
 * log holds either those or this, whole, and nobody who reads meanwhile is disturbed.
 *
 *      first.log.cleaned   written and flushed, with its indexes
 *      first.log.swap      renamed, names flushed: from here on it counts, a start that finds it goes on with what follows
 *      others.*.deleted    the segments behind the first go out of service; names flushed
 *      first.log           the first one's old files go, and the new ones get their names; names flushed
 *
 * The order of the flushes matters: a `.swap` says which segments it stands for, by what it holds, and must not lose its name before theirs are gone.
 * Segments of a log follow one another without a hole also after this, because the last batch of a cleaned segment is never left out: so a hole
 * between two files always means that a file was lost, and recovery says so. Inside a file there may be holes: its bytes hang together.
 *
 * Only segments whose recovery files are durable are replaced: what they held of producers is known from the snapshot behind them.
 */
import { oneByOne } from '../base/one-by-one.js'
import type { Disk, DiskDone, DiskError } from '../io/disk.js'
import { asDiskError } from './atomic-file.js'
import { CLEANED_FILES, CLEANED_SUFFIX, type CleanedSegment } from './cleaned-segment.js'
import type { IndexCache } from './index-cache.js'
import type { LoadEnvironment } from './log-environment.js'
import { LogSegment, SEGMENT_FILES, type SegmentFile, segmentPath } from './log-segment.js'
import type { Segments } from './segments.js'

/** Of the files of a segment that counts, and has not got its name yet. */
export const SWAP_SUFFIX = '.swap'

/** The log, as far as this asks. */
export interface ReplaceableLog {
  readonly segments: Segments
  /** Whether its segments are not to be touched. */
  readonly isUnavailable: boolean
  /** Takes files out of service, for those who still read them. Throws `DiskError`. */
  retire(segments: readonly LogSegment[], kinds: readonly SegmentFile[]): void
  /** Files and memory do not agree any more: the log has to be loaded again. */
  failed(error: DiskError): void
}

/** `gone`: the log does not hold those segments any more. */
export type ReplacementDone = (error: DiskError | undefined, outcome: 'replaced' | 'gone') => void

export class SegmentReplacement {
  readonly #disk: Disk
  readonly #indexes: IndexCache
  readonly #directory: string
  readonly #log: ReplaceableLog
  #busy = false
  #whenIdle: (() => void)[] = []

  constructor({ disk, indexes }: LoadEnvironment, directory: string, log: ReplaceableLog) {
    this.#disk = disk
    this.#indexes = indexes
    this.#directory = directory
    this.#log = log
  }

  /** Calls back when no replacement is under way. */
  whenIdle(callback: () => void): void {
    if (this.#busy) this.#whenIdle.push(callback)
    else callback()
  }

  /** `made` is finished; `replaced` are neighbours, in order, the first with the base offset of `made`. Nobody else works on the log's files meanwhile. */
  replace(made: CleanedSegment, replaced: readonly LogSegment[], done: ReplacementDone): void {
    this.#busy = true
    const finish = (error: DiskError | undefined, outcome: 'replaced' | 'gone'): void => {
      this.#busy = false
      done(error, outcome)
      for (const callback of this.#whenIdle.splice(0)) callback()
    }
    const leave = (error?: DiskError): void => {
      try {
        made.abandon()
        for (const kind of CLEANED_FILES) this.#disk.remove(this.#path(made.segment, kind) + SWAP_SUFFIX)
      } catch (cause) {
        return finish(error ?? asDiskError(cause), 'gone')
      }
      finish(error, 'gone')
    }
    if (!this.#isThere(replaced)) return leave()
    const [first, ...others] = replaced as [LogSegment, ...LogSegment[]]
    /** From where it counts: memory may be ahead of the files after this. */
    const failed = (error: DiskError): void => {
      this.#log.failed(error)
      finish(error, 'replaced')
    }
    this.#named(
      () => this.#rename(made.segment, CLEANED_SUFFIX, SWAP_SUFFIX),
      (swapError) => {
        // It may count already, and then it holds what they hold: either is the log.
        if (swapError !== undefined || !this.#isThere(replaced)) return leave(swapError)
        this.#log.segments.replace(replaced, made.segment)
        this.#named(
          () => this.#log.retire(others, SEGMENT_FILES),
          (othersError) => {
            if (othersError !== undefined) return failed(othersError)
            if (this.#log.isUnavailable) return finish(undefined, 'replaced')
            this.#named(
              () => {
                this.#log.retire([first], CLEANED_FILES)
                this.#rename(made.segment, SWAP_SUFFIX, '')
              },
              (error) => {
                if (error !== undefined) return failed(error)
                made.segment.mayDropIndexes(this.#indexes, this.#disk, this.#directory)
                finish(undefined, 'replaced')
              },
            )
          },
        )
      },
    )
  }

  #isThere(wanted: readonly LogSegment[]): boolean {
    const { isUnavailable, segments } = this.#log
    const at = segments.all.indexOf(wanted[0]!)
    return !isUnavailable && at >= 0 && wanted.every((segment, n) => segments.all[at + n] === segment)
  }

  /** Changes names, durably. */
  #named(change: () => void, done: DiskDone): void {
    try {
      change()
      this.#disk.flushDirectory(this.#directory, done)
    } catch (error) {
      done(asDiskError(error))
    }
  }

  #rename(segment: LogSegment, from: string, to: string): void {
    for (const kind of CLEANED_FILES) {
      const path = this.#path(segment, kind)
      this.#disk.rename(path + from, path + to)
    }
  }

  #path({ baseOffset }: LogSegment, kind: SegmentFile): string {
    return segmentPath(this.#directory, baseOffset, kind)
  }
}

/** Ends what a crash has interrupted, before anything of the log is looked at: what does not count yet is removed, what counts gets its name. */
export function finishReplacements(disk: Disk, directory: string, done: DiskDone): void {
  let swaps: number[]
  try {
    swaps = listReplacements(disk, directory)
  } catch (error) {
    return done(asDiskError(error))
  }
  if (swaps.length === 0) return done(undefined)
  const steps: (() => void)[] = [
    // The crash may have left a `.swap` whose name is not durable.
    () => {},
    () => {
      for (const baseOffset of swaps) removeReplaced(disk, directory, baseOffset)
    },
    () => {
      for (const baseOffset of swaps) giveName(disk, directory, baseOffset)
    },
  ]
  const each = (step: () => void, next: () => void): void => {
    try {
      step()
    } catch (error) {
      return done(asDiskError(error))
    }
    disk.flushDirectory(directory, (error) => (error === undefined ? next() : done(error)))
  }
  oneByOne(steps, each, () => done(undefined))
}

/** Removes what does not count, and returns the base offsets of what does. Throws `DiskError`. */
function listReplacements(disk: Disk, directory: string): number[] {
  const names = disk.list(directory)
  const swaps = names.flatMap((name) => {
    const match = /^(\d{20})\.log\.swap$/.exec(name)
    return match === null ? [] : [Number(match[1])]
  })
  for (const name of names) {
    const isLeftOver = name.endsWith(SWAP_SUFFIX) && !swaps.includes(Number.parseInt(name, 10))
    if (name.endsWith(CLEANED_SUFFIX) || isLeftOver) disk.remove(`${directory}/${name}`)
  }
  return swaps
}

/** Throws `DiskError`. */
function removeReplaced(disk: Disk, directory: string, baseOffset: number): void {
  const file = disk.open(segmentPath(directory, baseOffset, 'log') + SWAP_SUFFIX, { create: false })
  let endOffset: number
  try {
    endOffset = LogSegment.endOffsetOf(baseOffset, file)
  } finally {
    file.close()
  }
  for (const name of disk.list(directory)) {
    const match = /^(\d{20})\.log$/.exec(name)
    const other = Number(match?.[1] ?? -1)
    if (other <= baseOffset || other >= endOffset) continue
    for (const kind of SEGMENT_FILES) disk.remove(segmentPath(directory, other, kind))
  }
}

/** Throws `DiskError`. */
function giveName(disk: Disk, directory: string, baseOffset: number): void {
  for (const kind of CLEANED_FILES) {
    const path = segmentPath(directory, baseOffset, kind)
    if (disk.stat(path + SWAP_SUFFIX) !== undefined) disk.rename(path + SWAP_SUFFIX, path)
    // Those of the log that was there do not fit this one: they are made again from it.
    else disk.remove(path)
  }
}
