/**
 * GroupMember: a member of a classic group on simulated ports, as Kafka's consumers are: joins, hands in the assignment when it leads, says that it is alive, and joins again when
 * it is told to. Eager ones give up all before they join, cooperative ones only what they are not assigned any more (KIP-429). It shares nothing with the client
 * that users are given: what it shows is the coordinator.
 *
 * It also keeps what no real member knows: until when its coordinator cannot have given it up.
 */

import { ErrorCode, errorByCode } from '../protocol/errors.js'
import type { Fields } from '../protocol/field.js'
import { Heartbeat } from '../protocol/messages/heartbeat.js'
import { JoinGroup } from '../protocol/messages/join-group.js'
import { LeaveGroup } from '../protocol/messages/leave-group.js'
import { Metadata } from '../protocol/messages/metadata.js'
import { SyncGroup } from '../protocol/messages/sync-group.js'
import type { InOfMessage, Message, OutOfMessage } from '../protocol/schema.js'
import type { SimulatedClient } from './client.js'
import { type CertaintyOptions, certainty } from './group-certainty.js'
import type { GroupMembership } from './group-membership.js'
import {
  ABSENT_TOPIC,
  type AssignorName,
  assign,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type GroupPlace,
  nameOf,
} from './group-protocol.js'

/** How much longer than a round may take its answer is waited for. */
const JOIN_MARGIN_MS = 5000
const RETRY_MS = 50
const METADATA_EVERY_MS = 1500
const PROTOCOL_TYPE = 'consumer'
/** What an eager member can do, if it is told to. */
const EAGER: readonly AssignorName[] = ['range', 'roundrobin']

export interface GroupMemberOptions extends CertaintyOptions {
  readonly group: string
  /** Of a static member. */
  readonly instanceId: string | null
  /** The best first; all of them eager, or one that is cooperative. */
  readonly assignors: readonly AssignorName[]
  readonly subscriptionVersion: number
  readonly heartbeatMs: number
  /**
   * What the leader has divided last, and what the member wanted then. It outlives the process: a static member that comes back has no part in a new round, so that nothing is
   * divided anew, and what it wants is of no interest to others as long as nobody asks for one (in Kafka, too).
   */
  readonly divided: { partitions: ReadonlyMap<string, number>; topics: readonly string[] }
  /** Something happened that is to be counted. */
  readonly count: (what: string) => void
}

/** What the application does about it. */
export interface GroupListener {
  /** A round begins: the member may still commit, and goes on when that is done. */
  readonly preparing: (goOn: () => void) => void
  /** All that is assigned, also what it had before. */
  readonly assigned: (places: readonly GroupPlace[]) => void
  /** It gives these up. */
  readonly revoked: (places: readonly GroupPlace[]) => void
  /** Another member has taken over its instance id: it has ended. */
  readonly fenced: () => void
}

/** `certainMs`: if the answer says that all is well, the member is not given up before; undefined: nobody knows. */
type Called<Response extends Fields> = (
  response: OutOfMessage<Response> | undefined,
  certainMs: number | undefined,
) => void

type State = 'joining' | 'stable' | 'preparing' | 'ended'

export class GroupMember implements GroupMembership {
  memberId = ''
  generation = -1
  /** How often it came out of a round. */
  rounds = 0
  /** Until then it cannot have been given up in its generation. */
  certainUntilMs = 0
  /** Another one was started under its instance id then. */
  replacedMs = Number.POSITIVE_INFINITY
  /** It does not say that it is alive. */
  isMute = false
  topics: readonly string[]
  readonly #client: SimulatedClient
  readonly #options: GroupMemberOptions
  readonly #listener: GroupListener
  /** What it says that it knows. */
  #assignors: readonly AssignorName[]
  #state: State = 'joining'
  /** What it has. */
  #owned: readonly GroupPlace[] = []
  /** What it said that it wants when it joined last. */
  #joinedFor: readonly string[] = []
  #protocolName: string | null = null
  #isLeader = false
  /** Answers to what was asked in an earlier one are of no interest. */
  #attempt = 0
  #beating = false
  #answeredMs = 0

  constructor(
    client: SimulatedClient,
    options: GroupMemberOptions,
    topics: readonly string[],
    listener: GroupListener,
  ) {
    this.#client = client
    this.#options = options
    this.#listener = listener
    this.#assignors = options.assignors
    this.topics = topics
    this.#join()
    this.#beatLater()
  }

  get stable(): boolean {
    return this.#state === 'stable'
  }

  get ended(): boolean {
    return this.#state === 'ended'
  }

  get owned(): readonly GroupPlace[] {
    return this.#owned
  }

  get isCooperative(): boolean {
    return this.#assignors.includes('cooperative-sticky')
  }

  /** It wants something else from now on. */
  subscribe(topics: readonly string[]): void {
    this.topics = topics
    if (this.#state === 'stable') this.#rejoin()
  }

  /** A dynamic member says that it leaves, a static one only goes. Both are `done` soon. */
  leave(done: () => void): void {
    if (this.#state === 'ended') return done()
    this.#listener.preparing(() => {
      if (this.#state === 'ended') return done()
      this.#end()
      const { group, instanceId } = this.#options
      if (instanceId !== null || this.memberId === '' || !this.#client.ready) return done()
      const members = [{ memberId: this.memberId, groupInstanceId: null, reason: 'it has had enough' }]
      this.#client.call(LeaveGroup, { groupId: group, members }, () => done())
    })
  }

  /** The answer to a request of the member as such. Returns whether the member goes on as it is. */
  told(errorCode: number): boolean {
    if (this.#state === 'ended') return false
    switch (errorCode) {
      case ErrorCode.NONE:
        return true
      case ErrorCode.REBALANCE_IN_PROGRESS:
        if (this.#state === 'stable') this.#rejoin()
        return false
      case ErrorCode.UNKNOWN_MEMBER_ID:
      case ErrorCode.ILLEGAL_GENERATION:
        this.#options.count(
          errorCode === ErrorCode.UNKNOWN_MEMBER_ID ? 'a member is told that it is none' : 'a generation is over',
        )
        if (this.#state === 'stable') this.#startAnew(errorCode)
        return false
      case ErrorCode.FENCED_INSTANCE_ID:
        this.#options.count('a static member is replaced')
        this.#end()
        this.#listener.fenced()
        return false
      case ErrorCode.NOT_COORDINATOR:
      case ErrorCode.COORDINATOR_NOT_AVAILABLE:
        this.#client.leave()
        return true
      case ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
        this.#options.count('a coordinator loads')
        return true
      default:
        // Nothing else is to be expected by somebody who behaves.
        throw new Error(`member ${this.memberId} of ${this.#options.group} is told ${errorByCode(errorCode).name}`)
    }
  }

  #end(): void {
    this.#revoke(this.#owned)
    this.#state = 'ended'
    this.#attempt++
  }

  #revoke(places: readonly GroupPlace[]): void {
    if (places.length === 0) return
    const names = new Set(places.map(nameOf))
    this.#owned = this.#owned.filter((place) => !names.has(nameOf(place)))
    this.#listener.revoked(places)
  }

  /** What it had is lost. */
  #startAnew(errorCode: number): void {
    this.#revoke(this.#owned)
    if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID) this.memberId = ''
    this.generation = -1
    this.#join()
  }

  #rejoin(): void {
    if (this.#state !== 'stable') return
    this.#state = 'preparing'
    const attempt = ++this.#attempt
    this.#listener.preparing(() => {
      if (attempt !== this.#attempt) return
      if (!this.isCooperative) this.#revoke(this.#owned)
      this.#join()
    })
  }

  #join(): void {
    this.#state = 'joining'
    const attempt = ++this.#attempt
    this.#client.whenReady(() => {
      if (attempt === this.#attempt) this.#sendJoin(attempt)
    })
  }

  #joinLater(): void {
    const attempt = ++this.#attempt
    this.#client.later(RETRY_MS, () => {
      if (attempt === this.#attempt) this.#join()
    })
  }

  #sendJoin(attempt: number): void {
    const { group, instanceId, sessionTimeoutMs, rebalanceTimeoutMs, subscriptionVersion } = this.#options
    const owned = this.isCooperative ? this.#owned : []
    const { divided } = this.#options
    this.#joinedFor = this.rounds === 0 && instanceId !== null ? divided.topics : this.topics
    const subscription = { topics: this.#joinedFor, owned, generation: this.generation }
    const metadata = encodeSubscription(subscription, subscriptionVersion)
    const body = {
      groupId: group,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId: this.memberId,
      groupInstanceId: instanceId,
      protocolType: PROTOCOL_TYPE,
      protocols: this.#assignors.map((name) => ({ name, metadata })),
      reason: null,
    }
    const done = (response: OutOfMessage<typeof JoinGroup.response.fields> | undefined): void => {
      if (attempt !== this.#attempt) return
      if (response === undefined) return this.#joinLater()
      const { errorCode } = response
      if (errorCode === ErrorCode.MEMBER_ID_REQUIRED) {
        this.memberId = response.memberId
        return this.#join()
      }
      if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID) {
        this.#options.count('a member is told that it is none')
        return this.#anewLater()
      }
      if (errorCode === ErrorCode.INCONSISTENT_GROUP_PROTOCOL) return this.#knowMore()
      if (errorCode !== ErrorCode.NONE) {
        if (this.told(errorCode) || !this.ended) this.#joinLater()
        return
      }
      this.memberId = response.memberId
      this.generation = response.generationId
      this.#protocolName = response.protocolName
      this.#isLeader = response.leader === response.memberId
      if (!this.#isLeader || response.skipAssignment) return this.#sync(attempt, [])
      this.#divide(attempt, response)
    }
    this.#call(JoinGroup, body, (response) => done(response), rebalanceTimeoutMs + JOIN_MARGIN_MS)
  }

  /**
   * A coordinator that has loaded the group knows of its members only the assignor that was chosen last (no other stands in the log, nor in Kafka's), and lets in only who knows it, too: for ever,
   * if nothing else befalls the group. Whoever looks after the member sees that it knows that one.
   */
  #knowMore(): void {
    if (!this.isCooperative && this.#assignors.length < EAGER.length) {
      this.#assignors = EAGER
      this.#options.count('a member is told to know the assignor that a loaded group has chosen')
    }
    this.#joinLater()
  }

  #anewLater(): void {
    this.#revoke(this.#owned)
    this.memberId = ''
    this.generation = -1
    this.#joinLater()
  }

  /** Asks how many partitions there are, then says who gets which. */
  #divide(attempt: number, { protocolName, members }: OutOfMessage<typeof JoinGroup.response.fields>): void {
    const subscribers = members.map(({ memberId, groupInstanceId: instanceId, metadata }) => ({
      memberId,
      instanceId,
      ...decodeSubscription(metadata),
    }))
    const wanted = [...new Set([...this.topics, ...subscribers.flatMap(({ topics }) => topics)])].sort()
    this.#countPartitions(wanted, (partitions) => {
      if (attempt !== this.#attempt) return
      if (partitions === undefined) return this.#joinLater()
      this.#options.divided.partitions = partitions
      const assigned = assign(protocolName as AssignorName, subscribers, partitions)
      const { subscriptionVersion } = this.#options
      this.#sync(
        attempt,
        [...assigned].map(([memberId, places]) => ({
          memberId,
          assignment: encodeAssignment(places, subscriptionVersion),
        })),
      )
    })
  }

  #countPartitions(
    names: readonly string[],
    done: (partitions: ReadonlyMap<string, number> | undefined) => void,
  ): void {
    const topics = names.map((name) => ({ name }))
    const body = { topics, allowAutoTopicCreation: false, includeTopicAuthorizedOperations: false }
    this.#client.call(Metadata, body, (_, response) => {
      const isWhole = response?.topics.every(
        ({ name, errorCode }) => errorCode === ErrorCode.NONE || name === ABSENT_TOPIC,
      )
      done(isWhole === true ? new Map(response!.topics.map((each) => [each.name!, each.partitions.length])) : undefined)
    })
  }

  #sync(attempt: number, assignments: readonly { memberId: string; assignment: Uint8Array }[]): void {
    const { group, instanceId, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    const body = {
      groupId: group,
      generationId: this.generation,
      memberId: this.memberId,
      groupInstanceId: instanceId,
      protocolType: PROTOCOL_TYPE,
      protocolName: this.#protocolName,
      assignments: [...assignments],
    }
    const patienceMs = Math.max(sessionTimeoutMs, rebalanceTimeoutMs) + JOIN_MARGIN_MS
    const done: Called<typeof SyncGroup.response.fields> = (response, certainMs) => {
      if (attempt !== this.#attempt) return
      if (response === undefined) return this.#joinLater()
      const { errorCode } = response
      if (errorCode === ErrorCode.NONE) return this.#settle(decodeAssignment(response.assignment), certainMs)
      if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID) return this.#anewLater()
      if (errorCode === ErrorCode.ILLEGAL_GENERATION) {
        this.generation = -1
        this.#revoke(this.#owned)
      }
      if (errorCode !== ErrorCode.REBALANCE_IN_PROGRESS) this.told(errorCode)
      if (!this.ended) this.#joinLater()
    }
    this.#call(SyncGroup, body, done, patienceMs)
  }

  #settle(assigned: readonly GroupPlace[], certainMs: number | undefined): void {
    const names = new Set(assigned.map(nameOf))
    const lost = this.#owned.filter((place) => !names.has(nameOf(place)))
    this.#revoke(lost)
    this.#state = 'stable'
    this.rounds++
    this.#owned = assigned
    this.#answeredMs = this.#options.now()
    // Who is in the next generation was a member all the time.
    this.#isCertain(certainMs)
    if (this.#isLeader) this.#watchTopics(this.#attempt)
    this.#options.divided.topics = this.#joinedFor
    this.#listener.assigned(assigned)
    this.certainUntilMs = certainMs ?? 0
    // What a cooperative one gave up is given to somebody in another round.
    if (lost.length > 0 || this.#joinedFor.join() !== this.topics.join()) this.#rejoin()
  }

  /** The leader looks whether topics have grown. */
  #watchTopics(attempt: number): void {
    this.#client.later(METADATA_EVERY_MS, () => {
      if (attempt !== this.#attempt || !this.stable) return
      if (!this.#client.ready) return this.#watchTopics(attempt)
      this.#countPartitions([...this.#options.divided.partitions.keys()], (partitions) => {
        if (attempt !== this.#attempt || !this.stable) return
        const hasGrown = [...(partitions ?? [])].some(
          ([topic, count]) => count > (this.#options.divided.partitions.get(topic) ?? 0),
        )
        if (!hasGrown) return this.#watchTopics(attempt)
        this.#options.count('a leader finds that topics have grown')
        this.#rejoin()
      })
    })
  }

  #beatLater(): void {
    this.#client.later(this.#options.heartbeatMs, () => {
      if (this.ended) return
      this.#beat()
      this.#beatLater()
    })
  }

  #beat(): void {
    const { group, instanceId, sessionTimeoutMs, now } = this.#options
    if (!this.stable || this.#beating || this.isMute) return
    // It looks for another coordinator, and goes on with what it has.
    if (now() - this.#answeredMs > sessionTimeoutMs) {
      this.#answeredMs = now()
      this.#client.leave()
    }
    if (!this.#client.ready) return
    this.#beating = true
    const attempt = this.#attempt
    const body = { groupId: group, generationId: this.generation, memberId: this.memberId, groupInstanceId: instanceId }
    this.#call(Heartbeat, body, (response, certainMs) => {
      this.#beating = false
      if (attempt !== this.#attempt || response === undefined) return
      if (response.errorCode === ErrorCode.NONE) {
        this.#answeredMs = now()
        this.#isCertain(certainMs)
      }
      this.told(response.errorCode)
    })
  }

  #isCertain(certainMs = 0): void {
    this.certainUntilMs = Math.max(this.certainUntilMs, certainMs)
  }

  #call<Request extends Fields, Response extends Fields>(
    message: Message<Request, Response>,
    body: InOfMessage<Request>,
    done: Called<Response>,
    timeoutMs?: number,
  ): void {
    const certain = certainty(this.#options)
    this.#client.call(message, body, (_, response) => done(response, certain()), timeoutMs)
  }
}
