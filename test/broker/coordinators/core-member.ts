/** A member of a group in the simulator: the membership core of lograft's own consumers on a machine of its own, which finds its coordinator as clients do. It reads nothing. */
import { randomUuid } from '../../../src/base/uuid.js'
import { COOPERATIVE_STICKY } from '../../../src/client/consumer/membership/assignors/cooperative-sticky.js'
import { DEFAULT_ASSIGNORS } from '../../../src/client/consumer/membership/assignors/index.js'
import { ClassicMembership } from '../../../src/client/consumer/membership/classic-membership.js'
import { ConsumerMembership } from '../../../src/client/consumer/membership/consumer-membership.js'
import {
  MEMBERSHIP_MESSAGES,
  type Membership,
  type MembershipAnswer,
  type MembershipRequest,
  type SeenTopic,
} from '../../../src/client/consumer/membership/membership.js'
import { keyOf } from '../../../src/client/consumer/membership/topic-partition.js'
import type { Timer } from '../../../src/io/clock.js'
import type { Address } from '../../../src/io/network.js'
import type { Message } from '../../../src/protocol/schema.js'
import { SimulatedClient } from '../../../src/sim/client.js'
import { CoordinatorLocator } from '../../../src/sim/group-locator.js'
import { Machine } from '../../../src/sim/machine.js'
import type { SimulatedNetwork } from '../../../src/sim/network.js'
import type { Simulation } from '../../../src/sim/simulation.js'

export type CoreProtocol = 'classic' | 'cooperative' | 'consumer'

export interface CoreMemberOptions {
  readonly groupId: string
  readonly protocol: CoreProtocol
  readonly topic: SeenTopic
  /** One of them at a time, whoever it is. */
  readonly brokers: () => Address
}

export class CoreMember {
  /** What it was told: to let go, and what it has. */
  readonly events: string[] = []
  /** Heartbeats that were answered well. */
  beats = 0
  #membership!: Membership
  #client!: SimulatedClient
  #locator!: CoordinatorLocator
  readonly #options: CoreMemberOptions
  #nowMs: () => number = () => 0
  #timer: Timer | undefined

  constructor(simulation: Simulation, network: SimulatedNetwork, host: string, options: CoreMemberOptions) {
    this.#options = options
    new Machine(simulation, network, host).boot(
      (ports) => {
        const { clock, random } = ports
        this.#nowMs = () => clock.monotonicMs()
        this.#locator = new CoordinatorLocator(ports, options.brokers, options.groupId)
        this.#client = new SimulatedClient(ports, this.#locator, host)
        this.#membership = membershipOf(options, random)
        this.#client.whenReady(() => {
          this.#membership.topicsSeen([options.topic], this.#nowMs())
          this.#membership.want({ topics: [options.topic.name] }, this.#nowMs())
          this.#drain()
        })
      },
      () => {},
    )
  }

  get generation(): number {
    return this.#membership.identity.generation
  }

  get isSettled(): boolean {
    return this.generation > 0 && !this.#membership.isRebalancing
  }

  get partitions(): readonly string[] {
    return this.#membership.partitions.map(keyOf).sort()
  }

  /** The broker that it was last told to be its coordinator. */
  get coordinator(): number {
    return this.#locator.nodeId
  }

  leave(): void {
    this.#membership.leave(this.#nowMs())
    this.#drain()
  }

  #drain(): void {
    // Its application lives.
    this.#membership.polled(this.#nowMs())
    for (let isDone = false; !isDone; ) {
      const { requests, events } = this.#membership.takeReady()
      for (const request of requests) this.#send(request)
      for (const event of events) {
        if (event.type === 'coordinator lost') this.#client.leave()
        else if (event.type === 'topics wanted') this.#membership.topicsSeen([this.#options.topic], this.#nowMs())
        // Who has lost an answer is told everything again; that is none.
        else if (event.type !== 'assigned' || event.added.length > 0) this.events.push(event.type)
        if (event.type === 'release') this.#membership.released(this.#nowMs())
      }
      isDone = requests.length === 0 && events.length === 0
    }
    this.#timer?.cancel()
    const dueMs = this.#membership.nextDeadlineMs()
    if (dueMs === Number.POSITIVE_INFINITY) return
    this.#timer = this.#client.ports.clock.timer(Math.max(0, dueMs - this.#nowMs()), () => {
      this.#membership.tick(this.#nowMs())
      this.#drain()
    })
  }

  #send({ id, api, body, waitsMs }: MembershipRequest): void {
    const message = MEMBERSHIP_MESSAGES[api] as unknown as Message
    this.#client.call(
      message,
      body as never,
      (_, response) => {
        if (response === undefined) this.#membership.failed(id, this.#nowMs())
        else {
          const answer = { id, api, body: response } as unknown as MembershipAnswer
          if (api.endsWith('Heartbeat') && answer.body.errorCode === 0) this.beats++
          this.#membership.answered(answer, this.#nowMs())
        }
        this.#drain()
      },
      waitsMs,
    )
  }
}

function membershipOf(
  { groupId, protocol }: CoreMemberOptions,
  random: ConstructorParameters<typeof ConsumerMembership>[0]['random'],
): Membership {
  if (protocol === 'consumer') return new ConsumerMembership({ groupId, memberId: randomUuid(random), random })
  const assignors = protocol === 'cooperative' ? [COOPERATIVE_STICKY] : DEFAULT_ASSIGNORS
  return new ClassicMembership({ groupId, assignors, random })
}
