/**
 * The whole judgement of a history of single sends and polls of partitioned logs, as the simulator makes them: what `checkLog` finds, what
 * `checkWorkload` finds, and where logs end as they say.
 */
import type { Finding } from './anomalies.js'
import { Findings } from './anomalies.js'
import { checkLogColumns } from './check-log.js'
import { checkListedColumns, type OffsetListed } from './check-watermarks.js'
import { checkWorkloadColumns } from './check-workload.js'
import { type HistoryColumns, INFO, LEFT_OUT, OF_FINAL, OK, POLL, SEND } from './history-columns.js'

/** Whether nothing is lost that was acknowledged to a key with these acks; without acks, whether nothing is lost of it that is committed. */
export type IsKept = (key: string, acks?: 0 | 1 | -1) => boolean

export interface HistoryVerdict {
  readonly findings: readonly Finding[]
  /** Records. */
  readonly acknowledged: number
  readonly unknown: number
  readonly keys: number
  /** Answers about ends that were compared with others. */
  readonly listed: number
  /** Logs whose front a last reading found deleted. */
  readonly shortened: number
}

/** In two steps, so that each can be measured by itself. */
export interface HistoryJudges {
  readonly log: () => ReturnType<typeof checkLogColumns>
  readonly ends: () => { readonly findings: readonly Finding[]; readonly listed: number }
  readonly workload: () => readonly Finding[]
}

export function judgesOf(history: HistoryColumns, listed: readonly OffsetListed[], isKept: IsKept): HistoryJudges {
  const { keys } = history.values
  let kept: HistoryColumns | undefined
  const fronts = deletedFronts(history)
  return {
    log: () => checkLogColumns(history, { mayBeLost: (key, _, acks) => !isKept(key, acks) }),
    ends: () => {
      const found = new Findings()
      // Who leads after a leader that has deleted something may have it still.
      const hasFront = (key: string): boolean => !fronts.has(history.values.keyNumber(key))
      const ofKept = listed.filter(({ key, of }) => isKept(key) && (of !== 'earliest' || hasFront(key)))
      checkListedColumns((kept ??= keptOf(history, isKept, fronts)), ofKept, found)
      return { findings: found.told, listed: ofKept.length }
    },
    workload: () => {
      const columns = (kept ??= keptOf(history, isKept, fronts))
      const isUsed = columns.kind.some((kind, row) => {
        if (columns.outcome[row] !== OK) return false
        const at = columns.firstPart[row]!
        return kind === SEND || (kind === POLL && columns.firstValue[at]! < columns.firstValue[at + 1]!)
      })
      if (!isUsed || keys.length === 0) return []
      return checkWorkloadColumns(columns, { selfDescribing: true, isolation: 'read_uncommitted' }).findings
    },
  }
}

export function judgeHistory(history: HistoryColumns, listed: readonly OffsetListed[], isKept: IsKept): HistoryVerdict {
  const judges = judgesOf(history, listed, isKept)
  const { findings, acknowledged, unknown, keys } = judges.log()
  const ends = judges.ends()
  return {
    findings: [...findings, ...ends.findings, ...judges.workload()],
    acknowledged,
    unknown,
    keys,
    listed: ends.listed,
    shortened: [...deletedFronts(history).values()].filter((offset) => offset > 0).length,
  }
}

/** By key whose front was to be deleted: where the last reading found its beginning. */
function deletedFronts({ deletions, kind, firstPart, key, part, startOffset }: HistoryColumns): Map<number, number> {
  const fronts = new Map(deletions.map((deletion) => [deletion.key, 0]))
  if (fronts.size === 0) return fronts
  for (let row = 0; row < kind.length; row++) {
    const at = firstPart[row]!
    if (kind[row] !== POLL || (part[at]! & OF_FINAL) === 0) continue
    const front = fronts.get(key[at]!)
    if (front !== undefined && startOffset[at]! > front) fronts.set(key[at]!, startOffset[at]!)
  }
  return fronts
}

/**
 * What is promised of it: the rest is left out, or, where it was acknowledged and may be lost, nobody knows what became of it. What was deleted need not have been
 * read by anybody: `checkLog` knows of it.
 */
function keptOf(history: HistoryColumns, isKept: IsKept, fronts: ReadonlyMap<number, number>): HistoryColumns {
  const { values, firstPart, firstValue, key, acks, offsets } = history
  const kind = history.kind.slice()
  const outcome = history.outcome.slice()
  const isAlone = new Uint8Array(kind.length)
  const keepsKey = values.keys.map((name) => isKept(name))
  const keepsAcks = values.keys.map((name) => ([-1, 0, 1] as const).map((each) => isKept(name, each)))
  for (let row = 0; row < kind.length; row++) {
    const at = firstPart[row]!
    if (!keepsKey[key[at]!]) kind[row] = LEFT_OUT
    else if (kind[row] === SEND) {
      const offset = offsets[firstValue[at]!]!
      const isDeleted = offset >= 0 && offset < (fronts.get(key[at]!) ?? 0)
      if (outcome[row] === OK && (isDeleted || !keepsAcks[key[at]!]![acks[at]! + 1])) outcome[row] = INFO
      // A producer does not wait for an answer before it sends on: what orders its records is their sequence, and the clock.
      isAlone[row] = 1
    }
  }
  return { ...history, kind, outcome, isAlone }
}
