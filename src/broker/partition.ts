/**
 * Partition: one hosted replica: its log, and the state machine of its role: as leader it knows what is committed, as follower it fetches from the
 * leader. Where the metadata knows no leader, or another replica's log is being cut, it has none.
 *
 * It says no with the error that Kafka has for it; what it accepts is appended in order, and what becomes of it is asked with `outcome`.
 */
import type { FlightTrack } from '../base/flight-recorder.js'
import type { TopicSettings } from '../config/topic-settings.js'
import { DiskError } from '../io/disk.js'
import { type PartitionState, RECOVERING } from '../metadata/records.js'
import type { ErrorName } from '../protocol/errors.js'
import type { BatchView } from '../records/batch.js'
import type { IsrProposal, ProposalAnswer } from '../replication/isr-proposal.js'
import { PartitionFollower } from '../replication/partition-follower.js'
import { PartitionLeader } from '../replication/partition-leader.js'
import type { PartitionLeaderOptions } from '../replication/partition-leader-state.js'
import type { BytesOwner } from '../storage/gather.js'
import type { LogObserver, LogOptions, PartitionLog } from '../storage/partition-log.js'
import { Following } from './following.js'
import type { PartitionHost } from './partition-host.js'
import type { Appended, LeaderInput, Outcome, PartitionId, PartitionView, Refused } from './partition-terms.js'
import { isCountedOn, refused } from './partition-terms.js'

export type { Appended, PartitionId, PartitionView } from './partition-terms.js'

/** After a cut for which there was no room. */
const CUT_AGAIN_MS = 500

export class Partition implements LogObserver {
  readonly id: PartitionId
  readonly log: PartitionLog
  readonly #host: PartitionHost
  readonly #track: FlightTrack
  #settings: TopicSettings
  #leader: PartitionLeader | undefined
  #following: Following | undefined
  /** What came while the log was being cut. */
  #next: PartitionView | undefined
  #leaderId = -1
  #leaderEpoch = -1
  /** The first of the epochs in which this replica has led without a break, up to now. */
  #leadsSinceEpoch = -1
  /** As the role before knew it. */
  #highWatermark: number
  #failures = 0
  /** As the leader was told. */
  #settledEndOffset = 0
  /** From there on what it has is to be fetched again, as soon as it follows and is out of sync; it has handed over for that. */
  #oddFrom: number | undefined
  /** How many answers had been given when somebody wanted to know whether it leads still; undefined: that is known. */
  #inquiry: number | undefined
  /** Why it is not hosted any more. */
  #gone: ErrorName | undefined

  /** `highWatermark`: as it was written down; the log may have become shorter since. */
  constructor(id: PartitionId, log: PartitionLog, settings: TopicSettings, host: PartitionHost, highWatermark: number) {
    this.id = id
    this.log = log
    this.#settings = settings
    this.#host = host
    this.#highWatermark = Math.max(log.startOffset, Math.min(highWatermark, log.settledEndOffset))
    // A topic that is created again is another one.
    const name = `${id.topic}-${id.partition} (${id.topicId})`
    this.#track = host.recorder.track(name, 'partition-leader', () => this.#leader?.capture())
    log.observer = this
  }

  get settings(): TopicSettings {
    return this.#settings
  }

  get isLeader(): boolean {
    return this.#leader !== undefined
  }

  /** While it leads: to be looked at. */
  get leading(): PartitionLeader | undefined {
    return this.#leader
  }

  /** -1: none. */
  get leaderId(): number {
    return this.#leaderId
  }

  get leaderEpoch(): number {
    return this.#leaderEpoch
  }

  /** While it follows another replica. */
  get following(): Following | undefined {
    return this.#following
  }

  /** The end (exclusive) of what is committed, as far as it is known here. */
  get highWatermark(): number {
    return this.#leader?.highWatermark ?? this.#following?.core.highWatermark ?? this.#highWatermark
  }

  /** Whether nobody has been told of a later one; as long as that is not certain, nobody is told of this one (KIP-207). */
  get knowsHighWatermark(): boolean {
    return this.#leader?.knowsHighWatermark === true
  }

  /** Whether this is another replica of the partition, as the leader knows. */
  hasReplica(brokerId: number): boolean {
    return brokerId !== this.#host.nodeId && this.#leader?.replicas.includes(brokerId) === true
  }

  /** Whether everything that was appended is committed. */
  get committed(): boolean {
    return this.highWatermark === this.log.nextOffset
  }

  /** Takes up the role that the metadata gives it; when its log is whole, where it is being cut. */
  become(view: PartitionView): void {
    if (this.#gone !== undefined) return
    if (this.#following?.cutting === true) {
      this.#next = view
      return
    }
    const { state, usable } = view
    this.#leaderId = state.leader
    if (state.leaderEpoch !== this.#leaderEpoch) this.#begin(state)
    else {
      const { partitionEpoch, replicas, isr, leaderRecoveryState, eligibleLeaderReplicas } = state
      const isRecovering = leaderRecoveryState === RECOVERING
      this.#toLeader('changed', [partitionEpoch, replicas, isr, isRecovering, eligibleLeaderReplicas])
    }
    this.#toLeader('setUsable', [usable])
    this.#changed()
  }

  #begin(state: PartitionState): void {
    const { leaderEpoch, leader: leaderId } = state
    this.#highWatermark = Math.min(this.highWatermark, this.log.settledEndOffset)
    this.#leaderEpoch = leaderEpoch
    const followed = this.#following
    this.#following = undefined
    if (leaderId === this.#host.nodeId) this.#lead(state)
    else {
      this.#track('resigned')
      this.#leader = undefined
      if (leaderId >= 0) this.#follow(state, followed)
    }
    if (followed !== this.#following) this.#host.follows(this)
  }

  #lead(state: PartitionState): void {
    const { log } = this
    const { leaderEpoch, partitionEpoch, replicas, isr } = state
    log.state.epochs.assign(leaderEpoch, log.nextOffset)
    const options = {
      nodeId: this.#host.nodeId,
      leaderEpoch,
      partitionEpoch,
      replicas,
      isr,
      eligible: state.eligibleLeaderReplicas,
      isRecovering: state.leaderRecoveryState === RECOVERING,
      ...this.#counting,
      highWatermark: this.#highWatermark,
      startOffset: log.startOffset,
      logEndOffset: log.settledEndOffset,
      flushedEndOffset: Math.min(log.flushedEndOffset, log.settledEndOffset),
      nowMs: this.#nowMs,
    }
    if (this.#leader === undefined) this.#leadsSinceEpoch = leaderEpoch
    this.#settledEndOffset = options.logEndOffset
    this.#track('leads', options)
    this.#leader = new PartitionLeader(options)
  }

  #follow(state: PartitionState, before: Following | undefined): void {
    const { leader: leaderId, leaderEpoch } = state
    const flushPolicy = this.#settings['flush.policy']
    const core = new PartitionFollower({ leaderId, leaderEpoch, flushPolicy, highWatermark: this.#highWatermark })
    const { clock, logger, cutter } = this.#host
    const following = new Following(core, this.log, {
      cut: (error) => this.#cut(following, error),
      later: (action) => clock.timer(CUT_AGAIN_MS, action),
      cutter: () => cutter(this.id),
      heard: () => this.#changed(),
      note: (sentence, detail) => logger.info({ ...this.id, leaderId, leaderEpoch, ...detail }, sentence),
    })
    // The same leader tells only what is new; what another one had deleted may be none of its deletions.
    if (before?.core.leaderId === leaderId) following.hears(before.leaderStartOffset)
    this.#following = following
    const oddFrom = this.#oddFrom
    this.#oddFrom = undefined
    // Who is taken for one that has everything must not throw it away; that it has not will be noticed again.
    if (oddFrom !== undefined && !isCountedOn(state, this.#host.nodeId)) following.rebuild(oddFrom)
  }

  #cut(following: Following, error: Error | undefined): void {
    if (this.#gone !== undefined || this.#following !== following) return
    if (error !== undefined) {
      this.#host.logger.error({ ...this.id, error: error.message }, 'the log cannot be cut to follow its leader')
      return this.lose()
    }
    const next = this.#next
    this.#next = undefined
    if (next !== undefined) this.become(next)
    if (this.#following !== undefined) this.#host.follows(this)
  }

  get #nowMs(): number {
    return this.#host.clock.monotonicMs()
  }

  get #counting(): Pick<PartitionLeaderOptions, 'flushPolicy' | 'minInsyncReplicas' | 'longestLagMs'> {
    const { 'flush.policy': flushPolicy, 'min.insync.replicas': minInsyncReplicas } = this.#settings
    return { flushPolicy, minInsyncReplicas, longestLagMs: this.#host.longestLagMs() }
  }

  /** Gives the leader an input; true: the high watermark has moved. */
  #toLeader<Input extends LeaderInput>(input: Input, args: Parameters<PartitionLeader[Input]>): boolean {
    const leader = this.#leader
    if (leader === undefined) return false
    this.#track(input, ...args)
    const moved = (leader[input] as (...args: unknown[]) => boolean | undefined).apply(leader, args)
    if (leader.hasProposal) this.#host.proposes(this)
    return moved === true
  }

  #changed(): void {
    this.#host.changed(this)
  }

  /** Takes up settings that have changed; they hold from the next append on. */
  configure(settings: TopicSettings, options: LogOptions): void {
    this.#settings = settings
    this.log.options = options
    const { flushPolicy, minInsyncReplicas, longestLagMs } = this.#counting
    const moved = this.#toLeader('configure', [flushPolicy, minInsyncReplicas, longestLagMs])
    this.#following?.core.setFlushPolicy(flushPolicy)
    // What was appended before is waited for, too.
    if (flushPolicy === 'commit') this.log.flush()
    if (moved) this.#changed()
    if (this.#following !== undefined) this.#host.follows(this)
  }

  /** A follower, whose log starts at `startOffset`, has fetched from `position` on, in this incarnation of its broker, after this answer. */
  fetchedBy(replicaId: number, position: number, brokerEpoch: number, startOffset: number, answer: number): void {
    const moved = this.#toLeader('fetched', [replicaId, position, brokerEpoch, this.#nowMs, startOffset, answer])
    const isAwaited = this.#inquiry !== undefined
    if (isAwaited && this.#leader?.ledAt(this.#inquiry!) === 'yes') this.#inquiry = undefined
    if (moved) this.#changed()
    else if (isAwaited) this.#host.heard(this)
  }

  /** Somebody wants to know whether it led when so many answers had been given. True: it depends on followers, and those that wait are to be answered, so that they ask on. */
  inquire(answers: number): boolean {
    if (this.#leader?.ledAt(answers) !== 'open') return false
    this.#inquiry = Math.max(answers, this.#inquiry ?? answers)
    return true
  }

  /** Followers are not waited for any longer. */
  giveUpInquiry(answers: number): void {
    if (this.#inquiry === answers) this.#inquiry = undefined
  }

  /** Whether a follower that waits is to be answered because somebody wants to know whether this replica leads still. */
  wantsWordAfter(answer: number): boolean {
    return this.#inquiry !== undefined && answer <= this.#inquiry
  }

  /** As leader: see `PartitionLeader.keepOut`. */
  keepOut(replicaId: number, fromOffset: number): boolean {
    return this.#toLeader('keepOut', [replicaId, fromOffset])
  }

  /** As leader: gives the lead to one of these, who are in sync, because what it has from `fromOffset` on is not what was committed, and fetches that again. */
  handOver(to: readonly number[], fromOffset: number): boolean {
    if (!this.#toLeader('handOver', [to])) return false
    this.#oddFrom = fromOffset
    return true
  }

  /** As follower that is out of sync: what it has from there on is thrown away and fetched again, as its leader says. False: it does not follow just now. */
  rebuildFrom(offset: number, number: number): boolean {
    if (this.#following === undefined || this.#following.cutting || this.log.failed || this.log.closed) return false
    this.#following.rebuild(offset, number)
    return true
  }

  /** Time has passed; for so long of it this process stood still. */
  tick(stalledMs: number): void {
    const leader = this.#leader
    // Without others it has nobody to look after.
    if (leader === undefined || (leader.replicas.length === 1 && !leader.isRecovering)) return
    this.#toLeader('tick', [this.#nowMs, stalledMs])
  }

  takeProposal(): IsrProposal | undefined {
    if (this.#leader?.hasProposal !== true) return undefined
    this.#track('takeProposal')
    return this.#leader.takeProposal()
  }

  /** What became of a proposal of this leader epoch. */
  proposalAnswered({ number, leaderEpoch }: IsrProposal, answer: ProposalAnswer): void {
    if (leaderEpoch !== this.#leader?.leaderEpoch) return
    this.#toLeader('answered', [number, answer])
    this.#changed()
  }

  /** Its topic is gone, or this broker has no replica of it any more: whoever waits for it is told so. */
  remove(why: ErrorName): void {
    this.#track('resigned')
    this.#gone = why
    this.#leader = undefined
    this.#following = undefined
    this.#changed()
    this.#host.follows(this)
  }

  /** Its directory cannot be used any more. */
  lose(): void {
    this.remove('KAFKA_STORAGE_ERROR')
  }

  /** What a request that names a leader epoch is told if it is not the current one; -1 names none. */
  checkEpoch(leaderEpoch: number): ErrorName | undefined {
    if (this.#gone !== undefined) return this.#gone
    if (leaderEpoch !== -1 && leaderEpoch < this.#leaderEpoch) return 'FENCED_LEADER_EPOCH'
    if (leaderEpoch !== -1 && leaderEpoch > this.#leaderEpoch) return 'UNKNOWN_LEADER_EPOCH'
    return this.#leader === undefined ? 'NOT_LEADER_OR_FOLLOWER' : undefined
  }

  /** The same for a consumer, who may read from a follower what that knows to be committed (KIP-392). While its log is being cut it knows nothing. */
  checkReadable(leaderEpoch: number): ErrorName | undefined {
    const error = this.checkEpoch(leaderEpoch)
    return error === 'NOT_LEADER_OR_FOLLOWER' && this.#following?.cutting === false ? undefined : error
  }

  /**
   * Appends a batch whose bytes are in order. A batch of an idempotent producer that stands in the log already is answered with where it
   * stands. `owner` as in `PartitionLog.append`.
   */
  append(batch: BatchView, acks: number, owner: BytesOwner | undefined): Appended | Refused {
    const leader = this.#leader
    if (leader === undefined) return refused('NOT_LEADER_OR_FOLLOWER')
    if (acks === -1 && !leader.hasEnoughInSync) {
      return refused('NOT_ENOUGH_REPLICAS', `fewer than ${this.#settings['min.insync.replicas']} replicas are in sync`)
    }
    // What the log knows of producers may speak of batches that were lost, until it is repaired.
    if (this.log.failed) return refused('KAFKA_STORAGE_ERROR', 'the log is being repaired')
    const { leaderEpoch } = leader
    const failures = this.#failures
    if (batch.hasProducer) {
      const verdict = this.log.state.producers.check(batch)
      if (verdict.kind === 'refuse') return refused(verdict.error, verdict.reason)
      if (verdict.kind === 'duplicate') {
        const { baseOffset, lastOffset } = verdict
        return { kind: 'appended', baseOffset, endOffset: lastOffset + 1, leaderEpoch, failures }
      }
    }
    let baseOffset: number
    try {
      baseOffset = this.log.append(batch, leaderEpoch, owner)
    } catch (error) {
      if (error instanceof DiskError) return refused('KAFKA_STORAGE_ERROR', error.message)
      throw error
    }
    return { kind: 'appended', baseOffset, endOffset: this.log.nextOffset, leaderEpoch, failures }
  }

  /**
   * Has the log start at `offset`, -1 for the high watermark; calls back with the offset when that is durable. One that it has left behind already
   * changes nothing.
   */
  deleteBefore(offset: number, done: (error: ErrorName | undefined, startOffset?: number) => void): void {
    const leader = this.#leader
    if (leader === undefined) return done(this.#gone ?? 'NOT_LEADER_OR_FOLLOWER')
    if (!this.#settings['cleanup.policy'].has('delete')) return done('POLICY_VIOLATION')
    const { highWatermark } = leader
    if (offset < -1 || offset > highWatermark) return done('OFFSET_OUT_OF_RANGE')
    const startOffset = offset === -1 ? highWatermark : offset
    this.log.advanceStart(startOffset, (error) => {
      if (this.#gone !== undefined) done(this.#gone)
      else done(error === undefined ? undefined : 'KAFKA_STORAGE_ERROR', startOffset)
    })
  }

  /** What became of an append, as far as these acks ask for it. */
  outcome({ endOffset, leaderEpoch, failures }: Appended, acks: number): Outcome {
    if (this.#gone !== undefined) return this.#gone
    const leader = this.#leader
    // In between another would have had it cut.
    if (leader === undefined || leaderEpoch < this.#leadsSinceEpoch) return 'NOT_LEADER_OR_FOLLOWER'
    const reached = acks === -1 ? leader.highWatermark : this.log.settledEndOffset
    if (reached >= endOffset) return 'done'
    if (failures !== this.#failures && this.log.logEndOffset < endOffset) return 'KAFKA_STORAGE_ERROR'
    return acks !== -1 || leader.hasEnoughInSync ? 'pending' : 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'
  }

  written(): void {
    this.#settled()
    this.#changed()
    if (this.#following !== undefined) this.#host.follows(this)
  }

  flushed(): void {
    const settled = this.#settled()
    const { flushedEndOffset, settledEndOffset } = this.log
    const moved = this.#toLeader('flushed', [Math.min(flushedEndOffset, settledEndOffset)])
    if (moved || settled) this.#changed()
    if (this.#following !== undefined) this.#host.follows(this)
  }

  /** Whether more is settled than before. */
  #settled(): boolean {
    const { settledEndOffset } = this.log
    if (settledEndOffset === this.#settledEndOffset) return false
    this.#settledEndOffset = settledEndOffset
    this.#toLeader('appended', [settledEndOffset])
    return true
  }

  /** A batch there, or before it in its segment, cannot be given to anybody: it has rotted. */
  rotted(offset: number): void {
    if (this.#gone === undefined) this.#host.rotted(this, offset)
  }

  startMoved(): void {
    this.#toLeader('startMoved', [this.log.startOffset])
    this.#changed()
    if (this.#following !== undefined) this.#host.follows(this)
  }

  failed(): void {
    this.#failures++
    this.#changed()
  }

  repaired(): void {
    const { log } = this
    // The epochs are those of the records, or of the file.
    if (this.#leader !== undefined) log.state.epochs.assign(this.#leaderEpoch, log.nextOffset)
    this.#following?.repaired()
    this.#changed()
    if (this.#following !== undefined) this.#host.follows(this)
  }
}
