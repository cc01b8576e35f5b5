/** Well-formed requests with the fields that a test does not care about filled in. */
import { Fetch } from '../../src/protocol/messages/fetch.js'
import { Produce } from '../../src/protocol/messages/produce.js'
import type { InferInput } from '../../src/protocol/schema.js'
import { type BatchOptions, buildBatch } from '../../src/records/builder.js'
import { BatchIterator, readRecords } from '../../src/records/reader.js'

export type ProduceRequest = InferInput<typeof Produce.request>
export type FetchRequest = InferInput<typeof Fetch.request>
type FetchPartition = FetchRequest['topics'][number]['partitions'][number]

/** Of the first record of a batch. */
export const TIMESTAMP = 1_750_000_000_000

/** A topic as a test knows it: whether a request names it or its id is a question of the version. */
export interface Topic {
  readonly name: string
  readonly topicId?: string
}

/** One batch of records with these values, a millisecond apart. */
export function batchOf(
  values: readonly string[],
  options: BatchOptions = {},
  timestamp = TIMESTAMP,
  key: Buffer | null = null,
): Buffer {
  return Buffer.from(
    buildBatch(
      values.map((value, n) => ({ key, value: Buffer.from(value), timestamp: timestamp + n })),
      options,
    ),
  )
}

export function produceRequest(
  topic: Topic,
  records: Uint8Array | null,
  options: Partial<ProduceRequest> & { readonly partition?: number } = {},
): ProduceRequest {
  const { partition = 0, ...rest } = options
  return {
    acks: -1,
    timeoutMs: 5000,
    topicData: [{ ...topic, partitionData: [{ index: partition, records }] }],
    ...rest,
  }
}

export function fetchRequest(
  topic: Topic,
  offset: number,
  options: Partial<FetchRequest> & { readonly partition?: Partial<FetchPartition> } = {},
): FetchRequest {
  const { partition, ...rest } = options
  return {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1024 * 1024,
    sessionEpoch: -1,
    topics: [
      {
        topic: topic.name,
        ...(topic.topicId === undefined ? {} : { topicId: topic.topicId }),
        partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1024 * 1024, ...partition }],
      },
    ],
    forgottenTopicsData: [],
    ...rest,
  }
}

/** Values of the records in whole batches. */
export function valuesIn(bytes: Uint8Array | null): string[] {
  const values: string[] = []
  const batches = new BatchIterator(bytes ?? new Uint8Array(0))
  while (batches.next() === 'batch') {
    for (const { value } of readRecords(batches.batch, 1024 * 1024 * 16)) values.push(Buffer.from(value!).toString())
  }
  return values
}

export { Fetch, Produce }
