/** The control: what each test says of Apache Kafka 4.3.1 itself, in `control/*.tsv`. */
import { readFileSync } from 'node:fs'
import { parseTable } from '../../jepsen/table.js'
import { suitesPath } from './table.js'

const COLUMNS = ['test', 'result', 'seconds', 'reason'] as const
/** What librdkafka's runner reports of itself. */
const OF_THE_RUNNER = /^<MAIN>/

export interface ControlTest {
  readonly result: string
  readonly seconds: number
}

export type Control = ReadonlyMap<string, ControlTest>

/** By the name of the test, in the order of the file. Of several tests of one name it is the worst. */
export function readControl(name: string): Control {
  const path = suitesPath('control', `${name}.tsv`)
  const rows = parseTable(readFileSync(path, 'utf8'), COLUMNS, path)
  const tests = rows.filter(({ test }) => !OF_THE_RUNNER.test(test))
  const control = new Map<string, ControlTest>()
  for (const { test, result, seconds } of tests) {
    const other = control.get(test)
    if (other === undefined || other.result === 'pass') control.set(test, { result, seconds: Number(seconds) })
  }
  return control
}
