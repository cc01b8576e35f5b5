/**
 * IsrProposals: what the leaders of this broker propose, told to the controller in AlterPartition: one request under way, and in the next whatever has come
 * meanwhile. Each leader hears what became of its proposal; what was not decided, or refused, is not asked again at once.
 * It hears that when the metadata is applied from which it was decided: else it might go by the new ISR together with what held before.
 *
 * It also tells leaders that time has passed, so that they notice who lags.
 */
import type { Clock, Timer } from '../io/clock.js'
import { RECOVERED } from '../metadata/records.js'
import { ErrorCode, type ErrorName, errorByCode } from '../protocol/errors.js'
import type { AlterPartition } from '../protocol/messages/alter-partition.js'
import type { Infer, InferInput } from '../protocol/schema.js'
import type { IsrProposal, ProposalAnswer } from '../replication/isr-proposal.js'
import type { ControllerChannel } from './controller/controller-channel.js'
import { brokerAsker } from './controller/envelope.js'
import type { Partition } from './partition.js'

export interface IsrProposalsOptions {
  readonly nodeId: number
  /** Of this broker's registration; -1: there is none. */
  readonly brokerEpoch: () => number
  /** `replica.lag.time.max.ms` */
  readonly longestLagMs: () => number
  readonly partitions: () => readonly Partition[]
  /** Calls back when the metadata up to this offset is applied; without, if that takes too long. */
  readonly whenApplied: (endOffset: number, go: (isApplied: boolean) => void) => void
}

interface Asked {
  readonly partition: Partition
  readonly proposal: IsrProposal
  /** So many were in sync. */
  readonly before: number
}

type Topic = Infer<typeof AlterPartition.request>['topics'][number]
type Reply = InferInput<typeof AlterPartition.response>

/** So many at once; a controller refuses further ones as not attempted. */
const MAX_PROPOSALS = 1000
const TIMEOUT_MS = 10_000
const RETRY_MS = 100
/** Who lags is noticed at the latest when half the time has passed again. */
const TICKS_OF_LAG = 2
const SHORTEST_TICK_MS = 10

export class IsrProposals {
  readonly #clock: Clock
  readonly #channel: ControllerChannel
  readonly #options: IsrProposalsOptions
  /** Those that have something to say, and when they may. */
  readonly #waiting = new Map<Partition, number>()
  #shrinks = 0
  #expands = 0
  #sending = false
  #scheduled = false
  #retry: Timer | undefined
  #ticks: Timer
  #stopped = false

  constructor(clock: Clock, channel: ControllerChannel, options: IsrProposalsOptions) {
    this.#clock = clock
    this.#channel = channel
    this.#options = options
    this.#ticks = this.#nextTick()
  }

  /** How often an ISR became smaller or larger because its leader here asked for it. */
  get accepted(): { readonly shrinks: number; readonly expands: number } {
    return { shrinks: this.#shrinks, expands: this.#expands }
  }

  /** Its leader has something to propose. */
  proposes(partition: Partition): void {
    if (this.#stopped || this.#waiting.has(partition)) return
    this.#waiting.set(partition, Number.NEGATIVE_INFINITY)
    this.#schedule()
  }

  stop(): void {
    this.#stopped = true
    this.#retry?.cancel()
    this.#ticks.cancel()
    this.#waiting.clear()
  }

  #nextTick(): Timer {
    const delayMs = Math.max(SHORTEST_TICK_MS, this.#options.longestLagMs() / TICKS_OF_LAG)
    return this.#clock.timer(delayMs, (lateMs) => {
      this.#ticks = this.#nextTick()
      for (const partition of this.#options.partitions()) partition.tick(lateMs)
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#sending) return
    this.#scheduled = true
    this.#clock.defer(() => {
      this.#scheduled = false
      if (!this.#stopped) this.#send()
    })
  }

  #send(): void {
    this.#retry?.cancel()
    const nowMs = this.#clock.monotonicMs()
    const brokerEpoch = this.#options.brokerEpoch()
    const asked: Asked[] = []
    let nextMs = Number.POSITIVE_INFINITY
    for (const [partition, notBeforeMs] of this.#waiting) {
      if (nowMs < notBeforeMs) nextMs = Math.min(nextMs, notBeforeMs)
      else if (brokerEpoch === -1) nextMs = Math.min(nextMs, nowMs + RETRY_MS)
      else if (asked.length < MAX_PROPOSALS) {
        this.#waiting.delete(partition)
        const proposal = partition.takeProposal()
        if (proposal !== undefined) asked.push({ partition, proposal, before: partition.leading?.isr.length ?? 0 })
      }
    }
    if (asked.length > 0) this.#ask(asked, brokerEpoch)
    else if (nextMs < Number.POSITIVE_INFINITY) {
      this.#retry = this.#clock.timer(nextMs - nowMs, () => this.#schedule())
    }
  }

  #ask(asked: readonly Asked[], brokerEpoch: number): void {
    const { nodeId } = this.#options
    this.#sending = true
    const request = { brokerId: nodeId, brokerEpoch, topics: topicsOf(asked) }
    this.#channel.send('AlterPartition', request, brokerAsker(nodeId), TIMEOUT_MS, (answer) => {
      this.#sending = false
      if (this.#stopped) return
      if (this.#waiting.size > 0) this.#schedule()
      if (answer === undefined) return this.#tellAll(asked, undefined)
      this.#options.whenApplied(answer.endOffset, (isApplied) => {
        if (!this.#stopped) this.#tellAll(asked, isApplied ? answer.reply : undefined)
      })
    })
  }

  #tellAll(asked: readonly Asked[], reply: Reply | undefined): void {
    const answers = answersIn(reply)
    for (const each of asked) this.#tell(each, answers.get(keyOf(each.partition)) ?? { kind: 'unanswered' })
    if (this.#waiting.size > 0) this.#schedule()
  }

  #tell({ partition, proposal, before }: Asked, answer: ProposalAnswer): void {
    if (answer.kind === 'accepted' && proposal.isr.length > before) this.#expands++
    if (answer.kind === 'accepted' && proposal.isr.length < before) this.#shrinks++
    const isDecided = answer.kind === 'accepted' || answer.kind === 'superseded'
    // It may propose the same again as soon as it hears this, or hears of that follower.
    if (!isDecided) this.#waiting.set(partition, this.#clock.monotonicMs() + RETRY_MS)
    partition.proposalAnswered(proposal, answer)
  }
}

function keyOf({ id }: Partition): string {
  return `${id.topicId}/${id.partition}`
}

function topicsOf(asked: readonly Asked[]): Topic[] {
  const topics = new Map<string, Topic['partitions'][number][]>()
  for (const each of asked) {
    const { topicId } = each.partition.id
    const partitions = topics.get(topicId) ?? []
    topics.set(topicId, partitions)
    partitions.push(partitionOf(each))
  }
  return [...topics].map(([topicId, partitions]) => ({ topicId, partitions }))
}

function partitionOf({ partition, proposal }: Asked): Topic['partitions'][number] {
  return {
    partitionIndex: partition.id.partition,
    leaderEpoch: proposal.leaderEpoch,
    newIsr: [],
    newIsrWithEpochs: proposal.isr.map(({ brokerId, brokerEpoch }) => ({ brokerId, brokerEpoch })),
    leaderRecoveryState: RECOVERED,
    partitionEpoch: proposal.partitionEpoch,
    handsOver: proposal.handsOver === true,
  }
}

function answersIn(reply: Reply | undefined): ReadonlyMap<string, ProposalAnswer> {
  const answers = new Map<string, ProposalAnswer>()
  if (reply === undefined || reply.errorCode !== ErrorCode.NONE) return answers
  for (const { topicId, partitions } of reply.topics) {
    for (const { partitionIndex, errorCode, isr, partitionEpoch } of partitions) {
      const { name } = errorByCode(errorCode)
      const kind = KINDS[name] ?? 'unanswered'
      answers.set(
        `${topicId}/${partitionIndex}`,
        kind === 'accepted' ? { kind, isr: [...isr], partitionEpoch } : { kind },
      )
    }
  }
  return answers
}

/** What is not here says nothing of what was decided. */
const KINDS: { readonly [Name in ErrorName]?: ProposalAnswer['kind'] } = {
  NONE: 'accepted',
  INELIGIBLE_REPLICA: 'refused',
  INVALID_REQUEST: 'refused',
  OPERATION_NOT_ATTEMPTED: 'refused',
  FENCED_LEADER_EPOCH: 'superseded',
  INVALID_UPDATE_VERSION: 'superseded',
  UNKNOWN_TOPIC_ID: 'superseded',
  UNKNOWN_TOPIC_OR_PARTITION: 'superseded',
  NEW_LEADER_ELECTED: 'superseded',
}
