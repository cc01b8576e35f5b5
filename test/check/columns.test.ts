/** Columns, numbers by offset and orders, next to what arrays and maps say. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Prng } from '../../src/base/prng.js'
import { Column, groupedBy, NumbersByOffset, sortedBy } from '../../src/check/columns.js'

test('a column has what was pushed', () => {
  const column = new Column(new Float64Array(0))
  const all = Array.from({ length: 1000 }, (_, n) => n / 2)
  for (const each of all) column.push(each)
  assert.deepEqual([...column.content], all)
  assert.equal(column.length, 1000)
  assert.equal(column.at(999), 499.5)
})

test('numbers are found by their offsets, however far apart those are', () => {
  const random = new Prng(1)
  const numbers = new NumbersByOffset()
  const expected = new Map<number, number>()
  for (let n = 0; n < 3000; n++) {
    const offset = random.below(4) === 0 ? random.below(2 ** 31) * 2 ** 20 : random.below(5000)
    numbers.set(offset, n)
    expected.set(offset, n)
  }
  for (const [offset, number] of expected) assert.equal(numbers.get(offset), number)
  assert.equal(numbers.get(5001), -1)
  assert.equal(numbers.get(2 ** 52 + 1), -1)
  assert.deepEqual(
    [...numbers.offsets()],
    [...expected.keys()].sort((a, b) => a - b),
  )
})

test('what is ordered is in order, and what is equal stays as it was', () => {
  const random = new Prng(2)
  for (let length = 0; length < 40; length++) {
    const by = Float64Array.from({ length: 50 }, () => random.below(12))
    const items = Int32Array.from({ length }, () => random.below(50))
    const expected = [...items].sort((a, b) => by[a]! - by[b]!)
    assert.deepEqual([...sortedBy(items, by)], expected)
    assert.deepEqual([...sortedBy(Int32Array.from(expected), by)], expected)
  }
})

test('what is grouped stays in order, without what is in no group', () => {
  const { starts, items } = groupedBy(Int32Array.from([2, 0, -1, 2, 0, 3]), 5)
  assert.deepEqual([...starts], [0, 2, 2, 4, 5, 5])
  assert.deepEqual([...items], [1, 4, 0, 3, 5])
})
