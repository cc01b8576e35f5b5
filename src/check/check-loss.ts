/**
 * One place for each value and one value for each place; what was acknowledged is there, and somebody is given it: inconsistent-offsets, duplicate,
 * duplicate-nonzero, lost-write, unseen, phantom, sent-twice.
 */
import type { Findings } from './anomalies.js'
import { belongsTo } from './history.js'
import { type ObservedKey, type ObservedLog, told } from './observed-log.js'

export interface LossOptions {
  /** Values are made by `selfDescribing`: one that is damaged, or of another key, is none. */
  readonly selfDescribing?: true
}

export function checkLoss(log: ObservedLog, options: LossOptions, findings: Findings): void {
  for (const key of log.keys.values()) {
    checkPlaces(key, findings)
    checkOrigin(log, key, options, findings)
    checkLost(log, key, findings)
    for (const [number, value] of key.values.entries()) {
      if (!key.wasSentOk(number) || key.wasPolledOk(number)) continue
      findings.add('unseen', key.name, () => `${value}, acknowledged to ${teller(log, key.writers[number]!)}`)
    }
  }
}

function checkPlaces({ name, conflicts, duplicates, values }: ObservedKey, findings: Findings): void {
  for (const [offset, numbers] of conflicts) {
    const all = [...numbers].map((number) => values[number])
    findings.add('inconsistent-offsets', name, () => `offset ${offset} has ${all.join(' and ')}`)
  }
  for (const [number, offsets] of duplicates) {
    const detail = (): string => `${values[number]} at offsets ${offsets.join(', ')}`
    findings.add('duplicate', name, detail)
    if (offsets.filter((offset) => offset !== 0).length > 1) findings.add('duplicate-nonzero', name, detail)
  }
}

function checkOrigin(log: ObservedLog, key: ObservedKey, { selfDescribing }: LossOptions, findings: Findings): void {
  for (const [number, value] of key.values.entries()) {
    const writer = key.writers[number]!
    if (writer === -1) findings.add('phantom', key.name, () => `${value}, which nobody sent`)
    else if (selfDescribing && key.placeOf(number) !== undefined && !belongsTo(value, key.name)) {
      findings.add('phantom', key.name, () => `${value} is damaged, or of another key`)
    }
    if (key.sentTwice.has(number)) {
      findings.add('sent-twice', key.name, () => `${value}, the last time by ${teller(log, writer)}`)
    }
  }
}

/**
 * Somebody has read as far as the bound, and so must somebody have read everything that stands in front of it, by any of the places where it
 * was seen.
 */
function checkLost(log: ObservedLog, key: ObservedKey, findings: Findings): void {
  let bound = -1
  let boundBy = -1
  for (const number of key.values.keys()) {
    if (!key.wasPolledOk(number)) continue
    const first = key.firstPlaceOf(number) ?? -1
    if (first > bound) [bound, boundBy] = [first, key.readers[number]!]
  }
  if (bound === -1) return
  for (const [number, value] of key.values.entries()) {
    const last = key.lastPlaceOf(number)
    if (last === undefined || last > bound || key.wasPolledOk(number)) continue
    const writer = key.writers[number]!
    if (writer === -1 || !log.mustHaveCommitted(log.messages(writer))) continue
    findings.add('lost-write', key.name, () => {
      const offset = key.offsetAt(last)
      const reader = `${teller(log, boundBy)} read up to offset ${key.offsetAt(bound)}`
      return `${value} at offset ${offset}, of ${teller(log, writer)}; ${reader}`
    })
  }
}

function teller(log: ObservedLog, at: number): string {
  return told(at, log.history[at]!)
}
