/**
 * What a partition remembers of one producer: its epoch, its last batches, and the transaction that it has open here.
 *
 * A batch is kept as Kafka keeps it: last sequence, last offset and the distance to the first of both. Changing an entry
 * is for `ProducerState`; nothing is checked here.
 */
import { NO_PRODUCER_EPOCH, NO_SEQUENCE, NO_TIMESTAMP, sequenceAfter } from '../records/batch.js'

/** How many batches are remembered: as many as a client may have in flight (`max.in.flight.requests.per.connection`). */
export const RETAINED_BATCHES = 5

export const NO_COORDINATOR_EPOCH = -1

const NO_OFFSET = -1
const SEQUENCE_COUNT = 0x8000_0000

/** One remembered batch. */
export interface RetainedBatch {
  readonly lastSequence: number
  readonly lastOffset: number
  /** Last minus first, of offsets and of sequences. */
  readonly offsetDelta: number
  /** The batch's latest, in milliseconds since 1970. */
  readonly timestamp: number
}

export class ProducerEntry {
  readonly producerId: number
  producerEpoch = NO_PRODUCER_EPOCH
  /** Of the transaction coordinator that wrote the last marker. */
  coordinatorEpoch = NO_COORDINATOR_EPOCH
  /** Of the last batch or marker, as its records say it. */
  lastTimestamp = NO_TIMESTAMP
  /** When the last batch or marker was appended, by this node's clock; undefined: before this process had the log. */
  lastAppendMs: number | undefined
  /** Where the open transaction begins in this partition; undefined while there is none. */
  transactionFirstOffset: number | undefined
  /** Oldest first. */
  readonly #batches: Writable<RetainedBatch>[] = []

  constructor(producerId: number) {
    this.producerId = producerId
  }

  /** Oldest first, at most `RETAINED_BATCHES`. Changes with the next batch. */
  get batches(): readonly RetainedBatch[] {
    return this.#batches
  }

  /** -1 if the producer has written nothing in this epoch. */
  get lastSequence(): number {
    return this.#batches.at(-1)?.lastSequence ?? NO_SEQUENCE
  }

  get lastOffset(): number {
    return this.#batches.at(-1)?.lastOffset ?? NO_OFFSET
  }

  get lastOffsetDelta(): number {
    return this.#batches.at(-1)?.offsetDelta ?? 0
  }

  /** The remembered batch with exactly these sequences. */
  find(firstSequence: number, lastSequence: number): RetainedBatch | undefined {
    // From the newest on: retries are mostly of what was sent last.
    for (let at = this.#batches.length - 1; at >= 0; at--) {
      const batch = this.#batches[at]!
      if (batch.lastSequence === lastSequence && firstSequenceOf(batch) === firstSequence) return batch
    }
    return undefined
  }

  /** A new epoch starts with no batches. */
  enterEpoch(producerEpoch: number): void {
    if (producerEpoch === this.producerEpoch) return
    this.producerEpoch = producerEpoch
    this.#batches.length = 0
  }

  add(lastSequence: number, lastOffset: number, offsetDelta: number, timestamp: number): void {
    if (this.#batches.length < RETAINED_BATCHES) {
      this.#batches.push({ lastSequence, lastOffset, offsetDelta, timestamp })
      return
    }
    const batch = this.#batches.shift()!
    batch.lastSequence = lastSequence
    batch.lastOffset = lastOffset
    batch.offsetDelta = offsetDelta
    batch.timestamp = timestamp
    this.#batches.push(batch)
  }
}

/** The sequence of a remembered batch's first record: sequences wrap from 2^31 - 1 to 0. */
function firstSequenceOf(batch: RetainedBatch): number {
  return batch.lastSequence === NO_SEQUENCE
    ? NO_SEQUENCE
    : sequenceAfter(batch.lastSequence, SEQUENCE_COUNT - batch.offsetDelta)
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }
