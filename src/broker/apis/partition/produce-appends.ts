/**
 * The batches of one Produce on their way into the logs. An uncompressed batch is checked where it lies and appended, all within the call. A compressed
 * one is opened, and one that the topic wants to be compressed otherwise (`compression.type`) is built anew; what is small on the loop, what is large, or
 * too much of it in one request, on the compute port. Meanwhile the connection waits, so that its batches are appended in the order in which they were
 * sent, and no connection has more than one request's bytes under way.
 *
 * What old producers send in message formats 0 and 1 becomes a batch first; versions below 3 may carry both.
 */
import type { TopicSettings } from '../../../config/topic-settings.js'
import { type OpenedRecords, openRecords, type SentRecords } from '../../../log/opened-records.js'
import { compressionCost, type TargetCompression, targetCompression } from '../../../log/target-compression.js'
import type { ErrorName } from '../../../protocol/errors.js'
import type { FrameOwner } from '../../../protocol/frame-assembler.js'
import type { Produce } from '../../../protocol/messages/produce.js'
import type { Infer } from '../../../protocol/schema.js'
import { BatchView, NO_TIMESTAMP } from '../../../records/batch.js'
import { CODEC_NAMES } from '../../../records/compression/codec.js'
import { MAX_OPENED_BYTES } from '../../../records/reader.js'
import {
  BATCH_FAULTS,
  BatchValidator,
  type BatchVerdict,
  type RecordError,
  type RecordRules,
} from '../../../records/validator.js'
import { OWN_MEMORY } from '../../../storage/log-options.js'
import type { Broker } from '../../broker.js'
import { ADMIN_CLIENT_ID, isInternal } from '../../coordinators/internal-topics.js'
import type { Appended, Partition } from '../../partition.js'
import type { Call } from '../../server/handler.js'
import { LoopBudget } from '../loop-budget.js'
import { findPartition, type TopicReference } from './find-partition.js'

type Request = Infer<typeof Produce.request>

const ZSTD = 4
const ZSTD_SINCE = 7
export const TOPIC_IDS_SINCE = 13
const MAGIC_2_SINCE = 3
/** From this size on a batch with memory of its own is written from there instead of being copied. */
const BY_REFERENCE_FROM_BYTES = 16 * 1024

/** What becomes of one partition of the request. */
export interface Part {
  readonly partition: Partition | undefined
  /** Undefined with an error, and where there was nothing to append. */
  readonly appended: Appended | undefined
  /** Why it was not appended, or did not come to what was asked for. */
  error: ErrorName | undefined
  message: string | null
  readonly logAppendTimeMs?: number
  readonly recordErrors?: readonly RecordError[]
}

/** A batch, or a set of messages, that cannot be appended before its records were looked at one by one. */
interface ToOpen {
  readonly partition: Partition
  readonly rules: RecordRules
  /** How it is compressed if it is built anew; undefined: as it is. */
  readonly target: TargetCompression | undefined
  /** As of `LoopBudget`. */
  readonly cost: number
  readonly bytes: Uint8Array
  /** Messages of magic 0 or 1. */
  readonly old: boolean
}

interface Wanted {
  readonly reference: TopicReference
  readonly index: number
  records: Uint8Array | null
}

/** What is done with a part for each partition of the request, in its order. */
type Then = (broker: Broker, request: Request, call: Call<never>, parts: readonly Part[]) => void

const validator = new BatchValidator()

/** Appends what can be appended; calls back now or, where something is opened off the loop, later. */
export function appendProduced(broker: Broker, request: Request, call: Call<never>, then: Then): void {
  const parts: Part[] = []
  for (const { name, topicId, partitionData } of request.topicData) {
    const reference = { name, topicId: call.version < TOPIC_IDS_SINCE ? undefined : topicId }
    for (const { index, records } of partitionData) {
      const part = appendPlain(broker, request, call, reference, index, records)
      if ('rules' in part) return new OpenedAppends(broker, request, call, parts, then).run(part)
      parts.push(part)
    }
  }
  then(broker, request, call, parts)
}

/** Looks at a batch where it lies, and appends it unless it has to be opened. */
function appendPlain(
  broker: Broker,
  { acks, transactionalId }: Request,
  call: Call<never>,
  reference: TopicReference,
  index: number,
  records: Uint8Array | null,
): Part | ToOpen {
  if (acks !== 0 && acks !== 1 && acks !== -1) return refused('INVALID_REQUIRED_ACKS')
  const partition = findPartition(broker, reference, index)
  if (typeof partition === 'string') return refused(partition)
  if (isInternal(partition.id.topic) && call.clientId !== ADMIN_CLIENT_ID) {
    return refused('INVALID_TOPIC_EXCEPTION', `${partition.id.topic} is the cluster's own: nobody else writes to it`)
  }
  if (records === null) return refused('INVALID_RECORD', 'there are no records')
  const { version } = call
  const nowMs = broker.clock.wallMs()
  const rules = rulesOf(partition.settings, nowMs)
  const verdict = validator.checkProduced(records, 0, records.length, rules)
  const { batch } = validator
  if (verdict !== 'ok') {
    if (version < MAGIC_2_SINCE && records.length === 0) return nothing(partition)
    if (version < MAGIC_2_SINCE && verdict === 'old-magic') {
      const target = targetCompression(partition.settings)
      return { partition, rules, target, cost: costOf(target), bytes: records, old: true }
    }
    const ofRecords = verdict === 'invalid-records' || verdict === 'invalid-times'
    // Kafka looks at the size before it looks at the records.
    const tooLarge = ofRecords ? obstacleTo(partition, batch.sizeBytes) : undefined
    return tooLarge ?? faulty(verdict, ofRecords ? validator.recordErrors : [])
  }
  if (batch.codecId === ZSTD && version < ZSTD_SINCE) {
    return refused('UNSUPPORTED_COMPRESSION_TYPE', `zstd needs version ${ZSTD_SINCE} of Produce`)
  }
  if (batch.isTransactional || transactionalId !== null) {
    const error = transactionalId === null ? 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED' : 'INVALID_TXN_STATE'
    return refused(error, 'transactions are not supported')
  }
  const sizeBytes = batch.sizeBytes
  const target = targetCompression(partition.settings)
  const isOther = target !== undefined && target.codec !== CODEC_NAMES[batch.codecId]
  const obstacle = obstacleTo(partition, sizeBytes, isOther)
  if (obstacle !== undefined) return obstacle
  if (!validator.walked || !validator.denseOffsets || isOther) {
    const cost = isOther ? costOf(target) : 1
    return { partition, rules, target, cost, bytes: records.subarray(0, sizeBytes), old: false }
  }
  const owner = sizeBytes < BY_REFERENCE_FROM_BYTES ? undefined : call.owner
  return append(broker, partition, acks, batch, sizeBytes, validator.maxTimestamp, nowMs, owner)
}

function costOf(target: TargetCompression | undefined): number {
  return target === undefined ? 1 : compressionCost(target)
}

/**
 * Why a batch of this size cannot be appended whatever is in it. As in Kafka, `max.message.bytes` holds for what was sent and for what was made of it; a
 * batch that is still to be compressed otherwise (`isAsSent`) has another size when it comes to its segment.
 */
function obstacleTo({ settings, log }: Partition, sizeBytes: number, isAsSent = false): Part | undefined {
  const maxBytes = settings['max.message.bytes']
  if (sizeBytes > maxBytes) {
    return refused('MESSAGE_TOO_LARGE', `the batch has ${sizeBytes} bytes, max.message.bytes is ${maxBytes}`)
  }
  if (!isAsSent && sizeBytes > settings['internal.segment.bytes']) {
    return refused('RECORD_LIST_TOO_LARGE', `the batch has ${sizeBytes} bytes, more than a segment`)
  }
  return log.hasRoom() ? undefined : refused('KAFKA_STORAGE_ERROR', 'there is no room left on the disk')
}

/**
 * A batch that is in order, of which so many bytes were sent. A client may claim a wrong latest time, or the broker's kind of time: both stand under
 * the CRC.
 */
function append(
  broker: Broker,
  partition: Partition,
  acks: number,
  batch: BatchView,
  sentBytes: number,
  maxTimestamp: number,
  nowMs: number,
  owner: FrameOwner | undefined,
): Part {
  const { recordCount } = batch
  const byAppend = partition.settings['message.timestamp.type'] === 'LogAppendTime'
  batch.setMaxTimestamp(byAppend ? 'LogAppendTime' : 'CreateTime', byAppend ? nowMs : maxTimestamp)
  const result = partition.append(batch, acks, owner)
  if (result.kind === 'refused') {
    return { partition, appended: undefined, error: result.error, message: result.message ?? null }
  }
  broker.traffic.produced(partition.id.topic, recordCount, sentBytes)
  const logAppendTimeMs = byAppend ? nowMs : NO_TIMESTAMP
  return { partition, appended: result, error: undefined, message: null, logAppendTimeMs }
}

/** The rest of a request from the first batch on that has to be opened. */
class OpenedAppends {
  readonly #broker: Broker
  readonly #request: Request
  readonly #call: Call<never>
  readonly #parts: Part[]
  readonly #then: Then
  readonly #wanted: Wanted[] = []
  readonly #budget = new LoopBudget()
  /** Lets go of what is kept while something is opened off the loop. */
  #release: (() => void) | undefined

  /** `parts`: what was done already. */
  constructor(broker: Broker, request: Request, call: Call<never>, parts: Part[], then: Then) {
    this.#broker = broker
    this.#request = request
    this.#call = call
    this.#parts = parts
    this.#then = then
    for (const { name, topicId, partitionData } of request.topicData) {
      const reference = { name, topicId: call.version < TOPIC_IDS_SINCE ? undefined : topicId }
      for (const { index, records } of partitionData) this.#wanted.push({ reference, index, records })
    }
  }

  /** `next`: what the next partition has come to already. */
  run(next?: Part | ToOpen): void {
    let outcome = next
    while (this.#parts.length < this.#wanted.length) {
      const { reference, index, records } = this.#wanted[this.#parts.length]!
      outcome ??= appendPlain(this.#broker, this.#request, this.#call, reference, index, records)
      const part = 'rules' in outcome ? this.#open(outcome) : outcome
      if (part === undefined) return
      this.#parts.push(part)
      outcome = undefined
    }
    this.#then(this.#broker, this.#request, this.#call, this.#parts)
    this.#release?.()
  }

  /** Undefined: it is opened off the loop, and goes on then. */
  #open({ partition, rules, target, cost, bytes, old }: ToOpen): Part | undefined {
    const maxMessageBytes = partition.settings['max.message.bytes']
    const sent = (maxPlainBytes: number): SentRecords => ({ bytes, old, rules, maxMessageBytes, maxPlainBytes, target })
    const maxPlainBytes = this.#budget.allows(bytes.length, cost)
    if (maxPlainBytes > 0) {
      const opened = openRecords.run(sent(maxPlainBytes))
      this.#budget.spend(opened.kind === 'ok' ? opened.plainBytes : maxPlainBytes, cost)
      if (opened.kind === 'ok' || !opened.tooLarge) return this.#appendOpened(partition, bytes, opened)
    }
    this.#keep()
    // A copy of its own: whatever else lies in the same memory would be copied with it.
    const input = { ...sent(MAX_OPENED_BYTES), bytes: Uint8Array.from(bytes) }
    this.#broker.compute.run(openRecords, input, (error, opened) => {
      const { reference, index, records } = this.#wanted[this.#parts.length]!
      // It may have gone meanwhile, and another may have come in its place.
      const found = findPartition(this.#broker, reference, index)
      this.run(
        opened === undefined
          ? refused('UNKNOWN_SERVER_ERROR', `the records could not be looked at: ${error?.message}`)
          : found === partition
            ? this.#appendOpened(partition, records!, opened)
            : refused(typeof found === 'string' ? found : 'NOT_LEADER_OR_FOLLOWER'),
      )
    })
    return undefined
  }

  /** The request's bytes are only lent for the call, or are somebody's to give back; what comes next on the connection has to wait. */
  #keep(): void {
    if (this.#release !== undefined) return
    const { owner } = this.#call
    const resume = this.#call.hold()
    owner?.retain()
    if (owner === undefined) {
      for (const wanted of this.#wanted.slice(this.#parts.length)) {
        if (wanted.records !== null) wanted.records = Buffer.from(wanted.records)
      }
    }
    this.#release = () => {
      owner?.release()
      resume()
    }
  }

  #appendOpened(partition: Partition, bytes: Uint8Array, opened: OpenedRecords): Part {
    if (opened.kind === 'refused') {
      return { ...refused(opened.error, opened.message), recordErrors: opened.recordErrors }
    }
    const anew = opened.batch
    const batch = new BatchView().reset(anew ?? bytes, 0)
    const sizeBytes = batch.sizeBytes
    const obstacle = anew === undefined ? undefined : obstacleTo(partition, sizeBytes)
    if (obstacle !== undefined) return obstacle
    const memory = anew === undefined ? this.#call.owner : OWN_MEMORY
    const owner = sizeBytes < BY_REFERENCE_FROM_BYTES ? undefined : memory
    const { acks } = this.#request
    const sentBytes = anew === undefined ? sizeBytes : bytes.length
    const nowMs = this.#broker.clock.wallMs()
    return append(this.#broker, partition, acks, batch, sentBytes, opened.maxTimestamp, nowMs, owner)
  }
}

function nothing(partition: Partition): Part {
  const error = partition.checkEpoch(-1)
  return error === undefined ? { partition, appended: undefined, error, message: null } : refused(error)
}

function refused(error: ErrorName, message: string | null = null): Part {
  return { partition: undefined, appended: undefined, error, message }
}

function faulty(verdict: Exclude<BatchVerdict, 'ok'>, recordErrors: readonly RecordError[]): Part {
  const { error, message } = BATCH_FAULTS[verdict]
  return { ...refused(error, message), recordErrors }
}

/**
 * What the topic asks of records: how far their times may be from the broker's (`message.timestamp.before.max.ms` and `.after.max.ms`, KIP-937) unless
 * they get the broker's, and keys where it is compacted.
 */
function rulesOf(settings: TopicSettings, nowMs: number): RecordRules {
  const byAppend = settings['message.timestamp.type'] === 'LogAppendTime'
  const earliestMs = nowMs - settings['message.timestamp.before.max.ms']
  return {
    keysRequired: settings['cleanup.policy'].has('compact'),
    // A limit that is older than 1970 is none.
    earliestMs: byAppend || earliestMs <= 0 ? Number.NEGATIVE_INFINITY : earliestMs,
    latestMs: byAppend ? Number.POSITIVE_INFINITY : nowMs + settings['message.timestamp.after.max.ms'],
  }
}
