/** A replica of the model world: a broker that comes and goes, its log, and the core that it is just now. */
import { LeaderEpochCache } from '../../src/log/leader-epoch-cache.js'
import { type FollowedLog, type FollowerFetch, PartitionFollower } from '../../src/replication/partition-follower.js'
import { PartitionLeader } from '../../src/replication/partition-leader.js'
import type { PartitionView } from './model-controller.js'
import { LONGEST_LAG_MS, type ModelPartition } from './model-partition.js'

export interface ModelRecord {
  readonly leaderEpoch: number
  readonly value: number
}

/** So many records come with one answer. */
const MOST_RECORDS = 4
/** So many records at the end of a log may be wrong: the calm has to be long enough to fetch them again. */
const MOST_ODD = 30
/** Nobody waits for an answer longer. */
const PATIENCE_MS = 3000

/** What is on the disk, and what is not yet. Where it starts is durable. */
export class ModelLog implements FollowedLog {
  /** By offset; what stands in front of the start counts for nothing. */
  records: ModelRecord[] = []
  flushedEndOffset = 0
  startOffset = 0
  epochs = new LeaderEpochCache()

  get nextOffset(): number {
    return this.records.length
  }

  get settledEndOffset(): number {
    return this.records.length
  }

  append(record: ModelRecord): void {
    this.epochs.assign(record.leaderEpoch, this.records.length)
    this.records.push(record)
  }

  truncate(endOffset: number): void {
    this.records.length = endOffset
    this.epochs.truncateFromEnd(endOffset)
    this.flushedEndOffset = Math.min(this.flushedEndOffset, endOffset)
  }

  deleteBefore(offset: number): void {
    this.startOffset = offset
    this.epochs.truncateFromStart(offset)
  }

  /** Nothing of it is left, and it begins here. */
  restart(startOffset: number): void {
    this.truncate(0)
    this.records = Array.from({ length: startOffset }, () => GONE)
    this.flushedEndOffset = startOffset
    this.startOffset = startOffset
  }

  /** Whether what was told of it is gone. */
  crash(losesPower: boolean): void {
    if (!losesPower) return
    if (this.flushedEndOffset < this.startOffset) this.restart(this.startOffset)
    else this.truncate(this.flushedEndOffset)
  }
}

const GONE: ModelRecord = { leaderEpoch: -1, value: -1 }

interface Waiting {
  readonly value: number
  readonly endOffset: number
}

export class ModelReplica {
  readonly id: number
  readonly log = new ModelLog()
  readonly #world: ModelPartition
  /** What the metadata said that has not arrived here yet. */
  toLearn: PartitionView[] = []
  #view: PartitionView | undefined
  #brokerEpoch = -1
  #lives = false
  /** Counts up with each start, and each change of role: answers to what was asked before are nobody's. */
  #life = 0
  leader: PartitionLeader | undefined
  follower: PartitionFollower | undefined
  #waiting: Waiting[] = []
  /** Offsets before which somebody wants to have all deleted, and waits for it. */
  #deletions: number[] = []
  /** Where its leader's log starts, as it was told. */
  #leaderStartOffset = 0
  /** From where on the log is not what was committed. */
  #oddFrom: number | undefined
  /** Orders to fetch the log again: given, as leader, and followed. */
  #orders = new Map<number, number>()
  #followed = 0
  #asked: { readonly fetch: FollowerFetch; readonly atMs: number } | undefined

  constructor(world: ModelPartition, id: number) {
    this.#world = world
    this.id = id
  }

  get lives(): boolean {
    return this.#lives
  }

  get highWatermark(): number {
    return this.leader?.highWatermark ?? this.follower?.highWatermark ?? 0
  }

  start(): void {
    if (this.#lives) return
    this.#world.note(`start ${this.id}`)
    this.#lives = true
    this.#life++
    this.#brokerEpoch = this.#world.controller.register(this.id)
    // It catches up with the metadata before it is in use.
    this.toLearn = [this.#world.controller.view]
    this.#view = undefined
  }

  crash(): void {
    if (!this.#lives) return
    this.#world.note(`crash ${this.id}`)
    this.#lives = false
    this.#life++
    this.leader = undefined
    this.follower = undefined
    this.#asked = undefined
    this.#waiting = []
    this.#deletions = []
    this.#leaderStartOffset = 0
    this.#oddFrom = undefined
    this.log.crash(this.#world.options.losesPower)
  }

  /** The next thing that the metadata says. */
  learn(): void {
    const view = this.toLearn.shift()
    if (!this.#lives || view === undefined) return
    this.#world.note(`learn ${this.id} ${view.leader}@${view.leaderEpoch} ${view.isr}`)
    const before = this.#view
    this.#view = view
    if (before?.leaderEpoch === view.leaderEpoch) {
      this.leader?.changed(view.partitionEpoch, view.replicas, view.isr)
      this.leader?.setUsable(view.usable)
      this.#settle()
      return
    }
    this.#become(view)
  }

  #become(view: PartitionView): void {
    const highWatermark = this.highWatermark
    const { flushPolicy, minInsyncReplicas } = this.#world.options
    this.leader = undefined
    this.follower = undefined
    this.#asked = undefined
    this.#waiting = []
    this.#deletions = []
    this.#orders = new Map()
    this.#followed = 0
    const oddFrom = this.#oddFrom
    this.#oddFrom = undefined
    const { leaderEpoch } = view
    if (view.leader === this.id) {
      const { log } = this
      log.epochs.assign(leaderEpoch, log.nextOffset)
      this.leader = new PartitionLeader({
        nodeId: this.id,
        leaderEpoch,
        partitionEpoch: view.partitionEpoch,
        replicas: view.replicas,
        isr: view.isr,
        eligible: [],
        flushPolicy,
        minInsyncReplicas,
        longestLagMs: LONGEST_LAG_MS,
        highWatermark: Math.max(Math.min(highWatermark, log.nextOffset), log.startOffset),
        startOffset: log.startOffset,
        logEndOffset: log.nextOffset,
        flushedEndOffset: log.flushedEndOffset,
        nowMs: this.#world.nowMs,
      })
      this.leader.setUsable(view.usable)
      this.#settle()
    } else if (view.leader > 0) {
      this.log.epochs.truncateFromEnd(this.log.nextOffset)
      this.follower = new PartitionFollower({ leaderId: view.leader, leaderEpoch, flushPolicy, highWatermark })
      if (oddFrom !== undefined && !view.isr.includes(this.id)) this.#rebuild(oddFrom)
    }
  }

  produce(): void {
    const { leader } = this
    if (leader === undefined || !leader.hasEnoughInSync) return
    const value = ++this.#world.produced
    this.log.append({ leaderEpoch: leader.leaderEpoch, value })
    this.#waiting.push({ value, endOffset: this.log.nextOffset })
    leader.appended(this.log.nextOffset)
    this.#world.note(`produce ${this.id} ${value} at ${this.log.nextOffset - 1}`)
    this.#settle()
  }

  /** Somebody wants to have deleted what is committed, or some of it. */
  deleteFront(): void {
    const { leader, log } = this
    if (leader === undefined) return
    const offset = log.startOffset + this.#world.random.below(leader.highWatermark - log.startOffset + 1)
    if (offset === log.startOffset) return
    this.#world.note(`delete ${this.id} ${offset}`)
    log.deleteBefore(offset)
    leader.startMoved(offset)
    this.#deletions.push(offset)
    this.#settle()
  }

  #followStart(): void {
    const { follower, log } = this
    const offset = this.#leaderStartOffset
    if (offset > log.startOffset && offset <= follower!.highWatermark) log.deleteBefore(offset)
  }

  flush(): void {
    if (!this.#lives) return
    this.log.flushedEndOffset = this.log.nextOffset
    this.leader?.flushed(this.log.flushedEndOffset)
    this.#settle()
  }

  /** What this leader has is not what was committed. */
  handOver(): void {
    const { leader, log, id } = this
    if (leader?.handOver(leader.isr.filter((each) => each !== id)) !== true) return
    this.#world.note(`hand-over ${id}`)
    this.#oddFrom = Math.max(0, log.nextOffset - this.#world.random.below(MOST_ODD))
  }

  /** What that replica has is not what was committed. */
  keepOut({ id }: ModelReplica): void {
    const { leader } = this
    const position = leader?.positionOf(id) ?? -1
    if (leader === undefined || position <= 0) return
    if (!leader.keepOut(id, Math.max(0, position - 1 - this.#world.random.below(MOST_ODD)))) return
    this.#world.note(`keep-out ${id}`)
    this.#orders.set(id, this.#world.nextOrder())
  }

  /** Again and again, and it may come late. */
  #order(): void {
    const { leader } = this
    if (leader === undefined) return
    const { leaderEpoch } = leader
    for (const [id, number] of this.#orders) {
      const fromOffset = leader.keptOutFrom(id)
      const other = this.#world.replica(id)
      const life = other.#life
      if (fromOffset === undefined) this.#orders.delete(id)
      else if (leader.mayRebuild(id)) {
        this.#world.send(`order ${id}`, () => {
          if (other.#life === life) other.#told(leaderEpoch, fromOffset, number)
        })
      }
    }
  }

  #told(leaderEpoch: number, fromOffset: number, number: number): void {
    const isInSync = this.#view?.isr.includes(this.id) !== false
    if (isInSync || this.follower?.leaderEpoch !== leaderEpoch || number <= this.#followed) return
    this.#followed = number
    this.#rebuild(fromOffset)
  }

  #rebuild(fromOffset: number): void {
    const { follower, log } = this
    const { endOffset } = follower!.rebuild(fromOffset, log)
    this.#world.note(`rebuild ${this.id} ${endOffset}`)
    log.truncate(Math.min(endOffset, log.nextOffset))
    follower!.changed(log)
  }

  tick(): void {
    this.leader?.tick(this.#world.nowMs, 0)
    this.#order()
    this.#propose()
  }

  /** A follower asks its leader, if it is time. */
  ask(): void {
    const { follower } = this
    if (follower === undefined) return
    const { nowMs } = this.#world
    if (this.#asked !== undefined && nowMs < this.#asked.atMs + PATIENCE_MS) return
    const fetch = follower.next(this.log)
    if (fetch === undefined) return
    const asked = { fetch, atMs: nowMs }
    this.#asked = asked
    const life = this.#life
    const over = (): void => {
      if (this.#asked === asked) this.#asked = undefined
    }
    const leader = this.#world.replica(follower.leaderId)
    const brokerEpoch = this.#brokerEpoch
    const question = `fetch ${this.id} ${fetch.fetchOffset}@${fetch.leaderEpoch}`
    this.#world.send(question, () => leader.#answer(this, life, brokerEpoch, fetch, over), over)
  }

  #answer(from: ModelReplica, life: number, brokerEpoch: number, fetch: FollowerFetch, over: () => void): void {
    const { leader, log } = this
    if (leader === undefined || leader.leaderEpoch !== fetch.leaderEpoch) return over()
    const end = fetch.lastFetchedEpoch < 0 ? undefined : log.epochs.endOffsetFor(fetch.lastFetchedEpoch, log.nextOffset)
    const parts = end !== undefined && (end.leaderEpoch < fetch.lastFetchedEpoch || end.endOffset < fetch.fetchOffset)
    const isOutOfRange = !parts && (fetch.fetchOffset > log.nextOffset || fetch.fetchOffset < log.startOffset)
    if (!parts && !isOutOfRange) {
      leader.fetched(from.id, fetch.fetchOffset, brokerEpoch, this.#world.nowMs, fetch.logStartOffset)
      this.#settle()
    }
    const records = parts || isOutOfRange ? [] : log.records.slice(fetch.fetchOffset, fetch.fetchOffset + MOST_RECORDS)
    const answer = {
      error: isOutOfRange ? ('out of range' as const) : ('none' as const),
      highWatermark: leader.highWatermark,
      logStartOffset: log.startOffset,
      divergingEpoch: parts ? { epoch: end.leaderEpoch, endOffset: end.endOffset } : undefined,
    }
    const deliver = (): void => {
      over()
      if (from.#life === life) from.#answered(fetch, answer, records)
    }
    this.#world.send(`fetched ${from.id} ${fetch.fetchOffset}@${fetch.leaderEpoch} ${records.length}`, deliver, over)
  }

  #answered(
    fetch: FollowerFetch,
    answer: Parameters<PartitionFollower['answered']>[1],
    records: readonly ModelRecord[],
  ): void {
    const { follower, log } = this
    if (follower === undefined) return
    this.#leaderStartOffset = Math.max(this.#leaderStartOffset, answer.logStartOffset)
    const action = follower.answered(fetch, answer, log)
    switch (action.action) {
      case 'append':
        for (const record of records) log.append(record)
        follower.changed(log)
        this.#followStart()
        break
      case 'truncate':
        this.#world.note(`truncate ${this.id} ${action.endOffset}`)
        log.truncate(action.endOffset)
        follower.changed(log)
        break
      case 'restart':
        this.#world.note(`restart ${this.id} ${action.startOffset}`)
        log.restart(action.startOffset)
        follower.changed(log)
        break
      default:
    }
  }

  /** What follows from what the leader knows now. */
  #settle(): void {
    const { leader } = this
    if (leader === undefined) return
    this.#propose()
    this.#world.invariants.committed(this)
    const acknowledged = this.#waiting.filter(({ endOffset }) => endOffset <= leader.highWatermark)
    this.#waiting = this.#waiting.filter(({ endOffset }) => endOffset > leader.highWatermark)
    for (const { value } of acknowledged) this.#world.invariants.acknowledged(value)
    for (const offset of this.#deletions) {
      if (offset <= leader.lowWatermark) this.#world.invariants.deleted(offset)
    }
    this.#deletions = this.#deletions.filter((offset) => offset > leader.lowWatermark)
  }

  #propose(): void {
    const { leader } = this
    const proposal = leader?.takeProposal()
    if (leader === undefined || proposal === undefined) return
    const life = this.#life
    const { controller, random } = this.#world
    const brokerEpoch = this.#brokerEpoch
    const told = (answer: Parameters<PartitionLeader['answered']>[1]): void => {
      if (this.#life !== life || this.leader !== leader) return
      leader.answered(proposal.number, answer)
      this.#settle()
    }
    const unanswered = (): void => told({ kind: 'unanswered' })
    const who = proposal.isr.map((each) => each.brokerId)
    const decide = (): void => {
      const answer = controller.alterPartition(this.id, brokerEpoch, proposal)
      this.#world.send(`altered ${this.id} ${answer.kind}`, () => told(answer), unanswered)
    }
    this.#world.send(`alter ${this.id} ${who}@${proposal.partitionEpoch}`, decide, unanswered)
    // It may be held back somewhere and arrive much later, when it has been asked again.
    if (random.chance(0.05)) {
      const late = (): void => void controller.alterPartition(this.id, brokerEpoch, proposal)
      this.#world.send(`alter-late ${this.id} ${who}@${proposal.partitionEpoch}`, late)
    }
  }
}
