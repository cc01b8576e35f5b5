/** What a campaign reads from its table of runs, and what it writes into its ledger. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  formatLedger,
  isIn,
  type LedgerRow,
  type PlannedRun,
  parseLedger,
  plannedRuns,
  rowOf,
  type Said,
  withRow,
} from '../../../jepsen/campaign/runs.js'

const HEADER = 'name\tpart\ttimes\texpected\targuments'

function table(...lines: readonly string[]): string {
  return ['# what runs', HEADER, ...lines, ''].join('\n')
}

function planned(expected: readonly string[], repetition = 1): PlannedRun {
  return { name: 'kill leader', part: 'standard', repetition, expected, arguments: [] }
}

function said(
  verdict: Said['judgement']['verdict'],
  anomalies: Readonly<Record<string, number>> = {},
  ...reasons: readonly string[]
): Said {
  return {
    counts: { ok: 1234 },
    okPerSecond: 56,
    recoveryMs: 789,
    faults: {
      'kill leader': { began: 7, nothing: 0, failed: 0 },
      'pause one': { began: 2, nothing: 3, failed: 1 },
    },
    judgement: { verdict, reasons, anomalies },
  }
}

test('a run comes as often as it says, with words as a shell makes them', () => {
  const runs = plannedRuns(
    table(
      'mixtures\tstandard\t2\tvalid\t--nodes 3 --faults "kill one,pause one" --time 120',
      'acks 1\tcontrol\t1\tlost-write,unseen\t--acks 1 --name ""',
    ),
  )
  assert.deepEqual(
    runs.map(({ name, part, repetition, expected }) => [name, part, repetition, expected]),
    [
      ['mixtures', 'standard', 1, ['valid']],
      ['mixtures', 'standard', 2, ['valid']],
      ['acks 1', 'control', 1, ['lost-write', 'unseen']],
    ],
  )
  assert.deepEqual(runs[0]!.arguments, ['--nodes', '3', '--faults', 'kill one,pause one', '--time', '120'])
  assert.deepEqual(runs[1]!.arguments, runs[0]!.arguments)
  assert.deepEqual(runs[2]!.arguments, ['--acks', '1', '--name', ''])
})

test('a table with other columns, too few fields or no number of times is refused', () => {
  for (const times of ['0', '-1', '1.5', 'often', '']) {
    assert.throws(() => plannedRuns(table(`a\tstandard\t${times}\tvalid\t--nodes 3`)), {
      message: `runs.tsv: a: ${times} times`,
    })
  }
  assert.throws(() => plannedRuns(table('a\tstandard\t1\tvalid')), /runs\.tsv: a.*4 fields/)
  assert.throws(() => plannedRuns('name\tpart\n'), /runs\.tsv: its columns are not name, part, times/)
})

test('where valid is expected nothing else is as expected', () => {
  const run = planned(['valid'], 2)
  assert.deepEqual(rowOf(run, 'abc1234', said('valid')), {
    name: 'kill leader',
    repetition: '2',
    commit: 'abc1234',
    result: 'as expected',
    verdict: 'valid',
    ok: '1234',
    okPerSecond: '56',
    recoveryMs: '789',
    faults: 'kill leader 7, pause one 2 of 6',
    anomalies: '',
    reason: '',
  })
  const found = rowOf(run, 'abc1234', said('invalid', { 'lost-write': 3, unseen: 1 }, 'lost-write', 'more'))
  assert.deepEqual(
    [found.result, found.verdict, found.anomalies, found.reason],
    ['OTHERWISE', 'invalid', 'lost-write 3, unseen 1', 'lost-write'],
  )
  const unknown = rowOf(run, 'abc1234', said('unknown', {}, 'x'.repeat(1000)))
  assert.deepEqual([unknown.result, unknown.verdict], ['OTHERWISE', 'unknown'])
  assert.ok(unknown.reason.length < 1000 && unknown.reason.startsWith('xxx'))
  const { recoveryMs: _, ...without } = said('valid')
  assert.equal(rowOf(run, 'abc1234', without).recoveryMs, '')
})

test('where anomalies are expected one of them has to be found, and another one is not enough', () => {
  const run = planned(['lost-write', 'unseen'])
  const result = (outcome: Said): string => rowOf(run, '', outcome)['result']
  assert.equal(result(said('invalid', { unseen: 1 })), 'as expected')
  assert.equal(result(said('invalid', { duplicate: 1, 'lost-write': 2 })), 'as expected')
  assert.equal(result(said('invalid', { duplicate: 1 })), 'OTHERWISE')
  assert.equal(result(said('invalid', { unseen: 0 })), 'OTHERWISE')
  assert.equal(result(said('valid')), 'OTHERWISE')
  assert.equal(result(said('unknown', { unseen: 1 })), 'OTHERWISE')
})

test('a node that ended by itself counts where that is expected, and nowhere else', () => {
  const ended = said('invalid', {}, 'node 2 ended unasked after 40.6 s: ended by itself with 1')
  const result = (...expected: readonly string[]): string => rowOf(planned(expected), 'abc1234', ended).result
  assert.equal(result('lost-write', 'ended unasked'), 'as expected')
  assert.equal(result('lost-write'), 'OTHERWISE')
  assert.equal(rowOf(planned(['ended unasked']), 'abc1234', said('invalid', { unseen: 1 })).result, 'OTHERWISE')
})

test('a run that has said nothing is never as expected, and tells why it ended', () => {
  for (const expected of [['valid'], ['lost-write']]) {
    const row = rowOf(planned(expected), 'abc1234', undefined, 'exit code 2: no such fault')
    assert.deepEqual(
      [row.result, row.verdict, row.ok, row.okPerSecond, row.recoveryMs, row.faults, row.anomalies, row.reason],
      ['OTHERWISE', 'none', '0', '0', '', '', '', 'exit code 2: no such fault'],
    )
  }
})

test('the ledger says the newest of each run, and only what came out as expected is not run again', () => {
  const first = rowOf(planned(['valid'], 1), 'aaa', said('valid'))
  const second = rowOf(planned(['valid'], 2), 'aaa', said('unknown'))
  const rows = withRow(withRow([], first), second)
  assert.deepEqual(
    [1, 2, 3].map((repetition) => isIn(rows, planned(['valid'], repetition))),
    [true, false, false],
  )
  assert.equal(isIn(rows, { ...planned(['valid'], 1), name: 'kill one' }), false)
  const again = { ...second, commit: 'bbb', result: 'as expected', verdict: 'valid' }
  const replaced = withRow(rows, again)
  assert.deepEqual(replaced, [first, again])
  assert.deepEqual(rows, [first, second])
  assert.ok(isIn(replaced, planned(['valid'], 2)))
})

test('a ledger is read as it was written; what would break a line has become a space', () => {
  const columns = Object.keys(rowOf(planned(['valid']), '', undefined)) as (keyof LedgerRow)[]
  const field = fc.stringMatching(/^[^\t\n\r#][^\t\n\r]*$/)
  const row = fc.tuple(...columns.map(() => field)).map((fields) => {
    return Object.fromEntries(columns.map((column, at) => [column, fields[at]!])) as LedgerRow
  })
  fc.assert(
    fc.property(fc.array(row), (rows) => {
      assert.deepEqual(parseLedger(formatLedger(rows)), rows)
    }),
  )
  const broken = rowOf(planned(['valid']), 'abc', undefined, 'exit code 1: a\tb\r\nc')
  assert.deepEqual(parseLedger(formatLedger([broken])), [{ ...broken, reason: 'exit code 1: a b c' }])
  assert.throws(() => parseLedger('name\trepetition\n'), /ledger\.tsv: its columns are not/)
})
