/**
 * A world of members of one quorum, driven by a seed: messages are late, lost, doubled and out of order; members crash and lose what was not
 * durable, stand still, are cut off one way or both, and lose their disks; voters come and go. After each event the invariants are
 * looked at. Then everything heals, and one leader must be followed by all in bounded virtual time.
 */
import assert from 'node:assert/strict'
import type { FlightRecorder } from '../../src/base/flight-recorder.js'
import { Heap } from '../../src/base/heap.js'
import { Prng } from '../../src/base/prng.js'
import {
  ANY_SERVER,
  type OutgoingReply,
  type OutgoingRequest,
  type PeerResponse,
  type RaftReply,
  type RaftRequest,
  type VoterChangeRequest,
} from '../../src/raft/messages.js'
import type { FetchSnapshotOrder, Ready } from '../../src/raft/raft-state.js'
import { CHECK_QUORUM_FACTOR, DEFAULT_TIMEOUTS } from '../../src/raft/raft-timeouts.js'
import { isSameReplica, type ReplicaKey, type Voter, VoterSet } from '../../src/raft/voter-set.js'
import { type ModelBatch, ModelDisk } from './model-disk.js'
import { ModelInvariants } from './model-invariants.js'
import { ModelMember, type Surroundings } from './model-member.js'

/** Until then a healed world has come to rest. */
const LONGEST_HEALING_MS = 60_000
const TICK_MS = 200
const LONGEST_ALONE_MS = DEFAULT_TIMEOUTS.fetchTimeoutMs * CHECK_QUORUM_FACTOR + 2 * TICK_MS
/** From the death of a leader, which the others see, to the next one. */
const LONGEST_FAILOVER_MS = 5000
/** How long a follower is cut off when all is well. */
const ISOLATION_MS = 5000

export interface WorldReport {
  readonly events: number
  readonly virtualMs: number
  /** From the healing on. */
  readonly convergedMs: number
  /** How often what was tried. */
  readonly counts: ReadonlyMap<string, number>
}

interface Asked {
  readonly from: ModelMember | undefined
  readonly incarnation: number
  readonly id: number
  readonly at: ModelMember
  readonly request: RaftRequest
  readonly answered: (reply: RaftReply) => void
  /** Looked at when it arrives; else it is forgotten. */
  readonly stillWanted?: () => boolean
}

/** How bad a world is; drawn, where it is not said. */
export interface Weather {
  readonly voters: number
  readonly lossChance: number
  readonly doubleChance: number
  readonly delayMs: number
  readonly lateChance: number
  readonly diskMs: number
  readonly appendFailChance: number
  readonly faultEveryMs: number
  readonly proposeEveryMs: number
  readonly changeEveryMs: number
  readonly snapshotEveryMs: number
  /** A Fetch is answered with one batch. */
  readonly readOneChance: number
  /** A new leader is asked to change the voters, or is struck, before it has got far. */
  readonly eagerChance: number
  readonly hastyChance: number
  readonly stormMs: number
}

export class ModelQuorum implements Surroundings {
  readonly random: Prng
  readonly recorders: FlightRecorder[] | undefined
  readonly #events = new Heap<() => void>()
  readonly #weather: Weather
  readonly #members: ModelMember[] = []
  readonly #invariants = new ModelInvariants()
  readonly #asked = new Map<number, Asked>()
  /** `a>b`: nothing comes from a to b. */
  readonly #blocked = new Set<string>()
  readonly #counts = new Map<string, number>()
  /** `a b`: when b asked a last. */
  readonly #heardMs = new Map<string, number>()
  readonly #ledSinceMs = new Map<number, number>()
  readonly #voterIds: readonly number[]
  readonly #trace: ((line: string) => void) | undefined
  #nowMs = 0
  #done = 0
  #tickets = 0
  #uids = 0
  #directories = 0
  #calm = false

  /** `trace`: what happens, a line each. `recorders` get one for each process. */
  constructor(
    seed: string | number,
    trace?: (line: string) => void,
    weather?: Partial<Weather>,
    recorders?: FlightRecorder[],
  ) {
    this.#trace = trace
    this.recorders = recorders
    const random = new Prng(seed)
    this.random = random
    const pick = <T>(...values: readonly T[]): T => random.pick(values)
    this.#weather = {
      voters: pick(1, 2, 3, 3, 3, 4, 5, 5),
      lossChance: pick(0, 0, 0.01, 0.1),
      doubleChance: pick(0, 0.02, 0.1),
      delayMs: pick(2, 10, 40),
      lateChance: pick(0, 0.01, 0.05),
      diskMs: pick(1, 5, 50),
      appendFailChance: pick(0, 0, 0.002, 0.01),
      faultEveryMs: pick(100, 300, 800, 2000),
      proposeEveryMs: pick(30, 100, 300),
      changeEveryMs: pick(100, 300, 1500, 6000, 1e9),
      snapshotEveryMs: pick(200, 1500, 1e9),
      readOneChance: pick(0, 0.2, 0.9),
      eagerChance: pick(0, 0, 0.8),
      hastyChance: pick(0, 0, 0.6),
      stormMs: random.between(2000, 9000),
      ...weather,
    }
    const { voters: voterCount } = this.#weather
    const total = voterCount + pick(0, 1, 1, 2)
    const disks = Array.from({ length: total }, () => this.#newDisk(undefined))
    const voters = disks.slice(0, voterCount).map((disk, at) => this.#voter(at + 1, disk))
    this.#voterIds = voters.map(({ id }) => id)
    for (const [at, disk] of disks.entries()) {
      if (at < voterCount) disk.startVoters = new VoterSet(voters)
      this.#members.push(new ModelMember(at + 1, disk, this, DEFAULT_TIMEOUTS))
    }
    this.#invariants.onCommitted = (by) => this.#checkMajority(by)
  }

  run(): WorldReport {
    for (const member of this.#members) {
      member.start()
      this.#after(this.random.below(200), () => this.#tick(member))
    }
    const { stormMs, ...weather } = this.#weather
    this.#often(weather.faultEveryMs, () => this.#fault())
    this.#often(weather.proposeEveryMs, () => this.#propose())
    this.#often(weather.changeEveryMs, () => this.#changeVoters())
    this.#often(weather.snapshotEveryMs, () => this.#takeSnapshot())
    this.#runUntil(stormMs, () => false)
    this.#heal()
    const healedMs = this.#nowMs
    this.#runUntil(healedMs + LONGEST_HEALING_MS, () => this.#hasConverged())
    if (!this.#hasConverged()) assert.fail(`no rest ${LONGEST_HEALING_MS} ms after healing: ${this.#describe()}`)
    const convergedMs = this.#nowMs - healedMs
    if (this.random.chance(0.25)) this.#isolateFollower()
    else if (this.random.chance(0.3)) this.#killLeader()
    return { events: this.#done, virtualMs: this.#nowMs, convergedMs, counts: this.#counts }
  }

  nowMs = (): number => this.#nowMs

  uid(): number {
    return this.#uids++
  }

  diskMs(): number {
    return this.random.exponential(this.#weather.diskMs)
  }

  appendFails(): boolean {
    const fails = !this.#calm && this.random.chance(this.#weather.appendFailChance)
    if (fails) this.#count('append failed')
    return fails
  }

  later(member: ModelMember, delayMs: number, action: () => void): void {
    const { incarnation } = member
    this.#after(delayMs, () => {
      if (!member.runs || member.incarnation !== incarnation) return
      const restMs = member.pausedUntilMs - this.#nowMs
      if (restMs >= 0) return this.later(member, restMs + 1 + this.random.below(5), action)
      action()
      member.advance()
      this.#invariants.looked(member)
    })
  }

  request(from: ModelMember, { id, to, request }: OutgoingRequest): void {
    this.#invariants.stood(from, request)
    this.#say(from, () => `asks ${to} ${JSON.stringify(request)}`)
    const others = this.#members.filter((member) => member !== from)
    const at = to === ANY_SERVER ? this.random.pick(others) : others.find((member) => member.id === to)
    const { incarnation } = from
    const asked = { from, incarnation, id, at: at ?? from, request }
    const answered = (reply: RaftReply): void => this.#answer(asked, reply)
    if (at === undefined) return this.#fail({ ...asked, answered })
    const times = this.random.chance(this.#weather.doubleChance) ? 2 : 1
    for (let n = 0; n < times; n++) this.#send({ ...asked, answered })
  }

  reply(member: ModelMember, reply: OutgoingReply): void {
    const asked = this.#asked.get(reply.ticket)
    if (asked === undefined) return
    this.#asked.delete(reply.ticket)
    this.#invariants.replied(member, asked.request, reply)
    this.#say(member, () => `answers ${asked.from?.id} ${JSON.stringify(reply.reply)}`)
    const { reply: content } = reply
    if (content.kind === 'fetch') this.#count(`fetch ${content.outcome.is}`)
    if (content.error !== 'NONE') this.#count(`${content.kind} ${content.error}`)
    if (asked.request.kind === 'vote' && content.kind === 'vote') {
      this.#count(`${asked.request.preVote ? 'pre-vote' : 'vote'} ${content.voteGranted ? 'granted' : 'refused'}`)
    }
    asked.answered(content)
  }

  fetchSnapshot(member: ModelMember, { leaderId, leaderEpoch, snapshotId }: FetchSnapshotOrder): void {
    const { incarnation, id, disk } = member
    const replica = { id, directoryId: disk.directoryId }
    const leader = this.#member(leaderId)
    const failed = (): void => this.later(member, 5, () => member.raft.snapshotFailed(this.#nowMs))
    const answered = ({ error }: RaftReply): void => {
      const { snapshot } = leader.disk
      const isThere = snapshot?.id.offset === snapshotId.offset && snapshot.id.epoch === snapshotId.epoch
      if (error !== 'NONE' || !isThere) return failed()
      this.later(member, this.#delayMs(), () => member.raft.snapshotPiece(this.#nowMs))
      this.later(member, this.#delayMs() + this.#delayMs(), () => {
        const { snapshot: earlier } = disk
        // Snapshots are files: an older one does not hide a later.
        if (earlier === undefined || earlier.id.offset < snapshotId.offset) disk.snapshot = snapshot
        // It is durable, and the power goes before the log is told.
        if (!this.#calm && this.random.chance(0.1)) return this.#after(0, () => this.#crash(member, incarnation))
        if (member.raft.snapshotLoaded(snapshotId, snapshot.voters, this.#nowMs)) {
          disk.restarting = true
          this.#count('snapshot loaded')
          this.#say(member, () => `has loaded the snapshot ${JSON.stringify(snapshotId)}`)
        } else {
          disk.snapshot = earlier
          this.#count('snapshot not wanted any more')
        }
      })
    }
    const request = { kind: 'fetchSnapshot', replica, currentLeaderEpoch: leaderEpoch, snapshotId } as const
    this.#send({ from: member, incarnation, id: 0, at: leader, request, answered })
  }

  appended(member: ModelMember, batch: ModelBatch): void {
    this.#invariants.appended(member.disk, batch)
    if (batch.voters !== undefined) this.#count('voters appended')
    this.#say(member, () => `has ${JSON.stringify(batch)}`)
  }

  truncates(member: ModelMember, endOffset: number): void {
    this.#invariants.truncated(member, endOffset)
    const { batches } = member.disk
    this.#count('log truncated')
    this.#say(member, () => `cuts its log at ${endOffset}`)
    if (batches.some(({ baseOffset, voters }) => voters && baseOffset >= endOffset)) this.#count('voters reverted')
  }

  changedRole(member: ModelMember, { role }: Ready<ModelBatch>): void {
    this.#count(`became ${role}`)
    this.#say(member, () => `is ${role}`)
    if (role === 'leader') {
      this.#invariants.leads(member)
      this.#ledSinceMs.set(member.id, this.#nowMs)
      if (!this.#calm) this.#meet(member)
    }
    if (role === 'resigned' && !this.#isVoter(member)) this.#count('removed leader resigned')
  }

  #say(at: ModelMember | undefined, text: () => string): void {
    if (this.#trace === undefined) return
    const state = at?.runs === true ? `${at.raft.role} epoch ${at.raft.epoch} end ${at.raft.endOffset}` : ''
    this.#trace(`${this.#nowMs.toFixed(1)} ${at?.id ?? ''}@${at?.disk.directoryId ?? ''} ${state}: ${text()}`)
  }

  #newDisk(voters: VoterSet | undefined): ModelDisk {
    return new ModelDisk(`d${++this.#directories}`, voters)
  }

  #voter(id: number, { directoryId }: ModelDisk): Voter {
    return { id, directoryId, endpoints: [] }
  }

  #member(id: number): ModelMember {
    return this.#members[id - 1]!
  }

  #isVoter({ id, disk, raft }: ModelMember): boolean {
    return raft.voters?.has(id, disk.directoryId) === true
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
  }

  #after(delayMs: number, action: () => void): void {
    this.#events.push(this.#nowMs + delayMs, action)
  }

  /** While the storm lasts. */
  #often(everyMs: number, action: () => void): void {
    this.#after(this.random.exponential(everyMs), () => {
      if (this.#calm) return
      action()
      this.#often(everyMs, action)
    })
  }

  #runUntil(endMs: number, isEnough: () => boolean): void {
    let lookedMs = this.#nowMs
    while (this.#events.peekKey() <= endMs) {
      this.#nowMs = this.#events.peekKey()
      this.#events.pop()!()
      this.#done++
      if (this.#nowMs < lookedMs + 100) continue
      lookedMs = this.#nowMs
      if (isEnough()) return
    }
    this.#nowMs = endMs
  }

  #tick(member: ModelMember): void {
    this.#after(this.random.between(TICK_MS / 2, TICK_MS), () => this.#tick(member))
    if (!member.runs || member.pausedUntilMs >= this.#nowMs) return
    if (!this.#calm && this.random.chance(0.01)) member.recapture()
    member.raft.tick(this.#nowMs)
    member.advance()
    this.#invariants.looked(member)
    if (member.raft.role === 'leader') this.#checkQuorum(member)
  }

  /** Who leads has been asked by a majority of late, or has not been awake for longer. */
  #checkQuorum({ id, disk, raft, pausedUntilMs }: ModelMember): void {
    const heardMs = raft.voters!.majorityValue((voter) => {
      if (voter.id === id && voter.directoryId === disk.directoryId) return this.#nowMs
      return this.#heardMs.get(`${id} ${voter.id}`) ?? 0
    })
    const silentMs = this.#nowMs - Math.max(heardMs, pausedUntilMs, this.#ledSinceMs.get(id)!)
    assert.ok(silentMs <= LONGEST_ALONE_MS, `${id} leads, and no majority has asked it for ${silentMs} ms`)
  }

  #delayMs(): number {
    const { delayMs, lateChance } = this.#weather
    if (this.#calm) return this.random.between(1, 5)
    // Some are held back as long as a connection may be.
    if (this.random.chance(lateChance)) return this.random.between(500, 8000)
    return 1 + this.random.exponential(delayMs)
  }

  #isLost(from: ModelMember | undefined, to: ModelMember): boolean {
    if (!to.runs || (from !== undefined && this.#blocked.has(`${from.id}>${to.id}`))) return true
    return !this.#calm && this.random.chance(this.#weather.lossChance)
  }

  #send(asked: Asked): void {
    const { from, at, request } = asked
    const deliver = (): void => {
      if (asked.stillWanted?.() === false) return
      if (this.#isLost(from, at)) return this.#fail(asked)
      if (at.pausedUntilMs >= this.#nowMs) {
        return this.#after(at.pausedUntilMs - this.#nowMs + 1 + this.random.below(5), deliver)
      }
      if (from !== undefined && request.kind === 'fetch') this.#heardMs.set(`${at.id} ${from.id}`, this.#nowMs)
      const ticket = ++this.#tickets
      this.#asked.set(ticket, asked)
      at.raft.step(request, ticket, this.#nowMs)
      at.advance()
      this.#invariants.looked(at)
    }
    this.#after(this.#delayMs(), deliver)
  }

  /** Whoever asked learns that there will be no answer, or does not. */
  #fail({ from, incarnation, id, request }: Asked): void {
    if (from === undefined || from.incarnation !== incarnation) return
    if (request.kind === 'fetchSnapshot') return this.later(from, 5, () => from.raft.snapshotFailed(this.#nowMs))
    if (!this.#calm && this.random.chance(0.5)) return
    this.later(from, this.#delayMs(), () => from.raft.failed(id, this.#nowMs))
  }

  #answer(asked: Pick<Asked, 'from' | 'incarnation' | 'id' | 'at' | 'request'>, reply: RaftReply): void {
    const { from, incarnation, id, at } = asked
    if (from === undefined || from.incarnation !== incarnation) return
    const deliver = (response: PeerResponse<ModelBatch>): void => {
      const times = this.random.chance(this.#weather.doubleChance) ? 2 : 1
      for (let n = 0; n < times; n++) {
        this.#after(this.#delayMs(), () => {
          if (from.incarnation !== incarnation) return
          if (this.#isLost(at, from)) return this.#fail({ ...asked, answered: () => {} })
          this.later(from, 0, () => from.raft.answered(id, response, this.#nowMs))
        })
      }
    }
    if (reply.kind === 'fetch') {
      // Reading takes its time: what is read is what stands there then.
      const read = (): void => deliver({ ...reply, outcome: this.#read(at, reply) })
      if (this.random.chance(0.2)) this.later(at, this.diskMs(), read)
      else read()
    } else if (reply.kind === 'vote' || reply.kind === 'beginQuorumEpoch' || reply.kind === 'endQuorumEpoch') {
      deliver(reply as PeerResponse<ModelBatch>)
    }
  }

  #read(
    { disk }: ModelMember,
    { outcome }: Extract<RaftReply, { kind: 'fetch' }>,
  ): Extract<PeerResponse<ModelBatch>, { kind: 'fetch' }>['outcome'] {
    if (outcome.is !== 'records') return outcome
    const { fromOffset, upToOffset } = outcome.records
    const wanted = disk.batches.filter((each) => each.baseOffset >= fromOffset && each.endOffset <= upToOffset)
    const some = !this.#calm && this.random.chance(this.#weather.readOneChance) ? wanted.slice(0, 1) : wanted
    return { is: 'records', records: some.map((batch) => ({ ...batch, batch })) }
  }

  #propose(): void {
    const leaders = this.#members.filter((member) => member.runs && member.raft.role === 'leader')
    for (const leader of leaders) {
      if (leader.pausedUntilMs >= this.#nowMs || (leaders.length > 1 && this.random.chance(0.3))) continue
      const size = this.random.between(1, 5)
      const batch = { baseOffset: 0, endOffset: size, epoch: 0, uid: -1, voters: undefined }
      leader.raft.propose(batch, size)
      leader.advance()
      this.#invariants.looked(leader)
    }
  }

  #ask(request: VoterChangeRequest, leader: ModelMember): void {
    const answered = ({ error }: RaftReply): void => {
      if (error === 'NONE') this.#count(`${request.kind} NONE`)
    }
    const wasCalm = this.#calm
    // An operator waits for the answer, and removes nobody whom the quorum cannot do without.
    const stillWanted = (): boolean => {
      if (wasCalm !== this.#calm || leader.raft?.voters === undefined) return false
      if (request.kind === 'addRaftVoter') return !this.#isGone(request.voter)
      return request.kind !== 'removeRaftVoter' || this.#canDecide(leader.raft.voters, request.voter)
    }
    this.#send({ from: undefined, incarnation: 0, id: 0, at: leader, request, answered, stillWanted })
  }

  #changeVoters(): void {
    const leaders = this.#members.filter(({ runs, raft }) => runs && raft.role === 'leader')
    if (leaders.length > 0) this.#changeVotersAt(this.random.pick(leaders))
  }

  #changeVotersAt(leader: ModelMember): void {
    const { voters } = leader.raft
    if (leader.raft.role !== 'leader' || voters === undefined) return
    const outside = this.#members.filter(({ id, disk }) => !voters.has(id, disk.directoryId))
    if (this.random.chance(0.5) && outside.length > 0) {
      const { id, disk } = this.random.pick(outside)
      const voter = this.#voter(id, disk)
      const timeoutMs = this.random.between(100, 5000)
      this.#ask({ kind: 'addRaftVoter', voter, timeoutMs, ackWhenCommitted: this.random.chance(0.7) }, leader)
    } else if (this.random.chance(0.8)) {
      const voter = this.random.chance(0.3)
        ? (voters.voters.find(({ id }) => id === leader.id) ?? this.random.pick(voters.voters))
        : this.random.pick(voters.voters)
      this.#ask({ kind: 'removeRaftVoter', voter }, leader)
    } else {
      const { epoch: currentLeaderEpoch } = leader.raft
      this.#ask({ kind: 'updateRaftVoter', currentLeaderEpoch, voter: this.random.pick(voters.voters) }, leader)
    }
  }

  #takeSnapshot(): void {
    const member = this.random.pick(this.#members)
    if (!member.runs || member.raft.highWatermark <= (member.disk.snapshot?.id.offset ?? 0)) return
    const { highWatermark } = member.raft
    const voters = member.raft.votersBefore(highWatermark)!
    this.later(member, this.diskMs(), () => {
      const { disk, raft } = member
      if (disk.restarting || highWatermark <= (disk.snapshot?.id.offset ?? 0)) return
      const id = this.#invariants.committedAt(highWatermark)!
      disk.snapshot = { id, voters }
      raft.snapshotTaken(highWatermark)
      assert.deepEqual(raft.capture().log.snapshotId, id)
      this.#count('snapshot taken')
      if (this.random.chance(0.3) || highWatermark > disk.persisted) return
      disk.trim(highWatermark, id.epoch, voters)
      raft.logStartMoved(highWatermark)
      this.#say(member, () => `has its log from ${highWatermark} on`)
    })
  }

  #fault(): void {
    const leader = this.#members.find(({ runs, raft }) => runs && raft.role === 'leader')
    const member = leader !== undefined && this.random.chance(0.4) ? leader : this.random.pick(this.#members)
    const kind = this.random.below(10)
    if (kind < 3) this.#crash(member, member.incarnation)
    else if (kind < 5) this.#pause(member)
    else if (kind < 8) this.#partition(member)
    else if (kind === 8) this.random.chance(0.5) ? this.#disconnect(member) : this.#resign(member)
    else this.#replaceDisk(member)
  }

  #crash(member: ModelMember, incarnation: number): void {
    if (!member.runs || member.incarnation !== incarnation) return
    this.#say(member, () => 'crashes')
    member.crash()
    this.#count('crash')
    this.#say(member, () => `has left ${member.disk.start.offset} to ${member.disk.end}`)
    for (const [ticket, asked] of this.#asked) {
      if (asked.at !== member) continue
      this.#asked.delete(ticket)
      this.#fail(asked)
    }
    for (const other of this.#members) {
      if (!other.runs || (!this.#calm && this.random.chance(0.3))) continue
      this.later(other, this.#delayMs(), () => other.raft.disconnected(member.id, this.#nowMs))
    }
    this.#after(this.random.exponential(1500), () => {
      if (!member.runs) member.start()
    })
  }

  #pause(member: ModelMember): void {
    if (!member.runs || member.pausedUntilMs >= this.#nowMs) return
    const { incarnation } = member
    const pauseMs = this.random.between(200, 5000)
    member.pausedUntilMs = this.#nowMs + pauseMs
    this.#count('pause')
    this.#after(pauseMs, () => {
      if (!member.runs || member.incarnation !== incarnation || member.pausedUntilMs > this.#nowMs) return
      const { role } = member.raft
      member.raft.tick(this.#nowMs, pauseMs)
      member.advance()
      assert.equal(member.raft.role, role, `${member.id} slept and judged others before it had read what they said`)
      this.#invariants.looked(member)
    })
  }

  #partition(member: ModelMember): void {
    this.#blocked.clear()
    const side = new Set([member])
    for (const other of this.#members) if (this.random.chance(0.3)) side.add(other)
    const way = this.random.below(3)
    for (const a of this.#members) {
      for (const b of this.#members) {
        if (side.has(a) === side.has(b)) continue
        if (way === 0 || (way === 1 && side.has(a)) || (way === 2 && side.has(b))) this.#blocked.add(`${a.id}>${b.id}`)
      }
    }
    this.#count(way === 0 ? 'partition' : 'one-way partition')
    this.#after(this.random.between(200, 6000), () => {
      if (!this.#calm) this.#blocked.clear()
    })
  }

  #disconnect(member: ModelMember): void {
    if (!member.runs || member.raft.leaderId === -1) return
    this.#count('session closed')
    this.later(member, 0, () => member.raft.disconnected(member.raft.leaderId, this.#nowMs))
  }

  /** What a new leader meets with. */
  #meet(member: ModelMember): void {
    const { eagerChance, hastyChance, delayMs } = this.#weather
    if (this.random.chance(eagerChance)) this.later(member, 0, () => this.#removeAtOnce(member))
    if (!this.random.chance(hastyChance)) return
    const { incarnation } = member
    this.#after(this.random.exponential(3 * delayMs), () => {
      if (this.#calm || member.incarnation !== incarnation) return
      if (this.random.chance(0.5)) this.#crash(member, incarnation)
      else this.#partition(member)
    })
  }

  /** Before it can have committed anything. */
  #removeAtOnce({ raft }: ModelMember): void {
    if (raft.role !== 'leader') return
    const voter = this.random.pick(raft.voters!.voters)
    if (!this.#canDecide(raft.voters!, voter)) return
    this.#count('asked to remove a voter at once')
    raft.step({ kind: 'removeRaftVoter', voter }, ++this.#tickets, this.#nowMs)
  }

  #resign(member: ModelMember): void {
    if (!member.runs || member.raft.role !== 'leader') return
    this.#count('asked to resign')
    this.later(member, 0, () => member.raft.resign(this.#nowMs))
  }

  #replaceDisk(member: ModelMember): void {
    const { id, disk } = member
    const lost = { id, directoryId: disk.directoryId }
    // More losses at a time than a quorum survives would only end it.
    const sets = this.#members.flatMap(({ raft, disk: { startVoters, batches } }) =>
      [startVoters, ...batches.map(({ voters }) => voters), raft?.voters].flatMap((set) => set ?? []).slice(-3),
    )
    const survives = (set: VoterSet): boolean => set.isMajority((voter) => !this.#isGone(voter, lost))
    if (!sets.every(survives)) return
    const isBeingAdded = this.#members.some(({ raft }) => {
      const change = raft?.capture().roles.leader?.change
      return change?.stage === 'catching up' && change.request.voter.id === id
    })
    if (isBeingAdded) return
    this.#crash(member, member.incarnation)
    member.disk = this.#newDisk(undefined)
    this.#count('disk replaced')
    this.#say(member, () => 'has a new disk')
  }

  /** Whether a majority still has its disk when this voter has been removed. */
  #canDecide(voters: VoterSet, removed: ReplicaKey): boolean {
    return voters.size > 1 && voters.without(removed).isMajority((voter) => !this.#isGone(voter))
  }

  #isGone(voter: ReplicaKey, lost?: ReplicaKey): boolean {
    const isLost = lost !== undefined && isSameReplica(voter, lost)
    return isLost || this.#member(voter.id).disk.directoryId !== voter.directoryId
  }

  /** What a leader commits is durable at a majority of its voters. */
  #checkMajority({ raft }: { readonly raft: ModelMember['raft'] }): void {
    // One whose log refused the batch with its new voters has the old ones again.
    if (raft.role !== 'leader') return
    const end = this.#invariants.committedAt(this.#invariants.committedEnd)!
    const has = (voter: Voter): boolean => this.#isGone(voter) || this.#member(voter.id).disk.holds(end)
    if (!raft.voters!.isMajority(has)) assert.fail(`${end.offset} is committed where no majority has it`)
  }

  #heal(): void {
    this.#calm = true
    this.#blocked.clear()
    for (const member of this.#members) if (!member.runs) member.start()
    const propose = (): void => {
      this.#propose()
      this.#repairVoters()
      this.#after(1000, propose)
    }
    propose()
  }

  /** A voter that is cut off raises no epoch, and disturbs nobody when it comes back (KIP-996). */
  #isolateFollower(): void {
    const leader = this.#members.find(({ raft }) => raft.role === 'leader')!
    const follower = this.#members.find((member) => member !== leader && this.#isVoter(member))
    if (follower === undefined || leader.raft.voters!.size < 3) return
    const { epoch } = leader.raft
    for (const { id } of this.#members) {
      this.#blocked.add(`${follower.id}>${id}`)
      this.#blocked.add(`${id}>${follower.id}`)
    }
    this.#count('follower isolated')
    this.#runUntil(this.#nowMs + ISOLATION_MS, () => false)
    assert.equal(follower.raft.epoch, epoch, 'a voter that was cut off has raised its epoch')
    this.#blocked.clear()
    this.#runUntil(this.#nowMs + ISOLATION_MS, () => false)
    assert.equal(leader.raft.role, 'leader', 'a voter that came back has deposed the leader')
    assert.equal(leader.raft.epoch, epoch, 'a voter that came back has begun an epoch')
    assert.equal(follower.raft.leaderId, leader.id, 'a voter that came back does not follow')
  }

  /** The others see its sessions end, and have a new leader soon. */
  #killLeader(): void {
    const old = this.#members.find(({ raft }) => raft.role === 'leader')!
    if (old.raft.voters!.size < 3) return
    const killedMs = this.#nowMs
    const { epoch } = old.raft
    const isLed = (): boolean =>
      this.#members.some(({ runs, raft }) => runs && raft.role === 'leader' && raft.epoch > epoch)
    this.#crash(old, old.incarnation)
    this.#runUntil(killedMs + LONGEST_FAILOVER_MS, isLed)
    assert.ok(isLed(), 'no leader follows the one that was killed')
    const tookMs = Math.ceil((this.#nowMs - killedMs) / 250) * 250
    this.#count(`a new leader within ${tookMs} ms`)
  }

  /** What an operator does after a disk was lost. */
  #repairVoters(): void {
    const leader = this.#members.find(({ runs, raft }) => runs && raft.role === 'leader')
    const voters = leader?.raft.voters
    if (leader === undefined || voters === undefined) return
    const gone = voters.voters.find((voter) => this.#isGone(voter))
    if (gone !== undefined) return this.#ask({ kind: 'removeRaftVoter', voter: gone }, leader)
    const missing = this.#voterIds.find((id) => !voters.hasId(id))
    if (missing === undefined) return
    const voter = this.#voter(missing, this.#member(missing).disk)
    this.#ask({ kind: 'addRaftVoter', voter, timeoutMs: 5000, ackWhenCommitted: true }, leader)
  }

  #hasConverged(): boolean {
    const leader = this.#members.find(({ raft }) => raft.role === 'leader')
    if (leader === undefined) return false
    const { epoch, endOffset, voters } = leader.raft
    if (voters!.voters.some((voter) => this.#isGone(voter))) return false
    if (!this.#voterIds.every((id) => voters!.hasId(id))) return false
    return this.#members.every(({ raft, pausedUntilMs }) => {
      if (pausedUntilMs >= this.#nowMs) return false
      const isRole = raft === leader.raft || (raft.role === 'follower' && raft.leaderId === leader.id)
      return isRole && raft.epoch === epoch && raft.endOffset === endOffset && raft.highWatermark === endOffset
    })
  }

  #describe(): string {
    const of = ({ id, raft, disk }: ModelMember): string => {
      const { role, epoch, leaderId, endOffset, highWatermark, voters } = raft
      const ids = voters?.voters.map((voter) => `${voter.id}${this.#isGone(voter) ? '(gone)' : ''}`)
      return `${id}@${disk.directoryId} ${role} epoch ${epoch} leader ${leaderId} end ${endOffset} hw ${highWatermark} voters ${ids}`
    }
    return this.#members.map(of).join('; ')
  }
}
