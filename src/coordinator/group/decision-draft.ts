/**
 * DecisionDraft: a decision while it is being made. Records and replies are gathered in order, and with them what puts back what was changed beside
 * the log, for the case that the partition does not take the records.
 */
import type { Ticket } from '../shard.js'
import type { GroupRecord } from './group-records.js'
import type { GroupApi, GroupDecision, GroupReply, ResponseOf } from './group-requests.js'

/** Called with a draft of its own: what is decided because the records were refused. */
export type Repair = (draft: DecisionDraft) => void

export class DecisionDraft {
  readonly #records: GroupRecord[] = []
  readonly #replies: { ticket: Ticket; reply: GroupReply }[] = []
  readonly #repairs: Repair[] = []
  #instead: Repair | undefined

  get recordCount(): number {
    return this.#records.length
  }

  get isEmpty(): boolean {
    return this.#records.length === 0 && this.#replies.length === 0
  }

  get decision(): GroupDecision {
    return { records: this.#records, replies: this.#replies }
  }

  append(record: GroupRecord): void {
    this.#records.push(record)
  }

  /** Whether this draft has an answer for it. */
  answers(ticket: Ticket): boolean {
    return this.#replies.some((reply) => reply.ticket === ticket)
  }

  appendAll(records: Iterable<GroupRecord>): void {
    for (const record of records) this.append(record)
  }

  reply<Api extends GroupApi>(ticket: Ticket, api: Api, body: ResponseOf<Api>): void {
    this.#replies.push({ ticket, reply: { api, body } as unknown as GroupReply })
  }

  /** What has to be done if none of the records is taken. The last first. */
  ifRefused(repair: Repair): void {
    this.#repairs.push(repair)
  }

  /** What is decided in the place of all of it if the records are more than the partition takes at once. */
  ifTooLarge(decide: Repair): void {
    this.#instead = decide
  }

  get instead(): Repair | undefined {
    return this.#instead
  }

  repair(draft: DecisionDraft): void {
    for (const repair of this.#repairs.toReversed()) repair(draft)
  }
}
