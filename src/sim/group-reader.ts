/**
 * GroupReader: reads one partition for a member of a group, from where the group has committed on, until the partition is taken away. Nothing that is committed is
 * lost where groups are tried: so whoever says that an offset is out of range does not know enough, and another one is asked.
 */
import { ErrorCode } from '../protocol/errors.js'
import { Fetch } from '../protocol/messages/fetch.js'
import { BatchIterator, readRecords } from '../records/reader.js'
import type { SimulatedClient } from './client.js'
import type { GroupPlace } from './group-protocol.js'
import { ELSEWHERE } from './producer.js'

const RETRY_MS = 100
const MAX_WAIT_MS = 500
const MAX_BATCH_BYTES = 10 * 1024 * 1024

export interface PartitionRead {
  readonly records: readonly (readonly [offset: number, value: string])[]
  readonly fromOffset: number
  /** Exclusive. */
  readonly toOffset: number
  readonly highWatermark: number
}

export interface GroupReaderOptions {
  readonly place: GroupPlace
  readonly topicId: string
  readonly offset: number
  readonly leaderEpoch: () => number
  readonly read: (what: PartitionRead) => void
}

export class GroupReader {
  /** Behind all that was given. */
  offset: number
  /** Of the last batch. */
  lastEpoch = -1
  readonly #client: SimulatedClient
  readonly #options: GroupReaderOptions
  #stopped = false

  constructor(client: SimulatedClient, options: GroupReaderOptions) {
    this.#client = client
    this.#options = options
    this.offset = options.offset
    this.#next()
  }

  stop(): void {
    this.#stopped = true
    this.#client.stop()
  }

  #next(): void {
    this.#client.whenReady(() => {
      if (!this.#stopped) this.#fetch()
    })
  }

  #again(): void {
    this.#client.later(RETRY_MS, () => this.#next())
  }

  #fetch(): void {
    const { place, topicId, leaderEpoch, read } = this.#options
    const { random } = this.#client.ports
    const wanted = {
      partition: place.partition,
      currentLeaderEpoch: leaderEpoch(),
      fetchOffset: this.offset,
      partitionMaxBytes: 200 + random.below(20_000),
    }
    const topics = [{ topic: place.topic, topicId, partitions: [wanted] }]
    this.#client.call(Fetch, { maxWaitMs: random.below(MAX_WAIT_MS), minBytes: 1, topics }, (_, response) => {
      if (this.#stopped) return
      const result = response?.responses[0]?.partitions[0]
      if (result === undefined) return this.#again()
      const { errorCode, highWatermark } = result
      if (errorCode !== ErrorCode.NONE) {
        if (ELSEWHERE.has(errorCode) || errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) this.#client.leave()
        return this.#again()
      }
      const fromOffset = this.offset
      const records = this.#decode(result.records)
      if (this.offset > fromOffset) read({ records, fromOffset, toOffset: this.offset, highWatermark })
      this.#next()
    })
  }

  #decode(bytes: Uint8Array | null): [number, string][] {
    const records: [number, string][] = []
    const fromOffset = this.offset
    const batches = new BatchIterator(bytes ?? new Uint8Array(0))
    while (batches.next() === 'batch') {
      const { batch } = batches
      for (const { offset, value } of readRecords(batch, MAX_BATCH_BYTES)) {
        if (offset >= fromOffset) records.push([offset, Buffer.from(value ?? []).toString()])
      }
      this.offset = batch.nextOffset
      this.lastEpoch = batch.partitionLeaderEpoch
    }
    return records
  }
}
