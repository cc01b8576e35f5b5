/**
 * The bytes that a load sends, made before it begins, and where in an answer to look. Requests of one load have one size and one is for each
 * partition, in order, so that any run of neighbours is one piece of memory and can be sent with one call:
 *
 *     request 0 | request 1 | ... | request P-1 | request 0 | ... | request G-2      P partitions, groups of at most G
 *
 * The correlation id of a request is its partition, so that an answer out of order is noticed.
 */
import { Writer } from '../../src/base/bytes/writer.js'
import { encodeRequest, encodeResponse } from '../../src/protocol/frame.js'
import { Fetch } from '../../src/protocol/messages/fetch.js'
import { Produce } from '../../src/protocol/messages/produce.js'
import type { SizedBatch } from './batches.js'

/** By topic id, as Kafka's own clients send it since 4.0. */
export const PRODUCE_VERSION = 13
/** The newest that names topics. */
export const FETCH_VERSION = 12

const CLIENT_ID = 'lograft-bench'
const TIMEOUT_MS = 30_000
const FETCH_WAIT_MS = 500

export interface Topic {
  readonly name: string
  readonly topicId: string
  readonly partitions: number
}

export interface RequestRing {
  readonly bytes: Buffer
  readonly requestBytes: number
  readonly partitions: number
  readonly largestGroup: number
}

export function produceRing(topic: Topic, acks: number, batch: SizedBatch, largestGroup: number): RequestRing {
  const requests = Array.from({ length: topic.partitions }, (_, partition) =>
    produceRequest(topic, partition, acks, batch),
  )
  const ring = [...requests]
  for (let extra = 0; extra < largestGroup - 1; extra++) ring.push(requests[extra % topic.partitions]!)
  return { bytes: Buffer.concat(ring), requestBytes: requests[0]!.length, partitions: topic.partitions, largestGroup }
}

function produceRequest({ name, topicId }: Topic, partition: number, acks: number, { bytes }: SizedBatch): Buffer {
  const writer = new Writer()
  const partitionData = [{ index: partition, records: bytes }]
  const body = { transactionalId: null, acks, timeoutMs: TIMEOUT_MS, topicData: [{ name, topicId, partitionData }] }
  encodeRequest(writer, Produce, { version: PRODUCE_VERSION, correlationId: partition, clientId: CLIENT_ID, body })
  return Buffer.from(writer.toBuffer())
}

export interface FetchRequest {
  readonly bytes: Buffer
  /** Where the offset stands, 8 bytes. */
  readonly offsetAt: number
}

export function fetchRequest({ name, topicId }: Topic, partition: number, maxBytes: number): FetchRequest {
  const encode = (fetchOffset: number): Buffer => {
    const writer = new Writer()
    const partitions = [{ partition, fetchOffset, partitionMaxBytes: maxBytes }]
    const body = {
      maxWaitMs: FETCH_WAIT_MS,
      minBytes: 1,
      maxBytes,
      isolationLevel: 0,
      sessionId: 0,
      topics: [{ topic: name, topicId, partitions }],
      forgottenTopicsData: [],
    }
    encodeRequest(writer, Fetch, { version: FETCH_VERSION, correlationId: partition, clientId: CLIENT_ID, body })
    return Buffer.from(writer.toBuffer())
  }
  return { bytes: encode(0), offsetAt: firstDifference(encode(0), encode(-1)) }
}

/** What is looked at in an answer: places count from the length on. */
export interface AnswerLayout {
  readonly errorCodeAt: number
  /** Of a fetch: where the length of the records stands, as an unsigned varint. */
  readonly recordsAt: number | undefined
  /** Enough to reach all of it. */
  readonly headBytes: number
}

/** Found out from two answers that differ in nothing else, not counted by hand. */
export function produceAnswerLayout(topic: Topic): AnswerLayout {
  const errorCodeAt = firstDifference(produceAnswer(topic, 0), produceAnswer(topic, -1))
  return { errorCodeAt, recordsAt: undefined, headBytes: errorCodeAt + 2 }
}

/** As the broker answers for an append that went well. */
export function produceAnswer({ name, topicId }: Topic, errorCode: number): Buffer {
  const writer = new Writer()
  const partitionResponses = [{ index: 0, errorCode, baseOffset: 0, logStartOffset: 0 }]
  const body = { responses: [{ name, topicId, partitionResponses }] }
  encodeResponse(writer, Produce, { version: PRODUCE_VERSION, correlationId: 0, body })
  return Buffer.from(writer.toBuffer())
}

export function fetchAnswerLayout(topic: Topic): AnswerLayout {
  const errorCodeAt = firstDifference(fetchAnswer(topic, 0, 1), fetchAnswer(topic, -1, 1))
  // The frame's own length differs too.
  const recordsAt = 4 + firstDifference(fetchAnswer(topic, 0, 1).subarray(4), fetchAnswer(topic, 0, 2).subarray(4))
  return { errorCodeAt, recordsAt, headBytes: recordsAt + 5 }
}

function fetchAnswer({ name, topicId }: Topic, errorCode: number, recordBytes: number): Buffer {
  const writer = new Writer()
  const partition = {
    partitionIndex: 0,
    errorCode,
    highWatermark: 0,
    lastStableOffset: 0,
    logStartOffset: 0,
    abortedTransactions: null,
    records: Buffer.alloc(recordBytes),
  }
  const body = { errorCode: 0, sessionId: 0, responses: [{ topic: name, topicId, partitions: [partition] }] }
  encodeResponse(writer, Fetch, { version: FETCH_VERSION, correlationId: 0, body })
  return Buffer.from(writer.toBuffer())
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  if (at === a.length) throw new Error('the two do not differ')
  return at
}
