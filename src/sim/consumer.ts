/**
 * WorkloadConsumer: reads one partition from its beginning on, for as long as it may, and keeps the history of what it was given. In a session it
 * names its partition only where it wants something else of it than before.
 */
import type { Operation, PollOperation } from '../check/history.js'
import { ErrorCode } from '../protocol/errors.js'
import { Fetch } from '../protocol/messages/fetch.js'
import { ListOffsets } from '../protocol/messages/list-offsets.js'
import { BatchIterator, readRecords, type StoredRecord } from '../records/reader.js'
import type { SimulatedClient } from './client.js'
import { VALUE_HEADER } from './producer.js'

const RETRY_MS = 50
const MAX_BATCH_BYTES = 10 * 1024 * 1024
const LATEST = -1

export interface ConsumerOptions {
  readonly process: number
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  /** What the history calls the partition; without it, by its topic's name. */
  readonly key?: string
  /** The last reading: from the beginning to the end, once. */
  readonly final: boolean
  /** Fetches in sessions (KIP-227). */
  readonly sessions: boolean
  /** Waits for more than there mostly is: its time is up again and again. */
  readonly patient: boolean
  readonly now: () => number
  readonly record: (operation: Operation) => void
}

export class WorkloadConsumer {
  readonly key: string
  readonly #client: SimulatedClient
  readonly #options: ConsumerOptions
  #offset = 0
  /** Where the log began when it was last found to. */
  #startOffset = 0
  #endOffset: number | undefined
  #sought = true
  #done = false
  #highWatermark = 0
  #sessionId = 0
  #sessionEpoch = 0
  /** What the session fetches from; undefined: nothing yet. */
  #sessionOffset: number | undefined
  #gone = false

  constructor(client: SimulatedClient, options: ConsumerOptions) {
    this.#client = client
    this.#options = options
    this.key = options.key ?? `${options.topic}-${options.partition}`
    this.#next()
  }

  /** A final reading has come to the end. */
  get done(): boolean {
    return this.#done
  }

  /** Its topic is not there any more: it has ended. */
  get gone(): boolean {
    return this.#gone
  }

  #next(): void {
    this.#client.whenReady(() => {
      if (this.#options.final && this.#endOffset === undefined) this.#findEnd()
      else this.#poll()
    })
  }

  #again(): void {
    this.#client.later(RETRY_MS, () => this.#next())
  }

  #findEnd(): void {
    const { topic, partition } = this.#options
    const topics = [{ name: topic, partitions: [{ partitionIndex: partition, timestamp: LATEST }] }]
    this.#client.call(ListOffsets, { replicaId: -1, topics }, (_, response) => {
      const found = response?.topics[0]?.partitions[0]
      if (found?.errorCode !== ErrorCode.NONE) return this.#again()
      this.#endOffset = found.offset
      if (found.offset === 0) this.#finish([])
      else this.#next()
    })
  }

  #poll(): void {
    const { topic, topicId, partition, sessions, patient } = this.#options
    const { random } = this.#client.ports
    const wanted = {
      partition,
      fetchOffset: this.#offset,
      partitionMaxBytes: random.below(3) === 0 ? 1 : 100 + random.below(20_000),
    }
    const told = this.#sessionEpoch > 0 && this.#sessionOffset === this.#offset && random.below(4) > 0
    this.#sessionOffset = this.#offset
    const body = {
      maxWaitMs: random.below(patient ? 60 : 500),
      minBytes: patient ? 100_000 : random.below(4) === 0 ? 500 : 1,
      topics: told ? [] : [{ topic, topicId, partitions: [wanted] }],
      ...(sessions ? { sessionId: this.#sessionId, sessionEpoch: this.#sessionEpoch } : {}),
    }
    this.#client.call(Fetch, body, (_, response) => {
      const inSession = sessions && this.#answeredInSession(response)
      const result = response?.responses[0]?.partitions[0]
      if (result === undefined && inSession) return this.#next()
      if (result === undefined || result.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) return this.#restart(result)
      if (result.errorCode === ErrorCode.UNKNOWN_TOPIC_ID) {
        this.#gone = true
        return
      }
      if (result.errorCode !== ErrorCode.NONE) return this.#again()
      const { records, nextOffset } = this.#decode(result.records)
      this.#offset = nextOffset
      this.#highWatermark = result.highWatermark
      if (this.#options.final && this.#offset >= this.#endOffset!) return this.#finish(records)
      if (records.length > 0) this.#record(records)
      this.#next()
    })
  }

  /** Whether the session goes on. */
  #answeredInSession(response: { readonly errorCode: number; readonly sessionId: number } | undefined): boolean {
    if (response?.errorCode === ErrorCode.NONE && response.sessionId !== 0) {
      this.#sessionId = response.sessionId
      this.#sessionEpoch++
      return true
    }
    // It begins anew; the broker forgets the one that it still may know.
    this.#sessionEpoch = 0
    return false
  }

  /** The log is shorter than what was read of it, or begins later: it says so by beginning anew where the log does. */
  #restart(result: { readonly logStartOffset: number } | undefined): void {
    if (result !== undefined) {
      this.#offset = this.#startOffset = Math.max(0, result.logStartOffset)
      this.#sought = true
      if (this.#options.final && this.#offset >= this.#endOffset!) return this.#finish([])
    }
    this.#again()
  }

  /** Goes on behind the last batch, which may have no records left. */
  #decode(bytes: Uint8Array | null): { readonly records: [number, string][]; readonly nextOffset: number } {
    const records: [number, string][] = []
    let nextOffset = this.#offset
    const batches = new BatchIterator(bytes ?? new Uint8Array(0))
    while (batches.next() === 'batch') {
      const { batch } = batches
      if (batch.computeCrc() !== batch.crc) {
        // The checker takes it for a value that nobody has sent, and that is what it is.
        records.push([batch.lastOffset, `damaged batch of ${batch.sizeBytes} bytes`])
        nextOffset = batch.lastOffset + 1
        continue
      }
      for (const record of readRecords(batch, MAX_BATCH_BYTES)) {
        if (record.offset >= this.#offset) records.push([record.offset, textOf(record)])
      }
      nextOffset = batch.nextOffset
    }
    return { records, nextOffset }
  }

  #finish(records: [number, string][]): void {
    this.#done = true
    this.#record(records)
  }

  #record(records: [number, string][]): void {
    const { process, now, record, final } = this.#options
    const seek: Partial<PollOperation> = this.#sought ? { seek: true } : {}
    this.#sought = false
    record({
      f: 'poll',
      type: 'ok',
      key: this.key,
      process,
      time: now(),
      records,
      highWatermark: this.#highWatermark,
      ...seek,
      ...(final ? { final, startOffset: this.#startOffset } : {}),
    })
  }
}

function textOf({ value, headers }: StoredRecord): string {
  const bytes = value ?? headers.find(({ key }) => key === VALUE_HEADER)?.value
  return bytes == null ? 'a record without a value' : Buffer.from(bytes).toString()
}
