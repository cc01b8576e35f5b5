/**
 * Whether a group as a whole passes over records: its members give what they read to somebody, commit up to where they have read, and whoever takes a partition
 * over begins at what is committed. So all that stands in front of where somebody begins was given before: group-skip. And at the end all that was
 * acknowledged was given to somebody: group-unseen.
 */
import type { Findings } from './anomalies.js'

/** In the order in which it happened. */
export type GroupProgress = GroupRead | GroupBegun

interface Common {
  readonly group: string
  readonly key: string
  readonly process: number
  readonly timeMs: number
}

/** Everything in between was given to the member, the end not included. */
export interface GroupRead extends Common {
  readonly f: 'read'
  readonly fromOffset: number
  readonly toOffset: number
}

/** A member begins to read a partition. */
export interface GroupBegun extends Common {
  readonly f: 'begin'
  readonly offset: number
}

/** Of a key that a group is to have read at the end: offsets of records that were acknowledged. */
export interface ToBeRead {
  readonly group: string
  readonly key: string
  readonly offsets: readonly number[]
}

/** Returns how many beginnings behind offset 0 were looked at. */
export function checkGroupProgress(
  history: readonly GroupProgress[],
  wanted: readonly ToBeRead[],
  findings: Findings,
): number {
  const read = new Map<string, OffsetRanges>()
  const rangesOf = (group: string, key: string): OffsetRanges => {
    const id = `${group}\n${key}`
    let ranges = read.get(id)
    if (ranges === undefined) read.set(id, (ranges = new OffsetRanges()))
    return ranges
  }
  let begun = 0
  for (const each of history) {
    const { group, key, process, timeMs } = each
    const ranges = rangesOf(group, key)
    if (each.f === 'read') {
      ranges.add(each.fromOffset, each.toOffset)
      continue
    }
    const missing = ranges.firstMissing
    if (each.offset > 0) begun++
    if (each.offset > missing) {
      findings.add(
        'group-skip',
        key,
        () => `process ${process} of ${group} begins at ${each.offset} (${timeMs} ms), and nobody was given ${missing}`,
      )
    }
  }
  for (const { group, key, offsets } of wanted) {
    const ranges = rangesOf(group, key)
    for (const offset of offsets) {
      if (!ranges.has(offset)) findings.add('group-unseen', key, () => `${offset} was given to nobody of ${group}`)
    }
  }
  return begun
}

/** Offsets, as ranges that neither touch nor overlap, in order. */
class OffsetRanges {
  #ranges: (readonly [from: number, to: number])[] = []

  add(from: number, to: number): void {
    let low = from
    let high = to
    const apart = this.#ranges.filter(([otherFrom, otherTo]) => {
      if (otherTo < from || otherFrom > to) return true
      low = Math.min(low, otherFrom)
      high = Math.max(high, otherTo)
      return false
    })
    this.#ranges = [...apart, [low, high] as const].sort(([a], [b]) => a - b)
  }

  has(offset: number): boolean {
    return this.#ranges.some(([from, to]) => from <= offset && offset < to)
  }

  /** The first offset that is in none. */
  get firstMissing(): number {
    const first = this.#ranges[0]
    return first === undefined || first[0] > 0 ? 0 : first[1]
  }
}
