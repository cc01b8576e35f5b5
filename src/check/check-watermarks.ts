/**
 * What is asked for besides records: where a log begins and ends. Who asks after a value was acknowledged is told an end behind it, and ends and starts never
 * become less from one answer to the next that was asked for after it: stale-latest, latest-went-back, start-went-back. Within one answer of a fetch start, last stable
 * offset, high watermark and end stand in this order: watermarks-crossed.
 *
 * What is committed in front of an open transaction cannot be read as such: where a key has transactions, the end of what is committed is only
 * asked not to go back. High watermarks of fetches may go back: a new leader does not know at once what the last one has told.
 */
import type { Findings } from './anomalies.js'
import type { ClientOperation } from './client-history.js'
import { isMessages } from './observed-log.js'
import { type Asked, type Certain, sweep } from './sweep.js'

/** An answer of ListOffsets. */
export interface OffsetListed {
  readonly process: number
  readonly key: string
  readonly of: 'earliest' | 'latest' | 'latest committed'
  readonly offset: number
  readonly invokedMs: number
  readonly completedMs: number
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
  const acknowledged = new Map<string, Certain<Bound>[]>()
  const transactional = new Set<string>()
  for (const operation of history) {
    if (!isMessages(operation)) continue
    const isTransaction = operation.f === 'txn' || operation.parts.length > 1
    for (const part of operation.parts) {
      if (part.f !== 'send') continue
      if (isTransaction) transactional.add(part.key)
      if (operation.outcome !== 'ok' || part.offset === undefined || part.offset < 0) continue
      const bound = { offset: part.offset + 1, why: `${part.value} was acknowledged at offset ${part.offset}` }
      push(acknowledged, part.key, { completedMs: operation.completedMs, value: bound })
    }
  }
  const groups = new Map<string, OffsetListed[]>()
  for (const each of listed) push(groups, `${each.of}\n${each.key}`, each)
  for (const group of groups.values()) {
    const { of, key } = group[0]!
    const asked = group.map((question): Asked<OffsetListed> => ({ invokedMs: question.invokedMs, question }))
    checkMonotonic(group, asked, findings)
    if (of === 'earliest' || (of === 'latest committed' && transactional.has(key))) continue
    let bound: Bound | undefined
    sweep(
      acknowledged.get(key) ?? [],
      asked,
      (next) => {
        if (bound === undefined || next.offset > bound.offset) bound = next
      },
      (each) => {
        if (bound === undefined || each.offset >= bound.offset) return
        const { why } = bound
        findings.add('stale-latest', key, () => `${why}, and then ${toldOf(each)}`)
      },
    )
  }
}

interface Bound {
  readonly offset: number
  readonly why: string
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
      findings.add(anomaly, each.key, () => `${toldOf(before)}, and then ${toldOf(each)}`)
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
