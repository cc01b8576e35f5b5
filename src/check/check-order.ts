/**
 * Who polls goes upwards and leaves nothing out, who sends finds its values in the order in which it sent them, and so does who looks at the clock:
 * int-poll-skip, int-nonmonotonic-poll, int-send-skip, int-nonmonotonic-send, poll-skip, nonmonotonic-poll, nonmonotonic-send, send-realtime, sequence-gap.
 *
 * Three oddities of Jepsen's definitions, and what is done here:
 * - An assignment clears the memory of what a process sent last. Here it does not: what is assigned to a consumer says nothing about a producer. A send whose place
 *   is not known is passed over, too, where Jepsen compares the next one with nothing.
 * - An assignment that seeks to the beginning keeps the memory of keys that it names, so that reading them again goes back. Here it forgets them, as
 *   does a poll after a seek.
 * - A key that was rebalanced within an operation is not judged within it. It is judged by where the process was before, as there.
 * Polls of operations that failed are judged by what the last acknowledged one read, but are not remembered: the client seeks back.
 */
import type { Findings } from './anomalies.js'
import { groupedBy, sortedBy } from './columns.js'
import { type Assignment, FAIL, isMessages, LEFT_OUT, OF_POLL, OF_SOUGHT, OK, SUBSCRIBE } from './history-columns.js'
import type { ObservedLog } from './observed-log.js'

/** What is only told, because the workload lets it happen, goes to `observations`. */
export interface OrderFindings {
  readonly findings: Findings
  readonly observations: Findings
}

export function checkOrder(log: ObservedLog, { findings, observations }: OrderFindings): void {
  const { history } = log
  const pollFindings = history.kind.includes(SUBSCRIBE) ? observations : findings
  const processes = new Map<number, Process>()
  for (let row = 0; row < history.kind.length; row++) {
    if (history.kind[row] === LEFT_OUT) continue
    if (isMessages(history, row)) checkWithin(log, row, { findings, observations })
    if (history.isAlone[row] === 1) continue
    const id = history.process[row]!
    let process = processes.get(id)
    if (process === undefined) processes.set(id, (process = new Process(log, findings, pollFindings)))
    if (isMessages(history, row)) process.did(row)
    else if (log.outcome[row] !== FAIL) process.assigned(history.assignments.get(row)!)
  }
  const sends = placedSends(log)
  checkRealtime(log, sends, findings)
  checkSequences(log, findings)
}

/** Between the parts of one operation. */
function checkWithin(log: ObservedLog, row: number, { findings, observations }: OrderFindings): void {
  const { firstPart, firstValue, part, key, numbers } = log.history
  const [from, to] = [firstPart[row]!, firstPart[row + 1]!]
  if (to - from === 1) {
    // Of one part it needs no memory.
    if ((part[from]! & OF_POLL) === 0) return
    if (!isRebalanced(log, row, key[from]!)) checkPolled(log, row, from, -1, findings)
    return
  }
  const polled = new Map<number, number>()
  const sent = new Map<number, number>()
  for (let at = from; at < to; at++) {
    const of = key[at]!
    if ((part[at]! & OF_POLL) === 0) {
      const number = numbers[firstValue[at]!]!
      const before = sent.get(of)
      sent.set(of, number)
      const distance = before === undefined ? 1 : log.distance(before, number)
      if (distance < 1)
        findings.add('int-nonmonotonic-send', log.nameOf(of), after(log, before!, number, row), log.shownBy([row]))
      else if (distance > 1)
        observations.add('int-send-skip', log.nameOf(of), after(log, before!, number, row), log.shownBy([row]))
      continue
    }
    if (isRebalanced(log, row, of)) continue
    const before = (part[at]! & OF_SOUGHT) !== 0 ? -1 : (polled.get(of) ?? -1)
    const last = checkPolled(log, row, at, before, findings)
    if (last !== -1) polled.set(of, last)
  }
}

function isRebalanced(log: ObservedLog, row: number, key: number): boolean {
  const { rebalances } = log.history.transactions.get(row) ?? {}
  return rebalances?.some(({ keys }) => keys.includes(log.nameOf(key))) ?? false
}

/** `before`: the value that was polled before the part, -1: none. Returns the last of it. */
function checkPolled(log: ObservedLog, row: number, at: number, before: number, findings: Findings): number {
  const { firstValue, key, numbers } = log.history
  let last = before
  for (let place = firstValue[at]!; place < firstValue[at + 1]!; place++) {
    const number = numbers[place]!
    if (last !== -1) {
      const distance = log.distance(last, number)
      const name = log.nameOf(key[at]!)
      if (distance < 1)
        findings.add('int-nonmonotonic-poll', name, after(log, last, number, row), log.shownBy([row], [last, number]))
      else if (distance > 1) {
        const shownBy = log.shownBy([row], [firstPassed(log, key[at]!, last)])
        findings.add('int-poll-skip', name, passed(log, key[at]!, last, number, row), shownBy)
      }
    }
    last = number
  }
  return last
}

function after(log: ObservedLog, before: number, number: number, row: number) {
  return (): string => `${log.text(number)} after ${log.text(before)} in ${log.told(row)}`
}

function firstPassed(log: ObservedLog, key: number, before: number): number {
  return log.keys[key]!.valueAt(log.places[before]! + 1)
}

function passed(log: ObservedLog, key: number, before: number, number: number, row: number) {
  return (): string => {
    const first = log.text(firstPassed(log, key, before))
    const count = log.distance(before, number) - 1
    const pair = `${log.text(number)} after ${log.text(before)}`
    return `${pair}, without ${count}, the first of them ${first}, in ${log.told(row)}`
  }
}

/** Between the operations of one process. */
class Process {
  readonly #log: ObservedLog
  readonly #findings: Findings
  readonly #pollFindings: Findings
  /** By key: the last value that an acknowledged operation polled, and the last that was sent and has a place. */
  readonly #polled = new Map<number, number>()
  readonly #polledBy = new Map<number, number>()
  readonly #sent = new Map<number, number>()

  constructor(log: ObservedLog, findings: Findings, pollFindings: Findings) {
    this.#log = log
    this.#findings = findings
    this.#pollFindings = pollFindings
  }

  assigned({ keys, fromBeginning }: Assignment): void {
    for (const key of [...this.#polled.keys()]) {
      if (fromBeginning || !keys.includes(key)) this.#polled.delete(key)
    }
  }

  did(row: number): void {
    const { firstPart, part, key } = this.#log.history
    const [from, to] = [firstPart[row]!, firstPart[row + 1]!]
    // Keys that this operation has polled, or sent to, already.
    const begun = to - from > 1 ? { polled: new Set<number>(), sent: new Set<number>() } : undefined
    for (let at = from; at < to; at++) {
      if ((part[at]! & OF_POLL) !== 0) this.#poll(row, at, key[at]!, begun?.polled)
      else this.#send(row, at, key[at]!, begun?.sent)
    }
  }

  #poll(row: number, at: number, key: number, begun: Set<number> | undefined): void {
    const log = this.#log
    const { part, numbers, firstValue } = log.history
    if ((part[at]! & OF_SOUGHT) !== 0) this.#polled.delete(key)
    const [first, end] = [firstValue[at]!, firstValue[at + 1]!]
    if (first === end) return
    const before = begun?.has(key) === true ? undefined : this.#polled.get(key)
    begun?.add(key)
    if (before !== undefined) {
      const number = numbers[first]!
      const distance = log.distance(before, number)
      const name = log.nameOf(key)
      const rows = [this.#polledBy.get(key)!, row]
      if (distance > 1) {
        const shownBy = log.shownBy(rows, [firstPassed(log, key, before)])
        this.#pollFindings.add('poll-skip', name, passed(log, key, before, number, row), shownBy)
      } else if (distance < 1) {
        this.#pollFindings.add('nonmonotonic-poll', name, after(log, before, number, row), log.shownBy(rows))
      }
    }
    if (log.outcome[row] !== OK) return
    this.#polled.set(key, numbers[end - 1]!)
    this.#polledBy.set(key, row)
  }

  #send(row: number, at: number, key: number, begun: Set<number> | undefined): void {
    const log = this.#log
    const number = log.history.numbers[log.history.firstValue[at]!]!
    if (log.outcome[row] === FAIL || log.places[number] === -1) return
    const before = begun?.has(key) === true ? undefined : this.#sent.get(key)
    begun?.add(key)
    if (before !== undefined && log.distance(before, number) < 1) {
      const shownBy = log.shownBy([row], [before, number])
      this.#findings.add('nonmonotonic-send', log.nameOf(key), after(log, before, number, row), shownBy)
    }
    this.#sent.set(key, number)
  }
}

/** Everything that was sent and has a place: numbers from 0 on, by which the columns go, grouped by key. */
interface PlacedSends {
  readonly row: Int32Array
  readonly value: Int32Array
  readonly starts: Int32Array
  readonly items: Int32Array
}

function placedSends(log: ObservedLog): PlacedSends {
  const { history, places, sentTwice, keys } = log
  const { firstPart, firstValue, part, key, numbers } = history
  const row = new Int32Array(key.length)
  const value = new Int32Array(key.length)
  const keyOf = new Int32Array(key.length)
  let count = 0
  for (let each = 0; each < history.kind.length; each++) {
    if (!isMessages(history, each)) continue
    for (let at = firstPart[each]!; at < firstPart[each + 1]!; at++) {
      if ((part[at]! & OF_POLL) !== 0) continue
      const number = numbers[firstValue[at]!]!
      // Where a value was sent twice or stands twice, something else is told already.
      if (places[number] === -1 || sentTwice.has(number) || keys[key[at]!]!.duplicates.has(number)) continue
      row[count] = each
      value[count] = number
      keyOf[count++] = key[at]!
    }
  }
  return { row, value, ...groupedBy(keyOf.subarray(0, count), keys.length) }
}

function checkRealtime(log: ObservedLog, { row, value, starts, items }: PlacedSends, findings: Findings): void {
  const { invokedMs, completedMs } = log.history
  const invoked = Float64Array.from(row, (each) => invokedMs[each]!)
  const completed = Float64Array.from(row, (each) => completedMs[each]!)
  const place = Int32Array.from(value, (each) => log.places[each]!)
  for (const [number, key] of log.keys.entries()) {
    if (key === undefined) continue
    const sends = items.subarray(starts[number], starts[number + 1])
    const certain = sortedBy(
      sends.filter((send) => log.outcome[row[send]!] === OK),
      completed,
    )
    let next = 0
    let highest = -1
    for (const send of sortedBy(sends, invoked)) {
      for (; next < certain.length && completed[certain[next]!]! < invoked[send]!; next++) {
        if (highest === -1 || place[certain[next]!]! > place[highest]!) highest = certain[next]!
      }
      if (highest === -1 || place[send]! > place[highest]!) continue
      const before = highest
      const told = (each: number): string =>
        `${log.text(value[each]!)} at offset ${key.offsetAt(place[each]!)} of ${log.told(row[each]!)}`
      const shownBy = log.shownBy([row[send]!, row[before]!], [value[send]!, value[before]!])
      findings.add('send-realtime', key.name, () => `${told(send)} was sent after ${told(before)}`, shownBy)
    }
  }
}

/** Of each idempotent producer, by key: from the last that it sent to the first. */
function checkSequences(log: ObservedLog, findings: Findings): void {
  const { history } = log
  const { firstPart, firstValue, part, key, producer, sequence, numbers, producers, values } = history
  const group = new Int32Array(key.length).fill(-1)
  const rowOf = new Int32Array(key.length)
  for (let row = 0; row < history.kind.length; row++) {
    if (!isMessages(history, row) || log.outcome[row] === FAIL) continue
    for (let at = firstPart[row]!; at < firstPart[row + 1]!; at++) {
      rowOf[at] = row
      const isSequenced = (part[at]! & OF_POLL) === 0 && producer[at] !== -1 && !Number.isNaN(sequence[at]!)
      if (isSequenced) group[at] = producer[at]! * values.keys.length + key[at]!
    }
  }
  const groups = producers.length * values.keys.length
  const { starts, items } = groupedBy(group, groups)
  const backwards = sequence.map((each) => -each)
  const told = (at: number): string => `${log.text(numbers[firstValue[at]!]!)} (${sequence[at]})`
  for (let each = 0; each < groups; each++) {
    if (starts[each] === starts[each + 1]) continue
    const name = producers[Math.floor(each / values.keys.length)]
    const keyName = log.nameOf(each % values.keys.length)
    let later = -1
    let laterPlace = -1
    for (const at of sortedBy(items.subarray(starts[each], starts[each + 1]), backwards)) {
      const number = numbers[firstValue[at]!]!
      const place = log.wasPolledOk(number) ? log.places[number]! : -1
      const after = later
      if (place === -1) {
        if (after === -1 || log.outcome[rowOf[at]!] !== OK) continue
        const detail = (): string => `producer ${name}: ${told(at)} is missing, ${told(after)} is there`
        findings.add('sequence-gap', keyName, detail, log.shownBy([], [number, numbers[firstValue[after]!]!]))
        continue
      }
      if (after !== -1 && laterPlace < place) {
        const detail = (): string => `producer ${name}: ${told(at)} stands behind ${told(after)}`
        findings.add('nonmonotonic-send', keyName, detail, log.shownBy([], [number, numbers[firstValue[after]!]!]))
      }
      later = at
      laterPlace = place
    }
  }
}
