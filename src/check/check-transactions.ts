/**
 * A transaction is seen whole, once it is committed, or not at all: G1a, G1b, torn-transaction, precommitted-read.
 *
 * A client has read past a transaction in a key if it began to read there in front of the transaction and has gone on behind its last value, or its marker where
 * that is known. Who then has one of its values must have all: also those that nobody has ever seen, which lost-write cannot know of. What a client
 * has read in one go ends with an assignment, a rebalance or a seek.
 */
import type { Findings } from './anomalies.js'
import { type Assignment, FAIL, isMessages, LEFT_OUT, OF_POLL, OF_SOUGHT, OK, SUBSCRIBE } from './history-columns.js'
import type { ObservedLog } from './observed-log.js'

/** An operation with several sends is a transaction. */
export function checkTransactions(log: ObservedLog, findings: Findings): void {
  const { history } = log
  const hasTransactions = log.sends.some((sends) => sends > 1)
  const readings = new Map<number, Reading>()
  for (let row = 0; row < history.kind.length; row++) {
    if (isMessages(history, row)) checkReads(log, row, findings)
    if (!hasTransactions || history.kind[row] === LEFT_OUT) continue
    const process = history.process[row]!
    let reading = readings.get(process)
    if (reading === undefined) readings.set(process, (reading = new Reading(log)))
    if (isMessages(history, row)) reading.read(row)
    else if (log.outcome[row] !== FAIL) reading.assigned(history.kind[row]!, history.assignments.get(row)!)
  }
  for (const [process, reading] of readings) reading.check(process, findings)
}

function checkReads(log: ObservedLog, row: number, findings: Findings): void {
  const { firstPart, firstValue, part, key, numbers, offsets, completedMs } = log.history
  const isOk = log.outcome[row] === OK
  for (let at = firstPart[row]!; at < firstPart[row + 1]!; at++) {
    if ((part[at]! & OF_POLL) === 0) continue
    for (let place = firstValue[at]!; place < firstValue[at + 1]!; place++) {
      const number = numbers[place]!
      const writer = log.writers[number]!
      if (writer === -1) continue
      const isOwn = writer === row
      const hasFailed = isOk && log.hasFailed(number)
      const isEarly = isOk && !isOwn && completedMs[row]! < log.commitStarts[writer]!
      if (!isOwn && !hasFailed && !isEarly) continue
      const name = log.nameOf(key[at]!)
      const detail = (): string =>
        `${log.text(number)} at offset ${offsets[place]} of ${log.told(writer)}, polled by ${log.told(row)}`
      const shownBy = log.shownBy([writer, row])
      if (isOwn) findings.add('precommitted-read', name, detail, shownBy)
      if (hasFailed) findings.add('G1a', name, detail, shownBy)
      if (isEarly) {
        const when = (): string => `${detail()}, which asked to be committed at ${log.commitStarts[writer]} ms`
        findings.add('G1b', name, when, shownBy)
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
  readonly #log: ObservedLog
  readonly #runs = new Map<number, Run[]>()
  /** Keys of which the next reading is not known to follow the last, and where it begins if that is known. */
  readonly #moved = new Map<number, number | undefined>()
  /** Operations with several sends of which it has something, and the values that it has of them. */
  readonly #writers = new Set<number>()
  readonly #seen = new Set<number>()
  #isSubscribed = false

  constructor(log: ObservedLog) {
    this.#log = log
  }

  assigned(kind: number, { keys, fromBeginning }: Assignment): void {
    this.#isSubscribed = kind === SUBSCRIBE
    for (const key of this.#runs.keys()) {
      if (!keys.includes(key)) this.#moved.set(key, undefined)
    }
    if (fromBeginning) for (const key of keys) this.#moved.set(key, 0)
  }

  read(row: number): void {
    const log = this.#log
    const { firstPart, firstValue, part, key, numbers, offsets, transactions, values } = log.history
    const { rebalances } = transactions.get(row) ?? {}
    for (const { keys } of rebalances ?? []) for (const name of keys) this.#moved.set(values.keyNumber(name), undefined)
    // Keys that a group takes and gives back unseen may have been read by another meanwhile.
    const isUnsteady = this.#isSubscribed && rebalances === undefined
    if (isUnsteady) for (let at = firstPart[row]!; at < firstPart[row + 1]!; at++) this.#moved.set(key[at]!, undefined)
    // The client seeks back to where it was.
    if (log.outcome[row] !== OK) return
    for (let at = firstPart[row]!; at < firstPart[row + 1]!; at++) {
      if ((part[at]! & OF_POLL) === 0) continue
      if ((part[at]! & OF_SOUGHT) !== 0) this.#moved.set(key[at]!, undefined)
      for (let place = firstValue[at]!; place < firstValue[at + 1]!; place++) {
        this.#reach(key[at]!, offsets[place]!)
        const number = numbers[place]!
        const writer = log.writers[number]!
        if (writer === -1 || writer === row || log.sends[writer]! < 2) continue
        this.#writers.add(writer)
        this.#seen.add(number)
      }
    }
  }

  #reach(key: number, offset: number): void {
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

  check(process: number, findings: Findings): void {
    const log = this.#log
    const { firstPart, firstValue, part, key, numbers } = log.history
    for (const writer of this.#writers) {
      if (log.outcome[writer] === FAIL) continue
      for (let at = firstPart[writer]!; at < firstPart[writer + 1]!; at++) {
        const number = numbers[firstValue[at]!]!
        if ((part[at]! & OF_POLL) !== 0 || this.#seen.has(number) || !this.#hasPassed(writer, at)) continue
        const detail = (): string => {
          const values = `${this.#seenNumbers(writer).length} of ${log.sends[writer]} values of ${log.told(writer)}`
          return `process ${process} has ${values}, and has read past ${log.text(number)}`
        }
        findings.add('torn-transaction', log.nameOf(key[at]!), detail, log.shownBy([writer], this.#seenNumbers(writer)))
        break
      }
    }
  }

  #seenNumbers(writer: number): number[] {
    const { firstPart, firstValue, part, numbers } = this.#log.history
    const seen: number[] = []
    for (let at = firstPart[writer]!; at < firstPart[writer + 1]!; at++) {
      const number = numbers[firstValue[at]!]!
      if ((part[at]! & OF_POLL) === 0 && this.#seen.has(number)) seen.push(number)
    }
    return seen
  }

  /** Whether a run goes from in front of where the value must stand to behind it. */
  #hasPassed(writer: number, missing: number): boolean {
    const { history, places, keys } = this.#log
    const { firstPart, firstValue, part, key, numbers, transactions } = history
    const of = key[missing]!
    let before = 0
    let behind = transactions.get(writer)?.markers?.[this.#log.nameOf(of)]
    for (let at = firstPart[writer]!; at < firstPart[writer + 1]!; at++) {
      if ((part[at]! & OF_POLL) !== 0 || key[at] !== of) continue
      const place = places[numbers[firstValue[at]!]!]!
      if (place === -1) continue
      const offset = keys[of]!.offsetAt(place)
      if (at === missing) [before, behind] = [offset, offset]
      else if (at < missing) before = Math.max(before, offset)
      else behind = Math.min(behind ?? Number.POSITIVE_INFINITY, offset)
    }
    if (behind === undefined) return false
    const end = behind
    return (this.#runs.get(of) ?? []).some(({ from, to }) => from <= before && to >= end)
  }
}
