/**
 * WorkloadProducer: sends self-describing values to one partition and keeps the history of what it was told.
 *
 * An idempotent one does what Kafka's producer does: up to five batches in flight, and after an error or a lost connection everything that was not
 * acknowledged again, in order, with the same sequences. One that is not idempotent sends each batch once: without an answer its outcome is
 * unknown. A batch whose outcome cannot be learned any more ends as unknown, and the producer goes on under a new id. In a cluster it goes to
 * another leader where the one that it knows cannot take its batches.
 */
import { type Operation, type SendOperation, selfDescribing } from '../check/history.js'
import { ErrorCode, errorByCode } from '../protocol/errors.js'
import { ApiVersions } from '../protocol/messages/api-versions.js'
import { InitProducerId } from '../protocol/messages/init-producer-id.js'
import { Produce } from '../protocol/messages/produce.js'
import { buildBatch } from '../records/builder.js'
import type { CodecName } from '../records/compression/codec.js'
import type { RpcError } from '../rpc/client-connection.js'
import type { SimulatedClient } from './client.js'

const MAX_IN_FLIGHT = 5
const PRODUCE_TIMEOUT_MS = 1500
const RETRY_MS = 40

export interface ProducerOptions {
  readonly process: number
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  /** What the history calls the partition; without it, by its topic's name. */
  readonly key?: string
  readonly acks: 0 | 1 | -1
  readonly idempotent: boolean
  readonly codec: CodecName
  /** Mean time between two batches. */
  readonly pauseMs: number
  readonly maxRecordsPerBatch: number
  /** Each record has a key of up to so many bytes; 0: none. */
  readonly keyBytes?: number
  /** For a compacted log: each record has one of so many keys, and some delete theirs. */
  readonly keys?: number
  readonly now: () => number
  readonly record: (operation: Operation) => void
}

/** Of a record without a value: the value that the history has for it. */
export const VALUE_HEADER = 'value'

interface Batch {
  readonly values: readonly string[]
  readonly firstIndex: number
  sequence: number
  /** On its way, as far as is known. */
  sent: boolean
  /** It was on its way once: it may stand in the log. */
  everSent: boolean
}

export class WorkloadProducer {
  readonly key: string
  /** Answers with an error, by its code. */
  readonly errors: Record<number, number> = {}
  readonly #client: SimulatedClient
  readonly #options: ProducerOptions
  /** Made and not acknowledged, oldest first. */
  #batches: Batch[] = []
  #producerId = -1
  #producerEpoch = -1
  #nextSequence = 0
  #session = 0
  #nextIndex = 0
  #initializing = false
  #retrying = false
  #stopped = false
  #quiet = true
  #gone = false

  constructor(client: SimulatedClient, options: ProducerOptions) {
    this.#client = client
    this.#options = options
    this.key = options.key ?? `${options.topic}-${options.partition}`
    client.onLost = () => this.#lostConnection()
    this.#produceLater()
  }

  /** Whether somebody waits for an answer to something that was sent. */
  get inFlight(): boolean {
    return this.#batches.some(({ sent }) => sent)
  }

  /** Nothing is waited for any more, and nothing is on its way. */
  get idle(): boolean {
    return this.#batches.length === 0 && this.#quiet
  }

  /** Its topic is not there any more: it has ended. */
  get gone(): boolean {
    return this.#gone
  }

  /** Makes no more batches; those that are made are seen through. */
  stop(): void {
    this.#stopped = true
    this.#quiet = this.#options.acks !== 0
    if (!this.#quiet) this.#awaitQuiet()
  }

  /** What was sent with acks=0 has arrived when what was asked after it is answered. */
  #awaitQuiet(): void {
    this.#client.whenReady(() =>
      this.#client.call(ApiVersions, { clientSoftwareName: 'x', clientSoftwareVersion: '1' }, (error) => {
        if (error === undefined) this.#quiet = true
        else this.#client.later(RETRY_MS, () => this.#awaitQuiet())
      }),
    )
  }

  #produceLater(): void {
    const { pauseMs } = this.#options
    const { random } = this.#client.ports
    this.#client.later((2 * pauseMs * random.below(1000)) / 1000, () => {
      if (this.#stopped) return
      if (this.#batches.length < MAX_IN_FLIGHT) this.#make()
      this.#produceLater()
    })
  }

  #make(): void {
    const { maxRecordsPerBatch, process } = this.#options
    const count = 1 + this.#client.ports.random.below(maxRecordsPerBatch)
    const firstIndex = this.#nextIndex
    this.#nextIndex += count
    const values = Array.from({ length: count }, (_, n) => selfDescribing(this.key, process, firstIndex + n))
    const batch: Batch = { values, firstIndex, sequence: this.#nextSequence, sent: false, everSent: false }
    this.#nextSequence += count
    this.#batches.push(batch)
    for (const value of values) this.#record('invoke', value, firstIndex + values.indexOf(value))
    this.#send()
  }

  /** Sends what was not sent yet, in order. */
  #send(): void {
    if (!this.#client.ready) return this.#client.whenReady(() => this.#send())
    if (this.#retrying) return
    if (this.#options.idempotent && this.#producerId === -1) return this.#initialize()
    // A copy: what is answered at once leaves the list.
    for (const batch of [...this.#batches]) {
      if (batch.sent || !this.#batches.includes(batch)) continue
      batch.sent = true
      batch.everSent = true
      this.#sendBatch(batch)
    }
  }

  #initialize(): void {
    if (this.#initializing) return
    this.#initializing = true
    this.#client.call(InitProducerId, { transactionalId: null, transactionTimeoutMs: 0 }, (_, response) => {
      this.#initializing = false
      if (response === undefined || response.errorCode !== ErrorCode.NONE) return this.#retryLater()
      this.#producerId = response.producerId
      this.#producerEpoch = response.producerEpoch
      this.#session++
      this.#nextSequence = 0
      for (const batch of this.#batches) {
        batch.sequence = this.#nextSequence
        this.#nextSequence += batch.values.length
      }
      this.#send()
    })
  }

  #sendBatch(batch: Batch): void {
    const { topic, topicId, partition, acks, idempotent } = this.#options
    const body = {
      acks,
      timeoutMs: PRODUCE_TIMEOUT_MS,
      topicData: [{ name: topic, topicId, partitionData: [{ index: partition, records: this.#encode(batch) }] }],
    }
    if (acks === 0) {
      this.#client.sendOneWay(Produce, body)
      return this.#end(batch, 'ok', -1)
    }
    const session = this.#session
    this.#client.call(Produce, body, (error, response) => {
      if (!this.#batches.includes(batch) || session !== this.#session) return
      if (error !== undefined) return this.#unanswered(batch, error)
      const { errorCode, baseOffset } = response!.responses[0]!.partitionResponses[0]!
      if (errorCode === ErrorCode.NONE) return this.#end(batch, 'ok', baseOffset)
      if (errorCode === ErrorCode.UNKNOWN_TOPIC_ID && !this.#client.isLocated) return this.#endWithTopic()
      this.errors[errorCode] = (this.errors[errorCode] ?? 0) + 1
      if (ELSEWHERE.has(errorCode)) this.#client.leave()
      if (!idempotent) return this.#end(batch, isCertain(errorCode) ? 'fail' : 'info')
      if (errorByCode(errorCode).retriable || this.#batches[0] !== batch) return this.#retryLater()
      // Of what was sent nothing can be learned any more: it goes on as somebody else.
      for (const each of this.#batches) if (each.everSent) this.#end(each, 'info')
      this.#producerId = -1
      this.#retryLater()
    })
  }

  /** What went out before may have been appended while the topic was there. */
  #endWithTopic(): void {
    this.#gone = true
    this.#stopped = true
    for (const each of [...this.#batches]) this.#end(each, each.everSent ? 'info' : 'fail')
  }

  #unanswered(batch: Batch, error: RpcError): void {
    if (!this.#options.idempotent) return this.#end(batch, error.kind === 'failed' ? 'fail' : 'info')
    batch.sent = false
    this.#retryLater()
  }

  #lostConnection(): void {
    if (this.#options.idempotent) this.#retryLater()
  }

  /** Everything that is not acknowledged goes again, in order. */
  #retryLater(): void {
    if (this.#retrying) return
    this.#retrying = true
    this.#session++
    this.#client.later(RETRY_MS, () => {
      this.#retrying = false
      for (const batch of this.#batches) batch.sent = false
      this.#send()
    })
  }

  #end(batch: Batch, type: 'ok' | 'fail' | 'info', baseOffset?: number): void {
    this.#batches = this.#batches.filter((each) => each !== batch)
    for (const [n, value] of batch.values.entries()) {
      const offset = baseOffset === undefined ? undefined : baseOffset < 0 ? -1 : baseOffset + n
      this.#record(type, value, batch.firstIndex + n, offset)
    }
  }

  #record(type: SendOperation['type'], value: string, index: number, offset?: number): void {
    const { process, acks, idempotent, now, record } = this.#options
    record({
      f: 'send',
      type,
      key: this.key,
      value,
      process,
      time: now(),
      acks,
      ...(offset === undefined ? {} : { offset }),
      ...(idempotent ? { producer: `p${process}`, sequence: index } : {}),
      ...this.#compacted(value),
    })
  }

  /** The same each time that a value is sent. */
  #compacted(value: string): { readonly recordKey?: string; readonly deletes?: true } {
    const { keys = 0 } = this.#options
    if (keys === 0) return {}
    // The checksum at its end.
    const drawn = Number.parseInt(value.slice(value.lastIndexOf('/') + 1), 36)
    return { recordKey: `key ${drawn % keys}`, ...(Math.floor(drawn / keys) % 6 === 0 ? { deletes: true } : {}) }
  }

  /** The same each time that a value is sent. */
  #keyOf(value: string): Buffer | null {
    const { keyBytes = 0 } = this.#options
    return keyBytes === 0 ? null : Buffer.alloc((value.charCodeAt(value.length - 1) * 997) % keyBytes, value)
  }

  #encode({ values, sequence }: Batch): Buffer {
    const { codec, idempotent } = this.#options
    const timestamp = this.#client.ports.clock.wallMs()
    const producer = idempotent
      ? { producerId: this.#producerId, producerEpoch: this.#producerEpoch, baseSequence: sequence }
      : {}
    const records = values.map((value) => {
      const { recordKey, deletes } = this.#compacted(value)
      const bytes = Buffer.from(value)
      if (recordKey === undefined) return { key: this.#keyOf(value), value: bytes, timestamp }
      const key = Buffer.from(recordKey)
      // Which one it is must be seen all the same.
      if (deletes) return { key, value: null, headers: [{ key: VALUE_HEADER, value: bytes }], timestamp }
      return { key, value: bytes, timestamp }
    })
    return buildBatch(records, { codec, ...producer })
  }
}

/** Errors of a broker that is not the leader, or does not know it yet, or cannot be it. */
export const ELSEWHERE: ReadonlySet<number> = new Set([
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.REPLICA_NOT_AVAILABLE,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.KAFKA_STORAGE_ERROR,
])

/**
 * Errors that say that nothing was appended. NOT_LEADER_OR_FOLLOWER does not: the lead may have been lost after the append (KAFKA-13574); nor
 * UNKNOWN_TOPIC_OR_PARTITION: the topic may have been deleted then.
 */
function isCertain(errorCode: number): boolean {
  return errorCode === ErrorCode.NOT_ENOUGH_REPLICAS
}
