/**
 * Producer: sends records in batches, retries what may be retried, and says of each record what became of it. Idempotent (KIP-98) with acks=all: a
 * retry never makes a duplicate.
 */
import { ZERO_UUID } from '../../base/uuid.js'
import { ErrorCode, errorByCode } from '../../protocol/errors.js'
import { InitProducerId } from '../../protocol/messages/init-producer-id.js'
import { Produce } from '../../protocol/messages/produce.js'
import { sequenceAfter } from '../../records/batch.js'
import { buildBatch } from '../../records/builder.js'
import type { CodecName } from '../../records/compression/codec.js'
import type { RecordInput } from '../../records/record-encoder.js'
import { backoffMs, DEFAULT_BACKOFF } from '../backoff.js'
import { ClientError, DeliveryError, serverError } from '../client-error.js'
import type { ClusterClient } from '../cluster-client.js'
import type { TopicView } from '../cluster-view.js'
import { groupBy } from '../group-by.js'
import { Accumulator, type RecordMetadata, sizeOf, type WaitingBatch } from './accumulator.js'
import { type Partitioner, StickyPartitioner } from './partitioner.js'

/** With Kafka's names and defaults. */
export interface ProducerOptions {
  /** -1: all. */
  readonly acks?: 0 | 1 | -1
  /** `compression.type` */
  readonly compression?: CodecName
  /** `batch.size`, 16384 */
  readonly batchBytes?: number
  /** `linger.ms`, 5 */
  readonly lingerMs?: number
  /** `delivery.timeout.ms`, 120 s: then a record has failed. */
  readonly deliveryTimeoutMs?: number
  /** `max.request.size`, 1 MiB: of one record. */
  readonly maxRecordBytes?: number
  /** `request.timeout.ms`, 30 s: what a broker may take for one request. */
  readonly requestTimeoutMs?: number
  /** `retries` */
  readonly retries?: number
  /** `enable.idempotence`; the default is true, and needs acks -1. */
  readonly idempotent?: boolean
  readonly partitioner?: Partitioner
}

export interface ProducerRecord extends RecordInput {
  readonly topic: string
  /** Undefined: the partitioner chooses. */
  readonly partition?: number
}

/** A broker answers with these before it writes anything; with others, the loss of the lead among them, also afterwards. */
const REFUSED: ReadonlySet<number> = new Set([
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.RECORD_LIST_TOO_LARGE,
  ErrorCode.INVALID_RECORD,
  ErrorCode.INVALID_TIMESTAMP,
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.INVALID_TOPIC_EXCEPTION,
  ErrorCode.INVALID_REQUIRED_ACKS,
  ErrorCode.TOPIC_AUTHORIZATION_FAILED,
  ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
  ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.UNKNOWN_PRODUCER_ID,
  ErrorCode.INVALID_PRODUCER_EPOCH,
])

/** `buffer.memory` */
export const BUFFER_BYTES = 33_554_432

export class Producer {
  readonly #client: ClusterClient
  readonly #options: Required<Omit<ProducerOptions, 'partitioner'>>
  readonly #partitioner: Partitioner
  readonly #accumulator: Accumulator
  readonly #sequences = new Map<string, number>()
  readonly #topics = new Map<string, Promise<TopicView>>()
  #identity: { readonly producerId: number; readonly producerEpoch: number } | undefined
  #running: Promise<void> | undefined
  #wake: () => void = () => {}
  /** How many callers wait for everything to be sent. */
  #flushing = 0
  #stale = false
  readonly #roomWaiters: (() => void)[] = []

  constructor(client: ClusterClient, options: ProducerOptions = {}) {
    const { acks = -1 } = options
    this.#client = client
    this.#options = {
      acks,
      compression: options.compression ?? 'none',
      batchBytes: options.batchBytes ?? 16_384,
      lingerMs: options.lingerMs ?? 5,
      deliveryTimeoutMs: options.deliveryTimeoutMs ?? 120_000,
      maxRecordBytes: options.maxRecordBytes ?? 1_048_576,
      requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
      retries: options.retries ?? 0x7fff_ffff,
      idempotent: options.idempotent ?? acks === -1,
    }
    if (this.#options.idempotent && acks !== -1) {
      throw new ClientError('INVALID_CONFIG', 'an idempotent producer needs acks=all')
    }
    this.#partitioner = options.partitioner ?? new StickyPartitioner(client.ports.random)
    const { batchBytes, lingerMs } = this.#options
    this.#accumulator = new Accumulator({ batchBytes, lingerMs })
  }

  /** Resolves when the record is acknowledged. Sends of one partition keep their order. Rejects with `ClientError`, or `DeliveryError` once it has waited to be sent. */
  async send(record: ProducerRecord): Promise<RecordMetadata> {
    return (await this.enqueue(record)).delivered
  }

  /** Resolves when there is room for the record and it waits to be sent: the place for back-pressure. */
  async enqueue(record: ProducerRecord): Promise<{ readonly delivered: Promise<RecordMetadata> }> {
    const size = sizeOf(record)
    if (size > this.#options.maxRecordBytes) {
      const limit = this.#options.maxRecordBytes
      throw new ClientError(
        'MESSAGE_TOO_LARGE',
        `a record of ${size} bytes is larger than the ${limit} that are allowed`,
      )
    }
    const topic = await this.#topicOf(record.topic)
    while (this.#accumulator.bufferedBytes + size > BUFFER_BYTES && !this.#accumulator.isEmpty) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve))
    }
    const partition = this.#choose(topic, record)
    const { clock } = this.#client.ports
    const stamped = record.timestamp === undefined ? { ...record, timestamp: clock.wallMs() } : record
    const delivered = new Promise<RecordMetadata>((resolve, reject) => {
      const done = (error: Error | undefined, metadata: RecordMetadata | undefined): void =>
        metadata === undefined ? reject(error) : resolve(metadata)
      const next = this.#accumulator.append(topic.name, partition, stamped, done, clock.monotonicMs())
      if (next) this.#partitioner.batchFull(topic.name, partition)
    })
    this.#run()
    return { delivered }
  }

  /** Sends what waits without waiting for more; resolves when all that was sent before has an answer, good or bad. */
  async flush(): Promise<void> {
    this.#flushing++
    this.#wake()
    await this.#running
    this.#flushing--
  }

  #choose(topic: TopicView, { partition, key }: ProducerRecord): number {
    const count = topic.partitions.length
    if (partition !== undefined) {
      if (partition < count) return partition
      throw new ClientError(
        'UNKNOWN_TOPIC_OR_PARTITION',
        `topic ${topic.name} has no partition ${partition}, only 0 to ${count - 1}`,
      )
    }
    const led = topic.partitions.filter(({ leader }) => leader >= 0)
    const available = (led.length === 0 ? topic.partitions : led).map((each) => each.partition)
    return this.#partitioner.partition(topic.name, key ?? null, count, available)
  }

  #topicOf(name: string): Promise<TopicView> {
    let finding = this.#topics.get(name)
    if (finding === undefined) {
      finding = this.#client.topics([name], true).then(([topic]) => topic!)
      this.#topics.set(name, finding)
      finding.catch(() => this.#topics.delete(name))
    }
    return finding
  }

  /** One loop sends, for as long as there is something to send. */
  #run(): void {
    this.#wake()
    this.#running ??= this.#loop().finally(() => {
      this.#running = undefined
      if (!this.#accumulator.isEmpty) this.#run()
    })
  }

  async #loop(): Promise<void> {
    const { clock } = this.#client.ports
    const underWay = new Set<Promise<void>>()
    while (!this.#accumulator.isEmpty) {
      try {
        await this.#prepare()
      } catch (error) {
        this.#failAll(error as Error)
        break
      }
      const all = this.#flushing > 0
      const batches = this.#accumulator.take(clock.monotonicMs(), all, () => true)
      for (const [leader, those] of groupBy(batches, ({ topic, partition }) =>
        this.#client.view.leaderOf(topic, partition),
      )) {
        const sending = this.#sendTo(leader, those).finally(() => underWay.delete(sending))
        underWay.add(sending)
      }
      await this.#untilSomething(underWay, all)
    }
    await Promise.all(underWay)
  }

  /** An answer came, a batch is due, a record was added while there was nothing to wait for, or a flush began. */
  async #untilSomething(underWay: ReadonlySet<Promise<void>>, all: boolean): Promise<void> {
    const { clock } = this.#client.ports
    const dueMs = this.#accumulator.nextReadyMs(all)
    if (dueMs === undefined && underWay.size === 0) return
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    const due = dueMs === undefined ? undefined : clock.timer(dueMs - clock.monotonicMs(), () => this.#wake())
    await Promise.race([woken, ...underWay])
    due?.cancel()
  }

  /** Before anything is sent: leaders are known and, if it is idempotent, the producer has an id. */
  async #prepare(): Promise<void> {
    const client = this.#client
    if (this.#stale) {
      this.#stale = false
      await client.refresh([...this.#topics.keys()])
    }
    if (!this.#options.idempotent || this.#identity !== undefined) return
    this.#identity = await client.retrying('asking for a producer id', async () => {
      const body = { transactionalId: null, transactionTimeoutMs: 0x7fff_ffff }
      const { errorCode, producerId, producerEpoch } = await client.call('any', InitProducerId, body)
      if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, 'asking for a producer id')
      return { producerId, producerEpoch }
    })
    this.#sequences.clear()
  }

  async #sendTo(leader: number | undefined, batches: readonly WaitingBatch[]): Promise<void> {
    if (leader === undefined) {
      const error = serverError(ErrorCode.LEADER_NOT_AVAILABLE, `${batches[0]!.topic}-${batches[0]!.partition}`)
      for (const batch of batches) this.#retry(batch, error)
      return
    }
    try {
      for (const batch of batches) this.#build(batch)
    } catch (error) {
      for (const batch of batches) this.#fail(batch, error as Error)
      return
    }
    const { acks, requestTimeoutMs } = this.#options
    const topicData = [...groupBy(batches, ({ topic }) => topic)].map(([name, those]) => ({
      name,
      topicId: this.#client.view.topics.get(name)?.topicId ?? ZERO_UUID,
      partitionData: those.map(({ partition, bytes }) => ({ index: partition, records: bytes! })),
    }))
    const body = { acks, timeoutMs: requestTimeoutMs, topicData }
    const couldBefore = batches.map(({ mayBeWritten }) => mayBeWritten)
    try {
      const connection = await this.#client.connection({ nodeId: leader })
      for (const batch of batches) batch.mayBeWritten = true
      if (acks === 0) {
        const version = connection.versionOf(Produce)
        if (version === undefined) throw new ClientError('UNSUPPORTED_VERSION', 'the broker does not serve Produce')
        connection.sendOneWay(Produce, version, body)
        for (const batch of batches) this.#succeed(batch, -1, -1)
        return
      }
      const { responses } = await this.#client.call({ nodeId: leader }, Produce, body)
      const answers = responses.flatMap(({ name, topicId, partitionResponses }) =>
        partitionResponses.map((partition) => ({ name, topicId, ...partition })),
      )
      for (const [n, batch] of batches.entries()) {
        const id = this.#client.view.topics.get(batch.topic)?.topicId
        const answer = answers.find(
          ({ name, topicId, index }) =>
            index === batch.partition && (name === batch.topic || (name === '' && topicId === id)),
        )
        if (answer === undefined) {
          this.#retry(batch, new ClientError('NETWORK_EXCEPTION', 'no answer for a batch', true))
          continue
        }
        if (REFUSED.has(answer.errorCode)) batch.mayBeWritten = couldBefore[n]!
        this.#take(batch, answer)
      }
    } catch (error) {
      for (const batch of batches) this.#retry(batch, error as Error)
    }
  }

  #take(
    batch: WaitingBatch,
    answer: {
      readonly errorCode: number
      readonly errorMessage: string | null
      baseOffset: number
      logAppendTimeMs: number
    },
  ): void {
    const { errorCode, errorMessage, baseOffset, logAppendTimeMs } = answer
    // It stands there already, from an attempt whose answer was lost.
    if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.DUPLICATE_SEQUENCE_NUMBER) {
      return this.#succeed(batch, baseOffset, logAppendTimeMs)
    }
    const error = serverError(errorCode, `${batch.topic}-${batch.partition}`, errorMessage)
    if (errorByCode(errorCode).retriable) this.#retry(batch, error)
    else this.#fail(batch, error)
  }

  #build(batch: WaitingBatch): void {
    if (batch.bytes !== undefined) return
    const key = `${batch.topic}-${batch.partition}`
    const baseSequence = this.#sequences.get(key) ?? 0
    const identity = this.#options.idempotent ? { ...this.#identity!, baseSequence } : {}
    batch.bytes = buildBatch(batch.records, { codec: this.#options.compression, ...identity })
    batch.baseSequence = baseSequence
    this.#sequences.set(key, sequenceAfter(baseSequence, batch.records.length))
  }

  #succeed(batch: WaitingBatch, baseOffset: number, appendTimeMs: number): void {
    const { topic, partition, records, dones } = batch
    this.#finish(batch)
    for (let n = 0; n < dones.length; n++) {
      const offset = baseOffset < 0 ? -1 : baseOffset + n
      const timestamp = appendTimeMs < 0 ? (records[n]!.timestamp ?? -1) : appendTimeMs
      dones[n]!(undefined, { topic, partition, offset, timestamp })
    }
  }

  #retry(batch: WaitingBatch, error: Error): void {
    const { deliveryTimeoutMs, retries } = this.#options
    const { clock, random } = this.#client.ports
    batch.failures++
    this.#stale = true
    const goesAgainMs = clock.monotonicMs() + backoffMs(batch.failures, DEFAULT_BACKOFF, random)
    if (!(error instanceof ClientError && error.retriable) || batch.failures > retries) return this.#fail(batch, error)
    if (goesAgainMs - batch.createdMs > deliveryTimeoutMs) {
      const message = `not acknowledged within ${deliveryTimeoutMs} ms: ${error.message}`
      return this.#fail(batch, new ClientError('REQUEST_TIMED_OUT', message))
    }
    this.#accumulator.putBack(batch, goesAgainMs)
  }

  /** What became of it may be unknown: sequences go on under a new id, or the broker would miss this batch's. */
  #fail(batch: WaitingBatch, error: Error): void {
    this.#finish(batch)
    if (batch.bytes !== undefined) this.#identity = undefined
    const failure = error instanceof ClientError ? new DeliveryError(error, batch.mayBeWritten) : error
    for (const done of batch.dones) done(failure, undefined)
  }

  #failAll(error: Error): void {
    for (const batch of this.#accumulator.waiting()) this.#fail(batch, error)
  }

  #finish(batch: WaitingBatch): void {
    this.#accumulator.finish(batch)
    for (const waiter of this.#roomWaiters.splice(0)) waiter()
  }
}
