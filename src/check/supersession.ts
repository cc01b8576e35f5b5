/**
 * What compaction may take out of one log: a record whose key stands at a later offset, or was deleted at one. The record that deletes a key may go itself,
 * but then nothing of the key may be left in front of it.
 */
import type { Compacted } from './history-columns.js'

export class Supersession {
  /** The last offset at which a key stands at the end. */
  readonly #last = new Map<string, number>()
  /** The last offset at which a key was deleted, or may have been. */
  readonly #deleted = new Map<string, number>()

  /** It stands in the log at the end. */
  isThere({ recordKey }: Compacted, offset: number): void {
    if (recordKey === undefined) return
    this.#last.set(recordKey, Math.max(offset, this.#last.get(recordKey) ?? -1))
  }

  /** What became of it, as far as is known. */
  wasSent({ recordKey, deletes }: Compacted, hasFailed: boolean, offset: number | undefined): void {
    if (recordKey === undefined || deletes !== true || hasFailed) return
    const at = offset === undefined || offset < 0 ? Number.POSITIVE_INFINITY : offset
    this.#deleted.set(recordKey, Math.max(at, this.#deleted.get(recordKey) ?? -1))
  }

  /** Whether a record that stood at `offset` need not be there; after all were told of. */
  mayBeGone({ recordKey, deletes }: Compacted, offset: number | undefined): boolean {
    if (recordKey === undefined) return false
    if (deletes === true) return true
    const later = Math.max(this.#last.get(recordKey) ?? -1, this.#deleted.get(recordKey) ?? -1)
    return offset === undefined || later > offset
  }

  /** The last record of the same key that is there, if it stands in front of this one. */
  olderThan({ recordKey }: Compacted, offset: number | undefined): number | undefined {
    const last = recordKey === undefined ? undefined : this.#last.get(recordKey)
    return last !== undefined && offset !== undefined && offset >= 0 && last < offset ? last : undefined
  }
}
