/**
 * GroupMember: one member of a group and nothing else: the membership core that lograft's own consumers have, over a connection of its own. It reads no
 * records and lets go of partitions at once.
 */
import { randomUuid } from '../../src/base/uuid.js'
import { COOPERATIVE_STICKY } from '../../src/client/consumer/membership/assignors/cooperative-sticky.js'
import { DEFAULT_ASSIGNORS } from '../../src/client/consumer/membership/assignors/index.js'
import { ClassicMembership } from '../../src/client/consumer/membership/classic-membership.js'
import { ConsumerMembership } from '../../src/client/consumer/membership/consumer-membership.js'
import {
  MEMBERSHIP_MESSAGES,
  type Membership,
  type MembershipAnswer,
  type MembershipRequest,
  type SeenTopic,
} from '../../src/client/consumer/membership/membership.js'
import type { TopicPartition } from '../../src/client/consumer/membership/topic-partition.js'
import type { Timer } from '../../src/io/clock.js'
import { NodeClock } from '../../src/io/node/clock.js'
import { NodeNetwork } from '../../src/io/node/network.js'
import { NodeRandom } from '../../src/io/node/random.js'
import { ErrorCode, errorByCode } from '../../src/protocol/errors.js'
import { FindCoordinator } from '../../src/protocol/messages/find-coordinator.js'
import type { Message } from '../../src/protocol/schema.js'
import { ClientConnection, type RpcError } from '../../src/rpc/client-connection.js'

const REQUEST_TIMEOUT_MS = 30_000
const AGAIN_MS = 20
const GROUPS = 0

/** Both assignors that Kafka's consumers name by default, of which range is used; the cooperative one alone; KIP-848. */
export type MemberProtocol = 'classic' | 'cooperative' | 'consumer'

export interface GroupMemberOptions {
  readonly port: number
  readonly groupId: string
  readonly protocol: MemberProtocol
  readonly topic: SeenTopic
  readonly failed: (error: Error) => void
}

const clock = new NodeClock()
const network = new NodeNetwork()
const random = new NodeRandom()

export class GroupMember {
  /** Requests of the group's protocol that were sent. */
  requests = 0
  /** How often it had to ask again because the coordinator could not answer. */
  refusals = 0
  /** How often it was told what it is to have. */
  assignments = 0
  readonly #options: GroupMemberOptions
  readonly #membership: Membership
  #connection: ClientConnection | undefined
  #timer: Timer | undefined
  #left: () => void = () => {}
  #isOver = false

  constructor(options: GroupMemberOptions) {
    this.#options = options
    this.#membership = membershipOf(options)
  }

  /** Generation or member epoch; -1: it is no member. */
  get generation(): number {
    return this.#membership.identity.generation
  }

  get isRebalancing(): boolean {
    return this.#membership.isRebalancing
  }

  get partitions(): readonly TopicPartition[] {
    return this.#membership.partitions
  }

  /** Connects, finds the coordinator, and joins, as a client does that has just been started. */
  join(): void {
    const { port, topic } = this.#options
    this.#connection = new ClientConnection({
      clock,
      network,
      address: { host: '127.0.0.1', port },
      clientId: 'lograft-bench',
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      closed: (error) => this.#failed(error),
    })
    this.#connection.negotiate((error) => {
      if (error !== undefined) return this.#failed(error)
      this.#find(() => {
        this.#membership.topicsSeen([topic], clock.monotonicMs())
        this.#membership.want({ topics: [topic.name] }, clock.monotonicMs())
        this.#drain()
      })
    })
  }

  /** Resolves when the coordinator has answered that. */
  leave(): Promise<void> {
    return new Promise((resolve) => {
      this.#left = resolve
      this.#membership.leave(clock.monotonicMs())
      this.#drain()
    })
  }

  /** Goes without a word. */
  close(): void {
    this.#isOver = true
    this.#timer?.cancel()
    this.#connection?.close()
  }

  #find(found: () => void): void {
    const body = { keyType: GROUPS, coordinatorKeys: [this.#options.groupId] }
    this.#connection!.call(FindCoordinator, body, (error, response) => {
      const errorCode = response?.coordinators[0]?.errorCode
      if (errorCode === ErrorCode.NONE) found()
      else if (errorCode === ErrorCode.COORDINATOR_NOT_AVAILABLE) clock.timer(AGAIN_MS, () => this.#find(found))
      else this.#failed(error ?? new Error(`no coordinator: ${errorByCode(errorCode ?? -1).name}`))
    })
  }

  #drain(): void {
    if (this.#isOver) return
    for (let isDone = false; !isDone; ) {
      const { requests, events } = this.#membership.takeReady()
      for (const request of requests) this.#send(request)
      for (const event of events) {
        if (event.type === 'release') this.#membership.released(clock.monotonicMs())
        else if (event.type === 'assigned') this.assignments++
        else if (event.type === 'topics wanted') this.#membership.topicsSeen([this.#options.topic], clock.monotonicMs())
        else if (event.type === 'failed') this.#failed(new Error(event.message))
        // There is one broker, which is asked again.
        else if (event.type === 'coordinator lost') this.refusals++
        else return this.#isGone()
      }
      isDone = requests.length === 0 && events.length === 0
    }
    this.#timer?.cancel()
    const dueMs = this.#membership.nextDeadlineMs()
    if (dueMs === Number.POSITIVE_INFINITY) return
    this.#timer = clock.timer(Math.max(0, dueMs - clock.monotonicMs()), () => {
      this.#membership.tick(clock.monotonicMs())
      this.#drain()
    })
  }

  #send({ id, api, body, waitsMs }: MembershipRequest): void {
    this.requests++
    const message = MEMBERSHIP_MESSAGES[api] as unknown as Message
    this.#connection!.call(
      message,
      body as never,
      (error, response) => {
        if (this.#isOver) return
        if (response === undefined) return this.#failed(error ?? new Error(`no answer to ${api}`))
        this.#membership.answered({ id, api, body: response } as unknown as MembershipAnswer, clock.monotonicMs())
        this.#drain()
      },
      waitsMs,
    )
  }

  #isGone(): void {
    this.close()
    this.#left()
  }

  #failed(error: Error | RpcError): void {
    if (this.#isOver) return
    this.close()
    this.#options.failed(error)
  }
}

function membershipOf({ groupId, protocol }: GroupMemberOptions): Membership {
  if (protocol === 'consumer') return new ConsumerMembership({ groupId, memberId: randomUuid(random), random })
  const assignors = protocol === 'cooperative' ? [COOPERATIVE_STICKY] : DEFAULT_ASSIGNORS
  return new ClassicMembership({ groupId, assignors, random })
}
