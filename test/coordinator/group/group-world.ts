/**
 * A group in a hostile world: clients that join, heartbeat, commit, crash, come back and leave, a coordinator that moves and forgets what was not
 * committed, a partition that refuses records; and what must hold of it all the same, looked at with every answer.
 */
import assert from 'node:assert/strict'
import type { GroupReply, ResponseOf } from '../../../src/coordinator/group/group-requests.js'
import type { Ticket } from '../../../src/coordinator/shard.js'
import { errorOf, fetchOffsets, GROUP, offsetsOf, Rig, recordOf, sendCommit, sendJoin, sendSync } from './rig.js'
import { encodeSubscription } from './subscription.js'

const PARTITIONS = 4
/** Static members are away for longer than a round waits for them, others not. */
const SESSION_MS = { dynamic: 10_000, static: 40_000 }
const REBALANCE_MS = 15_000
/** The longest that an answer may take: a new member's time to join, and a round on top of it. */
const LONGEST_WAIT_MS = 5 * 60_000 + 2 * REBALANCE_MS

/** The log is read again at each of so many events. */
const COPY_EACH = 20

export type Event =
  | { readonly type: 'act' | 'leave' | 'crash' | 'change' | 'impatient'; readonly client: number }
  | { readonly type: 'commit'; readonly client: number; readonly partition: number; readonly offset: number }
  | { readonly type: 'commitAlone'; readonly partition: number; readonly offset: number }
  | { readonly type: 'fetch' | 'allAct' }
  | { readonly type: 'advance'; readonly ms: number }
  | { readonly type: 'move' | 'hold' | 'release' | 'refuse' }

interface Client {
  readonly name: string
  readonly instance: string | null
  readonly version: number
  memberId: string
  generation: number
  /** What it waits for; its answer is for nobody else. */
  ticket: Ticket | undefined
  phase: 'out' | 'joining' | 'joined' | 'syncing' | 'assigned'
  /** As the leader: everybody, of the round that it was told of. */
  members: readonly string[]
  skipsAssignment: boolean
  wish: number
}

interface Commit {
  readonly ticket: Ticket
  readonly partition: number
  readonly offset: number
}

export class GroupWorld {
  readonly rig: Rig
  readonly clients: Client[]
  /** What was seen, so that a test can say that its world was not empty. */
  readonly seen = { assigned: 0, rounds: 0, moves: 0, acknowledged: 0, replaced: 0, removed: 0, refused: 0 }
  #refusals = 0
  #checks = 0
  #submissions = 0
  #lastAssignedGeneration = 0
  /** By generation: which submission of the leader was handed out, and to whom what. */
  readonly #assigned = new Map<number, { submission: string; readonly byIdentity: Map<string, string> }>()
  readonly #submitted = new Map<string, ReadonlyMap<string, string>>()
  /** In the order in which they were decided. */
  readonly #commits: Commit[] = []
  /** By partition: the index of the last commit that was acknowledged. */
  readonly #acknowledged = new Map<number, number>()

  constructor(seed: number, clients: number) {
    this.rig = new Rig({ seed })
    this.rig.onReply = (ticket, reply) => this.#heard(ticket, reply)
    this.clients = Array.from({ length: clients }, (_, index) => ({
      name: `client${index}`,
      instance: index % 3 === 2 ? `instance${index}` : null,
      version: [9, 3, 9, 7, 0, 5][index % 6]!,
      memberId: '',
      generation: -1,
      ticket: undefined,
      phase: 'out',
      members: [],
      skipsAssignment: false,
      wish: 0,
    }))
  }

  run(events: readonly Event[]): void {
    for (const event of events) {
      this.#do(event)
      this.#check()
    }
    this.#comeToRest()
    const causes = this.rig.notes.map((note) => (note.what === 'cause' ? note.cause.reason : ''))
    this.seen.replaced = causes.filter((reason) => reason === 'static member replaced').length
  }

  #do(event: Event): void {
    const { rig } = this
    switch (event.type) {
      case 'act':
        return this.#act(this.clients[event.client]!)
      case 'allAct':
        for (const client of this.clients) this.#act(client)
        return rig.advance(1000)
      case 'leave':
        return this.#leave(this.clients[event.client]!)
      case 'crash':
        return forget(this.clients[event.client]!)
      case 'impatient': {
        // Its request has timed out; it asks again, as whom it was.
        const client = this.clients[event.client]!
        client.ticket = undefined
        if (client.phase === 'joining') client.phase = 'out'
        if (client.phase === 'syncing') client.phase = 'joined'
        return
      }
      case 'change': {
        const client = this.clients[event.client]!
        client.wish++
        if (client.phase === 'assigned') this.#join(client)
        return
      }
      case 'commit': {
        const { memberId, generation, phase, instance } = this.clients[event.client]!
        if (phase === 'assigned') this.#commit(event, { memberId, generation, instance })
        return
      }
      case 'commitAlone':
        return this.#commit(event, {})
      case 'fetch':
        // What waits to be committed is not told.
        if (!rig.isHeld) this.#fetch()
        return
      case 'advance':
        return rig.advance(event.ms)
      case 'hold':
        rig.isHeld = true
        return
      case 'release':
        rig.isHeld = false
        return rig.commit()
      case 'refuse':
        this.#refusals++
        rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
        return
      case 'move':
        return this.#move()
    }
  }

  // Clients

  /** The next thing that the protocol wants of it. */
  #act(client: Client): void {
    const { rig } = this
    if (client.ticket !== undefined) return
    if (client.phase === 'out') return this.#join(client)
    if (client.phase === 'joined') {
      client.phase = 'syncing'
      this.#ask(client, () => {
        const leads = client.members.length > 0 && !client.skipsAssignment
        const assignments = leads ? this.#assign(client) : {}
        return sendSync(rig, client.memberId, client.generation, { instance: client.instance, assignments })
      })
      return
    }
    const { memberId, generation, instance } = client
    if (client.phase === 'assigned') {
      const body = { groupId: GROUP, memberId, generationId: generation, groupInstanceId: instance }
      this.#ask(client, () => rig.send('Heartbeat', 4, body))
    }
  }

  #join(client: Client): void {
    client.phase = 'joining'
    const { memberId, instance, version, wish } = client
    this.#ask(client, () =>
      sendJoin(this.rig, {
        memberId,
        instance,
        version,
        sessionTimeoutMs: instance === null ? SESSION_MS.dynamic : SESSION_MS.static,
        rebalanceTimeoutMs: REBALANCE_MS,
        clientId: client.name,
        protocols: { range: encodeSubscription(['topic', `wish${wish}`]) },
      }),
    )
  }

  /** The answer may come before the ticket is known: it is heard then. */
  #ask(client: Client, send: () => Ticket): void {
    client.ticket = undefined
    const ticket = send()
    client.ticket = ticket
    const reply = this.#early.get(ticket)
    this.#early.clear()
    if (reply !== undefined) this.#heard(ticket, reply)
  }

  readonly #early = new Map<Ticket, GroupReply>()

  #assign({ members }: Client): Record<string, string> {
    const submission = `s${++this.#submissions}`
    const parts = new Map<string, number[]>(members.map((id) => [id, []]))
    for (let partition = 0; partition < PARTITIONS; partition++)
      parts.get(members[partition % members.length]!)!.push(partition)
    const assignments = [...parts].map(([id, partitions]) => [id, `${submission}:${partitions.join(',')}`] as const)
    this.#submitted.set(submission, new Map(assignments))
    return Object.fromEntries(assignments)
  }

  /** Also while it waits for an answer, which nobody reads then. */
  #leave(client: Client): void {
    if (client.memberId === '') return
    const { memberId, instance } = client
    client.ticket = undefined
    this.rig.send('LeaveGroup', 5, {
      groupId: GROUP,
      memberId: '',
      members: [{ memberId, groupInstanceId: instance, reason: 'closed' }],
    })
    forget(client)
  }

  #commit({ partition, offset }: { partition: number; offset: number }, who: object): void {
    const place = this.#commits.length
    const ticket = sendCommit(this.rig, 'topic', { [partition]: offset }, who)
    this.#commits.splice(place, 0, { ticket, partition, offset })
    const early = this.#early.get(ticket)
    this.#early.clear()
    if (early !== undefined) this.#heard(ticket, early)
  }

  #move(): void {
    this.seen.moves++
    const lost = new Set(this.rig.move())
    for (const client of this.clients) {
      if (client.ticket === undefined || !lost.has(client.ticket)) continue
      client.ticket = undefined
      // NOT_COORDINATOR: it asks again.
      if (client.phase === 'joining') client.phase = 'out'
      if (client.phase === 'syncing') client.phase = 'joined'
    }
  }

  // What is heard

  #heard(ticket: Ticket, reply: GroupReply): void {
    if (reply.api === 'OffsetCommit') {
      const index = this.#commits.findIndex((commit) => commit.ticket === ticket)
      if (index === -1) this.#early.set(ticket, reply)
      else if (reply.body.topics[0]!.partitions[0]!.errorCode === 0) {
        this.seen.acknowledged++
        this.#acknowledged.set(this.#commits[index]!.partition, index)
      }
      return
    }
    const client = this.clients.find((each) => each.ticket === ticket)
    // Assigned is who is told so, whether it still listens or not.
    if (client === undefined) this.#early.set(ticket, reply)
    if (client === undefined) return
    client.ticket = undefined
    if (reply.api === 'JoinGroup') this.#joined(client, reply.body)
    else if (reply.api === 'SyncGroup') this.#synced(client, reply.body)
    else if (reply.api === 'Heartbeat') {
      const error = errorOf(reply.body)
      if (error === 'NONE') this.#isCurrent(client)
      else this.#rejoin(client, error)
    }
  }

  #joined(client: Client, body: ResponseOf<'JoinGroup'>): void {
    const error = errorOf(body)
    if (error === 'MEMBER_ID_REQUIRED') {
      client.memberId = body.memberId
      client.phase = 'out'
      return
    }
    if (error !== 'NONE') return this.#rejoin(client, error)
    const { generationId = -1, members, memberId, skipAssignment = false } = body
    assert.ok(
      generationId >= this.#lastAssignedGeneration,
      `${client.name} joins generation ${generationId}, and ${this.#lastAssignedGeneration} was assigned`,
    )
    client.memberId = memberId
    client.generation = generationId
    client.members = members.map((member) => member.memberId)
    client.skipsAssignment = skipAssignment
    client.phase = 'joined'
    this.seen.rounds++
    if (members.length > 0)
      assert.ok(client.members.includes(memberId), `the leader ${client.name} is one of the members`)
  }

  #synced(client: Client, body: ResponseOf<'SyncGroup'>): void {
    const error = errorOf(body)
    if (error !== 'NONE') return this.#rejoin(client, error)
    client.phase = 'assigned'
    this.seen.assigned++
    const { generation } = client
    assert.ok(
      generation >= this.#lastAssignedGeneration,
      `generation ${generation} is assigned after ${this.#lastAssignedGeneration}`,
    )
    this.#lastAssignedGeneration = generation
    const text = Buffer.from(body.assignment).toString()
    const identity = client.instance ?? client.memberId
    const before = this.#assigned.get(generation)?.byIdentity.get(identity)
    if (before !== undefined) assert.equal(text, before, `${identity} keeps what it has in generation ${generation}`)
    // The leader did not know of it.
    if (text === '') return
    const [submission = '', list = ''] = text.split(':')
    const known = this.#assigned.get(generation) ?? { submission, byIdentity: new Map<string, string>() }
    this.#assigned.set(generation, known)
    assert.equal(submission, known.submission, `generation ${generation} has the assignment of one leader`)
    if (client.instance === null) {
      assert.equal(
        text,
        this.#submitted.get(submission)?.get(client.memberId),
        'what the leader has said is handed out',
      )
    }
    known.byIdentity.set(identity, text)
    for (const [other, otherText] of known.byIdentity) {
      if (other === identity) continue
      const others = partitionsOf(otherText)
      for (const partition of partitionsOf(list)) {
        assert.ok(
          !others.includes(partition),
          `partition ${partition} of generation ${generation} belongs to ${other} and ${identity}`,
        )
      }
    }
  }

  /** Who is told that all is well is in the generation that was assigned last. */
  #isCurrent({ name, generation, phase }: Client): void {
    if (phase !== 'assigned') return
    assert.equal(generation, this.#lastAssignedGeneration, `${name} is told that generation ${generation} is current`)
  }

  #rejoin(client: Client, error: string): void {
    client.phase = 'out'
    switch (error) {
      case 'REBALANCE_IN_PROGRESS':
        return
      case 'UNKNOWN_MEMBER_ID':
      case 'FENCED_INSTANCE_ID':
        this.seen.removed++
        client.memberId = ''
        return
      case 'ILLEGAL_GENERATION':
        client.generation = -1
        return
      case 'COORDINATOR_NOT_AVAILABLE':
        this.seen.refused++
        return
      default:
        assert.fail(`${client.name} is told ${error}`)
    }
  }

  // What must hold

  #check(): void {
    const { rig } = this
    for (const [ticket, sinceMs] of rig.open) {
      if (rig.isHeld) break
      assert.ok(
        rig.monotonicMs - sinceMs <= LONGEST_WAIT_MS,
        `ticket ${ticket} waits since ${rig.monotonicMs - sinceMs} ms`,
      )
    }
    if (!rig.isHeld) this.#checkDescribed()
    if (++this.#checks % COPY_EACH === 0) this.#checkCopy()
  }

  /** All members of a stable group know that they are in its generation, or have not heard anything yet. */
  #checkDescribed(): void {
    for (const group of this.rig.shard.groups) {
      if (group.state !== 'Stable') continue
      const described = this.rig.ask('DescribeGroups', 5, {
        groups: [group.groupId],
        includeAuthorizedOperations: false,
      })
      const members = new Map(described.groups[0]!.members.map((member) => [member.memberId, member]))
      for (const client of this.clients) {
        const member = members.get(client.memberId)
        if (member === undefined || client.phase !== 'assigned') continue
        const { byIdentity } = this.#assigned.get(client.generation) ?? { byIdentity: new Map<string, string>() }
        const believed = byIdentity.get(client.instance ?? client.memberId)
        const assignment = Buffer.from(member.memberAssignment).toString()
        // A static member may have missed a round; everybody else has been in it, or is out.
        if (believed !== undefined && client.instance === null) {
          assert.equal(assignment, believed, `${client.name} believes in generation ${client.generation}`)
        }
      }
    }
  }

  /** Who reads the log knows what who has written it knows. */
  #checkCopy(): void {
    const { rig } = this
    const copy = rig.loadedCopy()
    assert.deepEqual(offsetsOf(copy), offsetsOf(rig.shard))
    const here = recordOf(rig.shard, GROUP)
    // A group that is empty and could not write it down is another one in the log.
    if (here !== undefined && this.#refusals === 0) assert.deepEqual(plain(recordOf(copy, GROUP)), plain(here))
  }

  /** What was acknowledged is there, or something that was committed after it. */
  #fetch(): void {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
    const offsets = fetchOffsets(this.rig, { topic: partitions })['topic']!
    for (const [partition, index] of this.#acknowledged) {
      const allowed = this.#commits.slice(index).filter((commit) => commit.partition === partition)
      assert.ok(
        allowed.some(({ offset }) => offset === offsets[partition]),
        `partition ${partition} is at ${offsets[partition]}; ${allowed[0]!.offset} was acknowledged last`,
      )
    }
  }

  /** Nothing happens to it any more: everybody is answered, and who goes on is in one stable group. */
  #comeToRest(): void {
    const { rig } = this
    rig.isHeld = false
    rig.refuseNext = undefined
    rig.commit()
    const alive = this.clients.slice(0, Math.max(1, this.clients.length - 1))
    forget(this.clients.at(-1)!)
    for (let round = 0; round < 80; round++) {
      for (const client of alive) this.#act(client)
      rig.advance(4000)
      this.#check()
    }
    this.#fetch()
    for (const client of alive) {
      if (client.phase !== 'assigned' || client.generation !== this.#lastAssignedGeneration) {
        assert.fail(`${client.name} is ${client.phase} in generation ${client.generation}, and nothing is in its way`)
      }
    }
    const owned = alive.flatMap(({ instance, memberId, generation }) =>
      partitionsOf(this.#assigned.get(generation)?.byIdentity.get(instance ?? memberId) ?? ''),
    )
    assert.deepEqual(owned.sort(), ['0', '1', '2', '3'], 'every partition has its owner')
    // And then nobody comes any more.
    rig.advance(LONGEST_WAIT_MS)
    assert.equal(rig.open.size, 0, 'nobody waits')
  }
}

function forget(client: Client): void {
  client.memberId = ''
  client.generation = -1
  client.ticket = undefined
  client.phase = 'out'
  client.members = []
}

function partitionsOf(assignment: string): string[] {
  const list = assignment.includes(':') ? assignment.slice(assignment.indexOf(':') + 1) : assignment
  return list.split(',').filter((partition) => partition !== '')
}

function plain(record: unknown): unknown {
  return JSON.parse(JSON.stringify(record ?? null))
}
