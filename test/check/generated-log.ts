/**
 * A long history of logs that do what they promise, but for one planted anomaly: what clients of the simulator write down of sends and polls. Drawn from
 * a seed; the time is virtual.
 */
import { Prng } from '../../src/base/prng.js'
import { type Operation, type SendOperation, selfDescribing } from '../../src/check/history.js'

export const PLANTED_IN_LOG = ['lost-write', 'duplicate', 'inconsistent-offsets', 'send-realtime', 'poll-skip'] as const

export interface GeneratedLogOptions {
  readonly seed: number
  /** Sends and polls that have ended. */
  readonly operations: number
  readonly keys: number
  /** The share of the sends of which nobody knows whether they happened. Half of them did. */
  readonly unknown: number
  /** Undefined: nothing is wrong. */
  readonly planted?: (typeof PLANTED_IN_LOG)[number] | undefined
}

const PRODUCERS = 24
/** Of each key. */
const CONSUMERS = 3
const RECORDS_A_POLL = 30
const STEP_MS = 0.01
/** How much later than it was appended the planted send says that it was made. */
const LATE_MS = 50

/** In order of time. */
export function generateLog({ seed, operations, keys, unknown, planted }: GeneratedLogOptions): Operation[] {
  const random = new Prng(seed)
  const history: Operation[] = []
  const names = Array.from({ length: keys }, (_, at) => `t-${at}`)
  /** Undefined: nothing stands at the offset. */
  const logs = names.map((): (string | undefined)[] => [])
  const read = names.map(() => new Array<number>(CONSUMERS).fill(0))
  const sequences = new Map<string, number>()
  /** What is under way of each producer: it ends when the producer is drawn again. */
  const open = new Array<SendOperation | undefined>(PRODUCERS).fill(undefined)
  let left: GeneratedLogOptions['planted']
  let isPlanted = false
  let timeMs = 0
  for (let done = 0; done < operations; ) {
    timeMs += STEP_MS
    if (!isPlanted && done >= operations / 2) {
      isPlanted = true
      left = planted
    }
    const at = random.below(keys)
    const [key, log] = [names[at]!, logs[at]!]
    const process = random.below(PRODUCERS)
    if (random.below(3) === 0) {
      const consumer = random.below(CONSUMERS)
      const from = read[at]![consumer]!
      const to = Math.min(log.length, from + 1 + random.below(RECORDS_A_POLL))
      const records = recordsOf(log, from, to)
      if (records.length === 0) continue
      if (left === 'poll-skip' && from > 0 && records.length > 1) {
        records.shift()
        left = undefined
      }
      read[at]![consumer] = to
      history.push({ f: 'poll', type: 'ok', key, time: timeMs, process: 1000 + at * CONSUMERS + consumer, records })
      done++
      continue
    }
    const ending = open[process]
    if (ending !== undefined) {
      open[process] = undefined
      history.push({ ...ending, time: timeMs })
      done++
      continue
    }
    const id = `${process} ${key}`
    const sequence = sequences.get(id) ?? 0
    sequences.set(id, sequence + 1)
    const value = selfDescribing(key, process, sequence)
    const sent = { f: 'send', key, value, process, acks: -1, producer: `p${process}`, sequence } as const
    const invoke: SendOperation = { ...sent, type: 'invoke', time: timeMs }
    if (left === 'send-realtime') {
      left = undefined
      const { producer: _, ...common } = { ...invoke, process: PRODUCERS }
      history.push({ ...common, time: timeMs + LATE_MS })
      history.push({ ...common, type: 'ok', time: timeMs + LATE_MS + STEP_MS / 2, offset: log.length })
      log.push(value)
      done++
      continue
    }
    history.push(invoke)
    const offset = log.length
    if (random.chance(unknown)) {
      if (random.chance(0.5)) log.push(value)
      open[process] = { ...sent, type: 'info', time: timeMs }
      continue
    }
    open[process] = { ...sent, type: 'ok', time: timeMs, offset }
    log.push(left === 'lost-write' ? undefined : value)
    if (left === 'duplicate') log.push(value)
    // It is said to stand where another one does.
    if (left === 'inconsistent-offsets')
      open[process] = { ...open[process], offset: log.findLastIndex((each) => each !== value) }
    if (left !== 'poll-skip') left = undefined
  }
  for (const [at, key] of names.entries()) {
    const records = recordsOf(logs[at]!, 0, logs[at]!.length)
    history.push({ f: 'poll', type: 'ok', key, time: timeMs + 1000, process: 9000 + at, records, final: true })
  }
  return history.sort((a, b) => a.time - b.time)
}

function recordsOf(log: readonly (string | undefined)[], from: number, to: number): (readonly [number, string])[] {
  const records: (readonly [number, string])[] = []
  for (let offset = from; offset < to; offset++) {
    const value = log[offset]
    if (value !== undefined) records.push([offset, value])
  }
  return records
}
