/** How many of the tests that pass with Apache Kafka pass here. */
import type { Control } from './control.js'
import type { LedgerRow } from './ledger.js'
import { type Need, type NeedRow, needOf } from './needs.js'

export interface Score {
  readonly suite: string
  readonly nodes: number
  readonly passed: number
  /** The tests that passed in the control and need nothing that is left out on purpose. */
  readonly counted: number
  /** Of those that are counted and did not pass; one that was skipped or not run is among them. */
  readonly failed: readonly { readonly test: string; readonly result: string; readonly reason: string }[]
  readonly excluded: ReadonlyMap<Need, number>
}

export function score(
  suite: string,
  nodes: number,
  control: Control,
  rows: readonly LedgerRow[],
  needs: readonly NeedRow[],
): Score {
  const found = new Map(rows.map((row) => [row.test, row]))
  const excluded = new Map<Need, number>()
  const failed: { test: string; result: string; reason: string }[] = []
  let passed = 0
  for (const [test, { result }] of control) {
    if (result !== 'pass') continue
    const need = needOf(needs, suite, test)
    const row = found.get(test)
    if (need !== undefined) excluded.set(need, (excluded.get(need) ?? 0) + 1)
    else if (row?.result === 'pass') passed++
    else failed.push({ test, result: row?.result ?? 'notrun', reason: row?.reason ?? '' })
  }
  return { suite, nodes, passed, counted: passed + failed.length, failed, excluded }
}
