/**
 * A history from the simulator, written to a file and read back: nothing is found in it, and whatever is planted is. What `record-history` and `check-history` do
 * with a million operations, with some thousands.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { readHistory, writeHistory } from '../../bench/lib/history-file.js'
import type { Operation } from '../../src/check/history.js'
import type { HistoryColumns } from '../../src/check/history-columns.js'
import { type HistoryVerdict, judgeHistory } from '../../src/check/judge-history.js'
import { columnsOf } from '../../src/check/to-columns.js'
import { type LongHistoryReport, recordLongHistory } from '../../src/sim/long-history.js'
import { PLANTED_IN_COLUMNS, plant } from '../check/planted.js'

const OPERATIONS = 5000
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'lograft-history-'))
const file = path.join(directory, 'history.jsonl')
const operations: Operation[] = []
let report: LongHistoryReport
let read: ReturnType<typeof readHistory>

before(() => {
  const { encoder, close } = writeHistory(file, { from: 'simulator' })
  report = recordLongHistory(1, {
    operations: OPERATIONS,
    pauseMs: 600,
    recorder: {
      operation: (operation) => {
        operations.push(operation)
        encoder.operation(operation)
      },
      listed: (listed) => encoder.listed(listed),
    },
  })
  close()
  read = readHistory(file)
})

after(() => fs.rmSync(directory, { recursive: true }))

function judged(history: HistoryColumns): HistoryVerdict {
  return judgeHistory(history, read.listed, (_, acks) => acks !== 0 && acks !== 1)
}

test('it is as long as it was to be, of many keys, and of many sends nobody knows what became', () => {
  assert.ok(report.operations >= OPERATIONS)
  assert.ok(report.keys >= 8)
  assert.ok(report.unknown >= 0.02 * report.operations, `${report.unknown} of ${report.operations}`)
  assert.ok(report.polls > 100)
  assert.ok(read.listed.length > 10)
  assert.deepEqual(report.findings, [])
})

test('nothing is found in it, and what was written is what was read', () => {
  const verdict = judged(read.history)
  assert.deepEqual(verdict.findings, [])
  assert.equal(verdict.acknowledged, report.acknowledged)
  assert.equal(verdict.unknown, report.unknown)
  assert.equal(verdict.keys, report.keys)
  assert.deepEqual(judged(columnsOf(operations)), verdict)
})

for (const planted of PLANTED_IN_COLUMNS) {
  test(`one planted anomaly is found: ${planted}`, () => {
    for (const seed of [1, 2]) {
      const { findings } = judged(plant(read.history, planted, seed))
      assert.ok(
        findings.some(({ anomaly }) => anomaly === planted),
        `seed ${seed}: ${JSON.stringify(findings)}`,
      )
    }
  })
}
