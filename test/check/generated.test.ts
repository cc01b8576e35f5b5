/** Generated histories: nothing is found where nothing was planted, and what was planted is found, in a history of a few thousand operations. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkLog } from '../../src/check/check-log.js'
import { checkWorkload } from '../../src/check/check-workload.js'
import { clientOperations } from '../../src/check/client-history.js'
import { generateLog, PLANTED_IN_LOG } from './generated-log.js'
import { generateTransactions, PLANTED_IN_TRANSACTIONS } from './generated-transactions.js'

const SIZE = { operations: 2500, keys: 8, unknown: 0.02 }
const SEEDS = [1, 2]

test('of logs without an anomaly nothing is found', () => {
  for (const seed of SEEDS) {
    const history = generateLog({ ...SIZE, seed })
    assert.deepEqual(checkLog(history).findings, [])
    const { findings, unknown, keys } = checkWorkload(clientOperations(history), { selfDescribing: true })
    assert.deepEqual(findings, [])
    assert.ok(unknown > 10)
    assert.equal(keys, 8)
  }
})

for (const planted of PLANTED_IN_LOG) {
  test(`a planted anomaly of logs is found: ${planted}`, () => {
    for (const seed of SEEDS) {
      const history = generateLog({ ...SIZE, seed, planted })
      const { findings } = checkLog(history)
      assert.ok(
        findings.some(({ anomaly }) => anomaly === planted),
        `by checkLog, seed ${seed}`,
      )
      const { counts, valid } = checkWorkload(clientOperations(history))
      assert.equal(valid, false)
      assert.ok(counts.has(planted), `by checkWorkload, seed ${seed}: ${[...counts]}`)
    }
  })
}

test('of transactions without an anomaly nothing is found, and cycles that are allowed are seen', () => {
  for (const seed of SEEDS) {
    const { findings, counts } = checkWorkload(generateTransactions({ ...SIZE, seed }))
    assert.deepEqual(findings, [])
    assert.ok(counts.has('G1c') && counts.has('int-send-skip'), [...counts].join(' '))
  }
})

for (const planted of PLANTED_IN_TRANSACTIONS) {
  test(`a planted anomaly of transactions is found: ${planted}`, () => {
    for (const seed of SEEDS) {
      const { findings } = checkWorkload(generateTransactions({ ...SIZE, seed, planted }))
      assert.ok(
        findings.some(({ anomaly }) => anomaly === planted),
        `seed ${seed}: ${JSON.stringify(findings)}`,
      )
    }
  })
}
