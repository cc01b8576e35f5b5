/**
 * How far behind who polls is: figures of a history that are never wrong, only large. What was acknowledged and not yet polled by anybody, how old the
 * news is that a process has, and how often one that is in a group was given a value.
 */
import type { ClientOperation } from './client-history.js'
import { isMessages } from './observed-log.js'

/** Told of the series, at even distances, and the last in any case. */
const MAX_POINTS = 200

export interface UnseenPoint {
  readonly timeMs: number
  /** By key; those of which nothing is unseen are left out. */
  readonly unseen: Readonly<Record<string, number>>
}

/** What acknowledged operations had sent by then and none had polled. */
export function unseenSeries(history: readonly ClientOperation[]): UnseenPoint[] {
  const acknowledged = history.filter((each) => each.outcome === 'ok' && isMessages(each))
  const distance = Math.max(1, Math.ceil(acknowledged.length / MAX_POINTS))
  /** By key and value: whether it was polled. */
  const sent = new Map<string, Map<string, boolean>>()
  const counts = new Map<string, number>()
  const points: UnseenPoint[] = []
  for (const [at, operation] of acknowledged.entries()) {
    if (!isMessages(operation)) continue
    for (const { key, value, isPolled } of valuesOf(operation.parts)) {
      let values = sent.get(key)
      if (values === undefined) sent.set(key, (values = new Map()))
      const wasPolled = values.get(value)
      if (isPolled && wasPolled === false) counts.set(key, counts.get(key)! - 1)
      if (!isPolled && wasPolled === undefined) counts.set(key, (counts.get(key) ?? 0) + 1)
      values.set(value, isPolled || wasPolled === true)
    }
    if (at % distance !== distance - 1 && at !== acknowledged.length - 1) continue
    const unseen = Object.fromEntries([...counts].filter(([, count]) => count > 0))
    points.push({ timeMs: operation.completedMs, unseen })
  }
  return points
}

type Parts = Extract<ClientOperation, { readonly f: 'txn' | 'send' | 'poll' }>['parts']

function* valuesOf(
  parts: Parts,
): Generator<{ readonly key: string; readonly value: string; readonly isPolled: boolean }> {
  for (const part of parts) {
    if (part.f === 'send') yield { key: part.key, value: part.value, isPolled: false }
    else for (const [, value] of part.records) yield { key: part.key, value, isPolled: true }
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
export function worstRealtimeLag(history: readonly ClientOperation[]): RealtimeLag | undefined {
  const known = new Map<string, Known>()
  for (const operation of history) {
    if (operation.outcome === 'fail' || !isMessages(operation)) continue
    for (const part of operation.parts) {
      let key = known.get(part.key)
      if (key === undefined) known.set(part.key, (key = new Known()))
      if (part.f === 'poll') for (const [offset] of part.records) key.exists(offset, operation.completedMs)
      else key.exists(part.offset ?? -1, operation.completedMs)
    }
  }
  let worst: RealtimeLag | undefined
  const held = new Map<number, Map<string, number>>()
  for (const operation of history) {
    const { process, invokedMs } = operation
    const before = held.get(process) ?? new Map<string, number>()
    if (!isMessages(operation)) {
      if (operation.outcome === 'fail') continue
      const keys = operation.f === 'assign' ? operation.keys : []
      held.set(process, new Map(keys.map((key) => [key, before.get(key) ?? -1])))
      continue
    }
    if (operation.outcome !== 'ok' || operation.f === 'send') continue
    for (const part of operation.parts) {
      if (part.f === 'send') continue
      for (const [offset] of part.records) before.set(part.key, Math.max(offset, before.get(part.key) ?? -1))
    }
    held.set(process, before)
    for (const [key, highest] of before) {
      const lagMs = invokedMs - (known.get(key)?.since(highest + 1) ?? invokedMs)
      if (lagMs > (worst?.lagMs ?? 0)) worst = { timeMs: invokedMs, process, key, lagMs }
    }
  }
  return worst
}

/** How often a process in a group was given a value: how many were given once, twice, and so on. */
export function consumeCounts(history: readonly ClientOperation[]): ReadonlyMap<number, number> {
  const subscribed = new Set<number>()
  const times = new Map<string, number>()
  for (const operation of history) {
    const { process, outcome } = operation
    if (!isMessages(operation)) {
      if (outcome === 'fail') continue
      if (operation.f === 'subscribe') subscribed.add(process)
      else subscribed.delete(process)
      continue
    }
    if (outcome !== 'ok' || !subscribed.has(process)) continue
    for (const { key, value, isPolled } of valuesOf(operation.parts)) {
      const id = `${process}\n${key}\n${value}`
      if (isPolled) times.set(id, (times.get(id) ?? 0) + 1)
    }
  }
  const counts = new Map<number, number>()
  for (const each of times.values()) counts.set(each, (counts.get(each) ?? 0) + 1)
  return counts
}
