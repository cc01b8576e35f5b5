/**
 * ShardHost: a shard in the partition that keeps it, for as long as this broker leads that without a break. It loads the shard from the log, appends what
 * the shard decides, and lets answers go when everything that they rest on is committed.
 *
 * Where an append is lost, or somebody else may have led in between, the shard is let go: who waits is told NOT_COORDINATOR, and it is loaded again, from a log that
 * works: as long as it does not, everybody is told so.
 */
import type { Now, Shard, ShardDecision, Ticket } from '../../coordinator/shard.js'
import type { Clock, Timer } from '../../io/clock.js'
import type { Logger } from '../../io/logger.js'
import type { MetadataDelta } from '../../metadata/delta.js'
import type { MetadataImage } from '../../metadata/image.js'
import type { ErrorName } from '../../protocol/errors.js'
import type { CodecName } from '../../records/compression/codec.js'
import type { PartitionLog } from '../../storage/partition-log.js'
import type { Appended, Partition } from '../partition.js'
import { appendRecords, type RecordBytes } from './shard-batches.js'
import { type LoadedPartition, ShardLoad, UnusableLogError } from './shard-load.js'

/** What a shard is kept in: a `Partition`, as far as it is asked. */
export type ShardPartition = LoadedPartition &
  Pick<Partition, 'isLeader' | 'leaderEpoch' | 'highWatermark' | 'settings' | 'append' | 'outcome'> &
  Pick<Partition, 'leading' | 'inquire' | 'giveUpInquiry'> & {
    readonly log: Pick<PartitionLog, 'failed' | 'closed'>
  }

/** A reply, or why there is none. */
export type Answered<Reply extends object> = (answer: Reply | ErrorName) => void

export interface ShardSettings {
  /** `offsets.load.buffer.size` */
  readonly loadBytes: number
  /** `offsets.topic.compression.codec` */
  readonly codec: CodecName
  /** `offsets.commit.timeout.ms`: how long an answer waits to be committed. */
  readonly commitTimeoutMs: number
}

/** What all shards of one kind have in common. */
export interface ShardKind<Request, Record, Reply extends object> {
  /** The internal topic. */
  readonly topic: string
  readonly create: (partition: number) => Shard<Request, Record, Reply>
  readonly encode: (record: Record) => RecordBytes
  /** Undefined: of a kind that is not known. Throws for what cannot be read, `UnknownVersionError` for what must not be passed over. */
  readonly decode: (bytes: RecordBytes) => Record | undefined
  readonly settings: () => ShardSettings
  /** These were appended. */
  readonly appended?: (records: readonly Record[]) => void
  /** What is applied. */
  readonly image: () => MetadataImage
}

export interface ShardHostEvents {
  /** Something is due then (monotonic). */
  readonly scheduled: (dueMs: number) => void
  /** It took so long. */
  readonly loaded: (durationMs: number) => void
}

interface WaitingReply<Reply> {
  readonly ticket: Ticket
  readonly reply: Reply
  /** The end (exclusive) of what it rests on. */
  readonly endOffset: number
  readonly deadlineMs: number
}

/** Requests of one shard that wait for their answer; beyond that they are refused. */
export const MAX_TICKETS = 20_000
/** What is decided instead of something that was refused may be refused, too. */
const MAX_REFUSALS = 2
/** After a load that failed, and after an append that was refused to what is decided by itself, as in Kafka. */
const AGAIN_MS = 500
/** Where it is what stands in the log, each time twice as long, up to this: the whole log is read in vain. */
const UNUSABLE_AGAIN_MAX_MS = 30_000

export class ShardHost<Request, Record, Reply extends object> {
  readonly partition: ShardPartition
  readonly #ports: { readonly clock: Clock; readonly logger: Logger }
  readonly #kind: ShardKind<Request, Record, Reply>
  readonly #events: ShardHostEvents
  #leaderEpoch: number
  #load: ShardLoad<Record> | undefined
  #retry: Timer | undefined
  /** Loads one after the other that ended at what stands in the log. */
  #unusable = 0
  /** While it is loaded. */
  #shard: Shard<Request, Record, Reply> | undefined
  #lastAppended: Appended | undefined
  /** Up to here (exclusive) the log is applied. */
  #endOffset = 0
  /** Before, what is due by itself is left alone. */
  #notBeforeMs = Number.NEGATIVE_INFINITY
  #nextTicket: Ticket = 1
  readonly #tickets = new Map<Ticket, Answered<Reply>>()
  readonly #replies: WaitingReply<Reply>[] = []

  /** `partition` leads. */
  constructor(
    ports: { readonly clock: Clock; readonly logger: Logger },
    kind: ShardKind<Request, Record, Reply>,
    partition: ShardPartition,
    events: ShardHostEvents,
  ) {
    this.partition = partition
    this.#ports = ports
    this.#kind = kind
    this.#events = events
    this.#leaderEpoch = partition.leaderEpoch
    this.#begin()
  }

  /** Undefined: it is not loaded. */
  get shard(): Shard<Request, Record, Reply> | undefined {
    return this.#shard
  }

  /** Requests that wait for their answer. */
  get waiting(): number {
    return this.#tickets.size
  }

  /** When something is to be done by itself, monotonic. */
  get dueMs(): number {
    if (this.#shard === undefined) return Number.POSITIVE_INFINITY
    const replyMs = this.#replies[0]?.deadlineMs ?? Number.POSITIVE_INFINITY
    return Math.min(replyMs, Math.max(this.#shard.nextDeadlineMs(), this.#notBeforeMs))
  }

  request(request: Request, answered: Answered<Reply>): void {
    const shard = this.#shard
    if (shard === undefined) return answered(this.#isOutOfService ? 'NOT_COORDINATOR' : 'COORDINATOR_LOAD_IN_PROGRESS')
    if (this.#tickets.size >= MAX_TICKETS) return answered('COORDINATOR_NOT_AVAILABLE')
    const ticket = this.#nextTicket++
    this.#tickets.set(ticket, answered)
    const now = this.#now
    this.#take(shard.decide(request, ticket, now), now)
  }

  metadataChanged(image: MetadataImage, delta: MetadataDelta | undefined): void {
    if (this.#shard === undefined) return
    const now = this.#now
    this.#take(this.#shard.metadataChanged(image, delta, now), now)
  }

  /** Something about the partition has changed, and it still leads. */
  changed(): void {
    const { partition } = this
    const { leaderEpoch } = partition
    if (leaderEpoch !== this.#leaderEpoch) {
      // One that follows at once was led here before, too; with another in between somebody else may have led.
      const isUnbroken = leaderEpoch === this.#leaderEpoch + 1
      this.#leaderEpoch = leaderEpoch
      if (!isUnbroken) return this.#beginAgain('another broker may have led in between')
    }
    this.#load?.changed()
    if (this.#shard === undefined) {
      if (this.#load === undefined && this.#retry === undefined) this.#begin()
      return
    }
    const outcome = this.#lastAppended === undefined ? 'done' : partition.outcome(this.#lastAppended, -1)
    // Too few are in sync now: what was appended stays, and is committed when there are enough.
    if (outcome === 'done' || outcome === 'pending' || outcome === 'NOT_ENOUGH_REPLICAS_AFTER_APPEND') this.#release()
    else this.#beginAgain(`what was appended is lost: ${outcome}`)
  }

  /** Does what is due. */
  due(): void {
    const now = this.#now
    while (this.#replies.length > 0 && this.#replies[0]!.deadlineMs <= now.monotonicMs) {
      this.#answer(this.#replies.shift()!.ticket, 'COORDINATOR_NOT_AVAILABLE')
    }
    const shard = this.#shard
    if (shard === undefined || now.monotonicMs < this.#notBeforeMs) return
    if (shard.nextDeadlineMs() <= now.monotonicMs) this.#take(shard.expire(now), now, true)
  }

  /** This broker does not coordinate any more. */
  unload(): void {
    this.#load?.cancel()
    this.#load = undefined
    this.#retry?.cancel()
    this.#retry = undefined
    this.#shard?.unloaded()
    this.#shard = undefined
    this.#lastAppended = undefined
    this.#replies.length = 0
    const waiting = [...this.#tickets.values()]
    this.#tickets.clear()
    for (const answered of waiting) answered('NOT_COORDINATOR')
  }

  /**
   * Nothing is loaded, and perhaps never will be: another broker may coordinate long since, of which this one has not heard. Who is told to wait, or that it is
   * taken for alive meanwhile, would not look for it.
   */
  get #isOutOfService(): boolean {
    const { log } = this.partition
    return log.failed || log.closed
  }

  get #now(): Now {
    const { clock } = this.#ports
    return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() }
  }

  #beginAgain(why: string): void {
    const { topic, partition } = this.partition.id
    this.#ports.logger.warn({ topic, partition, why }, 'coordinator is loaded again')
    this.unload()
    this.#begin()
  }

  #begin(): void {
    // Until it is repaired, of which it is heard.
    if (this.#isOutOfService) return
    const { clock } = this.#ports
    const beganMs = clock.monotonicMs()
    const shard = this.#kind.create(this.partition.id.partition)
    this.#load = new ShardLoad<Record>(this.#ports, this.partition, {
      maxBytes: this.#kind.settings().loadBytes,
      decode: this.#kind.decode,
      apply: (record, place) => shard.apply(record, place),
      done: (error, endOffset) => {
        const records = this.#load!.records
        this.#load = undefined
        const durationMs = clock.monotonicMs() - beganMs
        if (error === undefined) this.#loaded(shard, endOffset, { records, durationMs })
        else this.#failed(shard, error)
      },
    })
  }

  #failed(shard: Shard<Request, Record, Reply>, error: Error): void {
    const { topic, partition } = this.partition.id
    this.#ports.logger.error({ topic, partition, error: error.message }, 'coordinator cannot be loaded')
    shard.unloaded()
    this.#unusable = error instanceof UnusableLogError ? this.#unusable + 1 : 0
    const delayMs = Math.min(AGAIN_MS * 2 ** Math.max(0, this.#unusable - 1), UNUSABLE_AGAIN_MAX_MS)
    this.#retry = this.#ports.clock.timer(delayMs, () => {
      this.#retry = undefined
      this.#begin()
    })
  }

  #loaded(
    shard: Shard<Request, Record, Reply>,
    endOffset: number,
    { records, durationMs }: { readonly records: number; readonly durationMs: number },
  ): void {
    const { topic, partition } = this.partition.id
    const now = this.#now
    let decision: ShardDecision<Record, Reply>
    try {
      decision = shard.loaded(this.#kind.image(), now)
    } catch (cause) {
      return this.#failed(shard, new UnusableLogError((cause as Error).message, { cause }))
    }
    this.#ports.logger.info({ topic, partition, endOffset, records, durationMs }, 'coordinator is loaded')
    this.#events.loaded(durationMs)
    this.#unusable = 0
    this.#shard = shard
    this.#endOffset = endOffset
    this.#take(decision, now)
  }

  /** `byItself`: nobody has asked for it. */
  #take(decision: ShardDecision<Record, Reply>, now: Now, byItself = false): void {
    const shard = this.#shard!
    let taken = decision
    for (let refusals = 0; taken.records.length > 0; refusals++) {
      const refused = this.#append(taken.records, now)
      if (refused === undefined) break
      if (byItself) this.#notBeforeMs = now.monotonicMs + AGAIN_MS
      // What stands in the log is always a state to go on from.
      if (refusals === MAX_REFUSALS) return this.#beginAgain(`nothing that it decides is taken: ${refused}`)
      taken = shard.refused(taken, refused, now)
    }
    const deadlineMs = now.monotonicMs + this.#kind.settings().commitTimeoutMs
    for (const { ticket, reply } of taken.replies) {
      this.#replies.push({ ticket, reply, endOffset: this.#endOffset, deadlineMs })
    }
    this.#release()
    this.#events.scheduled(this.dueMs)
  }

  /** Returns why it is not appended. */
  #append(records: readonly Record[], now: Now): ErrorName | undefined {
    const { encode, settings } = this.#kind
    const result = appendRecords(this.partition, records, encode, settings().codec, now.wallMs)
    if (typeof result === 'string') {
      const { topic, partition } = this.partition.id
      this.#ports.logger.warn({ topic, partition, error: result, records: records.length }, 'coordinator was refused')
      return result
    }
    this.#kind.appended?.(records)
    this.#lastAppended = result
    this.#endOffset = result.endOffset
    for (const [index, record] of records.entries()) {
      const offset = result.baseOffset + index
      this.#shard!.apply(record, { offset, timestampMs: now.wallMs, producerId: -1, producerEpoch: -1 })
    }
    return undefined
  }

  /** Lets go what rests on nothing but what is committed. */
  #release(): void {
    const { highWatermark } = this.partition
    while (this.#replies.length > 0 && this.#replies[0]!.endOffset <= highWatermark) {
      const { ticket, reply } = this.#replies.shift()!
      this.#answer(ticket, reply)
    }
  }

  #answer(ticket: Ticket, answer: Reply | ErrorName): void {
    const answered = this.#tickets.get(ticket)
    this.#tickets.delete(ticket)
    answered?.(answer)
  }
}
