/**
 * DeleteRecords: moves the start of logs to an offset, -1 for the high watermark (KIP-107). Answered when that is durable, here and with all who follow and whose
 * brokers can be used: what was deleted does not come back, whoever leads next. The files go later, whole segments at a time.
 *
 * Other than in Kafka it waits, too, for replicas that are away and may lead when they are back, because they were in sync last (KIP-966).
 */
import { ErrorCode, type ErrorName } from '../../../protocol/errors.js'
import { DeleteRecords } from '../../../protocol/messages/delete-records.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import { Partition } from '../../partition.js'
import type { DelayedOperation } from '../../purgatory.js'
import { type Call, handler } from '../../server/handler.js'
import { topic } from '../../server/stages.js'
import { brokerOf, type Services } from '../services.js'
import { withDiskTime } from './disk-time.js'
import { findPartition } from './find-partition.js'

type Request = Infer<typeof DeleteRecords.request>
type Response = InferInput<typeof DeleteRecords.response>

export const deleteRecords = handler<
  Services,
  typeof DeleteRecords.request.fields,
  typeof DeleteRecords.response.fields
>(DeleteRecords, {
  versions: [0, 2],
  servedBy: 'partition leader',
  listeners: ['broker'],
  authorize: ({ topics }) => topics.map(({ name }) => ({ operation: 'DELETE', resource: topic(name) })),
  refuse: ({ topics }, errorCode) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, lowWatermark: -1, errorCode })),
    })),
  }),
  handle: (request, services, call) => {
    const operation = new DelayedDeletion(request, services, call)
    const waitMs = withDiskTime(request.timeoutMs)
    const cancel = brokerOf(services).replicas.deletions.tryCompleteOrWatch(operation, operation.partitions, waitMs)
    if (cancel !== undefined) call.whenGone(cancel)
  },
})

/** One partition of the request. */
interface Part {
  readonly partition: Partition | undefined
  error: ErrorName | undefined
  /** Where the leader's log starts by now, durably; undefined: not yet. */
  startOffset: number | undefined
}

class DelayedDeletion implements DelayedOperation {
  readonly #request: Request
  readonly #call: Call<Response>
  readonly #parts: Part[] = []

  constructor(request: Request, services: Services, call: Call<Response>) {
    this.#request = request
    this.#call = call
    const broker = brokerOf(services)
    for (const { name, partitions } of request.topics) {
      for (const { partitionIndex, offset } of partitions) {
        const found = findPartition(broker, { name, topicId: undefined }, partitionIndex)
        const partition = found instanceof Partition ? found : undefined
        const part: Part = {
          partition,
          error: found instanceof Partition ? undefined : found,
          startOffset: undefined,
        }
        this.#parts.push(part)
        partition?.deleteBefore(offset, (error, startOffset) => {
          part.error = error
          part.startOffset = startOffset
          broker.replicas.deletions.check(partition)
        })
      }
    }
  }

  get partitions(): readonly Partition[] {
    return this.#parts.flatMap(({ partition }) => partition ?? [])
  }

  tryComplete(): boolean {
    if (this.#parts.some((part) => this.#isPending(part))) return false
    this.#answer()
    return true
  }

  expire(): void {
    for (const part of this.#parts) if (this.#isPending(part)) part.error = 'REQUEST_TIMED_OUT'
    this.#answer()
  }

  /** Takes note of it where this broker leads no more: who does now knows nothing of the request. */
  #isPending(part: Part): boolean {
    const { partition, startOffset } = part
    part.error ??= partition?.checkEpoch(-1)
    if (part.error !== undefined) return false
    return startOffset === undefined || partition!.leading!.lowWatermark < startOffset
  }

  #answer(): void {
    let next = 0
    this.#call.reply({
      throttleTimeMs: 0,
      topics: this.#request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => {
          const { error, startOffset, partition } = this.#parts[next++]!
          const isDone = startOffset !== undefined && (error === undefined || error === 'REQUEST_TIMED_OUT')
          const lowWatermark = isDone ? (partition?.leading?.lowWatermark ?? -1) : -1
          return { partitionIndex, lowWatermark, errorCode: ErrorCode[error ?? 'NONE'] }
        }),
      })),
    })
  }
}
