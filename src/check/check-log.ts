/**
 * Checks a history of sends and polls against what a partitioned log promises: order, no loss, no double, no invention. Linear in the length of
 * the history. It knows nothing of brokers: the same checker judges the simulator, real processes and other people's clusters.
 *
 * The definitions are those of Jepsen's Kafka workload where it has one (jepsen.tests.kafka), and stricter where values describe themselves
 * and producers are idempotent.
 */

import type { Anomaly, Finding } from './anomalies.js'
import { groupedBy, NumbersByOffset, sortedBy } from './columns.js'
import type { Operation } from './history.js'
import { FAIL, type HistoryColumns, INFO, OF_FINAL, OF_POLL, OF_SOUGHT, OK, POLL, SEND } from './history-columns.js'
import { Supersession } from './supersession.js'
import { columnsOf } from './to-columns.js'

export type { Anomaly, Finding } from './anomalies.js'

export interface CheckOptions {
  /** Whether the log may have lost what was acknowledged or read at this time: a promise with conditions that were not kept. */
  readonly mayBeLost?: (key: string, time: number, acks: 0 | 1 | -1 | undefined) => boolean
  /** Whether what was sent at this time may have been removed from the front of the log, other than by a deletion in the history. */
  readonly mayBeRemoved?: (key: string, time: number) => boolean
}

export interface Verdict {
  /** Undefined: it cannot be said, because a key was not read to its end. */
  readonly valid: boolean | undefined
  readonly findings: readonly Finding[]
  readonly acknowledged: number
  readonly unknown: number
  readonly keys: number
}

/** `history` in order of time. */
export function checkLog(history: readonly Operation[], options: CheckOptions = {}): Verdict {
  return checkLogColumns(columnsOf(history), options)
}

/** Of single sends and polls. */
export function checkLogColumns(history: HistoryColumns, options: CheckOptions = {}): Verdict {
  const { kind, outcome, values, key, part, firstPart } = history
  const findings: Finding[] = []
  let acknowledged = 0
  let unknown = 0
  const sends = new Int32Array(key.length).fill(-1)
  const polls = new Int32Array(key.length).fill(-1)
  for (let row = 0; row < kind.length; row++) {
    const at = firstPart[row]!
    if (kind[row] === POLL) polls[at] = key[at]!
    else if (kind[row] === SEND) {
      sends[at] = key[at]!
      if (outcome[row] === OK) acknowledged++
      else if (outcome[row] === INFO) unknown++
    }
  }
  const facts = new Facts(history)
  const [sent, polled] = [groupedBy(sends, values.keys.length), groupedBy(polls, values.keys.length)]
  let complete = true
  for (let number = 0; number < values.keys.length; number++) {
    const ofKey = sent.items
      .subarray(sent.starts[number], sent.starts[number + 1])
      .filter((at) => facts.sentBy[history.numbers[history.firstValue[at]!]!] === at)
    const ofPolls = polled.items.subarray(polled.starts[number], polled.starts[number + 1])
    const isReadToEnd = ofPolls.some((at) => (part[at]! & OF_FINAL) !== 0)
    if (!isReadToEnd && ofKey.length > 0) complete = false
    new KeyCheck(facts, number, ofKey, ofPolls, options, findings).check(isReadToEnd)
  }
  const valid = findings.length > 0 ? false : complete ? true : undefined
  return { valid, findings, acknowledged, unknown, keys: values.keys.length }
}

/** What is known of all values and parts. */
class Facts {
  readonly history: HistoryColumns
  /** By value: the part that sent it, the last one if there are several; -1: none. */
  readonly sentBy: Int32Array
  /** By part. */
  readonly rowOf: Int32Array
  /** By value: the first offset in the last reading, and the first at which it was seen at all; not a number: none. */
  readonly finalOffset: Float64Array
  readonly seenOffset: Float64Array

  constructor(history: HistoryColumns) {
    const { values, key, kind, firstPart, firstValue, part, numbers } = history
    this.history = history
    this.sentBy = new Int32Array(values.count).fill(-1)
    this.rowOf = new Int32Array(key.length)
    this.finalOffset = new Float64Array(values.count).fill(Number.NaN)
    this.seenOffset = new Float64Array(values.count).fill(Number.NaN)
    for (let row = 0; row < kind.length; row++) {
      for (let at = firstPart[row]!; at < firstPart[row + 1]!; at++) {
        this.rowOf[at] = row
        if ((part[at]! & OF_POLL) === 0) this.sentBy[numbers[firstValue[at]!]!] = at
      }
    }
  }
}

/** Of one key. */
class KeyCheck {
  readonly #facts: Facts
  readonly #history: HistoryColumns
  readonly #name: string
  readonly #sends: Int32Array
  readonly #polls: Int32Array
  readonly #options: CheckOptions
  readonly #findings: Finding[]
  /** Places of the last reading by offset: what stands there, and by which poll it was read. */
  readonly #final = new NumbersByOffset()
  readonly #supersession = new Supersession()
  /** The value that was seen first at an offset, in every poll and acknowledgement that nothing excuses. */
  readonly #seen = new NumbersByOffset()
  /** All offsets of values that were seen at several. */
  readonly #several = new Map<number, Set<number>>()
  /** Where the log began at the last reading, and up to where its front was to be deleted, and certainly was. */
  #startOffset = 0
  #deletedUpTo = 0
  #certainlyDeletedUpTo = 0

  constructor(
    facts: Facts,
    key: number,
    sends: Int32Array,
    polls: Int32Array,
    options: CheckOptions,
    findings: Finding[],
  ) {
    this.#facts = facts
    this.#history = facts.history
    this.#name = facts.history.values.keys[key]!
    this.#sends = sends
    this.#polls = polls
    this.#options = options
    this.#findings = findings
    const { deletions, part, startOffset } = facts.history
    for (const { key: of, offset, isCertain } of deletions) {
      if (of !== key) continue
      this.#deletedUpTo = Math.max(this.#deletedUpTo, offset)
      if (isCertain) this.#certainlyDeletedUpTo = Math.max(this.#certainlyDeletedUpTo, offset)
    }
    for (const at of polls) {
      const isSaid = (part[at]! & OF_FINAL) !== 0 && !Number.isNaN(startOffset[at]!)
      if (isSaid) this.#startOffset = Math.max(this.#startOffset, startOffset[at]!)
    }
  }

  check(isReadToEnd: boolean): void {
    this.#lookAtPolls()
    this.#lookAtSends()
    for (const [value, offsets] of this.#several) {
      this.#report('duplicate', `${this.#text(value)} at offsets ${[...offsets].join(', ')}`)
    }
    if (isReadToEnd) {
      this.#checkLostWrites()
      this.#checkLostReads()
    }
    this.#checkReading()
    this.#checkProducers()
    this.#checkRealtime()
  }

  #report(anomaly: Anomaly, detail: string): void {
    this.#findings.push({ anomaly, key: this.#name, detail })
  }

  #text(value: number): string {
    return this.#history.values.text(value)
  }

  #timeOf(at: number): number {
    return this.#history.completedMs[this.#facts.rowOf[at]!]!
  }

  #valueOf(at: number): number {
    return this.#history.numbers[this.#history.firstValue[at]!]!
  }

  #isOk(at: number): boolean {
    return this.#history.outcome[this.#facts.rowOf[at]!] === OK
  }

  #excused(time: number, acks?: 0 | 1 | -1): boolean {
    return this.#options.mayBeLost?.(this.#name, time, acks) ?? false
  }

  /** With acks=0 nobody has said when it was appended. */
  #isAcknowledged(at: number): boolean {
    return this.#isOk(at) && this.#history.acks[at] !== 0
  }

  #acksOf(at: number): 0 | 1 | -1 {
    return this.#history.acks[at] as 0 | 1 | -1
  }

  /** Undefined: nobody said. */
  #offsetOf(at: number): number | undefined {
    const offset = this.#history.offsets[this.#history.firstValue[at]!]!
    return Number.isNaN(offset) ? undefined : offset
  }

  #isRemoved(offset: number | undefined, time: number): boolean {
    if (offset === undefined || offset < 0 || offset >= this.#startOffset) return false
    return offset < this.#deletedUpTo || (this.#options.mayBeRemoved?.(this.#name, time) ?? false)
  }

  /** Whether a later record of its key may have taken its place. */
  #isCompacted(value: number, offset: number | undefined): boolean {
    const compacted = this.#history.compacted.get(this.#facts.sentBy[value]!)
    return compacted !== undefined && this.#supersession.mayBeGone(compacted, offset)
  }

  #observe(offset: number, value: number): void {
    const other = this.#seen.get(offset)
    if (other === -1) this.#seen.set(offset, value)
    else if (other !== value) {
      this.#report('inconsistent-offsets', `offset ${offset} has ${this.#text(other)} and ${this.#text(value)}`)
    }
    const { seenOffset } = this.#facts
    const first = seenOffset[value]!
    if (Number.isNaN(first)) seenOffset[value] = offset
    else if (first !== offset) {
      const offsets = this.#several.get(value)
      if (offsets === undefined) this.#several.set(value, new Set([first, offset]))
      else offsets.add(offset)
    }
  }

  #lookAtPolls(): void {
    const { numbers, offsets, part, firstValue, highWatermark, outcome, values, compacted } = this.#history
    const { sentBy, rowOf, finalOffset } = this.#facts
    for (const at of this.#polls) {
      const isFinal = (part[at]! & OF_FINAL) !== 0
      const isBelieved = isFinal || !this.#excused(this.#timeOf(at))
      // Not a number is not below anything.
      const committed = highWatermark[at]!
      for (let place = firstValue[at]!; place < firstValue[at + 1]!; place++) {
        const [offset, value] = [offsets[place]!, numbers[place]!]
        const sent = sentBy[value]!
        if (sent === -1 || !values.belongs(value)) {
          this.#report('phantom', `offset ${offset} has ${this.#text(value)}`)
        } else if (outcome[rowOf[sent]!] === FAIL) {
          this.#report('failed-write-visible', `${this.#text(value)} at offset ${offset}`)
        }
        if (offset >= committed) {
          this.#report('uncommitted-read', `${this.#text(value)} at offset ${offset}, committed up to ${committed}`)
        }
        if (isFinal) {
          if (offset < this.#certainlyDeletedUpTo) {
            this.#report('deleted-visible', `${this.#text(value)} at offset ${offset}`)
          }
          this.#final.set(offset, place)
          if (Number.isNaN(finalOffset[value]!)) finalOffset[value] = offset
          const ofKey = sent === -1 ? undefined : compacted.get(sent)
          if (ofKey !== undefined) this.#supersession.isThere(ofKey, offset)
        }
        if (isBelieved) this.#observe(offset, value)
      }
    }
  }

  #lookAtSends(): void {
    const { compacted, outcome } = this.#history
    for (const at of this.#sends) {
      const ofKey = compacted.get(at)
      const offset = this.#offsetOf(at)
      const hasFailed = outcome[this.#facts.rowOf[at]!] === FAIL
      if (ofKey !== undefined) this.#supersession.wasSent(ofKey, hasFailed, offset)
      if (!this.#isOk(at) || offset === undefined || offset < 0) continue
      if (!this.#excused(this.#timeOf(at), this.#acksOf(at))) this.#observe(offset, this.#valueOf(at))
    }
  }

  #checkLostWrites(): void {
    const { finalOffset, rowOf } = this.#facts
    const { invokedMs, compacted } = this.#history
    for (const at of this.#sends) {
      const value = this.#valueOf(at)
      if (!this.#isAcknowledged(at) || !Number.isNaN(finalOffset[value]!)) continue
      const [time, acks, offset] = [this.#timeOf(at), this.#acksOf(at), this.#offsetOf(at)]
      if (this.#excused(time, acks) || this.#isRemoved(offset, invokedMs[rowOf[at]!]!)) continue
      if (this.#isCompacted(value, offset)) {
        const older = this.#supersession.olderThan(compacted.get(at)!, offset)
        if (older === undefined) continue
        this.#report('resurrected', `offset ${older} is there, and ${this.#text(value)} of its key is not`)
        continue
      }
      this.#report('lost-write', `${this.#text(value)}, acknowledged at ${time} ms with acks=${acks}`)
    }
  }

  #checkLostReads(): void {
    const { numbers, offsets, part, firstValue, invokedMs } = this.#history
    const { finalOffset, sentBy, rowOf } = this.#facts
    for (const at of this.#polls) {
      const time = this.#timeOf(at)
      if ((part[at]! & OF_FINAL) !== 0 || this.#excused(time)) continue
      for (let place = firstValue[at]!; place < firstValue[at + 1]!; place++) {
        const [offset, value] = [offsets[place]!, numbers[place]!]
        if (!Number.isNaN(finalOffset[value]!)) continue
        const sent = sentBy[value]!
        if (this.#isRemoved(offset, sent === -1 ? time : invokedMs[rowOf[sent]!]!)) continue
        if (this.#isCompacted(value, offset)) continue
        this.#report('lost-read', `${this.#text(value)}, read at ${time} ms from offset ${offset}`)
      }
    }
  }

  /** Each client reads upwards and leaves nothing out. */
  #checkReading(): void {
    const { offsets, part, firstValue, process } = this.#history
    let known: Float64Array | undefined
    const lastRead = new Map<number, number>()
    for (const at of this.#polls) {
      const id = process[this.#facts.rowOf[at]!]!
      let last = (part[at]! & OF_SOUGHT) !== 0 ? undefined : lastRead.get(id)
      for (let place = firstValue[at]!; place < firstValue[at + 1]!; place++) {
        const offset = offsets[place]!
        if (last !== undefined && offset <= last) {
          this.#report('nonmonotonic-poll', `process ${id} read offset ${offset} after ${last}`)
        } else if (last !== undefined && offset > last + 1 && !this.#excused(this.#timeOf(at))) {
          known ??= this.#final.offsets()
          let passed = firstAbove(known, last)
          while (passed !== undefined && passed < offset && this.#isCompactedSince(passed, this.#timeOf(at))) {
            passed = firstAbove(known, passed)
          }
          if (passed !== undefined && passed < offset) {
            this.#report('poll-skip', `process ${id} read offset ${offset} after ${last}, and ${passed} is there`)
          }
        }
        last = offset
      }
      if (last !== undefined) lastRead.set(id, last)
    }
  }

  /** Logs are cleaned while the last reading goes on, and behind it. */
  #isCompactedSince(offset: number, time: number): boolean {
    const place = this.#final.get(offset)
    const at = this.#polls.findLast((each) => this.#history.firstValue[each]! <= place)!
    return time > this.#timeOf(at) && this.#isCompacted(this.#history.numbers[place]!, offset)
  }

  #checkProducers(): void {
    const { producer, sequence, producers } = this.#history
    const isJudged = (at: number): boolean =>
      producer[at] !== -1 && !Number.isNaN(sequence[at]!) && !Number.isNaN(this.#finalOffsetOf(at))
    const judged = this.#sends.filter(isJudged)
    const { starts, items } = groupedBy(
      judged.map((at) => producer[at]!),
      producers.length,
    )
    const told = (at: number): string => `${this.#text(this.#valueOf(at))} at ${this.#finalOffsetOf(at)}`
    for (const [number, name] of producers.entries()) {
      const own = items.subarray(starts[number], starts[number + 1]).map((each) => judged[each]!)
      const sent = sortedBy(own, sequence)
      for (let at = 1; at < sent.length; at++) {
        const [earlier, later] = [sent[at - 1]!, sent[at]!]
        if (this.#finalOffsetOf(later) > this.#finalOffsetOf(earlier)) continue
        this.#report('nonmonotonic-send', `producer ${name}: ${told(earlier)}, ${told(later)}`)
      }
    }
  }

  #finalOffsetOf(at: number): number {
    return this.#facts.finalOffset[this.#valueOf(at)]!
  }

  /** In order of invocation, with everything that was acknowledged before: its highest offset must be below. */
  #checkRealtime(): void {
    const { rowOf } = this.#facts
    const { invokedMs, completedMs } = this.#history
    const inLog = this.#sends.filter((at) => !Number.isNaN(this.#finalOffsetOf(at)))
    const places = Int32Array.from(inLog.keys())
    const invoked = Float64Array.from(inLog, (at) => invokedMs[rowOf[at]!]!)
    const completed = Float64Array.from(inLog, (at) => completedMs[rowOf[at]!]!)
    const certain = sortedBy(
      places.filter((place) => this.#isAcknowledged(inLog[place]!)),
      completed,
    )
    const told = (at: number): string => `${this.#text(this.#valueOf(at))} at ${this.#finalOffsetOf(at)}`
    let next = 0
    let highest = -1
    for (const place of sortedBy(places, invoked)) {
      const at = inLog[place]!
      for (; next < certain.length && completed[certain[next]!]! < invoked[place]!; next++) {
        const before = inLog[certain[next]!]!
        if (highest === -1 || this.#finalOffsetOf(before) > this.#finalOffsetOf(highest)) highest = before
      }
      if (highest === -1 || this.#finalOffsetOf(at) >= this.#finalOffsetOf(highest)) continue
      this.#report('send-realtime', `${told(at)} was sent after ${told(highest)} was acknowledged`)
    }
  }
}

/** The smallest of the sorted numbers above `bound`. */
function firstAbove(sorted: Float64Array, bound: number): number | undefined {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! <= bound) low = middle + 1
    else high = middle
  }
  return sorted[low]
}
