/**
 * ConsumerMembership: a member of a group whose coordinator assigns (KIP-848). It beats, says what it wants, is told what it is to have, lets go of the rest,
 * takes the new, and says what it has: only then the coordinator gives what it let go of to others.
 */
import type { Random } from '../../../io/random.js'
import { ErrorCode, type ErrorName, errorByCode } from '../../../protocol/errors.js'
import { type BackoffOptions, DEFAULT_BACKOFF } from '../../backoff.js'
import { HeldPartitions } from './held-partitions.js'
import type {
  MemberIdentity,
  Membership,
  MembershipAnswer,
  MembershipAnswerOf,
  MembershipReady,
  MembershipRequestOf,
  SeenTopic,
  Wanted,
} from './membership.js'
import { Outbox, Retries } from './outbox.js'
import { keyOf, type TopicPartition } from './topic-partition.js'

/** With Kafka's names and defaults. */
export interface ConsumerMembershipOptions {
  readonly groupId: string
  /** A UUID that nobody else has: members choose their ids (KIP-1082). */
  readonly memberId: string
  /** `group.instance.id` */
  readonly groupInstanceId?: string | null
  /** `group.remote.assignor`; null: the coordinator chooses. */
  readonly remoteAssignor?: string | null
  /** `max.poll.interval.ms`, 5 minutes: also how long the member may take to let go of something. */
  readonly maxPollIntervalMs?: number
  /** `client.rack` */
  readonly rackId?: string | null
  readonly backoff?: BackoffOptions
  readonly random: Random
}

type HeartbeatBody = MembershipRequestOf<'ConsumerGroupHeartbeat'>['body']

/** Epochs with which a member joins and goes. */
const JOIN_EPOCH = 0
const LEAVE_EPOCH = -1
/** Of a static member: it keeps what it has until its session is over. */
const LEAVE_STATIC_EPOCH = -2

/** Until the coordinator has said how often it wants to hear. */
const FIRST_INTERVAL_MS = 5000
/** A topic whose id nobody knows is looked up again. */
const LOOK_AGAIN_MS = 1000

/** With the id under which it was assigned: a topic that was made anew is another one. */
interface Target extends TopicPartition {
  readonly topicId: string
}

export class ConsumerMembership implements Membership {
  readonly #options: Required<Omit<ConsumerMembershipOptions, 'backoff' | 'random'>>
  readonly #outbox = new Outbox()
  readonly #held = new HeldPartitions(this.#outbox)
  readonly #retries: Retries
  #wanted: Wanted | undefined
  #memberId: string
  #epoch = JOIN_EPOCH
  #heartbeat: number | undefined
  /** Answered or not, the coordinator may know the member. */
  #isKnown = false
  #intervalMs = FIRST_INTERVAL_MS
  #dueMs = Number.NEGATIVE_INFINITY
  #pollDueMs = Number.POSITIVE_INFINITY
  #isStale = false
  #leaves = false
  #isLeaving = false
  #isFailed = false
  /** Of what was last said, as far as the coordinator has not forgotten it; undefined: everything is to be said. */
  #told: Wanted | undefined
  #target: MembershipAnswerOf<'ConsumerGroupHeartbeat'>['body']['assignment'] | undefined
  /** As far as its topics could be named. */
  #isTaken = false
  /** The coordinator waits to be told what the member has. */
  #acknowledges = false
  readonly #heldIds = new Map<string, string>()
  #nameById: ReadonlyMap<string, string> = new Map()
  #looksAgainMs = Number.POSITIVE_INFINITY

  constructor(options: ConsumerMembershipOptions) {
    this.#options = {
      groupId: options.groupId,
      memberId: options.memberId,
      groupInstanceId: options.groupInstanceId ?? null,
      remoteAssignor: options.remoteAssignor ?? null,
      maxPollIntervalMs: options.maxPollIntervalMs ?? 300_000,
      rackId: options.rackId ?? null,
    }
    this.#memberId = options.memberId
    this.#retries = new Retries(options.backoff ?? DEFAULT_BACKOFF, options.random)
  }

  get identity(): MemberIdentity {
    const { groupInstanceId } = this.#options
    return { memberId: this.#memberId, generation: this.#epoch > 0 ? this.#epoch : -1, groupInstanceId }
  }

  get isRebalancing(): boolean {
    return this.#epoch <= 0 || this.#target !== undefined || this.#acknowledges || this.#held.isReleasing
  }

  get partitions(): readonly TopicPartition[] {
    return this.#held.all
  }

  want(wanted: Wanted, nowMs: number): void {
    if (this.#wanted === undefined) this.#pollDueMs = nowMs + this.#options.maxPollIntervalMs
    const topics = [...new Set(wanted.topics)].sort()
    this.#wanted = { topics, ...(wanted.regex === undefined ? {} : { regex: wanted.regex }) }
    this.#step(nowMs)
  }

  topicsSeen(topics: readonly SeenTopic[], nowMs: number): void {
    this.#nameById = new Map(topics.map(({ topicId, name }) => [topicId, name]))
    this.#step(nowMs)
  }

  answered(answer: MembershipAnswer, nowMs: number): void {
    if (answer.id !== this.#heartbeat || answer.api !== 'ConsumerGroupHeartbeat') return
    this.#heartbeat = undefined
    if (this.#isLeaving) this.#left()
    else if (answer.body.errorCode === ErrorCode.NONE) this.#beaten(answer.body, nowMs)
    else this.#refused(answer.body, nowMs)
    this.#step(nowMs)
  }

  failed(id: number, nowMs: number): void {
    if (id !== this.#heartbeat) return
    this.#heartbeat = undefined
    if (this.#isLeaving) this.#left()
    else {
      this.#outbox.tell({ type: 'coordinator lost' })
      this.#again(nowMs)
    }
    this.#step(nowMs)
  }

  commitRefused(errorCode: number, generation: number, nowMs: number): void {
    if (generation !== this.#epoch || generation <= 0) return
    if (errorCode === ErrorCode.FENCED_INSTANCE_ID) this.#fail('FENCED_INSTANCE_ID')
    else if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID) this.#fenced()
    this.#step(nowMs)
  }

  released(nowMs: number): void {
    if (!this.#held.released()) return
    for (const key of this.#heldIds.keys()) {
      if (!this.#held.all.some((partition) => keyOf(partition) === key)) this.#heldIds.delete(key)
    }
    this.#step(nowMs)
  }

  polled(nowMs: number): void {
    if (this.#wanted === undefined) return
    this.#pollDueMs = nowMs + this.#options.maxPollIntervalMs
    if (!this.#isStale) return
    this.#isStale = false
    this.#step(nowMs)
  }

  leave(nowMs: number): void {
    if (this.#wanted === undefined) return
    this.#wanted = undefined
    this.#leaves = true
    this.#target = undefined
    this.#step(nowMs)
  }

  tick(nowMs: number): void {
    if (this.#wanted !== undefined && !this.#isStale && nowMs >= this.#pollDueMs) {
      this.#isStale = true
      if (this.#isKnown) this.#sendLeave()
      this.#isLeaving = false
      this.#heartbeat = undefined
      this.#fenced()
    }
    this.#step(nowMs)
  }

  takeReady(): MembershipReady {
    return this.#outbox.take()
  }

  nextDeadlineMs(): number {
    if (this.#isFailed) return Number.POSITIVE_INFINITY
    const polls = this.#isStale || this.#wanted === undefined ? Number.POSITIVE_INFINITY : this.#pollDueMs
    const dueMs = this.#acknowledges || this.#hasNews ? Number.NEGATIVE_INFINITY : this.#dueMs
    const beats = this.#mayBeat ? Math.max(this.#retries.notBeforeMs, dueMs) : Number.POSITIVE_INFINITY
    return Math.min(polls, beats, this.#looksAgainMs)
  }

  /** Who lets go of something beats on meanwhile, as a member; who has lost everything first lets go, and then joins. */
  get #mayBeat(): boolean {
    if (this.#isFailed || this.#isLeaving || this.#isStale || this.#heartbeat !== undefined) return false
    return this.#epoch > 0 || (this.#wanted !== undefined && this.#held.isEmpty)
  }

  #step(nowMs: number): void {
    this.#change(nowMs)
    const isDue = nowMs >= this.#dueMs || this.#acknowledges || this.#hasNews
    if (this.#mayBeat && isDue && nowMs >= this.#retries.notBeforeMs) this.#beat(nowMs)
  }

  /** What the member has becomes what it should have, as far as that goes now. */
  #change(nowMs: number): void {
    if (this.#held.isReleasing) return
    if (this.#epoch <= 0 && !this.#held.isEmpty) return this.#held.release(this.#held.all, true)
    if (this.#leaves) return this.#depart()
    if (this.#isFailed || this.#target == null) return
    const target: Target[] = []
    const unknown: string[] = []
    for (const { topicId, partitions } of this.#target.topicPartitions) {
      const topic = this.#nameById.get(topicId)
      if (topic === undefined) unknown.push(topicId)
      else target.push(...partitions.map((partition) => ({ topic, partition, topicId })))
    }
    const wantedIds = new Map(target.map((each) => [keyOf(each), each.topicId]))
    const gone = this.#held.all.filter((each) => wantedIds.get(keyOf(each)) !== this.#heldIds.get(keyOf(each)))
    // Those of a topic that cannot be named have not been taken from the member.
    const isUnnamed = (each: TopicPartition): boolean => unknown.includes(this.#heldIds.get(keyOf(each))!)
    const leaving = gone.filter((each) => !isUnnamed(each))
    if (leaving.length > 0) return this.#held.release(leaving, false)
    for (const each of target) this.#heldIds.set(keyOf(each), each.topicId)
    if (!this.#isTaken || target.some((each) => !this.#held.has(each))) {
      this.#isTaken = true
      this.#held.add(target.map(({ topic, partition }) => ({ topic, partition })))
      this.#acknowledges = true
    }
    this.#lookUp(unknown, nowMs)
  }

  #lookUp(unknown: readonly string[], nowMs: number): void {
    if (unknown.length === 0) {
      this.#target = undefined
      this.#looksAgainMs = Number.POSITIVE_INFINITY
    } else if (this.#looksAgainMs === Number.POSITIVE_INFINITY || nowMs >= this.#looksAgainMs) {
      this.#looksAgainMs = nowMs + LOOK_AGAIN_MS
      this.#outbox.tell({ type: 'topics wanted', names: this.#wanted?.topics ?? [], ids: unknown })
    }
  }

  get #hasNews(): boolean {
    const [wanted, told] = [this.#wanted, this.#told]
    if (wanted === undefined || this.#epoch <= 0) return false
    return told === undefined || wanted.topics.join() !== told.topics.join() || wanted.regex !== told.regex
  }

  #beat(nowMs: number): void {
    const { groupId, groupInstanceId, remoteAssignor, maxPollIntervalMs, rackId } = this.#options
    const tellsAll = this.#told === undefined
    const plain = { groupId, memberId: this.#memberId, memberEpoch: this.#epoch, instanceId: groupInstanceId }
    const all = { rackId, rebalanceTimeoutMs: maxPollIntervalMs, serverAssignor: remoteAssignor }
    const body: HeartbeatBody = {
      ...plain,
      ...(tellsAll ? all : {}),
      ...(tellsAll || this.#hasNews ? this.#subscription() : {}),
      ...(tellsAll || this.#acknowledges ? { topicPartitions: this.#owned() } : {}),
    }
    this.#told = this.#wanted
    this.#acknowledges = false
    this.#isKnown = true
    this.#dueMs = nowMs + this.#intervalMs
    this.#heartbeat = this.#outbox.send('ConsumerGroupHeartbeat', body)
  }

  #subscription(): Pick<HeartbeatBody, 'subscribedTopicNames' | 'subscribedTopicRegex'> {
    const { topics = [], regex } = this.#wanted ?? {}
    // An empty expression takes back the one that was said before.
    const said = regex ?? (this.#told?.regex === undefined ? null : '')
    return { subscribedTopicNames: [...topics], subscribedTopicRegex: said }
  }

  #owned(): { topicId: string; partitions: number[] }[] {
    const byId = new Map<string, number[]>()
    for (const each of this.#held.all) {
      const topicId = this.#heldIds.get(keyOf(each))!
      const those = byId.get(topicId)
      if (those === undefined) byId.set(topicId, [each.partition])
      else those.push(each.partition)
    }
    return [...byId].map(([topicId, partitions]) => ({ topicId, partitions }))
  }

  #beaten(body: MembershipAnswerOf<'ConsumerGroupHeartbeat'>['body'], nowMs: number): void {
    this.#retries.succeeded()
    this.#memberId = body.memberId ?? this.#memberId
    this.#epoch = body.memberEpoch
    this.#intervalMs = body.heartbeatIntervalMs
    this.#dueMs = nowMs + this.#intervalMs
    if (body.assignment === null || this.#leaves) return
    this.#target = body.assignment
    this.#isTaken = false
    this.#looksAgainMs = Number.POSITIVE_INFINITY
  }

  #refused({ errorCode, errorMessage }: { errorCode: number; errorMessage: string | null }, nowMs: number): void {
    const { name, retriable } = errorByCode(errorCode)
    if (name === 'UNKNOWN_MEMBER_ID' || name === 'FENCED_MEMBER_EPOCH') return this.#fenced()
    if (!retriable) return this.#fail(name, errorMessage)
    if (name !== 'COORDINATOR_LOAD_IN_PROGRESS') this.#outbox.tell({ type: 'coordinator lost' })
    this.#again(nowMs)
  }

  /** What was said may not have been heard. */
  #again(nowMs: number): void {
    this.#retries.failed(nowMs)
    this.#told = undefined
    this.#dueMs = this.#retries.notBeforeMs
  }

  /** The group goes on without it. */
  #fenced(): void {
    this.#epoch = JOIN_EPOCH
    this.#told = undefined
    this.#target = undefined
    this.#acknowledges = false
    this.#looksAgainMs = Number.POSITIVE_INFINITY
    this.#dueMs = Number.NEGATIVE_INFINITY
  }

  #depart(): void {
    if (!this.#held.isEmpty) return this.#held.release(this.#held.all, false)
    this.#leaves = false
    if (this.#isKnown && !this.#isFailed && !this.#isStale) {
      this.#isLeaving = true
      this.#sendLeave()
    } else this.#left()
  }

  #sendLeave(): void {
    const { groupId, groupInstanceId } = this.#options
    const memberEpoch = groupInstanceId === null ? LEAVE_EPOCH : LEAVE_STATIC_EPOCH
    const body = { groupId, memberId: this.#memberId, memberEpoch, instanceId: groupInstanceId }
    this.#heartbeat = this.#outbox.send('ConsumerGroupHeartbeat', body)
    this.#isKnown = false
  }

  #left(): void {
    this.#isLeaving = false
    this.#fenced()
    this.#outbox.tell({ type: 'left' })
  }

  #fail(error: ErrorName, message: string | null = null): void {
    this.#isFailed = true
    this.#heartbeat = undefined
    this.#fenced()
    const sentence = message ?? errorByCode(ErrorCode[error]).sentence
    this.#outbox.tell({ type: 'failed', error, message: `group ${this.#options.groupId}: ${sentence} (${error})` })
  }
}
