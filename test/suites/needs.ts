/**
 * Which tests need a feature that this version leaves out on purpose, by `needs.tsv`: only they are not counted. A `*` at the end of a suite or a test stands
 * for anything.
 */
import { readTable, suitesPath } from './table.js'

const COLUMNS = ['suite', 'test', 'need'] as const
export const NEEDS = ['transactions', 'ACLs', 'SASL', 'SSL', 'share groups'] as const

export type Need = (typeof NEEDS)[number]

export interface NeedRow {
  readonly suite: string
  readonly test: string
  readonly need: Need
}

export function readNeeds(path = suitesPath('needs.tsv')): NeedRow[] {
  return readTable(path, COLUMNS).map(({ suite, test, need }) => {
    if (!NEEDS.some((each) => each === need)) throw new Error(`${path}: there is no need ${need}`)
    return { suite, test, need: need as Need }
  })
}

export function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name
}

/** Undefined: the test counts. */
export function needOf(needs: readonly NeedRow[], suite: string, test: string): Need | undefined {
  return needs.find((row) => matches(row.suite, suite) && matches(row.test, test))?.need
}
