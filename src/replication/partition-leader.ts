/**
 * PartitionLeader: what the leader of one partition knows of its replicas, in one leader epoch: how far each has the log, who is in sync, and from that
 * the high watermark, below which records are committed and visible. Who is in sync is for the controller to say: the leader proposes.
 *
 * It counts itself like any other replica: under `flush.policy=commit` for what it has flushed, under `os` for what it has appended. Guarantees:
 *
 *   - The high watermark never goes back, and moves only while enough replicas are known to be in sync.
 *   - Whoever the controller may make leader after this one has all that is below it: it counts everybody who is in sync and everybody who has been
 *     proposed to be, from the moment on in which the proposal leaves (the maximal ISR).
 *   - Nobody is proposed who has not fetched in this epoch, in the incarnation that is in use, all that may have been committed: up to the high watermark
 *     and up to where the epoch starts, whichever is later.
 *   - Whose log is not what was committed is kept out until it asks for that again. A leader whose own log is not hands over, to others who are in sync.
 *   - What is in front of the low watermark is with nobody who may lead: it counts all who are there, in sync or eligible, and nobody is proposed who has still
 *     what this leader has deleted.
 *
 * Sources: KIP-101, KIP-107, KIP-497, KIP-903, KIP-966, KAFKA-7128, KAFKA-15021.
 */
import { assert } from '../base/assert.js'
import { afterFetch, type FollowerState, UNSEEN } from './follower-progress.js'
import type { IsrProposal, ProposalAnswer } from './isr-proposal.js'
import type {
  FlushPolicy,
  PartitionLeaderOptions,
  PartitionLeaderState,
  PendingProposal,
} from './partition-leader-state.js'

export class PartitionLeader {
  readonly leaderEpoch: number
  /** Where the log ended when the epoch began: all below it may be committed. */
  readonly epochStartOffset: number
  readonly #nodeId: number
  #partitionEpoch: number
  #flushPolicy: FlushPolicy
  #minInsyncReplicas: number
  #longestLagMs: number
  #replicas: readonly number[]
  #isr: readonly number[]
  #eligible: readonly number[]
  #isRecovering: boolean
  readonly #followers: Map<number, FollowerState>
  readonly #keptOut: Map<number, number>
  /** Brokers that may be in sync, with the epoch of their incarnation. */
  #usable: ReadonlyMap<number, number>
  #proposals: number
  #pending: PendingProposal | undefined
  #startOffset: number
  #logEndOffset: number
  #flushedEndOffset: number
  #highWatermark: number
  #nowMs: number

  constructor(options: PartitionLeaderOptions | PartitionLeaderState) {
    const { nodeId, isr, replicas, flushedEndOffset, logEndOffset, highWatermark } = options
    assert(isr.includes(nodeId), () => `${nodeId} leads a partition without being in sync: ${isr}`)
    assert(
      flushedEndOffset <= logEndOffset && highWatermark <= logEndOffset,
      () => `flushed ${flushedEndOffset}, committed ${highWatermark}, end ${logEndOffset}`,
    )
    const state = 'followers' in options ? options : undefined
    this.leaderEpoch = options.leaderEpoch
    this.epochStartOffset = state?.epochStartOffset ?? logEndOffset
    this.#nodeId = nodeId
    this.#partitionEpoch = options.partitionEpoch
    this.#flushPolicy = options.flushPolicy
    this.#minInsyncReplicas = options.minInsyncReplicas
    this.#longestLagMs = options.longestLagMs
    this.#replicas = replicas
    this.#isr = isr
    this.#eligible = options.eligible
    this.#isRecovering = options.isRecovering ?? false
    this.#followers = new Map(state?.followers)
    this.#keptOut = new Map(state?.keptOut)
    this.#usable = new Map(state?.usable)
    this.#proposals = state?.proposals ?? 0
    this.#pending = state?.pending
    this.#startOffset = options.startOffset
    this.#logEndOffset = logEndOffset
    this.#flushedEndOffset = flushedEndOffset
    this.#highWatermark = highWatermark
    this.#nowMs = options.nowMs
    // Who is in sync has as long to show it as anybody.
    if (state === undefined) {
      for (const id of isr) this.#followers.set(id, { ...UNSEEN, caughtUpMs: options.nowMs })
      this.#proposeRecovered()
    }
    this.#count()
  }

  /** The end (exclusive) of what is committed. */
  get highWatermark(): number {
    return this.#highWatermark
  }

  /** Before that nobody is told of a high watermark: the leader before may have told of a later one. */
  get knowsHighWatermark(): boolean {
    return this.#highWatermark >= this.epochStartOffset
  }

  /**
   * The least start of all logs that may ever be read: this one, those whose brokers are in use, and those of replicas that may lead, whether these are there or
   * not. -1: one of them has not said yet where it starts.
   */
  get lowWatermark(): number {
    let lowest = this.#startOffset
    for (const id of this.#replicas.filter((each) => each !== this.#nodeId)) {
      if (this.#mayLead(id) || this.#usable.has(id)) lowest = Math.min(lowest, this.#stateOf(id).startOffset)
    }
    return lowest
  }

  get isr(): readonly number[] {
    return this.#isr
  }

  /** It has still to tell the controller that it goes on with what it has. */
  get isRecovering(): boolean {
    return this.#isRecovering
  }

  get replicas(): readonly number[] {
    return this.#replicas
  }

  get partitionEpoch(): number {
    return this.#partitionEpoch
  }

  /** Everybody who may be in sync by now: nothing is committed without one of them. */
  get maximalIsr(): readonly number[] {
    return this.#replicas.filter((id) => this.#isr.includes(id) || this.#isProposed(id))
  }

  /** Whether there are enough replicas in sync for a produce with acks=all. */
  get hasEnoughInSync(): boolean {
    return this.#isEnough(this.#isr)
  }

  /** How far a follower has the log; -1: nobody knows. */
  positionOf(replicaId: number): number {
    return this.#stateOf(replicaId).position
  }

  /**
   * What the metadata says, in this leader epoch. What was proposed on the ground of an older partition epoch can only be refused, or is what is said now.
   * True: the high watermark has moved.
   */
  changed(
    partitionEpoch: number,
    replicas: readonly number[],
    isr: readonly number[],
    isRecovering: boolean = false,
    eligible: readonly number[] = [],
  ): boolean {
    if (partitionEpoch <= this.#partitionEpoch) return false
    this.#adopt(partitionEpoch, isr)
    this.#replicas = replicas
    for (const id of this.#followers.keys()) {
      if (replicas.includes(id)) continue
      this.#followers.delete(id)
      this.#keptOut.delete(id)
    }
    this.#isRecovering = isRecovering
    this.#eligible = eligible
    this.#proposeRecovered()
    return this.#count()
  }

  /** Who may be in sync from now on: brokers that are in use, with the epochs of their incarnations. True: the high watermark has moved. */
  setUsable(usable: ReadonlyMap<number, number>): boolean {
    this.#usable = usable
    return this.#count()
  }

  /**
   * A follower asks for what is behind `position`: it has the rest, from `startOffset` on. `answer`: of this broker, which it had by then. True: the high watermark or its
   * start has moved.
   */
  fetched(
    replicaId: number,
    position: number,
    brokerEpoch: number,
    nowMs: number,
    startOffset: number,
    answer: number = UNSEEN.answer,
  ): boolean {
    this.#nowMs = nowMs
    const before = this.#stateOf(replicaId)
    // Of an incarnation that is gone, or of a log that has not been cut yet.
    if (!this.#replicas.includes(replicaId) || brokerEpoch < before.brokerEpoch || position > this.#logEndOffset) {
      return false
    }
    const fetched = { position, startOffset, brokerEpoch, answer: Math.max(answer, before.answer) }
    this.#followers.set(replicaId, afterFetch(before, fetched, this.#logEndOffset, nowMs))
    // Of what has been deleted since there is nothing to ask for.
    if (position <= Math.max(startOffset, this.#keptOut.get(replicaId) ?? -1)) this.#keptOut.delete(replicaId)
    if (this.#pending === undefined && this.#mayJoin(replicaId)) this.#propose([...this.#isr, replicaId])
    return this.#count() || startOffset !== before.startOffset
  }

  /**
   * Whether nobody else had come to lead when so many answers had been given: all who may be elected have asked on after a later answer, in this epoch, which nobody goes back to
   * who has heard of another; nor does another incarnation count, which might not know yet what the one before knew. `unknown`: by followers as it stands, one of them is gone.
   */
  ledAt(answers: number): 'yes' | 'open' | 'unknown' {
    let known: 'yes' | 'open' = 'yes'
    for (const id of this.#replicas) {
      if (id === this.#nodeId || !this.#mayLead(id)) continue
      if (!this.#usable.has(id)) return 'unknown'
      const { answer, brokerEpoch } = this.#stateOf(id)
      if (answer <= answers || this.#usable.get(id) !== brokerEpoch) known = 'open'
    }
    return known
  }

  /** The leader's own log starts here now, durably. */
  startMoved(startOffset: number): void {
    assert(startOffset >= this.#startOffset, () => `the log start went back to ${startOffset}`)
    this.#startOffset = startOffset
  }

  /**
   * What this replica has from `fromOffset` on is not what was committed: it is to be out of sync until it asks for it again. False: too few would be left, and
   * nothing has changed.
   */
  keepOut(replicaId: number, fromOffset: number): boolean {
    if (replicaId === this.#nodeId || !this.#replicas.includes(replicaId)) return false
    const others = this.#isr.filter((id) => id !== replicaId)
    if (others.length < this.#isr.length && !this.#isEnough(others)) return false
    this.#keptOut.set(replicaId, Math.min(fromOffset, this.#keptOut.get(replicaId) ?? fromOffset))
    if (this.#pending === undefined && others.length < this.#isr.length) this.#propose(others)
    return true
  }

  /** From where on it has to ask again to be in sync; undefined: it is not kept out. */
  keptOutFrom(replicaId: number): number | undefined {
    return this.#keptOut.get(replicaId)
  }

  /**
   * Whether it may throw away what it has, so as to ask again: nobody counts on it, nor will before it has. The replica itself cannot say so: what it knows of the
   * ISR may be old.
   */
  mayRebuild(replicaId: number): boolean {
    return this.#keptOut.has(replicaId) && !this.maximalIsr.includes(replicaId)
  }

  /** What this leader has is not what was committed: one of these is to lead, who are in sync. False: they are too few, or something else is asked for just now. */
  handOver(to: readonly number[]): boolean {
    const others = this.#isr.filter((id) => id !== this.#nodeId && to.includes(id) && !this.#keptOut.has(id))
    if (this.#pending !== undefined || this.#isRecovering || !this.#isEnough(others)) return false
    this.#propose(others, true)
    return true
  }

  /** The leader's own log ends here now. True: the high watermark has moved. */
  appended(logEndOffset: number): boolean {
    assert(logEndOffset >= this.#logEndOffset, () => `the log end went back to ${logEndOffset}`)
    this.#logEndOffset = logEndOffset
    return this.#count()
  }

  /** The leader's own log is durable up to here. True: the high watermark has moved. */
  flushed(flushedEndOffset: number): boolean {
    assert(
      flushedEndOffset <= this.#logEndOffset && flushedEndOffset >= this.#flushedEndOffset,
      () => `flushed ${flushedEndOffset} after ${this.#flushedEndOffset}, end ${this.#logEndOffset}`,
    )
    this.#flushedEndOffset = flushedEndOffset
    return this.#count()
  }

  /** What counts from now on; what is committed stays so. True: the high watermark has moved. */
  configure(flushPolicy: FlushPolicy, minInsyncReplicas: number, longestLagMs: number): boolean {
    this.#flushPolicy = flushPolicy
    this.#minInsyncReplicas = minInsyncReplicas
    this.#longestLagMs = longestLagMs
    return this.#count()
  }

  /**
   * Time has passed: who has not caught up for too long is proposed to be out of sync. `stalledMs`: how long this process stood still, in which it heard of
   * nobody.
   */
  tick(nowMs: number, stalledMs: number): void {
    this.#nowMs = nowMs
    if (stalledMs > 0) {
      for (const [id, state] of this.#followers) {
        this.#followers.set(id, { ...state, caughtUpMs: state.caughtUpMs + stalledMs })
      }
    }
    if (this.#pending !== undefined) return
    const inSync = this.#isr.filter((id) => id === this.#nodeId || !(this.#lags(id) || this.#keptOut.has(id)))
    if (inSync.length < this.#isr.length) this.#propose(inSync)
    else this.#proposeRecovered()
  }

  /** Whether there is something to be asked of the controller. */
  get hasProposal(): boolean {
    return this.#pending?.underWay === false
  }

  /** What is to be asked of the controller now, once. */
  takeProposal(): IsrProposal | undefined {
    const pending = this.#pending
    if (pending === undefined || pending.underWay) return undefined
    this.#pending = { ...pending, underWay: true }
    const { number, isr, handsOver } = pending
    const proposal = { number, leaderEpoch: this.leaderEpoch, partitionEpoch: this.#partitionEpoch, isr }
    return handsOver === undefined ? proposal : { ...proposal, handsOver }
  }

  /** What became of a proposal. True: the high watermark has moved. */
  answered(number: number, answer: ProposalAnswer): boolean {
    const pending = this.#pending
    if (pending?.number !== number) return false
    switch (answer.kind) {
      case 'accepted':
        if (answer.partitionEpoch > this.#partitionEpoch) this.#adopt(answer.partitionEpoch, answer.isr)
        else this.#pending = undefined
        // Every proposal says so.
        this.#isRecovering = false
        break
      case 'refused':
        this.#pending = undefined
        break
      case 'unanswered':
        this.#pending = { ...pending, underWay: false }
        break
      case 'superseded':
        break
      default:
        answer satisfies never
    }
    return this.#count()
  }

  /** All there is, for the flight recorder. */
  capture(): PartitionLeaderState {
    return {
      nodeId: this.#nodeId,
      leaderEpoch: this.leaderEpoch,
      partitionEpoch: this.#partitionEpoch,
      replicas: this.#replicas,
      isr: this.#isr,
      isRecovering: this.#isRecovering,
      flushPolicy: this.#flushPolicy,
      minInsyncReplicas: this.#minInsyncReplicas,
      longestLagMs: this.#longestLagMs,
      eligible: this.#eligible,
      highWatermark: this.#highWatermark,
      startOffset: this.#startOffset,
      logEndOffset: this.#logEndOffset,
      flushedEndOffset: this.#flushedEndOffset,
      nowMs: this.#nowMs,
      epochStartOffset: this.epochStartOffset,
      followers: [...this.#followers],
      keptOut: [...this.#keptOut],
      usable: [...this.#usable],
      proposals: this.#proposals,
      pending: this.#pending,
    }
  }

  #stateOf(replicaId: number): FollowerState {
    return this.#followers.get(replicaId) ?? UNSEEN
  }

  #adopt(partitionEpoch: number, isr: readonly number[]): void {
    assert(isr.includes(this.#nodeId), () => `${this.#nodeId} leads a partition without being in sync: ${isr}`)
    this.#partitionEpoch = partitionEpoch
    this.#isr = isr
    this.#pending = undefined
  }

  #propose(replicas: readonly number[], handsOver = false): void {
    const isr = replicas.map((brokerId) => ({
      brokerId,
      brokerEpoch: this.#stateOf(brokerId).brokerEpoch,
    }))
    const pending = { number: ++this.#proposals, isr, underWay: false }
    this.#pending = handsOver ? { ...pending, handsOver } : pending
  }

  /** That it has recovered is said with any proposal; with the ISR as it is, where there is no other. */
  #proposeRecovered(): void {
    if (this.#isRecovering && this.#pending === undefined) this.#propose(this.#isr)
  }

  #mayLead(replicaId: number): boolean {
    return this.#isr.includes(replicaId) || this.#isProposed(replicaId) || this.#eligible.includes(replicaId)
  }

  #isProposed(replicaId: number): boolean {
    return this.#pending?.isr.some(({ brokerId }) => brokerId === replicaId) === true
  }

  #mayJoin(replicaId: number): boolean {
    if (this.#isr.includes(replicaId) || this.#keptOut.has(replicaId)) return false
    const { position, startOffset, brokerEpoch } = this.#stateOf(replicaId)
    if (startOffset < this.#startOffset || this.#usable.get(replicaId) !== brokerEpoch) return false
    return position >= this.#highWatermark && position >= this.epochStartOffset
  }

  #isEnough(inSync: readonly number[]): boolean {
    return inSync.length >= Math.max(1, Math.min(this.#minInsyncReplicas, this.#replicas.length))
  }

  #lags(replicaId: number): boolean {
    const { position, caughtUpMs } = this.#stateOf(replicaId)
    return position < this.#logEndOffset && this.#nowMs - caughtUpMs > this.#longestLagMs
  }

  /**
   * Whether it is about to be in sync: committing without it what it is about to have would keep it out for as long as there is a load. Who cannot be in
   * sync is not waited for.
   */
  #isClose(replicaId: number): boolean {
    if (this.#keptOut.has(replicaId)) return false
    const { position, brokerEpoch, caughtUpMs } = this.#stateOf(replicaId)
    const isUsable = this.#usable.get(replicaId) === brokerEpoch
    return isUsable && position >= this.epochStartOffset && this.#nowMs - caughtUpMs <= this.#longestLagMs
  }

  #count(): boolean {
    if (!this.hasEnoughInSync) return false
    let lowest = this.#flushPolicy === 'commit' ? this.#flushedEndOffset : this.#logEndOffset
    for (const id of this.#replicas) {
      if (id === this.#nodeId) continue
      const counts = this.#isr.includes(id) || this.#isProposed(id) || this.#isClose(id)
      if (counts) lowest = Math.min(lowest, this.positionOf(id))
    }
    if (lowest <= this.#highWatermark) return false
    this.#highWatermark = lowest
    return true
  }
}
