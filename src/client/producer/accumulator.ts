/**
 * Accumulator: records that wait to be sent, in batches by partition. A batch goes when it is full, when `lingerMs` have passed since its first
 * record, or when everything has to go; of a partition one batch is on its way at a time, so that order survives a retry.
 */
import { type RecordInput, recordBodyBytes, recordBytes } from '../../records/record-encoder.js'

/** What a record that was acknowledged has become. */
export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  /** -1 with acks 0. */
  readonly offset: number
  /** The record's, or with LogAppendTime the log's. */
  readonly timestamp: number
}

export type SendDone = (error: Error | undefined, metadata: RecordMetadata | undefined) => void

export interface WaitingBatch {
  readonly topic: string
  readonly partition: number
  readonly records: RecordInput[]
  readonly dones: SendDone[]
  /** Without compression. */
  sizeBytes: number
  readonly createdMs: number
  failures: number
  /** Not before this. */
  notBeforeMs: number
  /** Once it was sent: the same bytes go again. */
  bytes: Uint8Array | undefined
  baseSequence: number
  /** A broker was sent it, and has not said that it wrote nothing. */
  mayBeWritten: boolean
}

export interface AccumulatorOptions {
  /** `batch.size`: a batch takes no further record that would make it larger. */
  readonly batchBytes: number
  readonly lingerMs: number
}

/** Larger than what deltas within a batch usually take. */
const DELTA = 1 << 20
/** The header of a batch. */
const HEADER_BYTES = 61

interface PartitionQueue {
  readonly waiting: WaitingBatch[]
  underWay: boolean
}

export class Accumulator {
  readonly #options: AccumulatorOptions
  readonly #queues = new Map<string, PartitionQueue>()
  #bytes = 0
  #records = 0

  constructor(options: AccumulatorOptions) {
    this.#options = options
  }

  /** Of all records that wait or are on their way, without compression. */
  get bufferedBytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#records === 0
  }

  /** Says whether the record began a new batch behind one that is full. */
  append(topic: string, partition: number, record: RecordInput, done: SendDone, nowMs: number): boolean {
    const queue = this.#queueOf(topic, partition)
    const size = sizeOf(record)
    const last = queue.waiting.at(-1)
    const fits = last !== undefined && last.bytes === undefined && last.sizeBytes + size <= this.#options.batchBytes
    this.#bytes += size
    this.#records++
    if (fits) {
      last.records.push(record)
      last.dones.push(done)
      last.sizeBytes += size
      return false
    }
    queue.waiting.push({
      topic,
      partition,
      records: [record],
      dones: [done],
      sizeBytes: HEADER_BYTES + size,
      createdMs: nowMs,
      failures: 0,
      notBeforeMs: 0,
      bytes: undefined,
      baseSequence: -1,
      mayBeWritten: false,
    })
    return last !== undefined
  }

  /** Batches to be sent now, at most one of each partition, marked as on their way. `all`: do not wait for more. */
  take(nowMs: number, all: boolean, canSend: (topic: string, partition: number) => boolean): WaitingBatch[] {
    const taken: WaitingBatch[] = []
    for (const queue of this.#queues.values()) {
      const first = queue.waiting[0]
      if (first === undefined || queue.underWay || first.notBeforeMs > nowMs) continue
      if (!all && !this.#isReady(queue, first, nowMs)) continue
      if (!canSend(first.topic, first.partition)) continue
      queue.underWay = true
      taken.push(first)
    }
    return taken
  }

  /** When `take` may have something, in the time of `nowMs`; undefined: not by waiting alone. */
  nextReadyMs(all: boolean): number | undefined {
    let next: number | undefined
    for (const { waiting, underWay } of this.#queues.values()) {
      const first = waiting[0]
      if (first === undefined || underWay) continue
      const full = waiting.length > 1 || first.sizeBytes >= this.#options.batchBytes
      const lingers = all || full || first.bytes !== undefined ? 0 : first.createdMs + this.#options.lingerMs
      const at = Math.max(first.notBeforeMs, lingers)
      if (next === undefined || at < next) next = at
    }
    return next
  }

  /** The batch is through, well or not: the next one of its partition may go. */
  finish(batch: WaitingBatch): void {
    const queue = this.#queueOf(batch.topic, batch.partition)
    queue.waiting.shift()
    queue.underWay = false
    this.#bytes -= batch.sizeBytes - HEADER_BYTES
    this.#records -= batch.records.length
  }

  /** The batch goes again, not before `notBeforeMs`. */
  putBack(batch: WaitingBatch, notBeforeMs: number): void {
    batch.notBeforeMs = notBeforeMs
    this.#queueOf(batch.topic, batch.partition).underWay = false
  }

  /** All that are not on their way: what is left when the producer gives up. */
  waiting(): WaitingBatch[] {
    return [...this.#queues.values()].flatMap(({ waiting, underWay }) => (underWay ? [] : waiting))
  }

  #isReady({ waiting }: PartitionQueue, first: WaitingBatch, nowMs: number): boolean {
    const { batchBytes, lingerMs } = this.#options
    if (waiting.length > 1 || first.bytes !== undefined || first.sizeBytes >= batchBytes) return true
    return nowMs - first.createdMs >= lingerMs
  }

  #queueOf(topic: string, partition: number): PartitionQueue {
    const key = `${topic}-${partition}`
    let queue = this.#queues.get(key)
    if (queue === undefined) {
      queue = { waiting: [], underWay: false }
      this.#queues.set(key, queue)
    }
    return queue
  }
}

/** An upper bound. */
export function sizeOf(record: RecordInput): number {
  return recordBytes(recordBodyBytes(record, DELTA, DELTA))
}
