/**
 * A long history of transactions over several keys that are seen whole or not at all, but for one planted anomaly. What stands behind the first open one of a
 * key is not read. Drawn from a seed; the time is virtual.
 */
import { Prng } from '../../src/base/prng.js'
import type { ClientOperation, MessagesOperation, Outcome, PollPart, SendPart } from '../../src/check/client-history.js'

export const PLANTED_IN_TRANSACTIONS = ['G1a', 'G1c', 'torn-transaction', 'poll-skip', 'lost-write'] as const

export interface GeneratedTransactionsOptions {
  readonly seed: number
  readonly operations: number
  readonly keys: number
  /** The share of which nobody knows whether they were committed; half of them were. As many are aborted. */
  readonly unknown: number
  /** Undefined: nothing is wrong. */
  readonly planted?: (typeof PLANTED_IN_TRANSACTIONS)[number] | undefined
}

const PROCESSES = 24
const PARTS = 4
const RECORDS_A_POLL = 60

interface Entry {
  /** Undefined: the marker that ends a transaction. */
  readonly value: string | undefined
  state: 'open' | 'committed' | 'aborted'
}

interface Open {
  readonly invokedMs: number
  readonly parts: (SendPart | PollPart)[]
  readonly entries: { readonly at: number; readonly offset: number }[]
  /** Where the process was when it began. */
  readonly before: readonly number[]
  left: number
}

/** In the order in which they ended. */
export function generateTransactions(options: GeneratedTransactionsOptions): ClientOperation[] {
  const { seed, operations, keys, unknown, planted } = options
  const random = new Prng(seed)
  const history: ClientOperation[] = []
  const names = Array.from({ length: keys }, (_, at) => `k${at}`)
  const logs = names.map((): Entry[] => [])
  /** By key: the first that is open. */
  const stable = names.map(() => 0)
  const positions = Array.from({ length: PROCESSES }, () => names.map(() => 0))
  const opened = new Array<Open | undefined>(PROCESSES).fill(undefined)
  let left: GeneratedTransactionsOptions['planted']
  let isPlanted = false
  let timeMs = 0
  let values = 0

  const poll = (at: number, from: number, count: number): PollPart & { readonly next: number } => {
    const log = logs[at]!
    while (stable[at]! < log.length && log[stable[at]!]!.state !== 'open') stable[at]!++
    const records: [number, string][] = []
    let next = from
    for (; next < stable[at]! && records.length < count; next++) {
      const { value, state } = log[next]!
      if (value !== undefined && state === 'committed') records.push([next, value])
    }
    return { f: 'poll', key: names[at]!, records, next }
  }
  const end = (process: number, open: Open, outcome: Outcome): void => {
    const isCommitted = outcome === 'ok' || (outcome === 'info' && random.chance(0.5))
    const { invokedMs, parts, entries, before } = open
    const markers: Record<string, number> = {}
    for (const { at, offset } of entries) {
      logs[at]![offset]!.state = isCommitted ? 'committed' : 'aborted'
      if (markers[names[at]!] === undefined)
        markers[names[at]!] = logs[at]!.push({ value: undefined, state: 'aborted' }) - 1
    }
    let told = outcome
    if (left === 'G1a' && isCommitted && outcome === 'ok' && entries.length > 0) {
      told = 'fail'
      left = undefined
    }
    if (left === 'lost-write' && outcome === 'ok' && entries.length === 1) {
      logs[entries[0]!.at]![entries[0]!.offset]!.state = 'aborted'
      left = undefined
    }
    if (left === 'torn-transaction' && outcome === 'ok' && entries.some(({ at }) => at === entries[0]!.at + 1)) {
      // Nobody knows the offsets of what nobody has acknowledged.
      const { at, offset } = entries[0]!
      logs[at]![offset]!.state = 'aborted'
      for (const [index, part] of parts.entries()) {
        if (part.f === 'send') parts[index] = { f: 'send', key: part.key, value: part.value }
      }
      told = 'info'
      left = undefined
    }
    if (told !== 'ok') positions[process] = [...before]
    const common = { process, outcome: told, invokedMs, completedMs: timeMs, parts, markers }
    history.push({ ...common, f: 'txn', ...(told === 'fail' ? {} : { commitStartedMs: timeMs - 0.5 }) })
  }

  while (history.length < operations) {
    timeMs++
    if (!isPlanted && history.length >= operations / 2) {
      isPlanted = true
      left = planted
    }
    const process = random.below(PROCESSES)
    const open = opened[process]
    if (open === undefined) {
      const before = [...positions[process]!]
      opened[process] = { invokedMs: timeMs, parts: [], entries: [], before, left: 1 + random.below(PARTS) }
      continue
    }
    if (open.left-- === 0) {
      const draw = random.float()
      end(process, open, draw < unknown ? 'info' : draw < unknown * 2 ? 'fail' : 'ok')
      opened[process] = undefined
      if (left === 'G1c') {
        history.push(...circle(names, logs, timeMs))
        left = undefined
      }
      continue
    }
    if (random.below(2) === 0) {
      const at = random.below(keys)
      const value = `v${values++}`
      const offset = logs[at]!.push({ value, state: 'open' }) - 1
      open.entries.push({ at, offset })
      open.parts.push({ f: 'send', key: names[at]!, value, offset })
    } else {
      // Each polls two keys.
      const at = (process + random.below(2)) % keys
      const from = positions[process]![at]!
      const { next, ...part } = poll(at, from, RECORDS_A_POLL)
      const isSkip = left === 'poll-skip' && from > 0 && part.records.length > 1 && open.parts.length === 0
      if (isSkip) left = undefined
      open.parts.push(isSkip ? { ...part, records: part.records.slice(1) } : part)
      positions[process]![at] = next
    }
  }
  for (const [process, open] of opened.entries()) if (open !== undefined) end(process, open, 'fail')
  for (const [at, key] of names.entries()) {
    const common = {
      process: PROCESSES + 10 + at,
      outcome: 'ok',
      invokedMs: timeMs + 10,
      completedMs: timeMs + 11,
    } as const
    history.push({ ...common, f: 'assign', keys: [key], fromBeginning: true })
    const { next: _, ...part } = poll(at, 0, Number.POSITIVE_INFINITY)
    history.push({ ...common, invokedMs: timeMs + 12, completedMs: timeMs + 13, f: 'poll', parts: [part] })
  }
  return history
}

/** Two that were each given what the other sent. */
function circle(names: readonly string[], logs: readonly Entry[][], timeMs: number): MessagesOperation[] {
  const sends = [0, 1].map((at): SendPart => {
    const value = `circle${at}`
    return { f: 'send', key: names[at]!, value, offset: logs[at]!.push({ value, state: 'committed' }) - 1 }
  })
  return sends.map((send, at) => {
    const { key, offset, value } = sends[1 - at]!
    const read: PollPart = { f: 'poll', key, records: [[offset!, value]], sought: true }
    const common = { process: PROCESSES + at, outcome: 'ok', invokedMs: timeMs - 0.5, completedMs: timeMs } as const
    return { ...common, f: 'txn', parts: [send, read] }
  })
}
