/**
 * Shard: a state machine that is kept in one partition of an internal topic: groups in `__consumer_offsets`, and what else coordinates later. This is the
 * contract between such a core and `broker/coordinators/coordinator-runtime.ts`, which reads the log, appends, and lets answers go.
 *
 * What stands in the log is changed by `apply` alone, on who has decided it and on who reads it after a move in the same way. What does not stand there (who
 * waits for an answer, sessions, deadlines) a decision may change at once: it is lost when the partition gets another leader, and has to be as if it had never been.
 */
import type { Decision } from '../base/decision.js'
import type { MetadataDelta } from '../metadata/delta.js'
import type { MetadataImage } from '../metadata/image.js'
import type { ErrorName } from '../protocol/errors.js'

/** Monotonic time is for deadlines, wall time for what is written down. */
export interface Now {
  readonly monotonicMs: number
  readonly wallMs: number
}

/** Who waits for an answer. The shell gives out each once, and answers each once. */
export type Ticket = number

export interface TicketedReply<Reply> {
  readonly ticket: Ticket
  readonly reply: Reply
}

/** A record of a kind that is known, in a version that is not: a later release has written it, and what it says must not get lost. */
export class UnknownVersionError extends Error {
  override readonly name = 'UnknownVersionError'
}

export type ShardDecision<Record, Reply> = Decision<Record, TicketedReply<Reply>>

/** Where a record stands. The producer is -1 but for what was written in a transaction. */
export interface RecordPlace {
  readonly offset: number
  /** Wall time. */
  readonly timestampMs: number
  readonly producerId: number
  readonly producerEpoch: number
}

/**
 * The shell calls `apply` for the whole log, then `loaded`, and from then on the others, one at a time. After each decision it appends the records as one
 * batch and applies them, before it asks for another one. A decision that takes more records than a batch may have is made in pieces: `nextDeadlineMs`
 * says that there is more to do. Replies leave when everything that has been applied up to the decision is committed, in the order of decisions.
 */
export interface Shard<Request, Record, Reply> {
  /** The answer is in this decision or in a later one. */
  decide(request: Request, ticket: Ticket, now: Now): ShardDecision<Record, Reply>
  apply(record: Record, place: RecordPlace): void
  /** The log has been applied to its end: sessions begin now. */
  loaded(image: MetadataImage, now: Now): ShardDecision<Record, Reply>
  /** Without a delta anything may have changed. */
  metadataChanged(image: MetadataImage, delta: MetadataDelta | undefined, now: Now): ShardDecision<Record, Reply>
  /** Monotonic, when `expire` next has something to say; infinity: never. */
  nextDeadlineMs(): number
  expire(now: Now): ShardDecision<Record, Reply>
  /**
   * The partition did not take these records (too few in sync, too large), and nothing was applied. Gives what is answered instead, with this error; what the
   * decision has changed beside the log must fit to that it has not happened.
   */
  refused(decision: ShardDecision<Record, Reply>, error: ErrorName, now: Now): ShardDecision<Record, Reply>
  /** It does not coordinate any more, or what it has applied is lost: nothing is asked of it again. Open tickets are answered by the shell. */
  unloaded(): void
}
