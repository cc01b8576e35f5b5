/** Which tests of a suite a run takes, and how long they may take. */
import type { Control } from './control.js'
import type { LedgerRow } from './ledger.js'

/** On two cores that others use, too. */
const TIMES_OF_CONTROL = 4
const LEAST_LIMIT_MS = 90_000

export interface Picked {
  /** Parts of names, of which one has to be in a test's; none: all. */
  readonly parts: readonly string[]
  readonly again: string | undefined
  readonly commit: string
  readonly excluded: (test: string) => boolean
}

/** In the order of the control. Tests that are named are taken whatever is recorded of them. */
export function choose(
  control: Control,
  rows: readonly LedgerRow[],
  { parts, again, commit, excluded }: Picked,
): string[] {
  const found = new Map(rows.map((row) => [row.test, row]))
  return [...control.keys()].filter((test) => {
    if (excluded(test)) return false
    if (parts.length > 0 && !parts.some((part) => test.includes(part))) return false
    const row = found.get(test)
    if (again === 'all' || row === undefined) return true
    if (again === 'failed') return row.result !== 'pass'
    return parts.length > 0 || row.commit !== commit
  })
}

export function limitMsOf(tests: readonly string[], control: Control): number {
  const seconds = tests.reduce((sum, test) => sum + (control.get(test)?.seconds ?? 0), 0)
  return LEAST_LIMIT_MS + TIMES_OF_CONTROL * seconds * 1000
}
