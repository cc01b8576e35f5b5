/**
 * The front of a log: where it starts, and how segments in front of that go: renamed at once, so that nobody finds them any more, and removed when
 * those who are still reading them have had their time. What a crash leaves of them is removed at the next start.
 */
import { assert } from '../base/assert.js'
import type { Timer } from '../io/clock.js'
import { asDiskError } from './atomic-file.js'
import type { LogEnvironment } from './log-environment.js'
import { DELETED_SUFFIX, type LogSegment, SEGMENT_FILES, type SegmentFile, segmentPath } from './log-segment.js'

export class LogFront {
  readonly #directory: string
  readonly #environment: LogEnvironment
  #startOffset: number
  #decidedStartOffset: number
  #wantedStartOffset: number
  /** Out of service, and not yet removed. */
  readonly #leaving = new Map<Timer, readonly LogSegment[]>()

  constructor(directory: string, environment: LogEnvironment, startOffset: number) {
    this.#directory = directory
    this.#environment = environment
    this.#startOffset = startOffset
    this.#wantedStartOffset = startOffset
    this.#decidedStartOffset = startOffset
  }

  get startOffset(): number {
    return this.#startOffset
  }

  /** Where retention has decided that it starts, once it has prepared that. */
  get decidedStartOffset(): number {
    return this.#decidedStartOffset
  }

  get wantedStartOffset(): number {
    return this.#wantedStartOffset
  }

  decide(startOffset: number): void {
    this.#decidedStartOffset = Math.max(this.#decidedStartOffset, startOffset)
  }

  want(startOffset: number): void {
    this.decide(startOffset)
    this.#wantedStartOffset = Math.max(this.#wantedStartOffset, startOffset)
  }

  /** Nothing is in the log any more, and it begins anew. */
  goBackTo(startOffset: number): void {
    this.#startOffset = startOffset
    this.#decidedStartOffset = startOffset
    this.#wantedStartOffset = startOffset
  }

  /** False: it did already. */
  moveTo(startOffset: number): boolean {
    assert(startOffset <= this.#wantedStartOffset, () => `${this.#directory} was not to start at ${startOffset}`)
    if (startOffset <= this.#startOffset) return false
    this.#startOffset = startOffset
    return true
  }

  /** Takes segments, or files of theirs, out of service that are not in the log any more, and removes them after `delayMs`. Throws `DiskError`. */
  retire(segments: readonly LogSegment[], delayMs: number, kinds: readonly SegmentFile[] = SEGMENT_FILES): void {
    const { disk, clock } = this.#environment
    const files: string[] = []
    for (const { baseOffset } of segments) {
      for (const kind of kinds) {
        const path = segmentPath(this.#directory, baseOffset, kind)
        if (disk.stat(path) === undefined) continue
        disk.rename(path, path + DELETED_SUFFIX)
        files.push(path + DELETED_SUFFIX)
      }
    }
    const timer = clock.timer(delayMs, () => {
      this.#leaving.delete(timer)
      for (const segment of segments) segment.close()
      try {
        for (const file of files) disk.remove(file)
      } catch (error) {
        this.#environment.logDirectory.report(asDiskError(error))
      }
    })
    this.#leaving.set(timer, segments)
  }

  /** Touches no file any more. */
  close(): void {
    for (const [timer, segments] of this.#leaving) {
      timer.cancel()
      for (const segment of segments) segment.close()
    }
    this.#leaving.clear()
  }
}
