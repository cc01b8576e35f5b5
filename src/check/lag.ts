/**
 * How far behind who polls is: figures of a history that are never wrong, only large. What was acknowledged and not yet polled by anybody, how old the
 * news is that a process has, and how often one that is in a group was given a value.
 */
import {
  ASSIGN,
  FAIL,
  type HistoryColumns,
  isMessages,
  LEFT_OUT,
  OF_POLL,
  OK,
  SEND,
  SUBSCRIBE,
} from './history-columns.js'
import { outcomesOf } from './observed-log.js'

/** Told of the series, at even distances, and the last in any case. */
const MAX_POINTS = 200

export interface UnseenPoint {
  readonly timeMs: number
  /** By key; those of which nothing is unseen are left out. */
  readonly unseen: Readonly<Record<string, number>>
}

/** What acknowledged operations had sent by then and none had polled. */
export function unseenSeries(history: HistoryColumns): UnseenPoint[] {
  const { values, completedMs } = history
  const outcome = outcomesOf(history)
  const rows = history.kind.length
  let acknowledged = 0
  for (let row = 0; row < rows; row++) if (outcome[row] === OK && isMessages(history, row)) acknowledged++
  const distance = Math.max(1, Math.ceil(acknowledged / MAX_POINTS))
  /** By value: whether it was sent, or polled. */
  const known = new Uint8Array(values.count)
  const counts = new Int32Array(values.keys.length)
  const points: UnseenPoint[] = []
  let at = 0
  for (let row = 0; row < rows; row++) {
    if (outcome[row] !== OK || !isMessages(history, row)) continue
    forEachValue(history, row, (key, number, isPolled) => {
      if (isPolled && known[number] === SENT) counts[key]!--
      if (!isPolled && known[number] === 0) counts[key]!++
      known[number] = isPolled ? POLLED : Math.max(known[number]!, SENT)
    })
    if (at % distance === distance - 1 || at === acknowledged - 1) {
      const unseen = values.keys.flatMap((name, key) => (counts[key]! > 0 ? [[name, counts[key]!] as const] : []))
      points.push({ timeMs: completedMs[row]!, unseen: Object.fromEntries(unseen) })
    }
    at++
  }
  return points
}

const SENT = 1
const POLLED = 2

function forEachValue(
  { firstPart, firstValue, part, key, numbers }: HistoryColumns,
  row: number,
  visit: (key: number, number: number, isPolled: boolean) => void,
): void {
  for (let at = firstPart[row]!; at < firstPart[row + 1]!; at++) {
    const isPolled = (part[at]! & OF_POLL) !== 0
    for (let place = firstValue[at]!; place < firstValue[at + 1]!; place++) visit(key[at]!, numbers[place]!, isPolled)
  }
}

export interface RealtimeLag {
  readonly timeMs: number
  readonly process: number
  readonly key: string
  readonly lagMs: number
}

/** When offsets were first known to be there: each step says since when all up to it are. */
class Known {
  readonly #ends: number[] = []
  readonly #times: number[] = []

  exists(offset: number, timeMs: number): void {
    if (offset <= (this.#ends.at(-1) ?? -1)) return
    this.#ends.push(offset)
    this.#times.push(timeMs)
  }

  /** Undefined: it is not known to be there. */
  since(offset: number): number | undefined {
    let low = 0
    let high = this.#ends.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#ends[middle]! < offset) low = middle + 1
      else high = middle
    }
    return this.#times[low]
  }
}

/**
 * The oldest news: a poll that began at this time had not seen what was there since so long. A lower bound. An assignment begins anew with keys that it
 * adds; a subscription forgets all.
 */
export function worstRealtimeLag(history: HistoryColumns): RealtimeLag | undefined {
  const { kind, process, invokedMs, completedMs, values, firstPart, firstValue, part, key, offsets, assignments } =
    history
  const outcome = outcomesOf(history)
  const known = values.keys.map(() => new Known())
  for (let row = 0; row < kind.length; row++) {
    if (outcome[row] === FAIL || !isMessages(history, row)) continue
    for (let at = firstPart[row]!; at < firstPart[row + 1]!; at++) {
      const ofKey = known[key[at]!]!
      for (let place = firstValue[at]!; place < firstValue[at + 1]!; place++) {
        if (offsets[place]! >= 0) ofKey.exists(offsets[place]!, completedMs[row]!)
      }
    }
  }
  let worst: RealtimeLag | undefined
  const held = new Map<number, Map<number, number>>()
  for (let row = 0; row < kind.length; row++) {
    if (kind[row] === SEND || kind[row] === LEFT_OUT) continue
    const before = held.get(process[row]!) ?? new Map<number, number>()
    if (!isMessages(history, row)) {
      if (outcome[row] === FAIL) continue
      const keys = kind[row] === ASSIGN ? assignments.get(row)!.keys : []
      held.set(process[row]!, new Map(keys.map((each) => [each, before.get(each) ?? -1])))
      continue
    }
    if (outcome[row] !== OK) continue
    for (let at = firstPart[row]!; at < firstPart[row + 1]!; at++) {
      if ((part[at]! & OF_POLL) === 0) continue
      for (let place = firstValue[at]!; place < firstValue[at + 1]!; place++) {
        before.set(key[at]!, Math.max(offsets[place]!, before.get(key[at]!) ?? -1))
      }
    }
    held.set(process[row]!, before)
    for (const [each, highest] of before) {
      const lagMs = invokedMs[row]! - (known[each]!.since(highest + 1) ?? invokedMs[row]!)
      if (lagMs > (worst?.lagMs ?? 0)) {
        worst = { timeMs: invokedMs[row]!, process: process[row]!, key: values.keys[each]!, lagMs }
      }
    }
  }
  return worst
}

/** How often a process in a group was given a value: how many were given once, twice, and so on. */
export function consumeCounts(history: HistoryColumns): ReadonlyMap<number, number> {
  const { kind, process, values } = history
  const outcome = outcomesOf(history)
  const subscribed = new Set<number>()
  const times = new Map<number, number>()
  for (let row = 0; row < kind.length; row++) {
    if (kind[row] === LEFT_OUT) continue
    const id = process[row]!
    if (!isMessages(history, row)) {
      if (outcome[row] === FAIL) continue
      if (kind[row] === SUBSCRIBE) subscribed.add(id)
      else subscribed.delete(id)
    } else if (outcome[row] === OK && subscribed.has(id)) {
      forEachValue(history, row, (_, number, isPolled) => {
        const pair = id * values.count + number
        if (isPolled) times.set(pair, (times.get(pair) ?? 0) + 1)
      })
    }
  }
  const counts = new Map<number, number>()
  for (const each of times.values()) counts.set(each, (counts.get(each) ?? 0) + 1)
  return counts
}
