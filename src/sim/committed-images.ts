/**
 * CommittedImages: what the metadata was between two looks at it. Nodes apply several decisions at once, above all when they have been away: what was decided first and taken back
 * by the next one (a setting, and what rested on it) no node shows, and yet it has counted.
 */
import { type QuorumBatch, replayBatch } from '../broker/quorum/batches.js'
import { MetadataDelta } from '../metadata/delta.js'
import { EMPTY_IMAGE, type MetadataImage } from '../metadata/image.js'

export class CommittedImages {
  #image = EMPTY_IMAGE
  #batches: QuorumBatch[] = []

  /** The next one that is committed. */
  add(batch: QuorumBatch): void {
    this.#batches.push(batch)
  }

  /** Of each decision that was not given yet, up to one whose last record stands at `offset`, without that one itself. */
  before(offset: number): MetadataImage[] {
    const count = this.#batches.findIndex(({ endOffset }) => endOffset > offset + 1)
    const images: MetadataImage[] = []
    for (const batch of this.#batches.splice(0, count < 0 ? this.#batches.length : count)) {
      const delta = new MetadataDelta(this.#image)
      replayBatch(delta, batch)
      this.#image = delta.image()
      if (batch.endOffset <= offset) images.push(this.#image)
    }
    return images
  }
}
