/**
 * PartitionLeader: what the leader of one partition knows of its replicas, in one leader epoch: who is in sync, how far each has the log,
 * and from that the high watermark, below which records are committed and visible.
 *
 * The leader counts itself like any other replica: under `flush.policy=commit` for what it has flushed, under `os` for what it has
 * appended. Invariant: the high watermark never goes back.
 *
 * This version hears of no follower: of several replicas the others count as having nothing, in sync or not, so that nothing is ever acknowledged
 * for them that the leader alone has.
 */
import { assert } from '../base/assert.js'

export type FlushPolicy = 'commit' | 'os'

export interface PartitionLeaderOptions {
  readonly nodeId: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly flushPolicy: FlushPolicy
  /** What was committed when the epoch began, as far as it is known here. */
  readonly highWatermark: number
  /** The log's end, and the end of what is flushed of it. */
  readonly logEndOffset: number
  readonly flushedEndOffset: number
}

/** Everything a leader is made of, as plain data. */
export interface PartitionLeaderState extends PartitionLeaderOptions {
  readonly positions: readonly (readonly [number, number])[]
}

export class PartitionLeader {
  readonly leaderEpoch: number
  readonly #nodeId: number
  #flushPolicy: FlushPolicy
  readonly #replicas: readonly number[]
  #isr: readonly number[]
  /** How far each replica has the log, durably as its policy wants it. */
  readonly #positions: Map<number, number>
  #logEndOffset: number
  #flushedEndOffset: number
  #highWatermark: number

  constructor(options: PartitionLeaderOptions | PartitionLeaderState) {
    assert(
      options.isr.includes(options.nodeId),
      () => `${options.nodeId} leads a partition without being in sync: ${options.isr}`,
    )
    assert(
      options.flushedEndOffset <= options.logEndOffset && options.highWatermark <= options.logEndOffset,
      () => `flushed ${options.flushedEndOffset}, committed ${options.highWatermark}, end ${options.logEndOffset}`,
    )
    this.leaderEpoch = options.leaderEpoch
    this.#nodeId = options.nodeId
    this.#flushPolicy = options.flushPolicy
    this.#replicas = options.replicas
    this.#isr = options.isr
    this.#positions = new Map('positions' in options ? options.positions : [])
    this.#logEndOffset = options.logEndOffset
    this.#flushedEndOffset = options.flushedEndOffset
    this.#highWatermark = options.highWatermark
    this.#count()
  }

  /** The end (exclusive) of what is committed. */
  get highWatermark(): number {
    return this.#highWatermark
  }

  /** Who is in sync from now on. */
  setIsr(isr: readonly number[]): void {
    assert(isr.includes(this.#nodeId), () => `${this.#nodeId} leads a partition without being in sync: ${isr}`)
    this.#isr = isr
  }

  /** Whether just these are in sync. */
  hasAsIsr(isr: readonly number[]): boolean {
    return isr.length === this.#isr.length && isr.every((replica) => this.#isr.includes(replica))
  }

  /** Whether there are enough replicas in sync for a produce with acks=all. */
  hasInSync(minInsyncReplicas: number): boolean {
    return this.#isr.length >= minInsyncReplicas
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

  /** How replicas count from now on; what is committed stays so. True: the high watermark has moved. */
  setFlushPolicy(flushPolicy: FlushPolicy): boolean {
    this.#flushPolicy = flushPolicy
    return this.#count()
  }

  /** All there is, for the flight recorder. */
  capture(): PartitionLeaderState {
    return {
      nodeId: this.#nodeId,
      leaderEpoch: this.leaderEpoch,
      replicas: this.#replicas,
      isr: this.#isr,
      flushPolicy: this.#flushPolicy,
      highWatermark: this.#highWatermark,
      logEndOffset: this.#logEndOffset,
      flushedEndOffset: this.#flushedEndOffset,
      positions: [...this.#positions],
    }
  }

  #count(): boolean {
    this.#positions.set(this.#nodeId, this.#flushPolicy === 'commit' ? this.#flushedEndOffset : this.#logEndOffset)
    let lowest = Number.POSITIVE_INFINITY
    for (const replica of this.#replicas) lowest = Math.min(lowest, this.#positions.get(replica) ?? 0)
    if (lowest <= this.#highWatermark) return false
    this.#highWatermark = lowest
    return true
  }
}
