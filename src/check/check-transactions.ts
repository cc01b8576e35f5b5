/**
 * A transaction is seen whole, once it is committed, or not at all: G1a, G1b, torn-transaction, precommitted-read.
 *
 * A client has read past a transaction in a key if it began to read there in front of the transaction and has gone on behind its last value, or its marker where
 * that is known. Who then has one of its values must have all: also those that nobody has ever seen, which lost-write cannot know of. What a client
 * has read in one go ends with an assignment, a rebalance or a seek.
 */
import type { Findings } from './anomalies.js'
import type { AssignOperation, MessagesOperation, SendPart } from './client-history.js'
import { isMessages, type ObservedLog, told } from './observed-log.js'

/** An operation with several sends is a transaction. */
export function checkTransactions(log: ObservedLog, findings: Findings): void {
  const readings = new Map<number, Reading>()
  for (const [at, operation] of log.history.entries()) {
    let reading = readings.get(operation.process)
    if (reading === undefined) readings.set(operation.process, (reading = new Reading()))
    if (!isMessages(operation)) {
      if (operation.outcome !== 'fail') reading.assigned(operation)
      continue
    }
    checkReads(log, at, operation, findings)
    reading.read(log, at, operation)
  }
  for (const [process, reading] of readings) reading.check(log, process, findings)
}

function checkReads(log: ObservedLog, at: number, operation: MessagesOperation, findings: Findings): void {
  let next = log.starts[at]!
  for (const part of operation.parts) {
    if (part.f === 'send') {
      next++
      continue
    }
    const key = log.key(part.key)
    for (const [offset, value] of part.records) {
      const number = log.numbers[next++]!
      const writer = key.writers[number]!
      if (writer === -1) continue
      const isOwn = writer === at
      const hasFailed = operation.outcome === 'ok' && key.hasFailed(number)
      const isEarly = operation.outcome === 'ok' && !isOwn && operation.completedMs < log.commitStarts[writer]!
      if (!isOwn && !hasFailed && !isEarly) continue
      const detail = (): string =>
        `${value} at offset ${offset} of ${told(writer, log.history[writer]!)}, polled by ${told(at, operation)}`
      if (isOwn) findings.add('precommitted-read', part.key, detail)
      if (hasFailed) findings.add('G1a', part.key, detail)
      if (isEarly) {
        findings.add(
          'G1b',
          part.key,
          () => `${detail()}, which asked to be committed at ${log.commitStarts[writer]} ms`,
        )
      }
    }
  }
}

/** From one offset to another without a gap. */
interface Run {
  readonly from: number
  to: number
}

/** What one process has read. */
class Reading {
  readonly #runs = new Map<string, Run[]>()
  /** Keys of which the next reading is not known to follow the last, and where it begins if that is known. */
  readonly #moved = new Map<string, number | undefined>()
  /** Operations with several sends of which it has something, and the values that it has of them. */
  readonly #writers = new Set<number>()
  readonly #seen = new Set<number>()
  #isSubscribed = false

  assigned({ f, keys, fromBeginning }: AssignOperation): void {
    this.#isSubscribed = f === 'subscribe'
    for (const key of this.#runs.keys()) {
      if (!keys.includes(key)) this.#moved.set(key, undefined)
    }
    if (fromBeginning === true) for (const key of keys) this.#moved.set(key, 0)
  }

  read(log: ObservedLog, at: number, operation: MessagesOperation): void {
    const { outcome, parts, rebalances } = operation
    for (const { keys } of rebalances ?? []) for (const key of keys) this.#moved.set(key, undefined)
    // Keys that a group takes and gives back unseen may have been read by another meanwhile.
    const isUnsteady = this.#isSubscribed && rebalances === undefined
    if (isUnsteady) for (const { key } of parts) this.#moved.set(key, undefined)
    // The client seeks back to where it was.
    if (outcome !== 'ok') return
    let next = log.starts[at]!
    for (const part of parts) {
      if (part.f === 'send') {
        next++
        continue
      }
      if (part.sought === true) this.#moved.set(part.key, undefined)
      const key = log.key(part.key)
      for (const [offset] of part.records) {
        this.#reach(part.key, offset)
        const number = log.numbers[next++]!
        const writer = key.writers[number]!
        if (writer === -1 || writer === at || log.sends[writer]! < 2) continue
        this.#writers.add(writer)
        this.#seen.add(key.base + number)
      }
    }
  }

  #reach(key: string, offset: number): void {
    let runs = this.#runs.get(key)
    if (runs === undefined) this.#runs.set(key, (runs = []))
    const run = runs.at(-1)
    if (run !== undefined && !this.#moved.has(key) && offset >= run.to) {
      run.to = offset
      return
    }
    runs.push({ from: this.#moved.get(key) ?? offset, to: offset })
    this.#moved.delete(key)
  }

  check(log: ObservedLog, process: number, findings: Findings): void {
    const isSeen = (part: SendPart): boolean => {
      const key = log.key(part.key)
      return this.#seen.has(key.base + key.numberOf(part.value))
    }
    for (const writer of this.#writers) {
      const operation = log.messages(writer)
      if (operation.outcome === 'fail') continue
      for (const part of operation.parts) {
        if (part.f !== 'send' || isSeen(part) || !this.#hasPassed(log, operation, part)) continue
        findings.add('torn-transaction', part.key, () => {
          const seen = operation.parts.filter((each) => each.f === 'send' && isSeen(each)).length
          const values = `${seen} of ${log.sends[writer]} values of ${told(writer, operation)}`
          return `process ${process} has ${values}, and has read past ${part.value}`
        })
        break
      }
    }
  }

  /** Whether a run goes from in front of where the value must stand to behind it. */
  #hasPassed(log: ObservedLog, { parts, markers }: MessagesOperation, missing: SendPart): boolean {
    const key = log.key(missing.key)
    let before = 0
    let behind = markers?.[missing.key]
    let isBefore = true
    for (const part of parts) {
      if (part.f !== 'send' || part.key !== missing.key) continue
      const place = key.placeOf(key.numberOf(part.value))
      if (part === missing) isBefore = false
      if (place === undefined) continue
      const offset = key.offsetAt(place)
      if (part === missing) [before, behind] = [offset, offset]
      else if (isBefore) before = Math.max(before, offset)
      else behind = Math.min(behind ?? Number.POSITIVE_INFINITY, offset)
    }
    if (behind === undefined) return false
    const end = behind
    return (this.#runs.get(missing.key) ?? []).some(({ from, to }) => from <= before && to >= end)
  }
}
