/** What each test said of lograft last: `ledger.tsv`, a line for each suite, number of nodes and test, written after each part of a run, so that a run can go on where one was ended. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs'
import { formatTable, parseTable, type Row } from '../../jepsen/table.js'
import { suitesPath } from './table.js'

const COLUMNS = ['suite', 'nodes', 'test', 'result', 'seconds', 'commit', 'control', 'reason'] as const
const COMMENTS = [
  'Written by run.js; control: what the same test says of Apache Kafka 4.3.1. A commit with a + had changes beside it.',
]
const REASON_CHARACTERS = 200
const LOCK_AGAIN_MS = 20
const LOCK_LIMIT_MS = 10_000

export type Outcome = 'pass' | 'fail' | 'skip' | 'hang' | 'notrun'

/** What a run has found out about a test. */
export interface Result {
  readonly test: string
  readonly result: Outcome
  readonly seconds: number
  /** Why it did not pass; empty if it did. */
  readonly reason: string
}

export type LedgerRow = Row<(typeof COLUMNS)[number]>

export interface Where {
  readonly suite: string
  readonly nodes: number
}

const keyOf = ({ suite, nodes, test }: LedgerRow): string => `${suite}\t${nodes}\t${test}`

/** Waits until no other run writes. */
function lock(path: string): () => void {
  const waiting = new Int32Array(new SharedArrayBuffer(4))
  for (const endMs = performance.now() + LOCK_LIMIT_MS; ; Atomics.wait(waiting, 0, 0, LOCK_AGAIN_MS)) {
    try {
      mkdirSync(path)
      return () => rmdirSync(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      if (performance.now() > endMs) throw new Error(`${path} is still there: of a run that was ended?`)
    }
  }
}

/** Of files only their names: where they lie is a matter of the machine. */
function withoutPlace(text: string): string {
  return text.replace(/(^|[\s('"])\/(?:[\w.@+-]+\/)+/g, '$1')
}

/** Some suites have several tests of one name. */
function worstOf(results: readonly Result[]): Iterable<Result> {
  const worst = new Map<string, Result>()
  for (const result of results) {
    const other = worst.get(result.test)
    if (other === undefined || other.result === 'pass') worst.set(result.test, result)
  }
  return worst.values()
}

export class Ledger {
  readonly #path: string

  constructor(path = suitesPath('ledger.tsv')) {
    this.#path = path
  }

  /** Empty where nothing was run. */
  rows(): LedgerRow[] {
    if (!existsSync(this.#path)) return []
    return parseTable(readFileSync(this.#path, 'utf8'), COLUMNS, this.#path)
  }

  rowsOf({ suite, nodes }: Where): LedgerRow[] {
    return this.rows().filter((row) => row.suite === suite && row.nodes === String(nodes))
  }

  /** In place of what was recorded of the same tests. Reads the file anew: another run may have written to it. */
  record(where: Where, commit: string, control: ReadonlyMap<string, string>, results: readonly Result[]): void {
    const unlock = lock(`${this.#path}.lock`)
    try {
      this.#merge(where, commit, control, results)
    } finally {
      unlock()
    }
  }

  #merge(
    { suite, nodes }: Where,
    commit: string,
    control: ReadonlyMap<string, string>,
    results: readonly Result[],
  ): void {
    const rows = new Map(this.rows().map((row) => [keyOf(row), row]))
    for (const { test, result, seconds, reason } of worstOf(results)) {
      const row: LedgerRow = {
        suite,
        nodes: String(nodes),
        test,
        result,
        seconds: seconds.toFixed(2),
        commit,
        control: control.get(test) ?? '-',
        reason: withoutPlace(reason).replace(/\s+/g, ' ').trim().slice(0, REASON_CHARACTERS),
      }
      rows.set(keyOf(row), row)
    }
    const sorted = [...rows.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    const part = `${this.#path}.${process.pid}`
    writeFileSync(part, formatTable(COMMENTS, COLUMNS, sorted))
    renameSync(part, this.#path)
  }
}
