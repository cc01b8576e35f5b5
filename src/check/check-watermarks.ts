/**
 * What is asked for besides records: where a log begins and ends. Who asks after a value was acknowledged is told an end behind it, and ends and starts never
 * become less from one answer to the next that was asked for after it: stale-latest, latest-went-back, start-went-back. Within one answer of a fetch start, last stable
 * offset, high watermark and end stand in this order: watermarks-crossed.
 *
 * What is committed in front of an open transaction cannot be read as such: where a key has transactions, the end of what is committed is only
 * asked not to go back. High watermarks of fetches may go back: a new leader does not know at once what the last one has told.
 */
import { type Findings, indices } from './anomalies.js'
import type { ClientOperation } from './client-history.js'
import { groupedBy, sortedBy } from './columns.js'
import { type HistoryColumns, isMessages, OF_POLL, OK, TXN } from './history-columns.js'
import { outcomesOf } from './observed-log.js'
import { type Asked, sweep } from './sweep.js'
import { columnsOfClients } from './to-columns.js'

/** An answer of ListOffsets. */
export interface OffsetListed {
  readonly process: number
  readonly key: string
  readonly of: 'earliest' | 'latest' | 'latest committed'
  readonly offset: number
  readonly invokedMs: number
  readonly completedMs: number
  /** Of the operation, where it has one. */
  readonly index?: number
}

/** What an answer of Fetch says besides records; undefined: nothing. */
export interface Watermarks {
  readonly key: string
  readonly timeMs: number
  readonly logStartOffset?: number
  readonly lastStableOffset?: number
  readonly highWatermark?: number
  readonly logEndOffset?: number
}

/** `history`: what was acknowledged, by all replicas; a topic that was deleted and made again is another key. */
export function checkListedOffsets(
  history: readonly ClientOperation[],
  listed: readonly OffsetListed[],
  findings: Findings,
): void {
  checkListedColumns(columnsOfClients(history), listed, findings)
}

export function checkListedColumns(history: HistoryColumns, listed: readonly OffsetListed[], findings: Findings): void {
  const { values, completedMs } = history
  const { transactional, rowOf, starts, items } = acknowledgedOf(history)
  const completed = Float64Array.from(rowOf, (row) => completedMs[row]!)
  const groups = new Map<string, OffsetListed[]>()
  for (const each of listed) push(groups, `${each.of}\n${each.key}`, each)
  for (const group of groups.values()) {
    const { of, key } = group[0]!
    const asked = group.map((question): Asked<OffsetListed> => ({ invokedMs: question.invokedMs, question }))
    checkMonotonic(group, asked, findings)
    const number = values.keys.indexOf(key)
    if (number < 0 || of === 'earliest' || (of === 'latest committed' && transactional.has(number))) continue
    const certain = sortedBy(items.subarray(starts[number], starts[number + 1]), completed)
    const offsetAt = (at: number): number => history.offsets[history.firstValue[at]!]!
    let next = 0
    let highest = -1
    for (const each of group.toSorted((a, b) => a.invokedMs - b.invokedMs)) {
      for (; next < certain.length && completed[certain[next]!]! < each.invokedMs; next++) {
        if (highest === -1 || offsetAt(certain[next]!) > offsetAt(highest)) highest = certain[next]!
      }
      if (highest === -1 || each.offset > offsetAt(highest)) continue
      const before = highest
      const detail = (): string => {
        const value = values.text(history.numbers[history.firstValue[before]!]!)
        return `${value} was acknowledged at offset ${offsetAt(before)}, and then ${toldOf(each)}`
      }
      findings.add('stale-latest', key, detail, () => indices({ index: history.index?.[rowOf[before]!] }, each))
    }
  }
}

/** By key: the parts that were acknowledged with an offset; and the keys to which transactions have sent. */
function acknowledgedOf(history: HistoryColumns) {
  const { firstPart, firstValue, part, key, kind, offsets, values } = history
  const outcome = outcomesOf(history)
  const transactional = new Set<number>()
  const keyOf = new Int32Array(key.length).fill(-1)
  const rowOf = new Int32Array(key.length)
  for (let row = 0; row < kind.length; row++) {
    if (!isMessages(history, row)) continue
    const isTransaction = kind[row] === TXN || firstPart[row + 1]! - firstPart[row]! > 1
    for (let at = firstPart[row]!; at < firstPart[row + 1]!; at++) {
      rowOf[at] = row
      if ((part[at]! & OF_POLL) !== 0) continue
      if (isTransaction) transactional.add(key[at]!)
      if (outcome[row] === OK && offsets[firstValue[at]!]! >= 0) keyOf[at] = key[at]!
    }
  }
  return { transactional, rowOf, ...groupedBy(keyOf, values.keys.length) }
}

function checkMonotonic(
  group: readonly OffsetListed[],
  asked: readonly Asked<OffsetListed>[],
  findings: Findings,
): void {
  let highest: OffsetListed | undefined
  sweep(
    group.map((value) => ({ completedMs: value.completedMs, value })),
    asked,
    (each) => {
      if (highest === undefined || each.offset > highest.offset) highest = each
    },
    (each) => {
      if (highest === undefined || each.offset >= highest.offset) return
      const before = highest
      const anomaly = each.of === 'earliest' ? 'start-went-back' : 'latest-went-back'
      const detail = (): string => `${toldOf(before)}, and then ${toldOf(each)}`
      findings.add(anomaly, each.key, detail, () => indices(before, each))
    },
  )
}

export function checkWatermarks(answers: readonly Watermarks[], findings: Findings): void {
  for (const { key, timeMs, logStartOffset, lastStableOffset, highWatermark, logEndOffset } of answers) {
    const marks = [
      ['log start', logStartOffset],
      ['last stable offset', lastStableOffset],
      ['high watermark', highWatermark],
      ['log end', logEndOffset],
    ] as const
    let before: readonly [string, number] | undefined
    for (const [name, offset] of marks) {
      if (offset === undefined) continue
      if (before !== undefined && offset < before[1]) {
        const detail = `${name} ${offset} is below ${before[0]} ${before[1]} in an answer at ${timeMs} ms`
        findings.add('watermarks-crossed', key, () => detail)
      }
      before = [name, offset]
    }
  }
}

function toldOf({ process, of, offset, invokedMs, completedMs }: OffsetListed): string {
  return `process ${process} was told ${of} ${offset} (${invokedMs} to ${completedMs} ms)`
}

function push<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
