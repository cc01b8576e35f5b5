/**
 * ClassicMembership: a member of a group whose leader assigns: JoinGroup, SyncGroup, Heartbeat, LeaveGroup. Eagerly, everything is let go of before each
 * join; where all assignors are cooperative (KIP-429), only what goes to others, and then the member joins once more.
 *
 * What happens is kept as flags and done by `#step` in one order, whatever order it came in: lose, leave, take what was assigned, join.
 */
import { DecodeError } from '../../../base/bytes/reader.js'
import type { Random } from '../../../io/random.js'
import { ErrorCode, type ErrorName, errorByCode } from '../../../protocol/errors.js'
import { type BackoffOptions, DEFAULT_BACKOFF } from '../../backoff.js'
import type { AssignedMember, Assignor } from './assignors/assignor.js'
import {
  CONSUMER_PROTOCOL_TYPE,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from './consumer-protocol.js'
import { HeldPartitions } from './held-partitions.js'
import type {
  MemberIdentity,
  Membership,
  MembershipAnswer,
  MembershipAnswerOf,
  MembershipReady,
  SeenTopic,
  Wanted,
} from './membership.js'
import { Outbox, Retries } from './outbox.js'
import type { TopicPartition } from './topic-partition.js'

/** With Kafka's names and defaults. */
export interface ClassicMembershipOptions {
  readonly groupId: string
  /** `group.instance.id`: a static member keeps its place when it goes and comes back (KIP-345). */
  readonly groupInstanceId?: string | null
  /** `partition.assignment.strategy`, the first that all members have is used. */
  readonly assignors: readonly Assignor[]
  /** `session.timeout.ms`, 45 s */
  readonly sessionTimeoutMs?: number
  /** `heartbeat.interval.ms`, 3 s */
  readonly heartbeatIntervalMs?: number
  /** `max.poll.interval.ms`, 5 minutes: also how long the group waits for the member in a rebalance. */
  readonly maxPollIntervalMs?: number
  /** `client.rack` */
  readonly rackId?: string | null
  readonly backoff?: BackoffOptions
  readonly random: Random
}

/** What a join may take beyond the time in which the coordinator answers it. */
const JOIN_MARGIN_MS = 5000

interface Assigning {
  readonly assignor: Assignor
  readonly members: readonly AssignedMember[]
}

export class ClassicMembership implements Membership {
  readonly #options: Required<Omit<ClassicMembershipOptions, 'backoff' | 'random'>>
  readonly #isEager: boolean
  readonly #outbox = new Outbox()
  readonly #held = new HeldPartitions(this.#outbox)
  readonly #retries: Retries
  #wanted: Wanted | undefined
  #memberId = ''
  #generation = -1
  #assignor: Assignor | undefined
  /** Join, sync or leave, of which there is one at a time. */
  #request: number | undefined
  #heartbeat: number | undefined
  #heartbeatDueMs = Number.POSITIVE_INFINITY
  #pollDueMs = Number.POSITIVE_INFINITY
  /** Did not poll in time: joins again when it does. */
  #isStale = false
  #rejoins = false
  #leaves = false
  #isFailed = false
  /** The leader, while it has to find out how many partitions there are. */
  #assigning: Assigning | undefined
  /** Came from the leader and is not taken yet. */
  #assignment: readonly TopicPartition[] | undefined
  /** In which generation it got what; for the next leader. */
  #last: { readonly partitions: readonly TopicPartition[]; readonly generationId: number } = {
    partitions: [],
    generationId: -1,
  }
  #counts: ReadonlyMap<string, number> = new Map()
  /** What the leader has assigned by: something else means another rebalance. */
  #assignedCounts: ReadonlyMap<string, number> | undefined

  constructor(options: ClassicMembershipOptions) {
    this.#options = {
      groupId: options.groupId,
      groupInstanceId: options.groupInstanceId ?? null,
      assignors: options.assignors,
      sessionTimeoutMs: options.sessionTimeoutMs ?? 45_000,
      heartbeatIntervalMs: options.heartbeatIntervalMs ?? 3000,
      maxPollIntervalMs: options.maxPollIntervalMs ?? 300_000,
      rackId: options.rackId ?? null,
    }
    this.#isEager = !options.assignors.every(({ isCooperative }) => isCooperative)
    this.#retries = new Retries(options.backoff ?? DEFAULT_BACKOFF, options.random)
  }

  get identity(): MemberIdentity {
    const { groupInstanceId } = this.#options
    return { memberId: this.#memberId, generation: this.#generation, groupInstanceId }
  }

  get isRebalancing(): boolean {
    return this.#generation < 0 || this.#rejoins || this.#request !== undefined || this.#assigning !== undefined
  }

  get partitions(): readonly TopicPartition[] {
    return this.#held.all
  }

  want(wanted: Wanted, nowMs: number): void {
    const topics = [...new Set(wanted.topics)].sort()
    if (this.#wanted === undefined) this.#pollDueMs = nowMs + this.#options.maxPollIntervalMs
    else if (topics.join() === this.#wanted.topics.join()) return
    this.#wanted = { topics }
    this.#rejoin()
    this.#step(nowMs)
  }

  topicsSeen(topics: readonly SeenTopic[], nowMs: number): void {
    this.#counts = new Map(topics.map(({ name, partitionCount }) => [name, partitionCount]))
    if (this.#assigning !== undefined) this.#assign(this.#assigning)
    else if (this.#assignedCounts !== undefined && this.#generation >= 0) {
      const isSame = [...this.#assignedCounts].every(([topic, count]) => (this.#counts.get(topic) ?? 0) === count)
      if (!isSame) this.#rejoin()
    }
    this.#step(nowMs)
  }

  answered(answer: MembershipAnswer, nowMs: number): void {
    if (answer.id === this.#heartbeat) {
      this.#heartbeat = undefined
      this.#heartbeatDueMs = nowMs + this.#options.heartbeatIntervalMs
      this.#beaten(answer.body.errorCode, nowMs)
    } else if (answer.id === this.#request) {
      this.#request = undefined
      if (answer.api === 'JoinGroup') this.#joined(answer.body, nowMs)
      else if (answer.api === 'SyncGroup') this.#synced(answer.body, nowMs)
      else this.#outbox.tell({ type: 'left' })
    }
    this.#step(nowMs)
  }

  failed(id: number, nowMs: number): void {
    if (id !== this.#request && id !== this.#heartbeat) return
    this.#outbox.tell({ type: 'coordinator lost' })
    this.#retries.failed(nowMs)
    if (id === this.#heartbeat) {
      this.#heartbeat = undefined
      this.#heartbeatDueMs = this.#retries.notBeforeMs
    } else {
      this.#request = undefined
      if (this.#wanted === undefined) this.#outbox.tell({ type: 'left' })
      else this.#rejoin()
    }
    this.#step(nowMs)
  }

  commitRefused(errorCode: number, generation: number, nowMs: number): void {
    if (generation !== this.#generation || generation < 0) return
    if (errorCode === ErrorCode.FENCED_INSTANCE_ID) this.#fail('FENCED_INSTANCE_ID')
    else if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID || errorCode === ErrorCode.ILLEGAL_GENERATION)
      this.#reset(errorCode)
    else if (errorCode === ErrorCode.REBALANCE_IN_PROGRESS && this.#request === undefined) this.#rejoin()
    this.#step(nowMs)
  }

  released(nowMs: number): void {
    if (this.#held.released()) this.#step(nowMs)
  }

  polled(nowMs: number): void {
    if (this.#wanted === undefined) return
    this.#pollDueMs = nowMs + this.#options.maxPollIntervalMs
    if (!this.#isStale) return
    this.#isStale = false
    this.#rejoin()
    this.#step(nowMs)
  }

  leave(nowMs: number): void {
    if (this.#wanted === undefined) return
    this.#wanted = undefined
    this.#leaves = true
    this.#rejoins = false
    this.#request = undefined
    this.#assigning = undefined
    this.#assignment = undefined
    this.#step(nowMs)
  }

  tick(nowMs: number): void {
    if (this.#wanted !== undefined && !this.#isStale && nowMs >= this.#pollDueMs) this.#becomeStale()
    this.#step(nowMs)
    if (this.#generation < 0 || this.#request !== undefined || this.#heartbeat !== undefined) return
    if (nowMs < this.#heartbeatDueMs) return
    const { groupId, groupInstanceId } = this.#options
    const body = { groupId, generationId: this.#generation, memberId: this.#memberId, groupInstanceId }
    this.#heartbeat = this.#outbox.send('Heartbeat', body)
  }

  takeReady(): MembershipReady {
    return this.#outbox.take()
  }

  nextDeadlineMs(): number {
    if (this.#isFailed) return Number.POSITIVE_INFINITY
    const polls = this.#isStale || this.#wanted === undefined ? Number.POSITIVE_INFINITY : this.#pollDueMs
    const beats =
      this.#generation < 0 || this.#request !== undefined || this.#heartbeat !== undefined
        ? Number.POSITIVE_INFINITY
        : this.#heartbeatDueMs
    const joins = this.#mayJoin ? this.#retries.notBeforeMs : Number.POSITIVE_INFINITY
    return Math.min(polls, beats, joins)
  }

  get #mayJoin(): boolean {
    const isBusy = this.#request !== undefined || this.#assigning !== undefined || this.#held.isReleasing
    return this.#rejoins && !isBusy && !this.#isStale && this.#wanted !== undefined
  }

  #step(nowMs: number): void {
    if (this.#held.isReleasing) return
    // Who has no generation has nothing: the group may have given it to others.
    if (this.#generation < 0 && !this.#held.isEmpty) return this.#held.release(this.#held.all, true)
    if (this.#leaves) return this.#depart()
    if (this.#isFailed) return
    if (this.#assignment !== undefined && !this.#take(this.#assignment)) return
    if (this.#mayJoin && nowMs >= this.#retries.notBeforeMs) this.#join()
  }

  #depart(): void {
    if (!this.#held.isEmpty) return this.#held.release(this.#held.all, false)
    this.#leaves = false
    if (!this.#sendLeave('the consumer is being closed')) this.#outbox.tell({ type: 'left' })
    this.#forget(true)
  }

  /** A static member does not: it is to keep its place until its session is over. */
  #sendLeave(reason: string): boolean {
    const { groupId, groupInstanceId } = this.#options
    if (groupInstanceId !== null || this.#memberId === '' || this.#isFailed) return false
    const members = [{ memberId: this.#memberId, groupInstanceId, reason }]
    this.#request = this.#outbox.send('LeaveGroup', { groupId, members })
    return true
  }

  #becomeStale(): void {
    this.#isStale = true
    this.#sendLeave('the application has not polled within max.poll.interval.ms')
    this.#request = undefined
    this.#forget(true)
  }

  /** False: something is to be let go of first. */
  #take(assignment: readonly TopicPartition[]): boolean {
    const gone = this.#held.otherThan(assignment)
    if (gone.length > 0) {
      this.#held.release(gone, false)
      // The leader waits for that with what it gives to the others.
      this.#rejoin(true)
      return false
    }
    this.#assignment = undefined
    this.#held.add(assignment)
    return true
  }

  #rejoin(keepsAssignment = false): void {
    this.#rejoins = true
    this.#assigning = undefined
    if (!keepsAssignment && this.#isEager) this.#assignment = undefined
  }

  #join(): void {
    const { groupId, groupInstanceId, sessionTimeoutMs, maxPollIntervalMs, rackId, assignors } = this.#options
    const { topics } = this.#wanted!
    const gone = this.#isEager ? this.#held.all : this.#held.all.filter(({ topic }) => !topics.includes(topic))
    if (gone.length > 0) return this.#held.release(gone, false)
    this.#rejoins = false
    this.#assignedCounts = undefined
    const ownedPartitions = this.#held.all
    const { generationId } = this.#last
    const protocols = assignors.map((assignor) => ({
      name: assignor.name,
      metadata: encodeSubscription({
        topics,
        userData: assignor.userData(this.#last),
        ownedPartitions,
        generationId,
        rackId,
      }),
    }))
    const body = {
      groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs: maxPollIntervalMs,
      memberId: this.#memberId,
      groupInstanceId,
      protocolType: CONSUMER_PROTOCOL_TYPE,
      protocols,
    }
    this.#request = this.#outbox.send('JoinGroup', body, maxPollIntervalMs + JOIN_MARGIN_MS)
  }

  #joined(body: MembershipAnswerOf<'JoinGroup'>['body'], nowMs: number): void {
    if (body.errorCode === ErrorCode.MEMBER_ID_REQUIRED) {
      this.#memberId = body.memberId
      return this.#rejoin()
    }
    if (body.errorCode !== ErrorCode.NONE) return this.#refused(body.errorCode, nowMs)
    const assignor = this.#options.assignors.find(({ name }) => name === body.protocolName)
    if (assignor === undefined) {
      return this.#fail('INCONSISTENT_GROUP_PROTOCOL', `the group has chosen the assignor ${body.protocolName}`)
    }
    this.#retries.succeeded()
    this.#memberId = body.memberId
    this.#generation = body.generationId
    this.#assignor = assignor
    this.#heartbeatDueMs = nowMs + this.#options.heartbeatIntervalMs
    if (body.leader !== body.memberId) return this.#sync([])
    try {
      const members = body.members.map(({ memberId, groupInstanceId, metadata }) => {
        return { memberId, groupInstanceId, ...decodeSubscription(metadata) }
      })
      if (body.skipAssignment) {
        this.#assignedCounts = this.#countsFor(members)
        return this.#sync([])
      }
      const names = [...new Set(members.flatMap(({ topics }) => topics))]
      this.#assigning = { assignor, members }
      if (names.every((name) => this.#counts.has(name))) this.#assign(this.#assigning)
      else this.#outbox.tell({ type: 'topics wanted', names, ids: [] })
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#fail('INCONSISTENT_GROUP_PROTOCOL', `what a member of the group wants cannot be read: ${error.message}`)
    }
  }

  #assign({ assignor, members }: Assigning): void {
    this.#assigning = undefined
    this.#assignedCounts = this.#countsFor(members)
    const assignments = assignor.assign(this.#counts, members)
    this.#sync([...assignments].map(([memberId, those]) => ({ memberId, assignment: encodeAssignment(those) })))
  }

  #countsFor(members: readonly AssignedMember[]): Map<string, number> {
    return new Map(members.flatMap(({ topics }) => topics).map((topic) => [topic, this.#counts.get(topic) ?? 0]))
  }

  #sync(assignments: { readonly memberId: string; readonly assignment: Uint8Array }[]): void {
    const { groupId, groupInstanceId, maxPollIntervalMs } = this.#options
    const body = {
      groupId,
      generationId: this.#generation,
      memberId: this.#memberId,
      groupInstanceId,
      protocolType: CONSUMER_PROTOCOL_TYPE,
      protocolName: this.#assignor!.name,
      assignments,
    }
    this.#request = this.#outbox.send('SyncGroup', body, maxPollIntervalMs + JOIN_MARGIN_MS)
  }

  #synced(body: MembershipAnswerOf<'SyncGroup'>['body'], nowMs: number): void {
    if (body.errorCode !== ErrorCode.NONE) return this.#refused(body.errorCode, nowMs)
    try {
      const all = decodeAssignment(body.assignment)
      this.#retries.succeeded()
      this.#last = { partitions: all, generationId: this.#generation }
      // What was wanted may be something else by now.
      this.#assignment = all.filter(({ topic }) => this.#wanted?.topics.includes(topic))
      this.#heartbeatDueMs = nowMs + this.#options.heartbeatIntervalMs
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#fail('INCONSISTENT_GROUP_PROTOCOL', `what the leader has assigned cannot be read: ${error.message}`)
    }
  }

  #beaten(errorCode: number, nowMs: number): void {
    if (errorCode === ErrorCode.NONE) return this.#retries.succeeded()
    if (errorCode === ErrorCode.REBALANCE_IN_PROGRESS) {
      if (this.#request === undefined) this.#rejoin(true)
      return
    }
    this.#refused(errorCode, nowMs, true)
  }

  /** A join or a sync is begun anew by joining; a heartbeat is only sent again. */
  #refused(errorCode: number, nowMs: number, isHeartbeat = false): void {
    const { name, retriable } = errorByCode(errorCode)
    if (name === 'UNKNOWN_MEMBER_ID' || name === 'ILLEGAL_GENERATION') return this.#reset(errorCode)
    if (name === 'REBALANCE_IN_PROGRESS') return this.#rejoin()
    if (!retriable) return this.#fail(name)
    if (name !== 'COORDINATOR_LOAD_IN_PROGRESS') this.#outbox.tell({ type: 'coordinator lost' })
    this.#retries.failed(nowMs)
    if (isHeartbeat) this.#heartbeatDueMs = this.#retries.notBeforeMs
    else this.#rejoin()
  }

  /** The group goes on without it. */
  #reset(errorCode: number): void {
    this.#request = undefined
    this.#forget(errorCode !== ErrorCode.ILLEGAL_GENERATION)
    if (this.#wanted !== undefined) this.#rejoin()
  }

  #forget(forgetsId: boolean): void {
    this.#generation = -1
    if (forgetsId) this.#memberId = ''
    this.#heartbeat = undefined
    this.#assigning = undefined
    this.#assignment = undefined
    this.#assignedCounts = undefined
  }

  #fail(error: ErrorName, message?: string): void {
    this.#isFailed = true
    this.#request = undefined
    this.#forget(false)
    const sentence = message ?? errorByCode(ErrorCode[error]).sentence
    this.#outbox.tell({ type: 'failed', error, message: `group ${this.#options.groupId}: ${sentence} (${error})` })
  }
}
