import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { countUpTo } from '../../src/log/count-up-to.js'

test('it counts what is at or below the limit, among the first ones only', () => {
  const value = fc.integer({ min: -5, max: 20 })
  fc.assert(
    fc.property(fc.array(value), fc.nat({ max: 12 }), value, (values, few, limit) => {
      const sorted = values.toSorted((a, b) => a - b)
      const count = Math.min(few, sorted.length)
      const expected = sorted.slice(0, count).filter((each) => each <= limit).length
      assert.equal(countUpTo(sorted, count, limit), expected)
    }),
    { seed: 17, numRuns: 1000 },
  )
})
