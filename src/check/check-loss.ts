/**
 * One place for each value and one value for each place; what was acknowledged is there, and somebody is given it: inconsistent-offsets, duplicate,
 * duplicate-nonzero, lost-write, unseen, phantom, sent-twice.
 */
import type { Findings } from './anomalies.js'
import type { ObservedKey, ObservedLog } from './observed-log.js'

export interface LossOptions {
  /** Values are made by `selfDescribing`: one that is damaged, or of another key, is none. */
  readonly selfDescribing?: true
  /** Whether all of the key was to be given to somebody by the end; default: of all keys. */
  readonly isReadToEnd?: (key: string) => boolean
}

export function checkLoss(log: ObservedLog, options: LossOptions, findings: Findings): void {
  for (const key of log.keys) {
    if (key === undefined) continue
    checkPlaces(log, key, findings)
    checkOrigin(log, key, options, findings)
    checkLost(log, key, findings)
    if (options.isReadToEnd?.(key.name) === false) continue
    for (const number of key.values) {
      if (!log.wasSentOk(number) || log.wasPolledOk(number)) continue
      const detail = (): string => `${log.text(number)}, acknowledged to ${log.told(log.writers[number]!)}`
      findings.add('unseen', key.name, detail, log.shownBy([], [number]))
    }
  }
}

function checkPlaces(log: ObservedLog, { name, conflicts, duplicates }: ObservedKey, findings: Findings): void {
  for (const [offset, numbers] of conflicts) {
    const detail = (): string => {
      const all = [...numbers].map((number) => log.text(number))
      return `offset ${offset} has ${all.join(' and ')}`
    }
    findings.add('inconsistent-offsets', name, detail, log.shownBy([], numbers))
  }
  for (const [number, offsets] of duplicates) {
    const detail = (): string => `${log.text(number)} at offsets ${offsets.join(', ')}`
    const shownBy = log.shownBy([], [number])
    findings.add('duplicate', name, detail, shownBy)
    if (offsets.filter((offset) => offset !== 0).length > 1) findings.add('duplicate-nonzero', name, detail, shownBy)
  }
}

function checkOrigin(log: ObservedLog, key: ObservedKey, { selfDescribing }: LossOptions, findings: Findings): void {
  for (const number of key.values) {
    const writer = log.writers[number]!
    const shownBy = log.shownBy([], [number])
    if (writer === -1) findings.add('phantom', key.name, () => `${log.text(number)}, which nobody sent`, shownBy)
    else if (selfDescribing && log.places[number] !== -1 && !log.history.values.belongs(number)) {
      findings.add('phantom', key.name, () => `${log.text(number)} is damaged, or of another key`, shownBy)
    }
    if (log.sentTwice.has(number)) {
      const detail = (): string => `${log.text(number)}, the last time by ${log.told(writer)}`
      findings.add('sent-twice', key.name, detail, shownBy)
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
  for (const number of key.values) {
    if (!log.wasPolledOk(number)) continue
    const first = log.firstPlaces[number]!
    if (first > bound) [bound, boundBy] = [first, log.readers[number]!]
  }
  if (bound === -1) return
  for (const number of key.values) {
    const last = log.lastPlaces[number]!
    if (last === -1 || last > bound || log.wasPolledOk(number)) continue
    const writer = log.writers[number]!
    if (writer === -1 || !log.mustHaveCommitted(writer)) continue
    const detail = (): string => {
      const offset = key.offsetAt(last)
      const reader = `${log.told(boundBy)} read up to offset ${key.offsetAt(bound)}`
      return `${log.text(number)} at offset ${offset}, of ${log.told(writer)}; ${reader}`
    }
    findings.add('lost-write', key.name, detail, log.shownBy([boundBy], [number]))
  }
}
