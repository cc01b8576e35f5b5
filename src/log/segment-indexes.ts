/**
 * Both indexes of one segment, kept in step with its batches by Kafka's rule (`LogSegment.append` and `recover`): a batch gets
 * entries when more than `index.interval.bytes` of log lie between it and the last batch that got some. The time entry then
 * names the latest timestamp so far and the batch that brought it.
 *
 * Appending, recovery and going on after a truncation are one way here: batches are fed in order of position. What was
 * remembered of the batches since `resumePosition` is got back by feeding them again from there.
 */
import { OffsetIndex } from './offset-index.js'
import { TimeIndex } from './time-index.js'

export class SegmentIndexes {
  readonly offsets: OffsetIndex
  readonly times: TimeIndex
  /** `index.interval.bytes`; may change at any time. */
  intervalBytes: number
  #maxTimestamp: number
  #offsetOfMaxTimestamp: number

  /** Takes over indexes that are empty or were read from files. */
  constructor(offsets: OffsetIndex, times: TimeIndex, intervalBytes: number) {
    this.offsets = offsets
    this.times = times
    this.intervalBytes = intervalBytes
    this.#maxTimestamp = times.lastTimestamp
    this.#offsetOfMaxTimestamp = times.lastOffset
  }

  /** For a new segment. `maximumBytes` is `segment.index.bytes`, for each of the two. */
  static empty(baseOffset: number, maximumBytes: number, intervalBytes: number): SegmentIndexes {
    return new SegmentIndexes(
      new OffsetIndex(baseOffset, maximumBytes),
      new TimeIndex(baseOffset, maximumBytes),
      intervalBytes,
    )
  }

  /** The segment should be closed before the next batch; one that comes all the same goes without entries. */
  get isFull(): boolean {
    return this.offsets.isFull || this.times.isFull
  }

  /** The latest timestamp of the batches fed so far; -1 if there is none. */
  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  /** The last offset of the first batch that has it; the base offset if there is none. */
  get offsetOfMaxTimestamp(): number {
    return this.#offsetOfMaxTimestamp
  }

  /** What the entries take in memory, with room for more. */
  get memoryBytes(): number {
    return this.offsets.memoryBytes + this.times.memoryBytes
  }

  /** Where the last batch with entries begins. Feeding the batches from here on changes no entry and restores the rest. */
  get resumePosition(): number {
    return this.offsets.lastPosition
  }

  /** The batch that begins at `position`. */
  append(position: number, lastOffset: number, maxTimestamp: number): void {
    if (maxTimestamp > this.#maxTimestamp) {
      this.#maxTimestamp = maxTimestamp
      this.#offsetOfMaxTimestamp = lastOffset
    }
    // Both or none: so an offset entry says that the time index is complete up to its batch.
    if (position - this.offsets.lastPosition > this.intervalBytes && !this.isFull) {
      this.offsets.append(lastOffset, position)
      this.times.appendIfLater(this.#maxTimestamp, this.#offsetOfMaxTimestamp)
    }
  }

  /** Before the files are written for good: when the segment is rolled, or stopped cleanly. More batches may follow. */
  close(): void {
    this.times.appendClosing(this.#maxTimestamp, this.#offsetOfMaxTimestamp)
  }

  /** Drops what is at or above `offset`. Feed the batches that are left from `resumePosition` on before anything else. */
  truncateTo(offset: number): void {
    this.offsets.truncateTo(offset)
    this.times.truncateTo(offset)
    this.#maxTimestamp = this.times.lastTimestamp
    this.#offsetOfMaxTimestamp = this.times.lastOffset
  }
}
