/**
 * The bytes that a load sends, made before it begins, and what its answers look like. All requests of a load have one size, and there is one
 * for each partition, in order, so that any run of neighbours is one piece of memory and can be sent with one call:
 *
 *     request 0 | request 1 | ... | request P-1 | request 0 | ... | request G-2      P partitions, groups of at most G
 *
 * The correlation id of a request is its partition, so that an answer out of order is noticed.
 */
import { Writer } from '../../src/base/bytes/writer.js'
import { encodeRequest, encodeResponse } from '../../src/protocol/frame.js'
import { Produce } from '../../src/protocol/messages/produce.js'

/** By topic id, as Kafka's own clients send it since 4.0. */
const PRODUCE_VERSION = 13
const CLIENT_ID = 'lograft-bench'
const TIMEOUT_MS = 30_000

export interface Topic {
  readonly name: string
  readonly topicId: string
  readonly partitions: number
}

export interface RequestRing {
  readonly requestBytes: number
  readonly partitions: number
  /** By first request and by how many there are, less one. */
  readonly groups: readonly (readonly Buffer[])[]
}

/** `records`: the batch of each request. */
export function produceRing(topic: Topic, acks: number, records: Buffer, largestGroup: number): RequestRing {
  const { partitions } = topic
  const requests = Array.from({ length: partitions }, (_, partition) => produceRequest(topic, partition, acks, records))
  const requestBytes = requests[0]!.length
  const ring = Array.from({ length: partitions + largestGroup - 1 }, (_, index) => requests[index % partitions]!)
  const bytes = Buffer.concat(ring)
  const groups = Array.from({ length: partitions }, (_, first) =>
    Array.from({ length: largestGroup }, (__, less) =>
      bytes.subarray(first * requestBytes, (first + less + 1) * requestBytes),
    ),
  )
  return { requestBytes, partitions, groups }
}

function produceRequest({ name, topicId }: Topic, partition: number, acks: number, records: Buffer): Buffer {
  const writer = new Writer()
  const topicData = [{ name, topicId, partitionData: [{ index: partition, records }] }]
  const body = { transactionalId: null, acks, timeoutMs: TIMEOUT_MS, topicData }
  encodeRequest(writer, Produce, { version: PRODUCE_VERSION, correlationId: partition, clientId: CLIENT_ID, body })
  return Buffer.from(writer.toBuffer())
}

/** As the broker answers for an append; of the same size for every append that went well. */
export function produceAnswer({ name, topicId }: Topic, errorCode: number): Buffer {
  const writer = new Writer()
  const partitionResponses = [{ index: 0, errorCode, baseOffset: 0, logStartOffset: 0 }]
  const body = { responses: [{ name, topicId, partitionResponses }] }
  encodeResponse(writer, Produce, { version: PRODUCE_VERSION, correlationId: 0, body })
  return Buffer.from(writer.toBuffer())
}

export interface AnswerLayout {
  readonly answerBytes: number
  readonly errorCodeAt: number
}

/** Found out from two answers that differ in nothing but the error, not counted by hand. */
export function produceAnswerLayout(topic: Topic): AnswerLayout {
  const good = produceAnswer(topic, 0)
  const bad = produceAnswer(topic, -1)
  return { answerBytes: good.length, errorCodeAt: good.findIndex((byte, at) => byte !== bad[at]) }
}
