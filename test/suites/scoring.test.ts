import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { parseTable } from '../../jepsen/table.js'
import { readControl } from './control.js'
import { Ledger, type LedgerRow, type Outcome } from './ledger.js'
import { matches, needOf, readNeeds } from './needs.js'
import { score } from './scoring.js'
import { choose, limitMsOf } from './selection.js'
import { SUITES } from './suites.js'

function row(name: string, result: Outcome, commit = 'c1'): LedgerRow {
  return { suite: 's', nodes: '1', test: name, result, seconds: '1.00', commit, control: 'pass', reason: '' }
}

const control = new Map([
  ['works', { result: 'pass', seconds: 1 }],
  ['fails', { result: 'pass', seconds: 10 }],
  ['hangs', { result: 'pass', seconds: 100 }],
  ['was not run', { result: 'pass', seconds: 1 }],
  ['fails with Kafka, too', { result: 'fail', seconds: 1 }],
  ['depends', { result: 'flaky', seconds: 1 }],
  ['txn a', { result: 'pass', seconds: 1 }],
  ['txn b', { result: 'pass', seconds: 1 }],
])
const needs = [{ suite: 's', test: 'txn *', need: 'transactions' as const }]

test('what passes with Kafka counts, whatever became of it here; what needs what is left out does not', () => {
  const rows = [
    row('works', 'pass'),
    row('fails', 'fail'),
    row('hangs', 'hang'),
    row('depends', 'pass'),
    row('txn a', 'skip'),
  ]
  const { passed, counted, failed, excluded } = score('s', 1, control, rows, needs)
  assert.deepEqual([passed, counted], [1, 4])
  assert.deepEqual(
    failed.map(({ test: name, result }) => [name, result]),
    [
      ['fails', 'fail'],
      ['hangs', 'hang'],
      ['was not run', 'notrun'],
    ],
  )
  assert.deepEqual([...excluded], [['transactions', 2]])
})

test('a run takes what has no result at this commit, or what has not passed, or what is named', () => {
  const rows = [row('works', 'pass'), row('fails', 'fail'), row('hangs', 'hang', 'c0')]
  const picked = { parts: [], again: undefined, commit: 'c1', excluded: (name: string) => name.startsWith('txn') }
  const others = ['was not run', 'fails with Kafka, too', 'depends']
  assert.deepEqual(choose(control, rows, picked), ['hangs', ...others])
  assert.deepEqual(choose(control, rows, { ...picked, again: 'failed' }), ['fails', 'hangs', ...others])
  assert.deepEqual(choose(control, rows, { ...picked, parts: ['work'] }), ['works'])
  assert.equal(choose(control, rows, { ...picked, again: 'all' }).length, 6)
  assert.equal(limitMsOf(['fails', 'hangs'], control), 90_000 + 4 * 110_000)
})

test('the ledger keeps one line of each test; of several results under one name the worst', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'lograft-ledger-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const ledger = new Ledger(join(directory, 'ledger.tsv'))
  const where = { suite: 's', nodes: 1 }
  assert.deepEqual(ledger.rows(), [])
  const result = (name: string, outcome: Outcome, reason = '') => ({ test: name, result: outcome, seconds: 1, reason })
  ledger.record(where, 'c1', new Map([['a', 'pass']]), [result('a', 'fail', 'be\tcause\nof'), result('b', 'pass')])
  ledger.record({ suite: 's', nodes: 3 }, 'c1', new Map(), [result('a', 'skip')])
  ledger.record(where, 'c2', new Map([['a', 'pass']]), [
    result('a', 'pass'),
    result('c', 'fail', 'first (/some/place/x.js:1)'),
    result('c', 'pass'),
  ])
  assert.deepEqual(
    ledger.rowsOf(where).map((each) => [each.test, each.result, each.commit, each.control, each.reason]),
    [
      ['a', 'pass', 'c2', 'pass', ''],
      ['b', 'pass', 'c1', '-', ''],
      ['c', 'fail', 'c2', '-', 'first (x.js:1)'],
    ],
  )
  assert.equal(ledger.rows().length, 4)
})

test('a star at the end stands for anything, and only there', () => {
  assert.ok(matches('a*', 'abc'))
  assert.ok(!matches('a*c', 'abc'))
  assert.ok(!matches('a', 'ab'))
})

test('a table with other columns is refused', () => {
  assert.throws(() => parseTable('a\tb\n', ['a', 'c'], 'x'), /x: its columns are not a, c/)
  assert.throws(() => parseTable('# why\na\tb\n1\t2\t3\n', ['a', 'b'], 'x'), /3 fields/)
})

test('each suite has a control with tests to count, and each need stands for a test that passes in one', () => {
  const rows = readNeeds()
  const used = new Set<unknown>()
  for (const suite of SUITES) {
    const name = suite.control ?? suite.name
    const tests = [...readControl(name)].filter(([, { result }]) => result === 'pass').map(([each]) => each)
    for (const each of tests) {
      for (const need of rows) if (needOf([need], name, each) !== undefined) used.add(need)
    }
    assert.ok(
      tests.some((each) => needOf(rows, name, each) === undefined),
      name,
    )
  }
  assert.deepEqual(
    rows.filter((need) => !used.has(need)),
    [],
  )
})

test('runs that write at the same time lose nothing of each other', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'lograft-ledger-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'ledger.tsv')
  const program = `
    const { Ledger } = await import(${JSON.stringify(new URL('ledger.js', import.meta.url).href)})
    const name = process.argv[1]
    for (let n = 0; n < 20; n++) {
      new Ledger(${JSON.stringify(path)}).record({ suite: name, nodes: 1 }, 'c', new Map(), [
        { test: String(n), result: 'pass', seconds: 0, reason: '' },
      ])
    }`
  const run = promisify(execFile)
  await Promise.all(['a', 'b', 'c'].map((name) => run(process.execPath, ['--input-type=module', '-e', program, name])))
  assert.equal(new Ledger(path).rows().length, 60)
})
