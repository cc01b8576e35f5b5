/**
 * A world of members of one group and the shard that coordinates it, on one clock that nobody else moves: requests and answers take their time and get lost,
 * members are slow, crash, leave and change their minds, the coordinator moves. It watches who reads what.
 */
import assert from 'node:assert/strict'
import { Reader } from '../../../../src/base/bytes/reader.js'
import { Writer } from '../../../../src/base/bytes/writer.js'
import { Prng } from '../../../../src/base/prng.js'
import {
  MEMBERSHIP_MESSAGES,
  type Membership,
  type MembershipAnswer,
  type MembershipApi,
  type MembershipEvent,
  type MembershipRequest,
  type SeenTopic,
} from '../../../../src/client/consumer/membership/membership.js'
import { keyOf, type TopicPartition } from '../../../../src/client/consumer/membership/topic-partition.js'
import type { GroupApi, GroupReply } from '../../../../src/coordinator/group/group-requests.js'
import type { Ticket } from '../../../../src/coordinator/shard.js'
import type { Fields } from '../../../../src/protocol/field.js'
import type { Schema } from '../../../../src/protocol/schema.js'
import { Rig, type RigOptions } from '../../../coordinator/group/rig.js'

const POLL_EVERY_MS = 1000
const LONGEST_WAY_MS = 200
/** More steps than this without the clock moving on: somebody asks to be called again and again. */
const STEPS_AT_ONCE = 1000

export interface WorldOptions extends RigOptions {
  /** A new core; the name is the member's. */
  readonly create: (name: string, random: Prng) => Membership
}

interface Waiting {
  readonly request: MembershipRequest
  readonly member: ModelMember
}

export class ModelMember {
  readonly name: string
  readonly core: Membership
  /** What its application reads: what the core may not take back before it has stopped. */
  readonly reading = new Map<string, TopicPartition>()
  topics: readonly string[] = []
  isAlive = true
  /** Its application does not poll. */
  isStuck = false
  hasLeft = false
  failure: string | undefined
  /** Handled one after the other, each with a delay. */
  readonly events: MembershipEvent[] = []
  isHandling = false
  assignments = 0

  constructor(name: string, core: Membership) {
    this.name = name
    this.core = core
  }
}

export class MemberWorld {
  readonly rig: Rig
  readonly random: Prng
  readonly members: ModelMember[] = []
  /** Of a hundred requests or answers so many get lost. */
  lossPercent = 0
  slowestReleaseMs = 500
  topics: SeenTopic[] = []
  readonly #options: WorldOptions
  readonly #agenda: { readonly atMs: number; readonly order: number; readonly action: () => void }[] = []
  readonly #waiting = new Map<Ticket, Waiting>()
  #order = 0
  #stepsAtOnce = 0

  constructor(options: WorldOptions) {
    this.#options = options
    this.random = new Prng(`world ${options.seed ?? ''}`)
    this.rig = new Rig(options)
    this.rig.onReply = (ticket, reply) => this.#replied(ticket, reply)
  }

  get nowMs(): number {
    return this.rig.monotonicMs
  }

  // What happens

  join(topics: readonly string[], name = `m${this.members.length}`): ModelMember {
    const member = new ModelMember(name, this.#options.create(name, this.random))
    this.members.push(member)
    member.topics = topics
    member.core.topicsSeen(this.topics, this.nowMs)
    member.core.want({ topics }, this.nowMs)
    this.#took(member)
    this.#pollLater(member)
    return member
  }

  want(member: ModelMember, topics: readonly string[]): void {
    if (!member.isAlive || member.hasLeft) return
    member.topics = topics
    member.core.want({ topics }, this.nowMs)
    this.#took(member)
  }

  leave(member: ModelMember): void {
    member.topics = []
    member.core.leave(this.nowMs)
    this.#took(member)
  }

  crash(member: ModelMember): void {
    member.isAlive = false
    member.reading.clear()
  }

  /** Members look at the topics now and then: each sees it when it does. */
  setTopics(topics: readonly SeenTopic[]): void {
    this.topics = [...topics]
    for (const member of this.members) {
      this.#later(this.random.below(2000), () => {
        if (!member.isAlive) return
        member.core.topicsSeen(this.topics, this.nowMs)
        this.#took(member)
      })
    }
  }

  moveCoordinator(): void {
    for (const ticket of this.rig.move()) {
      const waiting = this.#waiting.get(ticket)
      this.#waiting.delete(ticket)
      if (waiting !== undefined) this.#lost(waiting)
    }
  }

  // Time

  advance(ms: number): void {
    const endMs = this.nowMs + ms
    for (;;) {
      const agendaMs = this.#agenda[0]?.atMs ?? Number.POSITIVE_INFINITY
      const alive = this.members.filter(({ isAlive }) => isAlive)
      const deadlines = alive.map(({ core }) => core.nextDeadlineMs())
      const nextMs = Math.min(agendaMs, this.rig.shard.nextDeadlineMs(), ...deadlines)
      if (nextMs > endMs) break
      if (nextMs > this.nowMs) this.#stepsAtOnce = 0
      assert.ok(++this.#stepsAtOnce < STEPS_AT_ONCE, 'somebody asks to be called again and again')
      this.rig.advance(Math.max(0, nextMs - this.nowMs))
      while ((this.#agenda[0]?.atMs ?? Number.POSITIVE_INFINITY) <= this.nowMs) this.#agenda.shift()!.action()
      for (const member of alive) {
        if (!member.isAlive || member.core.nextDeadlineMs() > this.nowMs) continue
        member.core.tick(this.nowMs)
        this.#took(member)
      }
    }
    this.rig.advance(endMs - this.nowMs)
  }

  #later(delayMs: number, action: () => void): void {
    this.#agenda.push({ atMs: this.nowMs + delayMs, order: this.#order++, action })
    this.#agenda.sort((a, b) => a.atMs - b.atMs || a.order - b.order)
  }

  #pollLater(member: ModelMember): void {
    this.#later(POLL_EVERY_MS, () => {
      if (!member.isAlive) return
      if (!member.isStuck) {
        member.core.polled(this.nowMs)
        this.#took(member)
      }
      this.#pollLater(member)
    })
  }

  // Members

  #took(member: ModelMember): void {
    const { requests, events } = member.core.takeReady()
    for (const request of requests) this.#send({ request, member })
    for (const event of events) this.#happened(member, event)
    this.check()
  }

  #happened(member: ModelMember, event: MembershipEvent): void {
    if (event.type === 'topics wanted') {
      this.#later(this.random.below(LONGEST_WAY_MS), () => {
        if (!member.isAlive) return
        member.core.topicsSeen(this.topics, this.nowMs)
        this.#took(member)
      })
    } else if (event.type === 'left') member.hasLeft = true
    else if (event.type === 'failed') member.failure = event.message
    else if (event.type !== 'coordinator lost') {
      // Who has lost something knows that others may read it, and gives out nothing of it any more.
      if (event.type === 'release' && event.lost)
        for (const each of event.partitions) member.reading.delete(keyOf(each))
      member.events.push(event)
      this.#handle(member)
    }
  }

  /** In order, as the application's loop does it. */
  #handle(member: ModelMember): void {
    const event = member.events[0]
    if (event === undefined || member.isHandling) return
    member.isHandling = true
    this.#later(this.random.below(this.slowestReleaseMs + 1), () => {
      if (!member.isAlive) return
      member.events.shift()
      member.isHandling = false
      if (event.type === 'release') {
        for (const each of event.partitions) member.reading.delete(keyOf(each))
        member.core.released(this.nowMs)
      } else if (event.type === 'assigned') {
        member.assignments++
        const held = new Set(member.core.partitions.map(keyOf))
        // What was taken away before it could begin is not begun.
        for (const each of event.added) if (held.has(keyOf(each))) member.reading.set(keyOf(each), each)
      }
      this.#took(member)
      this.#handle(member)
    })
  }

  // The network

  #send(waiting: Waiting): void {
    this.#later(this.random.below(LONGEST_WAY_MS), () => {
      const { request, member } = waiting
      if (!member.isAlive) return
      if (this.random.below(100) < this.lossPercent) return this.#lost(waiting)
      const { api, body } = request
      const message = MEMBERSHIP_MESSAGES[api]
      const version = message.versions[1]
      const sent = reencoded(message.request as unknown as Schema<Fields>, version, body)
      // An answer may come at once.
      const before = new Set(this.rig.open.keys())
      this.#next = waiting
      const ticket = this.rig.send(api as GroupApi, version, sent as never, member.name)
      if (this.#next !== undefined && !before.has(ticket)) this.#waiting.set(ticket, waiting)
      this.#next = undefined
    })
  }

  /** Whose request is just being decided. */
  #next: Waiting | undefined

  #replied(ticket: Ticket, reply: GroupReply): void {
    let waiting = this.#waiting.get(ticket)
    this.#waiting.delete(ticket)
    if (waiting === undefined) {
      waiting = this.#next
      this.#next = undefined
    }
    if (waiting === undefined) return
    const { request, member } = waiting
    if (this.random.below(100) < this.lossPercent) return this.#lost(waiting)
    const message = MEMBERSHIP_MESSAGES[reply.api as MembershipApi]
    const body = reencoded(message.response as unknown as Schema<Fields>, message.versions[1], reply.body)
    this.#later(this.random.below(LONGEST_WAY_MS), () => {
      if (!member.isAlive) return
      member.core.answered({ id: request.id, api: reply.api, body } as unknown as MembershipAnswer, this.nowMs)
      this.#took(member)
    })
  }

  #lost({ request, member }: Waiting): void {
    this.#later(this.random.below(1000), () => {
      if (!member.isAlive) return
      member.core.failed(request.id, this.nowMs)
      this.#took(member)
    })
  }

  // What must hold

  /** Nobody reads what another reads. */
  check(): void {
    const readers = new Map<string, string>()
    for (const { name, reading } of this.members) {
      for (const key of reading.keys()) {
        const other = readers.get(key)
        assert.equal(other, undefined, `${other} and ${name} both read ${key} at ${this.nowMs}`)
        readers.set(key, name)
      }
    }
  }

  /** What is wrong when everything should have come to rest. */
  unsettled(): string | undefined {
    const active = this.members.filter(({ isAlive, hasLeft }) => isAlive && !hasLeft)
    for (const { name, failure, core, reading } of active) {
      if (failure !== undefined) return `${name} failed: ${failure}`
      if (core.isRebalancing) return `${name} is still rebalancing`
      const held = core.partitions.map(keyOf).sort().join(' ')
      if ([...reading.keys()].sort().join(' ') !== held) return `${name} does not read what it has`
    }
    const read = new Set(active.flatMap(({ reading }) => [...reading.keys()]))
    for (const topic of new Set(active.flatMap(({ topics }) => topics))) {
      const count = this.topics.find(({ name }) => name === topic)?.partitionCount ?? 0
      for (let partition = 0; partition < count; partition++) {
        if (!read.has(keyOf({ topic, partition }))) return `nobody reads ${topic}-${partition}`
      }
    }
    return undefined
  }
}

/** As it arrives on the other side. */
function reencoded(schema: Schema<Fields>, version: number, value: object): object {
  const writer = new Writer()
  schema.encode(version, writer, value as never)
  return schema.decode(version, new Reader(writer.toBuffer()))
}
