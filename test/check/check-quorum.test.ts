/** What clients are told of a quorum: what hangs together, and what does not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkQuorum } from '../../src/check/check-quorum.js'

/** From, to, leader, epoch, committed. */
function found(...all: readonly (readonly [number, number, number, number, number])[]): string[] {
  const seen = all.map(([invokedMs, answeredMs, leaderId, leaderEpoch, highWatermark]) => {
    return { invokedMs, answeredMs, leaderId, leaderEpoch, highWatermark }
  })
  return checkQuorum(seen).map(({ anomaly, detail }) => `${anomaly}: ${detail}`)
}

test('leaders follow one another, and a deposed one may still answer', () => {
  assert.deepEqual(found(), [])
  assert.deepEqual(found([0, 1, 1, 1, 5], [2, 3, 1, 1, 5], [4, 5, 2, 2, 9], [6, 7, 1, 1, 6], [8, 9, 2, 2, 9]), [])
})

test('answers that cross may tell of any order', () => {
  assert.deepEqual(found([0, 9, 1, 1, 7], [1, 2, 1, 1, 5], [3, 4, 1, 1, 6]), [])
})

test('two leaders of one epoch are found', () => {
  assert.deepEqual(found([0, 1, 1, 1, 5], [2, 3, 2, 1, 5]), ['two leaders: epoch 1 is led by 1 and by 2'])
})

test('what was committed and is not any more is found', () => {
  assert.deepEqual(found([0, 9, 1, 3, 7], [10, 12, 1, 3, 6]), [
    'went back: in epoch 3 7 was committed, and 6 to who asked at 10 ms',
  ])
})
