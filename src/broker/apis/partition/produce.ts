/**
 * Produce: batches are checked and appended (`produce-appends.ts`); the answer waits for as much as `acks` asks for: 1 for the write at the end of
 * the turn, -1 until the batch is committed, 0 not at all.
 *
 * Left out: transactions (INVALID_TXN_STATE).
 */
import { ErrorCode } from '../../../protocol/errors.js'
import { Produce } from '../../../protocol/messages/produce.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import type { Partition } from '../../partition.js'
import type { DelayedOperation } from '../../purgatory.js'
import { type Call, handler } from '../../server/handler.js'
import { topic } from '../../server/stages.js'
import { brokerOf, type Services } from '../services.js'
import { CurrentLeaders } from './current-leaders.js'
import { withDiskTime } from './disk-time.js'
import { appendProduced, type Part, TOPIC_IDS_SINCE } from './produce-appends.js'

type Request = Infer<typeof Produce.request>
type Response = InferInput<typeof Produce.response>
type PartitionResult = Response['responses'][number]['partitionResponses'][number]

/** From then on clients are told who leads where they asked another. */
const CURRENT_LEADERS_SINCE = 10

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
    appendProduced(brokerOf(services), request, call, (_, __, ___, parts) =>
      answerWhenDue(services, request, call, parts),
    )
  },
})

function answerWhenDue(services: Services, request: Request, call: Call<Response>, parts: readonly Part[]): void {
  const { acks } = request
  if (acks === 0) {
    const failed = parts.find(({ error }) => error !== undefined)
    if (failed === undefined) call.noReply()
    else call.close(`a produce with acks=0 failed: ${failed.error}`)
    return
  }
  const operation = new DelayedProduce(services, request, parts, call)
  const appendedTo: Partition[] = []
  for (const { appended, partition } of parts) if (appended !== undefined) appendedTo.push(partition!)
  const waitMs = acks === 1 ? withDiskTime(request.timeoutMs) : request.timeoutMs
  brokerOf(services).replicas.produces.tryCompleteOrWatch(operation, appendedTo, waitMs)
}

class DelayedProduce implements DelayedOperation {
  readonly #services: Services
  readonly #request: Request
  readonly #parts: readonly Part[]
  readonly #call: Call<Response>

  constructor(services: Services, request: Request, parts: readonly Part[], call: Call<Response>) {
    this.#services = services
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
    const responses = this.#request.topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => result(index, this.#parts[next++]!)),
    }))
    const { version } = this.#call
    if (version < CURRENT_LEADERS_SINCE || this.#parts.every(({ error }) => error === undefined)) {
      return this.#call.reply({ responses })
    }
    const leaders = new CurrentLeaders(this.#services, this.#call)
    const hinted = responses.map(({ name, topicId, partitionResponses }) => {
      const reference = { name, topicId: version < TOPIC_IDS_SINCE ? undefined : topicId }
      return {
        name,
        topicId,
        partitionResponses: partitionResponses.map((each) => {
          const currentLeader = leaders.hint(each.errorCode, reference, each.index)
          return currentLeader === undefined ? each : { ...each, currentLeader }
        }),
      }
    })
    this.#call.reply({ responses: hinted, nodeEndpoints: leaders.endpoints })
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
