import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rollReason } from '../../src/log/segment-roll.js'

const segment = { baseOffset: 1000, sizeBytes: 900, isFull: false }
const REACH = 2 ** 31 - 1

test('a batch that would make the segment larger than segment.bytes begins a new one', () => {
  assert.equal(rollReason(segment, 100, 1010, 1000), undefined)
  assert.equal(rollReason(segment, 101, 1010, 1000), 'size')
})

test('a segment whose index is full takes no further batch', () => {
  assert.equal(rollReason({ ...segment, isFull: true }, 10, 1010, 1000), 'index full')
  assert.equal(rollReason({ ...segment, isFull: true }, 101, 1010, 1000), 'size')
})

test('an offset that the indexes cannot hold begins a new segment, even behind an empty one', () => {
  assert.equal(rollReason(segment, 10, 1000 + REACH, 1000), undefined)
  assert.equal(rollReason(segment, 10, 1001 + REACH, 1000), 'relative offset')
  assert.equal(rollReason({ ...segment, sizeBytes: 0 }, 10, 1001 + REACH, 1000), 'relative offset')
})

test('an empty segment that the batch may have begun takes it, whatever its size', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: REACH }), fc.nat(), fc.boolean(), (batchBytes, delta, segmentBytes, isFull) => {
      const empty = { baseOffset: 1000, sizeBytes: 0, isFull }
      assert.equal(rollReason(empty, batchBytes, 1000 + delta, segmentBytes), undefined)
    }),
    { seed: 3, numRuns: 200 },
  )
})
