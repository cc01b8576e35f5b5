/**
 * DecisionRoom: how many bytes of records are decided at once where time itself decides, and there is more than one thing to do. After a refusal it is half as
 * much, until each thing is decided alone; after what was taken it grows again. So nobody has to wait for what is too large.
 */
import { encodeGroupRecord, type GroupRecord } from './group-records.js'

/** A quarter of what a batch may have by default (`max.message.bytes`). */
export const BYTES_OF_A_DECISION = 256 * 1024
/** What a record has beside its key and its value, and what a key has beside its names; more than that. */
export const RECORD_OVERHEAD_BYTES = 32

export class DecisionRoom {
  #last = BYTES_OF_A_DECISION
  #next = BYTES_OF_A_DECISION

  /** For the next decision; one thing may always be done. */
  take(): number {
    this.#last = this.#next
    this.#next = Math.min(BYTES_OF_A_DECISION, 2 * this.#last)
    return this.#last
  }

  /** The last decision was. */
  refused(): void {
    this.#next = Math.max(1, Math.floor(this.#last / 2))
  }
}

export function recordBytes(record: GroupRecord): number {
  const { key, value } = encodeGroupRecord(record)
  return key.length + (value?.length ?? 0) + RECORD_OVERHEAD_BYTES
}
