/** Plain data goes through JSON and comes back, and differences are found where they are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromPlain, type Plain, plainDifference, toPlain } from '../../src/base/plain.js'

const { data } = fc.letrec((tie) => ({
  data: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    fc.integer(),
    fc.double({ noDefaultInfinity: true, noNaN: true }).filter((value) => !Object.is(value, -0)),
    fc.bigInt(),
    fc.string(),
    fc.array(tie('data')),
    fc.array(fc.tuple(fc.string(), tie('data'))).map((entries) => new Map(entries)),
    fc.array(fc.string()).map((values) => new Set(values)),
    fc.dictionary(
      fc.string().filter((key) => !key.startsWith('$') && key !== '__proto__'),
      tie('data'),
      {
        noNullPrototype: true,
      },
    ),
  ),
}))

function throughJson(plain: Plain): Plain {
  return JSON.parse(JSON.stringify(plain)) as Plain
}

test('everything that is data comes back from JSON', () => {
  fc.assert(
    fc.property(data, (value) => {
      assert.deepEqual(fromPlain(throughJson(toPlain(value))), value)
    }),
  )
})

test('no difference from itself, and one from everything else', () => {
  fc.assert(
    fc.property(data, data, (value, other) => {
      const plain = throughJson(toPlain(value))
      assert.equal(plainDifference(plain, throughJson(plain)), undefined)
      const same = JSON.stringify(sorted(plain)) === JSON.stringify(sorted(throughJson(toPlain(other))))
      assert.equal(plainDifference(plain, throughJson(toPlain(other))) === undefined, same)
    }),
  )
})

test('a difference is named with its place and both values', () => {
  const left = toPlain({ a: 1, b: [1, { c: 2 }], gone: undefined })
  assert.deepEqual(left, { a: 1, b: [1, { c: 2 }] })
  assert.equal(plainDifference(left, toPlain({ b: [1, { c: 2 }], a: 1 })), undefined)
  assert.equal(plainDifference(left, toPlain({ a: 1, b: [1, { c: 3 }] })), 'b.1.c: 2 and 3')
  assert.equal(plainDifference(left, toPlain({ a: 1, b: [1] })), 'b.1: {"c":2} and nothing')
  assert.equal(plainDifference(left, toPlain({ a: 1, b: {} })), 'b: [1,{"c":2}] and {}')
  assert.equal(plainDifference(1, null), 'all: 1 and null')
})

test('functions are not data', () => {
  assert.throws(() => toPlain({ f: () => {} }), TypeError)
})

/** With the keys of objects in order. */
function sorted(plain: Plain): Plain {
  if (typeof plain !== 'object' || plain === null) return plain
  if (Array.isArray(plain)) return (plain as Plain[]).map(sorted)
  const entries = Object.entries(plain).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, value]) => [key, sorted(value as Plain)]))
}
