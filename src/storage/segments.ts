/**
 * The segments of one log, in order of offset, and which position in which of them an offset has. The last one is active: it alone
 * grows.
 */
import { assert } from '../base/assert.js'
import type { Disk } from '../io/disk.js'
import { BoundaryRing } from './boundary-ring.js'
import { type LogSegment, segmentPath } from './log-segment.js'

export class Segments {
  readonly #list: LogSegment[]
  readonly #boundaries = new BoundaryRing()

  /** What is behind it was appended by this process, and looked at then. */
  readonly appendedFrom: number

  constructor(list: readonly LogSegment[], endOffset: number) {
    this.appendedFrom = endOffset
    assert(list.length > 0, 'a log has at least one segment')
    this.#list = [...list]
  }

  get all(): readonly LogSegment[] {
    return this.#list
  }

  get active(): LogSegment {
    return this.#list[this.#list.length - 1]!
  }

  get sizeBytes(): number {
    let bytes = 0
    for (const segment of this.#list) bytes += segment.sizeBytes
    return bytes
  }

  /** The largest timestamp of the batches that reach `fromOffset`; -1 if there is none. Throws `DiskError`. */
  maxTimestampFrom(fromOffset: number): number {
    let largest = -1
    for (const [at, segment] of this.#list.entries()) {
      const next = this.#list[at + 1]
      if (next === undefined || next.baseOffset > fromOffset) {
        largest = Math.max(largest, segment.maxTimestampFrom(fromOffset))
      }
    }
    return largest
  }

  /** The next active segment. */
  push(segment: LogSegment): void {
    this.#list.push(segment)
    this.#boundaries.clear()
  }

  /** The segments in front of `offset` whose files are written, so that nothing in them is needed any more. */
  takeFront(offset: number): readonly LogSegment[] {
    let count = 0
    for (let at = 0; at + 1 < this.#list.length && this.#list[at + 1]!.baseOffset <= offset; at++) {
      if (this.#list[at]!.filesWritten) count = at + 1
    }
    return this.#list.splice(0, count)
  }

  /** `made` takes the place of these, which stand one after the other. */
  replace(replaced: readonly LogSegment[], made: LogSegment): void {
    this.#list.splice(this.#list.indexOf(replaced[0]!), replaced.length, made)
  }

  /** The one after `segment`; undefined for the active one. */
  after(segment: LogSegment): LogSegment | undefined {
    return this.#list[this.#list.indexOf(segment) + 1]
  }

  /** The segment that holds `offset`, or would. */
  containing(offset: number): LogSegment {
    let low = 0
    let high = this.#list.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#list[middle]!.baseOffset <= offset) low = middle
      else high = middle - 1
    }
    return this.#list[low]!
  }

  /** Batches below `offset` end at `position` of the active segment: kept for readers at the tail. */
  noteBoundary(offset: number, position: number): void {
    this.#boundaries.push(offset, position)
  }

  /** Where in its segment the batch with `offset` begins; undefined if it is not written there. Throws `DiskError`. */
  positionOf(segment: LogSegment, offset: number): number | undefined {
    const noted = segment === this.active ? this.#boundaries.positionOf(offset) : undefined
    return noted ?? segment.positionOf(offset, segment.writtenBytes)
  }

  /** Where in the segment the batches below `upToOffset` end. Throws `DiskError`. */
  endPosition(segment: LogSegment, upToOffset: number): number {
    const next = this.after(segment)
    if (next !== undefined && upToOffset >= next.baseOffset) return segment.writtenBytes
    return this.positionOf(segment, upToOffset) ?? segment.writtenBytes
  }

  /** Bytes of batches from the one with `fromOffset` up to `upToOffset`; stops counting at `limit`. Throws `DiskError`. */
  bytesBetween(fromOffset: number, upToOffset: number, limit: number): number {
    let segment: LogSegment | undefined = this.containing(fromOffset)
    let bytes = -(this.positionOf(segment, fromOffset) ?? segment.writtenBytes)
    while (segment !== undefined && segment.baseOffset < upToOffset && bytes < limit) {
      bytes += this.endPosition(segment, upToOffset)
      segment = this.after(segment)
    }
    return bytes
  }

  /** Cuts the files back to what is written, up to `endOffset`; afterwards they have to be loaded again. Throws `DiskError`. */
  cut(disk: Disk, directory: string, endOffset: number): void {
    const last = this.containing(endOffset)
    for (const segment of this.#list) {
      if (segment.baseOffset <= last.baseOffset) continue
      segment.close()
      disk.remove(segmentPath(directory, segment.baseOffset, 'log'))
    }
    last.file.truncate(last.writtenBytes)
  }

  /**
   * Cuts off the batches that reach beyond `endOffset`, which is not behind the end of what is written; afterwards the files have to be
   * loaded again. Throws `DiskError`.
   */
  cutAt(disk: Disk, directory: string, endOffset: number): void {
    const last = this.containing(endOffset)
    const position = this.positionOf(last, endOffset) ?? last.writtenBytes
    for (const segment of this.#list) {
      if (segment.baseOffset <= last.baseOffset) continue
      segment.close()
      disk.remove(segmentPath(directory, segment.baseOffset, 'log'))
    }
    last.file.truncate(position)
  }

  close(): void {
    for (const segment of this.#list) segment.close()
  }
}
