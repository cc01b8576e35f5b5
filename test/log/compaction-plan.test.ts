import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type CompactableLog,
  type CompactableSegment,
  type CompactionLimits,
  type Dirtiness,
  dirtinessOf,
  filthiest,
  type GroupableSegment,
  groupSegments,
} from '../../src/log/compaction-plan.js'

type AnySegment = CompactableSegment & GroupableSegment

const NOW_MS = 1_000_000
const NO_LAG: CompactionLimits = { minDirtyRatio: 0.5, minLagMs: 0, maxLagMs: Number.MAX_SAFE_INTEGER }

function segment(baseOffset: number, more: Partial<AnySegment> = {}): AnySegment {
  const none = { offsetIndexBytes: 0, timeIndexBytes: 0 }
  return { baseOffset, sizeBytes: 100, latestTimestamp: 0, firstTimestamp: 0, ...none, ...more }
}

/** Four of ten offsets each. */
function log(more: Partial<CompactableLog> = {}): CompactableLog {
  const segments = [segment(0), segment(10), segment(20), segment(30)]
  return { segments, closedEndOffset: 40, startOffset: 0, cleanedEndOffset: undefined, stableOffset: 100, ...more }
}

function judged(more: Partial<CompactableLog>, limits: Partial<CompactionLimits> = {}): Dirtiness {
  return dirtinessOf(log(more), { ...NO_LAG, ...limits }, NOW_MS)
}

test('a log is dirty from where it was cleaned last, or from its start', () => {
  assert.deepEqual(judged({}), {
    ...{ firstDirtyOffset: 0, uncleanableOffset: 40, cleanBytes: 0, dirtyBytes: 400, dirtyRatio: 1 },
    ...{ overdueMs: 0, isDue: true },
  })
  const half = judged({ cleanedEndOffset: 20 })
  assert.deepEqual([half.firstDirtyOffset, half.dirtyRatio, half.isDue], [20, 0.5, false])
  assert.equal(judged({ cleanedEndOffset: 20 }, { minDirtyRatio: 0.49 }).isDue, true)
  assert.equal(judged({ cleanedEndOffset: 5, startOffset: 12 }).firstDirtyOffset, 12)
  assert.equal(judged({ cleanedEndOffset: 41, startOffset: 12 }).firstDirtyOffset, 12, 'another log of this name')
  const clean = judged({ cleanedEndOffset: 40 }, { minDirtyRatio: 0 })
  assert.deepEqual([clean.dirtyBytes, clean.dirtyRatio, clean.isDue], [0, 0, false])
  assert.equal(dirtinessOf(log({ segments: [], closedEndOffset: 0 }), NO_LAG, NOW_MS).isDue, false)
})

test('no segment that reaches behind the stable offset is cleaned, nor one within the least lag, nor what follows it', () => {
  assert.equal(judged({ stableOffset: 30 }).uncleanableOffset, 30)
  assert.equal(judged({ stableOffset: 29 }).uncleanableOffset, 20)
  assert.equal(judged({ stableOffset: 9 }).isDue, false)
  const segments = [segment(0), segment(10, { latestTimestamp: NOW_MS - 99 }), segment(20)]
  const lagging = { segments, closedEndOffset: 30 }
  assert.equal(judged(lagging, { minLagMs: 100 }).uncleanableOffset, 10)
  assert.equal(judged(lagging, { minLagMs: 99 }).uncleanableOffset, 30)
})

test('what is older than the largest lag is due, however clean the rest', () => {
  const segments = [segment(0, { sizeBytes: 10_000 }), segment(10, { firstTimestamp: NOW_MS - 500 }), segment(20)]
  const old = { segments, closedEndOffset: 30, cleanedEndOffset: 10 }
  assert.equal(judged(old).isDue, false)
  assert.deepEqual([judged(old, { maxLagMs: 500 }).overdueMs, judged(old, { maxLagMs: 500 }).isDue], [0, false])
  assert.deepEqual([judged(old, { maxLagMs: 400 }).overdueMs, judged(old, { maxLagMs: 400 }).isDue], [100, true])
  const inFront = { ...old, cleanedEndOffset: 20 }
  assert.equal(judged(inFront, { maxLagMs: 400 }).overdueMs, 0, 'only what is dirty counts')
})

test('the filthiest of those that are due is cleaned first', () => {
  const of = (cleanedEndOffset: number) => ({ cleanedEndOffset, dirtiness: judged({ cleanedEndOffset }) })
  assert.equal(filthiest([of(10), of(0), of(20)])?.cleanedEndOffset, 0)
  assert.equal(filthiest([of(30), of(20)]), undefined)
})

test('small neighbours become one segment, up to the size of one', () => {
  const groups = (more: Partial<AnySegment>[], limits = { segmentBytes: 250, indexBytes: 1000 }, end = 1e9) => {
    const segments = more.map((each, n) => segment(each.baseOffset ?? 10 * n, each))
    return groupSegments(segments, segments.at(-1)!.baseOffset + 10, end, limits).map((group) =>
      group.map(({ baseOffset }) => baseOffset),
    )
  }
  assert.deepEqual(groups([{}, {}, {}, {}, {}]), [[0, 10], [20, 30], [40]])
  assert.deepEqual(groups([{ sizeBytes: 900 }, {}, {}]), [[0], [10, 20]])
  assert.deepEqual(groups([{}, {}, {}], { segmentBytes: 250, indexBytes: 1000 }, 20), [[0, 10]])
  assert.deepEqual(groups([{}, {}, {}], { segmentBytes: 250, indexBytes: 1000 }, 21), [[0, 10], [20]])
  assert.deepEqual(groups([{ offsetIndexBytes: 500 }, { offsetIndexBytes: 500 }]), [[0], [10]])
  assert.deepEqual(groups([{ timeIndexBytes: 500 }, { timeIndexBytes: 500 }]), [[0], [10]])
  const far = [{ baseOffset: 0 }, { baseOffset: 10 }, { baseOffset: 2 ** 31 }, { baseOffset: 2 ** 31 + 1 }]
  assert.deepEqual(groups(far, { segmentBytes: 1e6, indexBytes: 1e6 }, 1e12), [
    [0, 10],
    [2 ** 31, 2 ** 31 + 1],
  ])
})

test('property: groups are all segments below the end, in order, and no group can take its neighbour in front', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 12 }), fc.nat(130), (sizes, endOffset) => {
      const segments = sizes.map((sizeBytes, n) => segment(10 * n, { sizeBytes }))
      const groups = groupSegments(segments, 10 * sizes.length, endOffset, { segmentBytes: 300, indexBytes: 100 })
      assert.deepEqual(
        groups.flat(),
        segments.filter(({ baseOffset }) => baseOffset < endOffset),
      )
      const bytes = groups.map((group) => group.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
      assert.ok(bytes.every((each) => each <= 300))
      for (let n = 1; n < groups.length; n++) assert.ok(bytes[n - 1]! + groups[n]![0]!.sizeBytes > 300)
    }),
  )
})
