/** What a group's offsets are to be reset to: from what is committed, where logs begin and end, and what was found at a time. */
import type { NewGroupOffset } from '../../client/admin/group-offsets.js'
import type { TopicPartition } from '../../client/admin/groups.js'
import { partitionKey } from './described.js'

export type Reset =
  | { readonly to: 'earliest' | 'latest' | 'current' }
  | { readonly to: 'offset'; readonly offset: number }
  | { readonly to: 'shift'; readonly by: number }
  | { readonly to: 'time'; readonly timestampMs: number }
  /** What each partition is to get, by `partitionKey`. */
  | { readonly to: 'plan'; readonly offsets: ReadonlyMap<string, number> }

/** What is known of partitions, each by `partitionKey`. */
export interface KnownOffsets {
  readonly committed: ReadonlyMap<string, number>
  readonly starts: ReadonlyMap<string, number>
  readonly ends: ReadonlyMap<string, number>
  /** With `to: 'time'`: the first record from then on; missing: there is none. */
  readonly atTime: ReadonlyMap<string, number>
}

export interface ResetPlan {
  readonly offsets: readonly NewGroupOffset[]
  /** What is not as it was asked for, in sentences. */
  readonly remarks: readonly string[]
}

/** Throws `ResetError` where an offset cannot be said. */
export class ResetError extends Error {
  override readonly name = 'ResetError'
}

export function resetPlan(reset: Reset, partitions: readonly TopicPartition[], known: KnownOffsets): ResetPlan {
  const remarks: string[] = []
  const offsets = partitions.map(({ topic, partition }) => {
    const key = partitionKey({ topic, partition })
    const start = known.starts.get(key) ?? 0
    const end = known.ends.get(key) ?? start
    const wanted = wantedOffset(reset, key, { ...known, start, end, remarks })
    const offset = Math.min(Math.max(wanted, start), end)
    if (reset.to === 'current') return { topic, partition, offset: wanted }
    if (offset < wanted) remarks.push(`${key} ends at ${end}: that is taken instead of ${wanted}`)
    if (offset > wanted) remarks.push(`${key} begins at ${start}: that is taken instead of ${wanted}`)
    return { topic, partition, offset }
  })
  return { offsets, remarks }
}

interface Known extends KnownOffsets {
  readonly start: number
  readonly end: number
  readonly remarks: string[]
}

function wantedOffset(reset: Reset, key: string, { committed, atTime, start, end, remarks }: Known): number {
  switch (reset.to) {
    case 'earliest':
      return start
    case 'latest':
      return end
    case 'current':
      return committed.get(key) ?? end
    case 'offset':
      return reset.offset
    case 'shift': {
      const from = committed.get(key)
      if (from === undefined) throw new ResetError(`${key} has no committed offset that could be shifted`)
      return from + reset.by
    }
    case 'time': {
      const found = atTime.get(key)
      if (found === undefined) remarks.push(`${key} has no record from that time on: its end is taken`)
      return found ?? end
    }
    case 'plan': {
      const offset = reset.offsets.get(key)
      if (offset === undefined) throw new ResetError(`nothing is planned for ${key}`)
      return offset
    }
  }
}
