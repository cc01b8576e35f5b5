/**
 * Produce: batches are checked where they lie, given their offsets and appended, all within the call; the answer waits for as much as `acks`
 * asks for: 1 for the write at the end of the turn, -1 until the batch is committed, 0 not at all.
 *
 * What old producers send in message formats 0 and 1 becomes a batch first; versions below 3 may carry both.
 *
 * Left out: transactions (INVALID_TXN_STATE).
 */
import { ErrorCode, type ErrorName } from '../../../protocol/errors.js'
import type { FrameOwner } from '../../../protocol/frame-assembler.js'
import { Produce } from '../../../protocol/messages/produce.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import { BatchView } from '../../../records/batch.js'
import { SET_FAULTS, upConvert } from '../../../records/legacy/up-convert.js'
import { MAX_OPENED_BYTES } from '../../../records/reader.js'
import { BATCH_FAULTS, BatchValidator } from '../../../records/validator.js'
import type { Broker } from '../../broker.js'
import type { Appended, Partition } from '../../partition.js'
import type { DelayedOperation } from '../../purgatory.js'
import { type Call, handler } from '../../server/handler.js'
import { topic } from '../../server/stages.js'
import { brokerOf, type Services } from '../services.js'
import { findPartition, type TopicReference } from './find-partition.js'
import { type RecordError, settleTimes } from './record-times.js'

type Request = Infer<typeof Produce.request>
type Response = InferInput<typeof Produce.response>
type PartitionResult = Response['responses'][number]['partitionResponses'][number]

const ZSTD = 4
const ZSTD_SINCE = 7
const TOPIC_IDS_SINCE = 13
const MAGIC_2_SINCE = 3
/** From this size on a batch with memory of its own is written from there instead of being copied. */
const BY_REFERENCE_FROM_BYTES = 16 * 1024

/** Longer than any write takes but on a disk that is stuck. */
const SHORTEST_WRITE_TIMEOUT_MS = 1000

const validator = new BatchValidator()

export const produce = handler<Services, typeof Produce.request.fields, typeof Produce.response.fields>(Produce, {
  versions: [0, 13],
  servedBy: 'partition leader',
  listeners: ['broker'],
  authorize: ({ topicData }) => topicData.map(({ name }) => ({ operation: 'WRITE', resource: topic(name) })),
  refuse: ({ acks, topicData }, errorCode) => {
    if (acks === 0) return undefined
    const responses = topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1 })),
    }))
    return { responses }
  },
  handle: (request, services, call) => {
    const broker = brokerOf(services)
    const { acks } = request
    const parts: Part[] = []
    const appendedTo: Partition[] = []
    for (const { name, topicId, partitionData } of request.topicData) {
      const reference = { name, topicId: call.version < TOPIC_IDS_SINCE ? undefined : topicId }
      for (const { index, records } of partitionData) {
        const part = appendTo(broker, request, reference, index, records, call)
        parts.push(part)
        if (part.appended !== undefined) appendedTo.push(part.partition!)
      }
    }
    if (acks === 0) {
      const failed = parts.find(({ error }) => error !== undefined)
      if (failed === undefined) call.noReply()
      else call.close(`a produce with acks=0 failed: ${failed.error}`)
      return
    }
    const operation = new DelayedProduce(request, parts, call)
    // The time that the client allows is for replicas: the write at the end of this turn is waited for in any case.
    const waitMs = acks === 1 ? Math.max(request.timeoutMs, SHORTEST_WRITE_TIMEOUT_MS) : request.timeoutMs
    broker.replicas.produces.tryCompleteOrWatch(operation, appendedTo, waitMs)
  },
})

/** What becomes of one partition of the request. */
interface Part {
  readonly partition: Partition | undefined
  /** Undefined with an error, and where there was nothing to append. */
  readonly appended: Appended | undefined
  /** Why it was not appended, or did not come to what was asked for. */
  error: ErrorName | undefined
  message: string | null
  readonly logAppendTimeMs?: number
  readonly recordErrors?: readonly RecordError[]
}

function appendTo(
  broker: Broker,
  { acks, transactionalId }: Request,
  reference: TopicReference,
  index: number,
  records: Uint8Array | null,
  call: Call<Response>,
): Part {
  if (acks !== 0 && acks !== 1 && acks !== -1) return refused('INVALID_REQUIRED_ACKS')
  const partition = findPartition(broker, reference, index)
  if (typeof partition === 'string') return refused(partition)
  const fault = checkBatch(records, call.version)
  if (fault === 'old-format') return appendOld(broker, partition, acks, records!)
  if (fault !== undefined) return refused(fault.error, fault.message)
  const { batch } = validator
  if (batch.isTransactional || transactionalId !== null) {
    const error = transactionalId === null ? 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED' : 'INVALID_TXN_STATE'
    return refused(error, 'transactions are not supported')
  }
  return appendBatch(broker, partition, acks, batch, ownerOf(call, batch.sizeBytes))
}

/** What an old client sends in the formats before batches. */
function appendOld(broker: Broker, partition: Partition, acks: number, records: Uint8Array): Part {
  if (records.length === 0) {
    const error = partition.checkEpoch(-1)
    return error === undefined ? { partition, appended: undefined, error, message: null } : refused(error)
  }
  const maxMessageBytes = partition.settings['max.message.bytes']
  const converted = upConvert(records, { maxMessageBytes, maxPlainBytes: MAX_OPENED_BYTES })
  if (typeof converted === 'string') return refused(SET_FAULTS[converted].error, SET_FAULTS[converted].message)
  return appendBatch(broker, partition, acks, new BatchView().reset(converted, 0), undefined)
}

/** A batch that is in order. */
function appendBatch(
  broker: Broker,
  partition: Partition,
  acks: number,
  batch: BatchView,
  owner: FrameOwner | undefined,
): Part {
  const { sizeBytes, recordCount } = batch
  const maxBytes = partition.settings['max.message.bytes']
  if (sizeBytes > maxBytes) {
    return refused('MESSAGE_TOO_LARGE', `the batch has ${sizeBytes} bytes, max.message.bytes is ${maxBytes}`)
  }
  if (sizeBytes > partition.settings['internal.segment.bytes']) {
    return refused('RECORD_LIST_TOO_LARGE', `the batch has ${sizeBytes} bytes, more than a segment`)
  }
  if (!broker.replicas.takesAppends) return refused('KAFKA_STORAGE_ERROR', 'there is no room left on the disk')
  const times = settleTimes(batch, partition.settings, broker.clock.wallMs(), MAX_OPENED_BYTES)
  if (times.kind === 'unreadable') return refused('INVALID_RECORD', times.message)
  if (times.kind === 'invalid') {
    return { ...refused('INVALID_TIMESTAMP', 'records are too old or too new'), recordErrors: times.recordErrors }
  }
  const result = partition.append(batch, acks, owner)
  if (result.kind === 'refused')
    return { partition, appended: undefined, error: result.error, message: result.message ?? null }
  broker.traffic.produced(partition.id.topic, recordCount, sizeBytes)
  const { logAppendTimeMs } = times
  return { partition, appended: result, error: undefined, message: null, logAppendTimeMs }
}

function refused(error: ErrorName, message: string | null = null): Part {
  return { partition: undefined, appended: undefined, error, message }
}

/** Large batches are written from the memory that they came in, if they have one of their own. */
function ownerOf({ owner }: Call<Response>, sizeBytes: number): FrameOwner | undefined {
  return sizeBytes < BY_REFERENCE_FROM_BYTES ? undefined : owner
}

interface Fault {
  readonly error: ErrorName
  readonly message: string
}

/**
 * Whether exactly one good batch is there; it is then in `validator.batch`, with its maximum timestamp set right. `old-format` only in versions that
 * carry it: messages of magic 0 or 1, or nothing at all.
 */
function checkBatch(records: Uint8Array | null, version: number): Fault | 'old-format' | undefined {
  if (records === null) return { error: 'INVALID_RECORD', message: 'there are no records' }
  const verdict = validator.checkProduced(records, 0, records.length)
  if (verdict !== 'ok') {
    return version < MAGIC_2_SINCE && (verdict === 'old-magic' || records.length === 0)
      ? 'old-format'
      : BATCH_FAULTS[verdict]
  }
  const { batch } = validator
  if (batch.codecId === ZSTD && version < ZSTD_SINCE) {
    return { error: 'UNSUPPORTED_COMPRESSION_TYPE', message: `zstd needs version ${ZSTD_SINCE} of Produce` }
  }
  correctTimestamp(batch)
  return undefined
}

/** A client may claim a wrong maximum, or the broker's kind of timestamp: both stand under the CRC. */
function correctTimestamp(batch: BatchView): void {
  batch.setMaxTimestamp('CreateTime', validator.walked ? validator.maxTimestamp : batch.maxTimestamp)
}

class DelayedProduce implements DelayedOperation {
  readonly #request: Request
  readonly #parts: Part[]
  readonly #call: Call<Response>

  constructor(request: Request, parts: Part[], call: Call<Response>) {
    this.#request = request
    this.#parts = parts
    this.#call = call
  }

  tryComplete(): boolean {
    if (this.#settle()) return false
    this.#answer()
    return true
  }

  expire(): void {
    this.#settle()
    for (const part of this.#parts) {
      if (part.appended !== undefined && this.#isPending(part)) part.error = 'REQUEST_TIMED_OUT'
    }
    this.#answer()
  }

  /** Takes note of what has been decided; true: something is still pending. */
  #settle(): boolean {
    let pending = false
    for (const part of this.#parts) {
      if (part.appended === undefined || part.error !== undefined) continue
      const outcome = part.partition!.outcome(part.appended, this.#request.acks)
      if (outcome === 'pending') pending = true
      else if (outcome !== 'done') part.error = outcome
    }
    return pending
  }

  #isPending({ partition, appended, error }: Part): boolean {
    return error === undefined && partition!.outcome(appended!, this.#request.acks) === 'pending'
  }

  #answer(): void {
    let next = 0
    this.#call.reply({
      responses: this.#request.topicData.map(({ name, topicId, partitionData }) => ({
        name,
        topicId,
        partitionResponses: partitionData.map(({ index }) => result(index, this.#parts[next++]!)),
      })),
    })
  }
}

function result(index: number, part: Part): PartitionResult {
  const { partition, appended, error, message, logAppendTimeMs = -1, recordErrors = [] } = part
  const logStartOffset = partition?.log.startOffset ?? -1
  if (error !== undefined) {
    return { index, errorCode: ErrorCode[error], baseOffset: -1, logStartOffset, recordErrors, errorMessage: message }
  }
  return { index, errorCode: ErrorCode.NONE, baseOffset: appended?.baseOffset ?? -1, logAppendTimeMs, logStartOffset }
}
