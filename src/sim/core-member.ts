/**
 * CoreMember: a member of a group on the cores that users are given, of either protocol (`client/consumer/membership`), driven over the simulated network: what the core wants
 * asked is asked, and what happens to its partitions is told to the process, as fast as that listens. The simulator's clock takes the place of the shell of the consumer.
 *
 * It also keeps what no real member knows: until when its coordinator cannot have given it up.
 */
import { assert } from '../base/assert.js'
import type {
  Membership,
  MembershipAnswer,
  MembershipEvent,
  MembershipRequest,
  Wanted,
} from '../client/consumer/membership/membership.js'
import { MEMBERSHIP_MESSAGES } from '../client/consumer/membership/membership.js'
import type { Timer } from '../io/clock.js'
import { ErrorCode, errorByCode } from '../protocol/errors.js'
import { Metadata } from '../protocol/messages/metadata.js'
import type { Message } from '../protocol/schema.js'
import { SimulatedClient } from './client.js'
import { certainty, DRIFT } from './group-certainty.js'
import type { MemberParts } from './group-consumer.js'
import { CoordinatorLocator } from './group-locator.js'
import type { GroupMemberOptions } from './group-member.js'
import type { GroupMembership } from './group-membership.js'
import { type GroupPlace, nameOf } from './group-protocol.js'

const POLL_EVERY_MS = 250
const METADATA_EVERY_MS = 1500
const METADATA_RETRY_MS = 100
/** Who leaves does not wait for longer for the answer. */
const LEAVE_MS = 3000
/** Whose place is still taken tries again, as whoever looks after it would. */
const TAKEN_MS = 500

const ELSEWHERE: ReadonlySet<number> = new Set([
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
])

/** What it may be told of itself by answers that are none of its core's. */
const OF_MEMBER: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_MEMBER_ID,
  ErrorCode.ILLEGAL_GENERATION,
  ErrorCode.STALE_MEMBER_EPOCH,
  ErrorCode.FENCED_INSTANCE_ID,
  ErrorCode.REBALANCE_IN_PROGRESS,
])

export interface CoreMemberOptions
  extends Pick<
    GroupMemberOptions,
    'group' | 'instanceId' | 'sessionTimeoutMs' | 'rebalanceTimeoutMs' | 'now' | 'reign' | 'shardAt' | 'count'
  > {
  readonly core: Membership
  /** The core speaks the protocol of KIP-848. */
  readonly isNext: boolean
  readonly wantedOf: (topics: readonly string[]) => Wanted
  readonly brokers: ConstructorParameters<typeof CoordinatorLocator>[1]
  readonly topicIdOf: (topic: string) => string | undefined
  /**
   * What the group has served last of a static member of the classic protocol, whichever process that was: one that comes back wants that first, and what it wants itself in a
   * round of its own. For other wishes of it nobody begins one (in Kafka, too).
   */
  readonly served?: { wanted: Wanted | undefined }
  /** Members of both protocols are in its group. */
  readonly isConverted: boolean
}

export class CoreMember implements GroupMembership {
  rounds = 0
  certainUntilMs = 0
  replacedMs = Number.POSITIVE_INFINITY
  isMute = false
  ended = false
  readonly #parts: MemberParts
  readonly #options: CoreMemberOptions
  readonly #core: Membership
  readonly #client: SimulatedClient
  readonly #locator: CoordinatorLocator
  /** What the application has not heard of. */
  readonly #events: MembershipEvent[] = []
  /** The application is letting go of something. */
  #isReleasing = false
  #timer: Timer | undefined
  #topics: readonly string[]
  #wanted: Wanted | undefined
  #hasBegun = false
  #isLooking = false
  #left: (() => void) | undefined
  /** The first of the heartbeats that nobody has answered. */
  #unansweredMs = Number.POSITIVE_INFINITY
  /** The last request with which it said that it goes: answers to earlier ones say nothing of what comes. */
  #goodbye = 0
  /** The coordinator may wait since then for something to be given back. */
  #revokingMs = Number.POSITIVE_INFINITY

  constructor(parts: MemberParts, options: CoreMemberOptions) {
    this.#parts = parts
    this.#options = options
    this.#core = options.core
    this.#topics = parts.topics
    this.#locator = new CoordinatorLocator(parts.ports, options.brokers, options.group)
    this.#client = new SimulatedClient(parts.ports, this.#locator, `core of ${options.group}`)
    // Who leads a classic group divides by what it has seen.
    this.#look(() => {
      this.#want(options.served?.wanted ?? options.wantedOf(this.#topics))
      this.#hasBegun = true
      this.#drain()
    })
    this.#watch()
    this.#poll()
  }

  get memberId(): string {
    return this.#core.identity.memberId
  }

  get generation(): number {
    return this.#core.identity.generation
  }

  get stable(): boolean {
    return !this.ended && this.generation >= 0 && !this.#core.isRebalancing && !this.#isReleasing && !this.#isBehind
  }

  get owned(): readonly GroupPlace[] {
    return this.ended || this.generation < 0 ? [] : this.#core.partitions
  }

  get holdsInstance(): boolean {
    return this.#options.isNext
  }

  /** Who is none at the moment says that it is nobody's: it is refused, and asks again. */
  get claim(): { memberId: string; memberEpoch: number } | undefined {
    if (!this.#options.isNext) return undefined
    return { memberId: this.memberId, memberEpoch: Math.max(0, this.generation) }
  }

  subscribe(topics: readonly string[]): void {
    if (this.ended || this.#left !== undefined) return
    this.#topics = topics
    if (!this.#hasBegun || (this.#options.served !== undefined && this.rounds === 0)) return
    this.#want(this.#options.wantedOf(topics))
    this.#drain()
  }

  leave(done: () => void): void {
    if (this.ended || this.#left !== undefined) return done()
    this.#left = done
    this.isMute = false
    this.#core.leave(this.#nowMs)
    this.#drain()
    this.#client.later(LEAVE_MS, () => this.#hasLeft())
  }

  told(errorCode: number, generation: number): void {
    if (this.ended || errorCode === ErrorCode.NONE) return
    if (ELSEWHERE.has(errorCode)) {
      if (errorCode === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS) return this.#options.count('a coordinator loads')
      this.#parts.offsets.leave()
      return
    }
    const isGone = errorCode === ErrorCode.GROUP_ID_NOT_FOUND && this.#options.isConverted
    assert(OF_MEMBER.has(errorCode) || isGone, () => `${this.#who} is told ${errorByCode(errorCode).name}`)
    if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID) this.#options.count('a member is told that it is none')
    this.#core.commitRefused(errorCode, generation, this.#nowMs)
    this.#drain()
  }

  #want(wanted: Wanted): void {
    this.#wanted = wanted
    this.#core.want(wanted, this.#nowMs)
  }

  get #nowMs(): number {
    return this.#parts.ports.clock.monotonicMs()
  }

  get #who(): string {
    return `${this.#options.isNext ? 'member' : 'classic member'} ${this.memberId} of ${this.#options.group}`
  }

  get #isBehind(): boolean {
    return this.#events.length > 0
  }

  /** The application asks for records, if it is not busy. */
  #poll(): void {
    this.#client.later(POLL_EVERY_MS, () => {
      if (this.ended) return
      if (!this.isMute) {
        this.#core.polled(this.#nowMs)
        this.#drain()
      }
      this.#poll()
    })
  }

  #watch(): void {
    this.#client.later(METADATA_EVERY_MS, () => {
      if (this.ended) return
      this.#look()
      this.#watch()
    })
  }

  /** At all topics that there are. */
  #look(done: () => void = () => {}): void {
    if (this.#isLooking) return
    this.#isLooking = true
    const body = { topics: null, allowAutoTopicCreation: false, includeTopicAuthorizedOperations: false }
    const ask = (): void =>
      this.#client.call(Metadata, body, (_, response) => {
        if (this.ended) return
        if (response === undefined) {
          return this.#client.laterWhenReady(METADATA_RETRY_MS, () => this.ended, ask)
        }
        this.#isLooking = false
        const seen = response.topics.filter(({ name, errorCode }) => name !== null && errorCode === ErrorCode.NONE)
        const topics = seen.map((each) => {
          return { name: each.name!, topicId: each.topicId, partitionCount: each.partitions.length }
        })
        this.#core.topicsSeen(topics, this.#nowMs)
        this.#drain()
        done()
      })
    this.#client.whenReady(ask)
  }

  /** Takes out what the core wants done, and sees to its next deadline. */
  #drain(): void {
    if (this.ended) return
    const { requests, events } = this.#core.takeReady()
    for (const event of events) {
      if (event.type === 'coordinator lost') this.#client.leave()
      else if (event.type === 'topics wanted') this.#look()
      else this.#events.push(event)
    }
    for (const request of requests) this.#send(request)
    this.#timer?.cancel()
    const deadlineMs = this.#core.nextDeadlineMs()
    if (deadlineMs !== Number.POSITIVE_INFINITY) {
      this.#timer = this.#parts.ports.clock.timer(Math.max(0, deadlineMs - this.#nowMs), () => {
        if (this.ended) return
        this.#core.tick(this.#nowMs)
        this.#drain()
      })
    }
    this.#hear()
  }

  /** The application hears of what has happened, one after the other, unless it is busy. */
  #hear(): void {
    while (!this.isMute && !this.#isReleasing && !this.ended) {
      const event = this.#events.shift()
      if (event === undefined) return
      if (event.type === 'release') this.#release(event.partitions, event.lost)
      else if (event.type === 'assigned') this.#assigned(event.all)
      else if (event.type === 'left') this.#hasLeft()
      else if (event.type === 'failed') this.#failed(ErrorCode[event.error])
    }
  }

  #assigned(all: readonly GroupPlace[]): void {
    // Who was busy for too long hears next that all of it is lost.
    if (this.generation < 0) return
    this.rounds++
    this.#parts.listener.assigned(all)
    const { served, wantedOf } = this.#options
    if (served === undefined) return
    served.wanted = this.#wanted
    this.#want(wantedOf(this.#topics))
    this.#drain()
  }

  #release(partitions: readonly GroupPlace[], isLost: boolean): void {
    const { listener } = this.#parts
    this.#isReleasing = true
    const goOn = (): void => {
      if (this.ended) return
      this.#isReleasing = false
      listener.revoked(partitions)
      this.#core.released(this.#nowMs)
      this.#drain()
    }
    if (isLost) {
      this.#options.count('a member has lost what it had')
      goOn()
    } else listener.preparing(goOn)
  }

  #hasLeft(): void {
    const left = this.#left
    if (this.ended || left === undefined) return
    this.#end()
    left()
  }

  #failed(errorCode: number): void {
    const { count, isConverted } = this.#options
    this.#end()
    if (errorCode === ErrorCode.UNRELEASED_INSTANCE_ID) {
      count('a place of a static member is not free yet')
      return void this.#parts.ports.clock.timer(TAKEN_MS, () => this.#parts.listener.fenced())
    }
    const isGone = errorCode === ErrorCode.GROUP_ID_NOT_FOUND && isConverted
    assert(errorCode === ErrorCode.FENCED_INSTANCE_ID || isGone, () => `${this.#who}: ${errorByCode(errorCode).name}`)
    count(isGone ? 'a member finds that its group is a classic one' : 'a static member is replaced')
    this.#parts.listener.fenced()
  }

  #end(): void {
    this.#parts.listener.revoked(this.#core.partitions)
    this.ended = true
    this.#timer?.cancel()
    this.#client.stop()
  }

  #send(request: MembershipRequest): void {
    const { id, api, body, waitsMs } = request
    const isGoodbye = api === 'LeaveGroup' || ('memberEpoch' in body && body.memberEpoch < 0)
    // From now on others may be given what it has.
    if (isGoodbye) {
      this.certainUntilMs = Math.min(this.certainUntilMs, this.#options.now())
      this.#goodbye = id
    }
    this.#client.whenReady(() => {
      if (this.ended) return
      this.#unansweredMs = Math.min(this.#unansweredMs, this.#options.now())
      const certain = certainty({
        ...this.#options,
        isAlone: this.#parts.isAlone,
        nodeId: () => this.#locator.nodeId,
      })
      const message = MEMBERSHIP_MESSAGES[api] as unknown as Message
      this.#client.call(
        message,
        body as never,
        (_, response) => {
          if (this.ended) return
          if (response === undefined) this.#core.failed(id, this.#nowMs)
          else {
            const answer = { id, api, body: response } as unknown as MembershipAnswer
            if (id > this.#goodbye) this.#reckon(request, answer, certain())
            this.#core.answered(answer, this.#nowMs)
          }
          this.#drain()
        },
        waitsMs,
      )
    })
  }

  /** Until when it is certainly not given up, if this answer says that all is well. */
  #reckon(request: MembershipRequest, answer: MembershipAnswer, certainMs = 0): void {
    if (answer.api === 'JoinGroup' || answer.api === 'LeaveGroup') return
    const { errorCode } = answer.body
    if (errorCode !== ErrorCode.NONE) {
      if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID) this.#options.count('a member is told that it is none')
      if (errorCode === ErrorCode.FENCED_MEMBER_EPOCH) this.#options.count('a member has an epoch that is over')
      if (errorCode === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS) this.#options.count('a coordinator loads')
      return
    }
    if (answer.api === 'ConsumerGroupHeartbeat' && request.api === 'ConsumerGroupHeartbeat') {
      const { assignment } = answer.body
      if (assignment === null ? request.body.topicPartitions != null : !this.#isToGiveBack(assignment)) {
        this.#revokingMs = Number.POSITIVE_INFINITY
      } else if (assignment !== null) this.#revokingMs = Math.min(this.#revokingMs, this.#unansweredMs)
    }
    this.#unansweredMs = Number.POSITIVE_INFINITY
    const latestMs = this.#revokingMs + this.#options.rebalanceTimeoutMs / DRIFT
    this.certainUntilMs = Math.min(Math.max(this.certainUntilMs, certainMs), latestMs)
  }

  #isToGiveBack({
    topicPartitions,
  }: {
    readonly topicPartitions: readonly { readonly topicId: string; readonly partitions: readonly number[] }[]
  }): boolean {
    const kept = new Set(topicPartitions.flatMap((each) => each.partitions.map((n) => `${each.topicId}-${n}`)))
    return this.#core.partitions.some(
      ({ topic, partition }) => !kept.has(nameOf({ topic: this.#options.topicIdOf(topic) ?? '', partition })),
    )
  }
}
