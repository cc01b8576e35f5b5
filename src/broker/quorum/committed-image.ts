/**
 * The image of what is committed, and what stands in the log behind it: that may still be cut off, and becomes part of the image when it is
 * committed.
 */
import { MetadataDelta } from '../../metadata/delta.js'
import type { MetadataImage } from '../../metadata/image.js'
import { type QuorumBatch, replayBatch } from './batches.js'

/** Something was committed; without a delta everything in the image is new. */
export interface Applied {
  readonly image: MetadataImage
  readonly delta: MetadataDelta | undefined
}

export class QuorumImage {
  #image: MetadataImage
  /** Where the image ends, exclusive. */
  #endOffset: number
  #lastTimestamp: number
  /** In the log, and not committed as far as is known. */
  #uncommitted: QuorumBatch[]
  /** The next one has no delta: nobody has seen what it would build on. */
  #isWhole = true
  /** What has been applied since the last snapshot. */
  bytesSinceSnapshot = 0

  /** That of a snapshot that ends at `endOffset`, and what the log has behind it. */
  constructor(image: MetadataImage, endOffset: number, lastTimestamp: number, batches: readonly QuorumBatch[]) {
    this.#image = image
    this.#endOffset = endOffset
    this.#lastTimestamp = lastTimestamp
    this.#uncommitted = [...batches]
  }

  get endOffset(): number {
    return this.#endOffset
  }

  /** Of the last batch in it, in ms since 1970; -1: there is none. */
  get lastTimestamp(): number {
    return this.#lastTimestamp
  }

  /** What was applied last; undefined: nothing yet. */
  get committed(): MetadataImage | undefined {
    return this.#isWhole ? undefined : this.#image
  }

  append(batch: QuorumBatch): void {
    this.#uncommitted.push(batch)
  }

  /** The log ends there. */
  truncateTo(endOffset: number): void {
    while (this.#uncommitted.length > 0 && this.#uncommitted.at(-1)!.endOffset > endOffset) this.#uncommitted.pop()
  }

  /** The log is empty, and this snapshot in front of it. */
  restart(image: MetadataImage, endOffset: number, lastTimestamp: number): void {
    this.#image = image
    this.#endOffset = endOffset
    this.#lastTimestamp = lastTimestamp
    this.#uncommitted = []
    this.#isWhole = true
    this.bytesSinceSnapshot = 0
  }

  apply(highWatermark: number): Applied {
    const delta = new MetadataDelta(this.#image)
    let count = 0
    for (const batch of this.#uncommitted) {
      if (batch.endOffset > highWatermark) break
      replayBatch(delta, batch)
      this.#endOffset = batch.endOffset
      this.#lastTimestamp = Math.max(this.#lastTimestamp, batch.timestamp)
      this.bytesSinceSnapshot += batch.sizeBytes
      count++
    }
    this.#uncommitted.splice(0, count)
    const isWhole = this.#isWhole
    this.#isWhole = false
    this.#image = delta.image()
    return { image: this.#image, delta: isWhole ? undefined : delta }
  }

  /** With everything that stands in the log, committed or not. */
  tip(): MetadataImage {
    const delta = new MetadataDelta(this.#image)
    for (const batch of this.#uncommitted) replayBatch(delta, batch)
    return delta.image()
  }
}
