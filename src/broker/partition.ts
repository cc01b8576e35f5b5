/**
 * Partition: one hosted replica: its log, and while this broker leads it, the state machine that knows what is committed.
 *
 * It says no with the error that Kafka has for it; what it accepts is appended in order, and what becomes of it is asked with `outcome`.
 */
import type { FlightRecorder, FlightTrack } from '../base/flight-recorder.js'
import type { Uuid } from '../base/uuid.js'
import type { TopicSettings } from '../config/topic-settings.js'
import { DiskError } from '../io/disk.js'
import type { PartitionState } from '../metadata/records.js'
import type { ErrorName } from '../protocol/errors.js'
import type { BatchView } from '../records/batch.js'
import { PartitionLeader } from '../replication/partition-leader.js'
import type { BytesOwner } from '../storage/gather.js'
import type { LogObserver, LogOptions, PartitionLog } from '../storage/partition-log.js'

export interface PartitionId {
  readonly topic: string
  readonly topicId: Uuid
  readonly partition: number
}

/** Where an append stands; what comes of it is told by `Partition.outcome`. */
export interface Appended {
  readonly kind: 'appended'
  readonly baseOffset: number
  /** The offset after its last record. */
  readonly endOffset: number
  readonly leaderEpoch: number
  /** How often the log had failed before. */
  readonly failures: number
}

export interface Refused {
  readonly kind: 'refused'
  readonly error: ErrorName
  readonly message: string | undefined
}

/** `pending`: not decided yet. */
export type Outcome = 'pending' | 'done' | ErrorName

export class Partition implements LogObserver {
  readonly id: PartitionId
  readonly log: PartitionLog
  readonly #nodeId: number
  readonly #track: FlightTrack
  readonly #changed: (partition: Partition) => void
  #settings: TopicSettings
  #leader: PartitionLeader | undefined
  #leaderId = -1
  #leaderEpoch = -1
  #failures = 0
  /** As the leader was told. */
  #settledEndOffset = 0
  /** Why it is not hosted any more. */
  #gone: ErrorName | undefined

  /** `changed` is called when waiting requests should look again. */
  constructor(
    id: PartitionId,
    log: PartitionLog,
    nodeId: number,
    settings: TopicSettings,
    recorder: FlightRecorder,
    changed: (partition: Partition) => void,
  ) {
    this.id = id
    this.log = log
    this.#nodeId = nodeId
    this.#settings = settings
    this.#changed = changed
    // A topic that is created again is another one.
    const name = `${id.topic}-${id.partition} (${id.topicId})`
    this.#track = recorder.track(name, 'partition-leader', () => this.#leader?.capture())
    log.observer = this
  }

  get settings(): TopicSettings {
    return this.#settings
  }

  get isLeader(): boolean {
    return this.#leader !== undefined
  }

  /** -1: none. */
  get leaderId(): number {
    return this.#leaderId
  }

  get leaderEpoch(): number {
    return this.#leaderEpoch
  }

  /** The end (exclusive) of what is committed, as the leader knows it. */
  get highWatermark(): number {
    return this.#leader?.highWatermark ?? this.log.startOffset
  }

  /** Whether everything that was appended is committed. */
  get committed(): boolean {
    return this.highWatermark === this.log.nextOffset
  }

  /** Takes up the role that the metadata gives it. */
  become(state: PartitionState): void {
    this.#leaderId = state.leader
    if (state.leaderEpoch === this.#leaderEpoch) {
      if (this.#leader === undefined || this.#leader.hasAsIsr(state.isr)) return
      this.#track('isr', state.isr)
      this.#leader.setIsr(state.isr)
      return
    }
    this.#leaderEpoch = state.leaderEpoch
    if (state.leader !== this.#nodeId) {
      this.#track('resigned')
      this.#leader = undefined
    } else {
      const { log } = this
      log.state.epochs.assign(state.leaderEpoch, log.nextOffset)
      const options = {
        nodeId: this.#nodeId,
        leaderEpoch: state.leaderEpoch,
        replicas: state.replicas,
        isr: state.isr,
        flushPolicy: this.#settings['flush.policy'],
        highWatermark: log.startOffset,
        logEndOffset: log.settledEndOffset,
        flushedEndOffset: log.flushedEndOffset,
      }
      this.#settledEndOffset = options.logEndOffset
      this.#track('leads', options)
      this.#leader = new PartitionLeader(options)
    }
    this.#changed(this)
  }

  /** Takes up settings that have changed; they hold from the next append on. */
  configure(settings: TopicSettings, options: LogOptions): void {
    this.#settings = settings
    this.log.options = options
    const flushPolicy = settings['flush.policy']
    this.#track('flushPolicy', flushPolicy)
    const moved = this.#leader?.setFlushPolicy(flushPolicy) ?? false
    // What was appended before is waited for, too.
    if (flushPolicy === 'commit') this.log.flush()
    if (moved) this.#changed(this)
  }

  /** Its topic is gone: whoever waits for it is told so. */
  remove(): void {
    this.#leave('UNKNOWN_TOPIC_OR_PARTITION')
  }

  /** Its directory cannot be used any more. */
  lose(): void {
    this.#leave('KAFKA_STORAGE_ERROR')
  }

  #leave(why: ErrorName): void {
    this.#track('resigned')
    this.#gone = why
    this.#leader = undefined
    this.#changed(this)
  }

  /** What a request that names a leader epoch is told if it is not the current one; -1 names none. */
  checkEpoch(leaderEpoch: number): ErrorName | undefined {
    if (this.#gone !== undefined) return this.#gone
    if (leaderEpoch !== -1 && leaderEpoch < this.#leaderEpoch) return 'FENCED_LEADER_EPOCH'
    if (leaderEpoch !== -1 && leaderEpoch > this.#leaderEpoch) return 'UNKNOWN_LEADER_EPOCH'
    return this.#leader === undefined ? 'NOT_LEADER_OR_FOLLOWER' : undefined
  }

  /**
   * Appends a batch whose bytes are in order. A batch of an idempotent producer that stands in the log already is answered with where it
   * stands. `owner` as in `PartitionLog.append`.
   */
  append(batch: BatchView, acks: number, owner: BytesOwner | undefined): Appended | Refused {
    const leader = this.#leader
    if (leader === undefined) return refused('NOT_LEADER_OR_FOLLOWER')
    if (acks === -1 && !leader.hasInSync(this.#settings['min.insync.replicas'])) {
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
   * Has the log start at `offset`, -1 for the high watermark; calls back when that is durable. An offset that it has left behind already changes
   * nothing.
   */
  deleteBefore(offset: number, done: (error: ErrorName | undefined) => void): void {
    const leader = this.#leader
    if (leader === undefined) return done(this.#gone ?? 'NOT_LEADER_OR_FOLLOWER')
    if (!this.#settings['cleanup.policy'].has('delete')) return done('POLICY_VIOLATION')
    const { highWatermark } = leader
    if (offset < -1 || offset > highWatermark) return done('OFFSET_OUT_OF_RANGE')
    this.log.advanceStart(offset === -1 ? highWatermark : offset, (error) => {
      if (this.#gone !== undefined) done(this.#gone)
      else done(error === undefined ? undefined : 'KAFKA_STORAGE_ERROR')
    })
  }

  /** What became of an append, as far as these acks ask for it. */
  outcome({ endOffset, leaderEpoch, failures }: Appended, acks: number): Outcome {
    if (this.#gone !== undefined) return this.#gone
    if (leaderEpoch !== this.#leaderEpoch || this.#leader === undefined) return 'NOT_LEADER_OR_FOLLOWER'
    const reached = acks === -1 ? this.highWatermark : this.log.settledEndOffset
    if (reached >= endOffset) return 'done'
    return failures === this.#failures || this.log.logEndOffset >= endOffset ? 'pending' : 'KAFKA_STORAGE_ERROR'
  }

  written(): void {
    this.#settled()
    this.#changed(this)
  }

  flushed(): void {
    const { flushedEndOffset } = this.log
    const settled = this.#settled()
    this.#track('flushed', flushedEndOffset)
    if (this.#leader?.flushed(flushedEndOffset) === true || settled) this.#changed(this)
  }

  /** Whether more is settled than before. */
  #settled(): boolean {
    const { settledEndOffset } = this.log
    if (settledEndOffset === this.#settledEndOffset) return false
    this.#settledEndOffset = settledEndOffset
    this.#track('appended', settledEndOffset)
    this.#leader?.appended(settledEndOffset)
    return true
  }

  startMoved(): void {
    this.#changed(this)
  }

  failed(): void {
    this.#failures++
    this.#changed(this)
  }

  repaired(): void {
    this.#changed(this)
  }
}

function refused(error: ErrorName, message?: string): Refused {
  return { kind: 'refused', error, message }
}
