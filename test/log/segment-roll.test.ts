import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rollReason } from '../../src/log/segment-roll.js'

const segment = {
  baseOffset: 1000,
  sizeBytes: 900,
  firstTimestamp: 5000,
  createdMs: 90_000,
  rollJitterMs: 0,
  isFull: false,
}
const limits = { segmentBytes: 1000, segmentMs: 60_000 }
const NOW_MS = 100_000
const REACH = 2 ** 31 - 1

const batch = (sizeBytes: number, lastOffset = 1010, maxTimestamp = 6000) => ({ sizeBytes, lastOffset, maxTimestamp })

test('a batch that would make the segment larger than segment.bytes begins a new one', () => {
  assert.equal(rollReason(segment, batch(100), limits, NOW_MS), undefined)
  assert.equal(rollReason(segment, batch(101), limits, NOW_MS), 'size')
})

test('a segment whose index is full takes no further batch', () => {
  assert.equal(rollReason({ ...segment, isFull: true }, batch(10), limits, NOW_MS), 'index full')
  assert.equal(rollReason({ ...segment, isFull: true }, batch(101), limits, NOW_MS), 'size')
})

test('an offset that the indexes cannot hold begins a new segment, even behind an empty one', () => {
  assert.equal(rollReason(segment, batch(10, 1000 + REACH), limits, NOW_MS), undefined)
  assert.equal(rollReason(segment, batch(10, 1001 + REACH), limits, NOW_MS), 'relative offset')
  assert.equal(rollReason({ ...segment, sizeBytes: 0 }, batch(10, 1001 + REACH), limits, NOW_MS), 'relative offset')
})

test('a batch that is later than the first one by more than segment.ms begins a new segment, less the jitter', () => {
  assert.equal(rollReason(segment, batch(10, 1010, 65_000), limits, NOW_MS), undefined)
  assert.equal(rollReason(segment, batch(10, 1010, 65_001), limits, NOW_MS), 'time')
  assert.equal(rollReason({ ...segment, rollJitterMs: 1000 }, batch(10, 1010, 64_001), limits, NOW_MS), 'time')
  // The clock does not count where the records have a time.
  assert.equal(rollReason(segment, batch(10, 1010, 5000), limits, 10 * NOW_MS), undefined)
})

test('a segment whose first batch has no time ages by the clock', () => {
  const timeless = { ...segment, firstTimestamp: -1 }
  assert.equal(rollReason(timeless, batch(10, 1010, -1), limits, 150_000), undefined)
  assert.equal(rollReason(timeless, batch(10, 1010, -1), limits, 150_001), 'time')
})

test('an empty segment that the batch may have begun takes it, whatever its size and age', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: REACH }), fc.nat(), fc.boolean(), (sizeBytes, delta, segmentBytes, isFull) => {
      const empty = { ...segment, sizeBytes: 0, isFull }
      const reason = rollReason(empty, batch(sizeBytes, 1000 + delta, 1e12), { segmentBytes, segmentMs: 1 }, 1e12)
      assert.equal(reason, undefined)
    }),
    { seed: 3, numRuns: 200 },
  )
})
