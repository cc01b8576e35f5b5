/**
 * Which epoch wrote which part of the quorum's log: by it two members find the end of what they have in common (KIP-595, the arithmetic of
 * KIP-101). An offset with the epoch of the batch before it names everything that lies below (log matching).
 *
 *      start (20, epoch 2)       { epoch 3 from 25 }    { epoch 6 from 40 }
 *        ├───── epoch 2 ────────────┼─── epoch 3 ───────────┼─── epoch 6 ───▶ end
 */
import { assert } from '../base/assert.js'

/** An offset with the epoch of the batch that ends there; also the name of a snapshot (KIP-630). (0, 0) is the beginning. */
export interface OffsetAndEpoch {
  readonly offset: number
  readonly epoch: number
}

export interface EpochStart {
  readonly epoch: number
  readonly startOffset: number
}

export const LOG_BEGINNING: OffsetAndEpoch = { offset: 0, epoch: 0 }

export class EpochChain {
  #start: OffsetAndEpoch
  /** Epochs and offsets rise strictly. What lies before the first is of the epoch of `#start`. */
  readonly #entries: EpochStart[] = []

  constructor(start: OffsetAndEpoch, entries: readonly EpochStart[]) {
    this.#start = start
    for (const { epoch, startOffset } of entries) this.append(epoch, startOffset)
  }

  /** Where the log starts; everything below is in a snapshot of that name. */
  get start(): OffsetAndEpoch {
    return this.#start
  }

  get lastEpoch(): number {
    return this.#entries.at(-1)?.epoch ?? this.#start.epoch
  }

  entries(): readonly EpochStart[] {
    return [...this.#entries]
  }

  /** A batch of this epoch stands at the end of the log. */
  append(epoch: number, offset: number): void {
    const { lastEpoch } = this
    assert(epoch >= lastEpoch, () => `epoch ${epoch} at ${offset} after epoch ${lastEpoch}`)
    if (epoch > lastEpoch) this.#entries.push({ epoch, startOffset: offset })
  }

  /** The epoch of the batch that ends at or holds the offset before this one. */
  epochBefore(offset: number): number {
    let epoch = this.#start.epoch
    for (const entry of this.#entries) {
      if (entry.startOffset >= offset) break
      epoch = entry.epoch
    }
    return epoch
  }

  /** The largest epoch here that is at most `epoch`, and where it ends. Before the first it is the start. */
  endOf(epoch: number, logEnd: number): OffsetAndEpoch {
    if (epoch < this.#start.epoch) return this.#start
    let known = this.#start.epoch
    for (const entry of this.#entries) {
      if (entry.epoch > epoch) return { offset: entry.startOffset, epoch: known }
      known = entry.epoch
    }
    return { offset: logEnd, epoch: known }
  }

  /** The log ends at this offset. */
  truncate(endOffset: number): void {
    while (this.#entries.length > 0 && this.#entries.at(-1)!.startOffset >= endOffset) this.#entries.pop()
  }

  /** The log starts at this offset. */
  trimStart(offset: number): void {
    this.#start = { offset, epoch: this.epochBefore(offset) }
    while (this.#entries.length > 0 && this.#entries[0]!.startOffset < offset) this.#entries.shift()
  }

  /** The log is empty and starts here. */
  reset(start: OffsetAndEpoch): void {
    this.#start = start
    this.#entries.length = 0
  }
}
