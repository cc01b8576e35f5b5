/**
 * ReplicaComparisons: whether the replicas of what is led from here are what they should be: the same. Round and round, at an idle rate, the leader reads what is
 * committed, piece by piece, and asks all other replicas for the digest of what they have there. So it is noticed where a log is another one though every
 * checksum in it is right.
 *
 * Where they differ, and differ still when they are asked once more, it is an alarm: an error in the log, with the offsets and the brokers, and a gauge. What
 * more than half of all replicas have is right, and the others are fetched again (`replica-rebuilds.ts`). Where nobody has that many, with two replicas always,
 * nothing is done: somebody has to look.
 *
 * Topics that are compacted are not compared, nor ranges in which something once was: there replicas differ lawfully. Who cannot tell, because it is away, has
 * deleted the range or not come so far, says nothing.
 */
import type { Clock } from '../io/clock.js'
import type { Logger } from '../io/logger.js'
import { ErrorCode } from '../protocol/errors.js'
import type { CompareReplicas } from '../protocol/messages/compare-replicas.js'
import type { Infer } from '../protocol/schema.js'
import { compareReplicas } from '../replication/replica-digests.js'
import type { Partition } from './partition.js'
import { digestPiece, digestRange, type RangeRead } from './range-digests.js'
import { DIGEST, KEEP_OUT, REBUILD, type ReplicaRebuilds } from './replica-rebuilds.js'
import type { ReplicaRequests, ReplicaResponse } from './replica-requests.js'

type Request = Infer<typeof CompareReplicas.request>
type Reply = Pick<ReplicaResponse, 'errorCode' | 'digest'>

export interface ReplicaComparisonsOptions {
  readonly nodeId: number
  readonly clock: Clock
  readonly logger: Logger
  /** `replica.digest.interval.ms`; 0: not at all. */
  readonly intervalMs: () => number
  /** `replica.digest.bytes.per.second` */
  readonly bytesPerSecond: () => number
  readonly partitions: () => readonly Partition[]
  readonly requests: ReplicaRequests
  readonly rebuilds: ReplicaRebuilds
}

interface Place {
  readonly partition: Partition
  readonly offset: number
  readonly upToOffset: number
}

/** A difference counts when it is there for the second time: in between a replica may have changed its part. */
const TIMES = 2

export class ReplicaComparisons {
  readonly #options: ReplicaComparisonsOptions
  /** Those that have still to be compared in this round; the first is under way. */
  #left: Partition[] = []
  #offset = 0
  /** How often the range that is looked at has been seen to differ. */
  #differed = 0
  /** May be read until the next tick; below 0: more was. */
  #budget = 0
  #busy = false
  #roundBeganMs: number | undefined
  /** Partitions led from here of which the last round has seen replicas that differ. */
  readonly #differing = new Set<Partition>()
  #stopped = false
  /** Since the start. */
  alarms = 0
  comparedBytes = 0

  constructor(options: ReplicaComparisonsOptions) {
    this.#options = options
  }

  /** Partitions led from here whose replicas differ, as far as it is known. */
  get differing(): number {
    for (const each of this.#differing) if (!each.isLeader) this.#differing.delete(each)
    return this.#differing.size
  }

  /** A second has passed. */
  tick(): void {
    const { clock, rebuilds, requests, intervalMs, bytesPerSecond } = this.#options
    rebuilds.tick()
    const nowMs = clock.monotonicMs()
    const interval = intervalMs()
    // Who has just started has other things to do.
    this.#roundBeganMs ??= nowMs
    this.#budget = Math.min(this.#budget + bytesPerSecond(), bytesPerSecond())
    if (interval > 0 && this.#left.length === 0 && nowMs >= this.#roundBeganMs + interval) {
      this.#roundBeganMs = nowMs
      this.#offset = 0
      this.#left = this.#options.partitions().filter(isComparable)
    }
    if (this.#busy) return
    if (this.#left.length === 0) requests.closeIdle()
    else this.#goOn()
  }

  stop(): void {
    this.#stopped = true
    this.#left = []
    this.#options.requests.stop()
  }

  /** What another broker asks of a replica here. */
  answer(request: Request, partition: Partition, reply: (reply: Reply) => void): void {
    const { action, brokerId, leaderEpoch, fromOffset, number } = request
    const refuse = (error: keyof typeof ErrorCode): void => reply({ errorCode: ErrorCode[error], digest: null })
    if (partition.leaderEpoch !== leaderEpoch) return refuse('FENCED_LEADER_EPOCH')
    switch (action) {
      case DIGEST:
        return this.#digest(request, partition, reply)
      case REBUILD:
        if (partition.leaderId !== brokerId) return refuse('NOT_LEADER_OR_FOLLOWER')
        return refuse(this.#options.rebuilds.told(partition, fromOffset, number) ?? 'NONE')
      case KEEP_OUT:
        if (!partition.hasReplica(brokerId)) return refuse('NOT_LEADER_OR_FOLLOWER')
        return refuse(this.#options.rebuilds.keepOut(partition, brokerId, fromOffset) ? 'NONE' : 'NOT_ENOUGH_REPLICAS')
      default:
        return refuse('INVALID_REQUEST')
    }
  }

  #digest(
    { brokerId, fromOffset: offset, upToOffset }: Request,
    partition: Partition,
    reply: (reply: Reply) => void,
  ): void {
    const { following, log, leaderId } = partition
    const tell = (digest: string | null): void => reply({ errorCode: ErrorCode.NONE, digest })
    // Until the leader has said so the log may be another one, and is about to be cut.
    const agrees = (): boolean => {
      const isSame = following !== undefined && partition.following === following && !following.cutting
      return isSame && following.core.isAgreed && isComparable(partition)
    }
    if (leaderId !== brokerId || !agrees()) return tell(null)
    digestRange(log, { offset, upToOffset }, this.#options.clock, (read) => {
      if (read.fault === 'damaged') partition.rotted(read.endOffset)
      tell(agrees() ? (read.digest ?? null) : null)
    })
  }

  /** What is looked at next; undefined: the round is over. */
  #next(): Place | undefined {
    for (;;) {
      const [partition] = this.#left
      if (partition === undefined) return undefined
      const { log, highWatermark: upToOffset } = partition
      const offset = Math.max(this.#offset, log.startOffset)
      if (
        isComparable(partition) &&
        partition.knowsHighWatermark &&
        !log.closed &&
        !log.failed &&
        offset < upToOffset
      ) {
        return { partition, offset, upToOffset }
      }
      // All of it was the same.
      if (offset >= upToOffset) this.#differing.delete(partition)
      this.#leave()
    }
  }

  #leave(): void {
    this.#left.shift()
    this.#offset = 0
    this.#differed = 0
  }

  #goOn(): void {
    this.#busy = false
    if (this.#stopped || this.#budget <= 0) return
    const place = this.#next()
    if (place === undefined) return
    this.#busy = true
    const { partition, offset } = place
    const { leaderEpoch } = partition
    digestPiece(partition.log, place, (read) => {
      this.#budget -= Math.max(1, read.bytes)
      this.comparedBytes += read.bytes
      const { digest, endOffset, fault } = read
      // There are other remedies; what comes behind is looked at in the next round.
      if (fault === 'damaged') partition.rotted(endOffset)
      // Not deeper and deeper where the disk answers at once.
      if (digest !== undefined && endOffset > offset) this.#ask(place, leaderEpoch, read)
      else this.#options.clock.defer(() => this.#skip(place, fault))
    })
  }

  /** There is nothing to be compared: in the next segment there may be, unless the disk does not answer. */
  #skip({ partition, offset, upToOffset }: Place, fault: RangeRead['fault']): void {
    const next = partition.log.segments.find(({ baseOffset }) => baseOffset > offset)?.baseOffset ?? upToOffset
    if (fault === undefined || fault === 'unreadable' || next >= upToOffset) this.#leave()
    else this.#offset = next
    this.#goOn()
  }

  #ask(place: Place, leaderEpoch: number, { digest, endOffset }: RangeRead): void {
    const { partition, offset: fromOffset } = place
    const { nodeId, requests } = this.#options
    const { topicId, partition: index } = partition.id
    const digests = new Map([[nodeId, digest!]])
    const others = (partition.leading?.replicas ?? []).filter((id) => id !== nodeId)
    let open = others.length
    const request = { topicId, partition: index, leaderEpoch, action: DIGEST, fromOffset, upToOffset: endOffset }
    for (const id of others) {
      requests.ask(id, request, (response) => {
        if (response?.errorCode === ErrorCode.NONE && response.digest !== null) digests.set(id, response.digest)
        open--
        if (open === 0) this.#options.clock.defer(() => this.#judge(place, leaderEpoch, endOffset, digests))
      })
    }
    if (others.length === 0) this.#options.clock.defer(() => this.#judge(place, leaderEpoch, endOffset, digests))
  }

  #judge(
    { partition, offset }: Place,
    leaderEpoch: number,
    endOffset: number,
    digests: ReadonlyMap<number, string>,
  ): void {
    if (this.#stopped) return
    const { leading } = partition
    const replicas = leading?.leaderEpoch === leaderEpoch ? leading.replicas : []
    const compared = compareReplicas(replicas, digests)
    if (compared.kind === 'same') {
      this.#offset = endOffset
      this.#differed = 0
    } else if (++this.#differed === TIMES) {
      const { odd, whole } = compared
      this.#alarm(partition, { fromOffset: offset, upToOffset: endOffset, odd, digests: Object.fromEntries(digests) })
      if (whole.length > 0) this.#options.rebuilds.rebuild(partition, odd, whole, offset)
      this.#leave()
    }
    this.#goOn()
  }

  #alarm(partition: Partition, detail: Readonly<Record<string, unknown>>): void {
    this.alarms++
    this.#differing.add(partition)
    this.#options.logger.error({ ...partition.id, ...detail }, 'replicas differ in what is committed')
  }
}

/** Where all replicas have to have the same bytes, and there is more than one. */
function isComparable({ settings, leading, following }: Partition): boolean {
  const isCompacted = settings['cleanup.policy'].has('compact')
  return !isCompacted && (following !== undefined || (leading?.replicas.length ?? 1) > 1)
}
