/** One after the other, at once or later. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oneByOne } from '../../src/base/one-by-one.js'

test('each has its turn, in order, whether the one before is done at once or later', async () => {
  const seen: number[] = []
  await new Promise<void>((resolve) =>
    oneByOne(
      [1, 2, 3, 4, 5, 6],
      (item, next) => {
        seen.push(item)
        if (item % 3 === 0) setImmediate(next)
        else next()
      },
      resolve,
    ),
  )
  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6])
})

test('a million that are done at once leave the stack alone', () => {
  let count = 0
  let done = 0
  const items = Array.from({ length: 1_000_000 })
  oneByOne(
    items,
    (_, next) => {
      count++
      next()
    },
    () => done++,
  )
  assert.equal(count, items.length)
  assert.equal(done, 1)
})

test('who does not go on stops it', () => {
  let done = false
  const seen: number[] = []
  oneByOne(
    [1, 2, 3],
    (item, next) => {
      seen.push(item)
      if (item < 2) next()
    },
    () => {
      done = true
    },
  )
  assert.deepEqual(seen, [1, 2])
  assert.equal(done, false)
})
