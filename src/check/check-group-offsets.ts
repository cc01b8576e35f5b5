/**
 * What a group has committed of a key. Who asks for it is told no less than what was certain before: the largest offset whose commit was acknowledged, or that
 * somebody was told; unless it was set back on purpose since. It is one that was asked to be committed by then, and whose commit did not fail, as that
 * of a transaction that was aborted did. A commit of a generation is not taken after one of a later generation: offset-went-back, offset-phantom,
 * aborted-offset, stale-generation. What was set back stays so until somebody commits:
 * reset-undone.
 *
 * A commit without an answer may still be on its way, and come after a later one of the same generation: nothing in the protocol tells the two apart. If it is
 * found then, what is certain begins anew with it.
 */
import { type Findings, indices } from './anomalies.js'
import type { Outcome } from './client-history.js'
import { sweep } from './sweep.js'

export type GroupOperation = OffsetCommitted | OffsetFetched

interface Common {
  readonly process: number
  readonly group: string
  readonly key: string
  /** -1: nothing is committed. */
  readonly offset: number
  readonly invokedMs: number
  readonly completedMs: number
  /** Of the operation, where it has one. */
  readonly index?: number
}

/** By a consumer, or by a transaction: then `outcome` is that of the transaction. */
export interface OffsetCommitted extends Common {
  readonly f: 'commit'
  readonly outcome: Outcome
  /** Of a consumer's membership. */
  readonly generation?: number
  /** Somebody wants the group to be there, whatever it has read. */
  readonly isReset?: true
  /** With `info`: its client has asked again since, and it may still arrive. */
  readonly mayComeLate?: true
}

export interface OffsetFetched extends Common {
  readonly f: 'fetch'
}

export function checkGroupOffsets(history: readonly GroupOperation[], findings: Findings): void {
  const groups = new Map<string, GroupOperation[]>()
  for (const each of history) {
    const id = `${each.group}\n${each.key}`
    const group = groups.get(id)
    if (group === undefined) groups.set(id, [each])
    else group.push(each)
  }
  for (const group of groups.values()) {
    checkFloor(group, findings)
    checkOrigin(group, findings)
    checkGenerations(group, findings)
    checkResets(group, findings)
  }
}

/** While somebody sets it back, and of what overlaps with that, nothing is certain. */
function checkFloor(group: readonly GroupOperation[], findings: Findings): void {
  const ordered = group.toSorted((a, b) => a.invokedMs - b.invokedMs)
  let next = 0
  for (const { fromMs, toMs, least } of steadyPeriods(ordered)) {
    const inside: GroupOperation[] = []
    let floor: GroupOperation | undefined = least
    for (; next < ordered.length && ordered[next]!.invokedMs < toMs; next++) {
      const each = ordered[next]!
      if (each.invokedMs >= fromMs && each.completedMs <= toMs) inside.push(each)
      // What was under way while it was set back may be what counts.
      else if (each.f === 'commit' && each.isReset !== true && each.completedMs >= (least?.invokedMs ?? toMs))
        floor = undefined
    }
    sweep(
      inside
        .filter((each) => each.f === 'fetch' || each.outcome === 'ok')
        .map((value) => ({ completedMs: value.completedMs, value })),
      inside.filter((each) => each.f === 'fetch').map((question) => ({ invokedMs: question.invokedMs, question })),
      (each) => {
        if (floor === undefined || each.offset > floor.offset) floor = each
      },
      (each) => {
        const before = floor
        if (before === undefined || each.offset >= before.offset) return
        if (hasComeLate(each, before, group)) {
          floor = each
          return
        }
        findings.add('offset-went-back', each.key, twice(before, each), () => indices(before, each))
      },
    )
  }
}

/** A commit of a later generation would have shut it out. */
function hasComeLate(
  { offset, completedMs }: GroupOperation,
  before: GroupOperation,
  group: readonly GroupOperation[],
): boolean {
  const generation = before.f === 'commit' ? (before.generation ?? -1) : -1
  return group.some(
    (each) =>
      each.f === 'commit' &&
      each.outcome === 'info' &&
      each.mayComeLate === true &&
      each.offset === offset &&
      each.invokedMs <= completedMs &&
      (each.generation ?? -1) >= generation,
  )
}

interface Period {
  readonly fromMs: number
  readonly toMs: number
  /** The lowest that it was set to right before. */
  readonly least: OffsetCommitted | undefined
}

/** The times between resets; one without an answer may happen at any time, so that there is none after it. */
function steadyPeriods(ordered: readonly GroupOperation[]): Period[] {
  const periods: Period[] = []
  let fromMs = Number.NEGATIVE_INFINITY
  let least: OffsetCommitted | undefined
  for (const each of ordered) {
    if (each.f !== 'commit' || each.isReset !== true || each.outcome === 'fail') continue
    if (each.invokedMs > fromMs) {
      periods.push({ fromMs, toMs: each.invokedMs, least })
      least = undefined
    }
    if (least === undefined || each.offset < least.offset) least = each
    fromMs = Math.max(fromMs, each.outcome === 'ok' ? each.completedMs : Number.POSITIVE_INFINITY)
  }
  if (fromMs < Number.POSITIVE_INFINITY) periods.push({ fromMs, toMs: Number.POSITIVE_INFINITY, least })
  return periods
}

function checkOrigin(group: readonly GroupOperation[], findings: Findings): void {
  /** By offset: the first commit of it that may have happened, and whether one failed. */
  const earliest = new Map<number, number>()
  const failed = new Set<number>()
  for (const each of group) {
    if (each.f !== 'commit') continue
    if (each.outcome === 'fail') failed.add(each.offset)
    else earliest.set(each.offset, Math.min(each.invokedMs, earliest.get(each.offset) ?? Number.POSITIVE_INFINITY))
  }
  for (const each of group) {
    if (each.f !== 'fetch' || each.offset === -1) continue
    const since = earliest.get(each.offset)
    if (since !== undefined && since <= each.completedMs) continue
    const anomaly = failed.has(each.offset) ? 'aborted-offset' : 'offset-phantom'
    findings.add(
      anomaly,
      each.key,
      () => told(each),
      () => indices(each),
    )
  }
}

function checkGenerations(group: readonly GroupOperation[], findings: Findings): void {
  const commits = group.filter(
    (each): each is OffsetCommitted => each.f === 'commit' && each.outcome === 'ok' && each.generation !== undefined,
  )
  let latest: OffsetCommitted | undefined
  sweep(
    commits.map((value) => ({ completedMs: value.completedMs, value })),
    commits.map((question) => ({ invokedMs: question.invokedMs, question })),
    (each) => {
      if (latest === undefined || each.generation! > latest.generation!) latest = each
    },
    (each) => {
      const before = latest
      if (before === undefined || each.generation! >= before.generation!) return
      findings.add('stale-generation', each.key, twice(before, each), () => indices(before, each))
    },
  )
}

/** Nobody has committed since it began, and nothing that came before is still on its way. */
function checkResets(group: readonly GroupOperation[], findings: Findings): void {
  for (const reset of group) {
    if (reset.f !== 'commit' || reset.isReset !== true || reset.outcome !== 'ok') continue
    const isOverwritten = (by: number): boolean =>
      group.some((each) => {
        if (each === reset || each.f !== 'commit' || each.outcome === 'fail' || each.invokedMs > by) return false
        const mayStillCome = each.outcome === 'info' && each.generation === undefined
        return mayStillCome || each.completedMs >= reset.invokedMs
      })
    for (const each of group) {
      if (each.f !== 'fetch' || each.invokedMs <= reset.completedMs || each.offset <= reset.offset) continue
      if (!isOverwritten(each.completedMs))
        findings.add('reset-undone', each.key, twice(reset, each), () => indices(reset, each))
    }
  }
}

function twice(before: GroupOperation, each: GroupOperation): () => string {
  return () => `${told(before)}, and then ${told(each)}`
}

function told(operation: GroupOperation): string {
  const { process, group, offset, invokedMs, completedMs } = operation
  const did = operation.f === 'fetch' ? 'was told' : operation.isReset === true ? 'set back to' : 'committed'
  const generation =
    operation.f === 'commit' && operation.generation !== undefined ? ` in generation ${operation.generation}` : ''
  return `process ${process} ${did} ${offset} of ${group}${generation} (${invokedMs} to ${completedMs} ms)`
}
