/** A consumer that speaks the classic protocol, with an eager assignor: it gives everything back before it joins. As leader it deals partitions in turn. */
import { Reader } from '../../../../src/base/bytes/reader.js'
import { Writer } from '../../../../src/base/bytes/writer.js'
import type { Ticket } from '../../../../src/coordinator/shard.js'
import type { ErrorName } from '../../../../src/protocol/errors.js'
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
} from '../../../../src/protocol/messages/records/consumer-protocol.js'
import { errorOf, type Rig } from '../rig.js'
import { GROUP } from './modern-rig.js'

/** `owned`: partitions of the first topic. */
export function subscription(topics: readonly string[], owned: readonly number[] = []): Uint8Array {
  const writer = new Writer()
  writer.int16(1)
  ConsumerProtocolSubscription.encode(1, writer, {
    topics: [...topics],
    ownedPartitions: owned.length === 0 ? [] : [{ topic: topics[0]!, partitions: [...owned] }],
  })
  return writer.toBuffer()
}

export function assignment(topics: ReadonlyMap<string, number[]>): Buffer {
  const writer = new Writer()
  writer.int16(1)
  const assignedPartitions = [...topics].map(([topic, partitions]) => ({ topic, partitions }))
  ConsumerProtocolAssignment.encode(1, writer, { assignedPartitions, userData: new Uint8Array(0) })
  return writer.toBuffer()
}

export interface ClassicOptions {
  readonly topics: readonly string[]
  readonly instance?: string
  readonly protocols?: readonly string[]
  readonly sessionTimeoutMs?: number
  readonly rebalanceTimeoutMs?: number
}

type State = 'out' | 'joining' | 'joined' | 'syncing' | 'stable'

export class ClassicClient {
  readonly rig: Rig
  readonly name: string
  options: ClassicOptions
  id = ''
  generation = -1
  state: State = 'out'
  lastError: ErrorName = 'NONE'
  /** `orders-0`, ... */
  owned: readonly string[] = []
  isThere = false
  #ticket: Ticket | undefined
  #protocol = ''
  /** What it is told as leader. */
  #members: readonly { readonly memberId: string; readonly metadata: Uint8Array }[] = []

  constructor(rig: Rig, name: string, options: ClassicOptions) {
    this.rig = rig
    this.name = name
    this.options = options
  }

  get isWaiting(): boolean {
    return this.#ticket !== undefined
  }

  /** The next thing that a client does, and hears the answer if it comes at once. */
  step(): this {
    this.isThere = true
    this.hear()
    if (this.#ticket === undefined) {
      if (this.state === 'out') this.#join()
      else if (this.state === 'joined') this.#sync()
      else if (this.state === 'stable') this.#beat()
      this.hear()
    }
    return this
  }

  #join(): void {
    const { topics, instance = null, protocols = ['range'] } = this.options
    const { sessionTimeoutMs = 45_000, rebalanceTimeoutMs = 60_000 } = this.options
    this.owned = []
    this.state = 'joining'
    this.#ticket = this.rig.send(
      'JoinGroup',
      9,
      {
        groupId: GROUP,
        memberId: this.id,
        groupInstanceId: instance,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        protocolType: 'consumer',
        protocols: protocols.map((name) => ({ name, metadata: subscription(topics) })),
        reason: null,
      },
      this.name,
    )
  }

  #sync(): void {
    this.state = 'syncing'
    this.#ticket = this.rig.send('SyncGroup', 5, {
      groupId: GROUP,
      generationId: this.generation,
      memberId: this.id,
      groupInstanceId: this.options.instance ?? null,
      protocolType: 'consumer',
      protocolName: this.#protocol,
      assignments: this.#assignments(),
    })
  }

  #beat(): void {
    const { id, generation } = this
    const groupInstanceId = this.options.instance ?? null
    const body = { groupId: GROUP, generationId: generation, memberId: id, groupInstanceId }
    this.#refused(errorOf(this.rig.ask('Heartbeat', 4, body)))
  }

  hear(): void {
    const ticket = this.#ticket
    if (ticket === undefined) return
    if (this.state === 'joining') {
      const answer = this.rig.answer('JoinGroup', ticket)
      if (answer === undefined) return
      this.#ticket = undefined
      if (errorOf(answer) === 'MEMBER_ID_REQUIRED') {
        this.id = answer.memberId
        this.#join()
        return this.hear()
      }
      if (this.#refused(errorOf(answer))) return
      this.id = answer.memberId
      this.generation = answer.generationId!
      this.#protocol = answer.protocolName!
      this.#members = answer.members
      this.state = 'joined'
    } else {
      const answer = this.rig.answer('SyncGroup', ticket)
      if (answer === undefined) return
      this.#ticket = undefined
      if (this.#refused(errorOf(answer))) return
      this.state = 'stable'
      const bytes = answer.assignment
      const topics =
        bytes.length === 0 ? [] : ConsumerProtocolAssignment.decode(1, new Reader(bytes, 2)).assignedPartitions
      this.owned = topics
        .flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`))
        .sort()
    }
  }

  #refused(error: ErrorName): boolean {
    this.lastError = error
    if (error === 'NONE') return false
    this.state = 'out'
    if (error !== 'REBALANCE_IN_PROGRESS') this.owned = []
    if (error === 'UNKNOWN_MEMBER_ID' || error === 'FENCED_INSTANCE_ID') this.id = ''
    return true
  }

  #assignments() {
    const shares = this.#members.map(() => new Map<string, number[]>())
    let turn = 0
    for (const topic of this.options.topics) {
      const count = this.rig.image.topicsByName.get(topic)?.partitions.length ?? 0
      for (let partition = 0; partition < count; partition++) {
        const share = shares[turn++ % shares.length]
        if (share === undefined) continue
        share.set(topic, [...(share.get(topic) ?? []), partition])
      }
    }
    return this.#members.map(({ memberId }, i) => ({ memberId, assignment: assignment(shares[i]!) }))
  }

  /** The connection is lost, and with it the answer. */
  lose(): void {
    if (this.#ticket === undefined) return
    this.#ticket = undefined
    this.state = 'out'
  }

  leave(): ErrorName {
    const { id } = this
    const answer = this.rig.ask('LeaveGroup', 5, {
      groupId: GROUP,
      memberId: '',
      members: [{ memberId: id, groupInstanceId: this.options.instance ?? null, reason: null }],
    })
    this.die()
    return errorOf(answer.members![0]!)
  }

  die(): void {
    this.isThere = false
    this.#ticket = undefined
    this.state = 'out'
    this.id = ''
    this.owned = []
  }
}
