/**
 * CommittedLog: what any leader of a partition has ever counted as committed, kept by nobody in the cluster. It only grows, and every replica's log is the same
 * below its own high watermark.
 */
import { assert } from '../base/assert.js'
import type { BatchView } from '../records/batch.js'

interface CommittedBatch {
  readonly nextOffset: number
  readonly epoch: number
  readonly crc: number
}

export type CommittedView = Pick<BatchView, 'baseOffset' | 'nextOffset' | 'partitionLeaderEpoch' | 'crc'>

export class CommittedLog {
  readonly #name: string
  readonly #batches = new Map<number, CommittedBatch>()
  #firstOffset = -1
  #endOffset = 0

  constructor(name: string) {
    this.#name = name
  }

  /** The highest (exclusive) high watermark that any leader has had, as far as there are records. */
  get endOffset(): number {
    return this.#endOffset
  }

  get size(): number {
    return this.#batches.size
  }

  /** A batch that `who` counts as committed. Only a leader may be the first to. True: it is one more. */
  take(batch: CommittedView, who: string, mayBeFirst: boolean): boolean {
    const { baseOffset, nextOffset, partitionLeaderEpoch: epoch, crc } = batch
    if (baseOffset < this.#endOffset || !mayBeFirst) {
      this.match(batch, who)
      return false
    }
    assert(
      baseOffset === this.#endOffset || this.#firstOffset < 0,
      () => `${this.#name}: ${who} has ${baseOffset} committed, and what is committed ends at ${this.#endOffset}`,
    )
    if (this.#firstOffset < 0) this.#firstOffset = baseOffset
    this.#batches.set(baseOffset, { nextOffset, epoch, crc })
    this.#endOffset = nextOffset
    return true
  }

  /** Whether this batch is one of them. */
  has({ baseOffset, nextOffset, partitionLeaderEpoch: epoch, crc }: CommittedView): boolean {
    const known = this.#batches.get(baseOffset)
    return known !== undefined && known.nextOffset === nextOffset && known.epoch === epoch && known.crc === crc
  }

  /** A batch that stands in a log where something is committed is just that. */
  match(batch: CommittedView, who: string): void {
    const { baseOffset, nextOffset, partitionLeaderEpoch: epoch } = batch
    // It was deleted before anybody looked.
    if (baseOffset < this.#firstOffset) return
    assert(this.has(batch), () => {
      const known = this.#batches.get(baseOffset)
      const has = known && `${baseOffset} to ${known.nextOffset} of epoch ${known.epoch}`
      return `${this.#name}: ${who} has ${baseOffset} to ${nextOffset} of epoch ${epoch}, and committed is ${has ?? `what ends at ${this.#endOffset}`}`
    })
  }
}
