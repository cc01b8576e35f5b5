/**
 * A few members of a quorum for tests that say what happens: messages and disks are quick and in order, time moves when it is told to, links are
 * cut and disks held by hand. The invariants of the model are looked at here, too.
 */
import assert from 'node:assert/strict'
import { Prng } from '../../src/base/prng.js'
import {
  ANY_SERVER,
  type OutgoingReply,
  type OutgoingRequest,
  type PeerResponse,
  type RaftReply,
  type RaftRequest,
} from '../../src/raft/messages.js'
import type { RaftNode } from '../../src/raft/raft-node.js'
import type { FetchSnapshotOrder } from '../../src/raft/raft-state.js'
import { DEFAULT_TIMEOUTS } from '../../src/raft/raft-timeouts.js'
import { type Voter, VoterSet } from '../../src/raft/voter-set.js'
import { type ModelBatch, ModelDisk } from './model-disk.js'
import { ModelInvariants } from './model-invariants.js'
import { ModelMember, type Surroundings } from './model-member.js'

const TICK_MS = 50

interface Waiting {
  readonly at: number
  readonly request: RaftRequest
  readonly answered: (reply: RaftReply) => void
}

export class QuorumRig implements Surroundings {
  readonly random = new Prng('rig')
  readonly members = new Map<number, ModelMember>()
  /** What members have asked each other, oldest first. */
  readonly asked: { readonly from: number; readonly to: number; readonly request: RaftRequest }[] = []
  readonly snapshotsWanted: (FetchSnapshotOrder & { readonly by: number })[] = []
  readonly #invariants = new ModelInvariants()
  readonly #queue: (() => void)[] = []
  readonly #waiting = new Map<number, Waiting>()
  readonly #blocked = new Set<string>()
  readonly #heldDisks = new Map<number, (() => void)[]>()
  readonly #asleep = new Set<number>()
  #nowMs = 0
  #tickets = 0
  #uids = 0
  #directories = 0

  constructor(voterCount: number, observerCount = 0) {
    const disks = Array.from({ length: voterCount + observerCount }, () => new ModelDisk(this.#directory(), undefined))
    const voters = new VoterSet(disks.slice(0, voterCount).map((disk, at) => voterOf(at + 1, disk)))
    for (const [at, disk] of disks.entries()) {
      if (at < voterCount) disk.startVoters = voters
      this.members.set(at + 1, new ModelMember(at + 1, disk, this, DEFAULT_TIMEOUTS))
    }
    for (const member of this.members.values()) member.start()
  }

  nowMs = (): number => this.#nowMs

  diskMs(): number {
    return 0
  }

  appendFails(): boolean {
    return false
  }

  uid(): number {
    return this.#uids++
  }

  raft(id: number): RaftNode<ModelBatch> {
    return this.member(id).raft
  }

  member(id: number): ModelMember {
    return this.members.get(id)!
  }

  voter(id: number): Voter {
    return voterOf(id, this.member(id).disk)
  }

  /** The only one that leads in the highest epoch. */
  get leader(): ModelMember {
    const leaders = [...this.members.values()].filter(({ runs, raft }) => runs && raft.role === 'leader')
    const found = leaders.sort((a, b) => b.raft.epoch - a.raft.epoch)[0]
    assert.ok(found !== undefined, 'nobody leads')
    return found
  }

  /** Any two of the others, in order of their ids. */
  others(than: ModelMember): ModelMember[] {
    return [...this.members.values()].filter((member) => member !== than)
  }

  /** Lets time pass for all that run and are awake. */
  run(ms: number): void {
    for (const endMs = this.#nowMs + ms; this.#nowMs < endMs; ) {
      this.#nowMs += TICK_MS
      for (const member of this.members.values()) {
        if (member.runs && !this.#asleep.has(member.id)) this.#do(member, () => member.raft.tick(this.#nowMs))
      }
      this.settle()
    }
  }

  /** Delivers everything that is on its way. */
  settle(): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) next()
  }

  /** Nothing comes from `a` to `b` any more; what is asked fails. */
  cut(a: number, b: number): void {
    this.#blocked.add(`${a}>${b}`)
  }

  isolate(id: number): void {
    for (const other of this.members.keys()) {
      this.cut(id, other)
      this.cut(other, id)
    }
  }

  heal(): void {
    this.#blocked.clear()
  }

  /** Flushes and saves of this member wait. */
  holdDisk(id: number): void {
    this.#heldDisks.set(id, [])
  }

  releaseDisk(id: number): void {
    const held = this.#heldDisks.get(id) ?? []
    this.#heldDisks.delete(id)
    for (const action of held) action()
    this.settle()
  }

  /** It stands still; what comes waits. */
  sleep(id: number): void {
    this.#asleep.add(id)
  }

  /** It goes on, and its timers are first. */
  wake(id: number, stalledMs: number): void {
    const member = this.member(id)
    this.#do(member, () => member.raft.tick(this.#nowMs, stalledMs))
    this.#asleep.delete(id)
  }

  crash(id: number): void {
    this.member(id).crash()
  }

  start(id: number): void {
    this.member(id).start()
  }

  replaceDisk(id: number): void {
    const member = this.member(id)
    member.crash()
    member.disk = new ModelDisk(this.#directory(), undefined)
    member.start()
  }

  propose(member: ModelMember, records = 1): number | undefined {
    let offset: number | undefined
    const batch = { baseOffset: 0, endOffset: records, epoch: 0, uid: -1, voters: undefined }
    this.#do(member, () => {
      offset = member.raft.propose(batch, records)?.baseOffset
    })
    return offset
  }

  /** Something happens to a member. */
  input(id: number, action: (raft: RaftNode<ModelBatch>) => void): void {
    this.inputs([id], action)
  }

  /** Something happens to these before any of them hears of another. */
  inputs(ids: readonly number[], action: (raft: RaftNode<ModelBatch>) => void): void {
    for (const id of ids) this.#do(this.member(id), () => action(this.raft(id)))
    this.settle()
  }

  /** Asks a member something from outside; the list gets the reply when there is one. */
  ask(member: ModelMember, request: RaftRequest): RaftReply[] {
    const replies: RaftReply[] = []
    this.#step(member, request, (reply) => replies.push(reply))
    this.settle()
    return replies
  }

  later(member: ModelMember, _: number, action: () => void): void {
    const { incarnation } = member
    const run = (): void => {
      if (member.runs && member.incarnation === incarnation) this.#do(member, action)
    }
    const held = this.#heldDisks.get(member.id)
    if (held !== undefined) held.push(run)
    else this.#queue.push(run)
  }

  request(from: ModelMember, { id, to, request }: OutgoingRequest): void {
    this.#invariants.stood(from, request)
    this.asked.push({ from: from.id, to, request })
    const { incarnation } = from
    const others = [...this.members.keys()].filter((other) => other !== from.id)
    const target = this.members.get(to === ANY_SERVER ? this.random.pick(others) : to)
    const then = (action: () => void): void => {
      this.#queue.push(() => {
        if (from.runs && from.incarnation === incarnation) this.#do(from, action)
      })
    }
    const failed = (): void => then(() => from.raft.failed(id, this.#nowMs))
    const deliver = (): void => {
      if (target === undefined || !this.#reaches(from, target)) return failed()
      if (this.#asleep.has(target.id)) return
      this.#step(target, request, (reply) => {
        if (!this.#reaches(target, from)) return failed()
        const response = this.#responseOf(target, reply)
        then(() => from.raft.answered(id, response, this.#nowMs))
      })
    }
    this.#queue.push(deliver)
  }

  reply(member: ModelMember, reply: OutgoingReply): void {
    const waiting = this.#waiting.get(reply.ticket)
    if (waiting === undefined) return
    this.#waiting.delete(reply.ticket)
    this.#invariants.replied(member, waiting.request, reply)
    waiting.answered(reply.reply)
  }

  fetchSnapshot(member: ModelMember, order: FetchSnapshotOrder): void {
    this.snapshotsWanted.push({ ...order, by: member.id })
  }

  appended(member: ModelMember, batch: ModelBatch): void {
    this.#invariants.appended(member.disk, batch)
  }

  truncates(member: ModelMember, endOffset: number): void {
    this.#invariants.truncated(member, endOffset)
  }

  changedRole(member: ModelMember): void {
    if (member.raft.role === 'leader') this.#invariants.leads(member)
  }

  #directory(): string {
    return `d${++this.#directories}`
  }

  #do(member: ModelMember, action: () => void): void {
    action()
    member.advance()
    this.#invariants.looked(member)
  }

  #step(member: ModelMember, request: RaftRequest, answered: (reply: RaftReply) => void): void {
    const ticket = ++this.#tickets
    this.#waiting.set(ticket, { at: member.id, request, answered })
    this.#do(member, () => member.raft.step(request, ticket, this.#nowMs))
  }

  #reaches(from: ModelMember, to: ModelMember): boolean {
    return to.runs && !this.#blocked.has(`${from.id}>${to.id}`)
  }

  #responseOf({ disk }: ModelMember, reply: RaftReply): PeerResponse<ModelBatch> {
    if (reply.kind !== 'fetch') return reply as PeerResponse<ModelBatch>
    const { outcome } = reply
    if (outcome.is !== 'records') return { ...reply, outcome }
    const { fromOffset, upToOffset } = outcome.records
    const batches = disk.batches.filter((each) => each.baseOffset >= fromOffset && each.endOffset <= upToOffset)
    return { ...reply, outcome: { is: 'records', records: batches.map((batch) => ({ ...batch, batch })) } }
  }
}

function voterOf(id: number, { directoryId }: ModelDisk): Voter {
  return { id, directoryId, endpoints: [] }
}
