/**
 * WorkloadConsumer: reads one partition from its beginning on, for as long as it may, and keeps the history of what it was given. In a session it
 * names its partition only where it wants something else of it than before. In a cluster it goes to another leader where the one that it knows is none any
 * more, and goes back where its leader says that what it has read stands in no log any more (KIP-320).
 */
import type { Operation, PollOperation } from '../check/history.js'
import { ErrorCode } from '../protocol/errors.js'
import { Fetch } from '../protocol/messages/fetch.js'
import { ListOffsets } from '../protocol/messages/list-offsets.js'
import { BatchIterator, readRecords, type StoredRecord } from '../records/reader.js'
import type { SimulatedClient } from './client.js'
import { ELSEWHERE, VALUE_HEADER } from './producer.js'

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
  /** In a cluster: the epoch of the leader that it is connected to. */
  readonly leaderEpoch?: () => number
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
  /** The epoch of the leader that the session names, and that of the last batch that was read; -1: none. */
  #namedEpoch = -1
  #lastFetchedEpoch = -1
  #gone = false
  /** How often it was told that what it had read is not there any more. */
  truncations = 0

  constructor(client: SimulatedClient, options: ConsumerOptions) {
    this.#client = client
    this.#options = options
    this.key = options.key ?? `${options.topic}-${options.partition}`
    if (client.isLocated) client.onLost = () => this.#endSession()
    this.#next()
  }

  /** A final reading has come to the end. */
  get done(): boolean {
    return this.#done
  }

  /** Where it reads on. */
  get offset(): number {
    return this.#offset
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
    const { topic, partition, leaderEpoch } = this.#options
    const wanted = { partitionIndex: partition, currentLeaderEpoch: leaderEpoch?.() ?? -1, timestamp: LATEST }
    const topics = [{ name: topic, partitions: [wanted] }]
    this.#client.call(ListOffsets, { replicaId: -1, topics }, (_, response) => {
      const found = response?.topics[0]?.partitions[0]
      if (found?.errorCode !== ErrorCode.NONE) return this.#failed(found?.errorCode)
      this.#endOffset = found.offset
      if (found.offset === 0) this.#finish([])
      else this.#next()
    })
  }

  #poll(): void {
    const { topic, topicId, partition, sessions, patient, leaderEpoch } = this.#options
    const { random } = this.#client.ports
    const currentLeaderEpoch = leaderEpoch?.() ?? -1
    const isNamed = this.#namedEpoch === currentLeaderEpoch && this.#sessionOffset === this.#offset
    this.#namedEpoch = currentLeaderEpoch
    const wanted = {
      partition,
      ...(leaderEpoch === undefined ? {} : { currentLeaderEpoch, lastFetchedEpoch: this.#lastFetchedEpoch }),
      fetchOffset: this.#offset,
      partitionMaxBytes: random.below(3) === 0 ? 1 : 100 + random.below(20_000),
    }
    const told = this.#sessionEpoch > 0 && isNamed && random.below(4) > 0
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
      if (result.errorCode === ErrorCode.UNKNOWN_TOPIC_ID && !this.#client.isLocated) {
        this.#gone = true
        return
      }
      if (result.errorCode !== ErrorCode.NONE) return this.#failed(result.errorCode)
      if (result.divergingEpoch.epoch >= 0) return this.#goBack(result.divergingEpoch)
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

  #endSession(): void {
    this.#sessionId = 0
    this.#sessionEpoch = 0
  }

  #failed(errorCode: number | undefined): void {
    if (errorCode !== undefined && ELSEWHERE.has(errorCode)) this.#client.leave()
    this.#again()
  }

  /** What was read of the log from there on was cut off. */
  #goBack({ epoch, endOffset }: { readonly epoch: number; readonly endOffset: number }): void {
    this.truncations++
    this.#offset = Math.min(this.#offset, endOffset)
    this.#lastFetchedEpoch = epoch
    this.#sought = true
    this.#again()
  }

  /** The log is shorter than what was read of it, or begins later: it says so by beginning anew where the log does. */
  #restart(result: { readonly logStartOffset: number } | undefined): void {
    if (result !== undefined) {
      this.#offset = this.#startOffset = Math.max(0, result.logStartOffset)
      this.#lastFetchedEpoch = -1
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
      this.#lastFetchedEpoch = batch.partitionLeaderEpoch
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
