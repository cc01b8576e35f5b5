/** What brokers show of the metadata: prefixes of one log that never go back, and what is not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PrefixCheck } from '../../src/check/check-prefix.js'

/** Broker, offset, content. */
function shown(...all: readonly (readonly [number, number, string])[]): PrefixCheck {
  const check = new PrefixCheck()
  for (const [timeMs, [broker, offset, content]] of all.entries()) check.show({ broker, timeMs, offset, content })
  return check
}

test('brokers may be behind one another, and show the same again', () => {
  const { findings, compared } = shown([1, 0, 'a'], [1, 5, 'b'], [1, 5, 'b'], [2, 0, 'a'], [2, 3, 'c'], [2, 5, 'b'])
  assert.deepEqual(findings, [])
  assert.equal(compared, 2)
})

test('one that goes back is found', () => {
  const { findings } = shown([1, 5, 'b'], [2, 4, 'a'], [1, 4, 'a'])
  assert.deepEqual(
    findings.map(({ anomaly, detail }) => [anomaly, detail]),
    [['went back', 'broker 1 at 2.000 ms: offset 4, and before: broker 1 at 0.000 ms: offset 5']],
  )
})

test('two that show different things at one offset are found', () => {
  const { findings } = shown([1, 5, 'b'], [2, 5, 'x'])
  assert.deepEqual(
    findings.map(({ anomaly }) => anomaly),
    ['forked'],
  )
  assert.match(findings[0]!.detail, /^broker 2 at 1\.000 ms: offset 5 is x, and broker 1 at 0\.000 ms: offset 5 is b$/)
})
