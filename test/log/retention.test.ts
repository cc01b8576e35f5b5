import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type RetainedSegment, type RetentionLimits, startAfterRetention } from '../../src/log/retention.js'

const NOW_MS = 1_000_000

/** Segments of ten offsets each, from 100 on. */
function segments(...times: readonly number[]): RetainedSegment[] {
  return times.map((latestTimestamp, n) => ({ baseOffset: 100 + 10 * n, sizeBytes: 1000, latestTimestamp }))
}

function startOf(
  list: readonly RetainedSegment[],
  limits: Partial<RetentionLimits> | undefined,
  { startOffset = 100, committedOffset = Number.MAX_SAFE_INTEGER } = {},
): number | undefined {
  const log = { segments: list, startOffset, endOffset: 100 + 10 * list.length, committedOffset }
  const all = limits === undefined ? undefined : { retentionMs: -1, retentionBytes: -1, ...limits }
  return startAfterRetention(log, all, NOW_MS)?.startOffset
}

test('segments go when their latest record is older than retention.ms, and only from the front', () => {
  const old = NOW_MS - 501
  const young = NOW_MS - 500
  assert.equal(startOf(segments(old, old, young, old), { retentionMs: 500 }), 120)
  assert.equal(startOf(segments(young, old), { retentionMs: 500 }), undefined)
  assert.equal(startOf(segments(old, old), { retentionMs: -1 }), undefined)
})

test('when all of the active segment has expired, it goes too', () => {
  assert.equal(startOf(segments(0, 0), { retentionMs: 500 }), 120)
  assert.equal(startOf(segments(0), { retentionMs: 500 }), 110)
  const empty = { baseOffset: 110, sizeBytes: 0, latestTimestamp: 0 }
  const log = { segments: [...segments(0), empty], startOffset: 100, endOffset: 110, committedOffset: 110 }
  const limits = { retentionMs: 500, retentionBytes: -1 }
  assert.deepEqual(startAfterRetention(log, limits, NOW_MS), { startOffset: 110, reason: 'time', closeActive: false })
})

test('what is not committed stays, whatever its age', () => {
  assert.equal(startOf(segments(0, 0, 0), { retentionMs: 500 }, { committedOffset: 119 }), 110)
  assert.equal(startOf(segments(0, 0, 0), { retentionBytes: 0 }, { committedOffset: 109 }), undefined)
})

test('segments go while the log is as large as retention.bytes without them', () => {
  assert.equal(startOf(segments(0, 0, 0, 0), { retentionBytes: 2000 }), 120)
  assert.equal(startOf(segments(0, 0, 0, 0), { retentionBytes: 2001 }), 110)
  assert.equal(startOf(segments(0, 0, 0, 0), { retentionBytes: 4000 }), undefined)
  assert.equal(startOf(segments(0, 0), { retentionBytes: 0 }), 120)
})

test('what lies in front of the start goes also without limits, and nothing else', () => {
  assert.equal(startOf(segments(0, 0, 0), undefined, { startOffset: 125 }), 125)
  assert.equal(startOf(segments(0, 0, 0), undefined, { startOffset: 109 }), undefined)
  assert.equal(startOf(segments(0, 0), undefined, { startOffset: 120 }), 120)
})

/** One segment at a time, each rule as it is told. */
function naive(
  list: readonly RetainedSegment[],
  endOffset: number,
  startOffset: number,
  committed: number,
  { retentionMs, retentionBytes }: RetentionLimits,
): number {
  let left = [...list]
  const drop = (may: (segment: RetainedSegment, rest: RetainedSegment[]) => boolean): void => {
    while (left.length > 0) {
      const [first, ...rest] = left
      const end = rest[0]?.baseOffset ?? endOffset
      if (end > committed || (rest.length === 0 && first!.sizeBytes === 0) || !may(first!, rest)) return
      left = rest
    }
  }
  const bytes = (some: readonly RetainedSegment[]): number => some.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  drop((_, rest) => rest.length > 0 && rest[0]!.baseOffset <= startOffset)
  if (retentionBytes >= 0) drop((_, rest) => bytes(rest) >= retentionBytes)
  if (retentionMs >= 0) drop(({ latestTimestamp }) => latestTimestamp < NOW_MS - retentionMs)
  return Math.max(startOffset, left[0]?.baseOffset ?? endOffset)
}

test('it says what a naive model says', () => {
  const segment = fc.record({
    offsets: fc.integer({ min: 1, max: 20 }),
    sizeBytes: fc.integer({ min: 1, max: 30 }),
    latestTimestamp: fc.integer({ min: NOW_MS - 20, max: NOW_MS + 5 }),
  })
  const limit = fc.integer({ min: -1, max: 60 })
  let moved = 0
  fc.assert(
    fc.property(
      fc.array(segment, { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      fc.nat(180),
      fc.nat(180),
      limit,
      limit,
      (parts, emptyActive, start, committed, retentionMs, retentionBytes) => {
        let endOffset = 0
        const list: RetainedSegment[] = parts.map(({ offsets, ...rest }) => {
          const baseOffset = endOffset
          endOffset += offsets
          return { baseOffset, ...rest }
        })
        if (emptyActive) list.push({ baseOffset: endOffset, sizeBytes: 0, latestTimestamp: 0 })
        const startOffset = Math.min(start, endOffset)
        const committedOffset = Math.max(startOffset, Math.min(committed, endOffset))
        const limits = { retentionMs, retentionBytes }
        const decided = startAfterRetention({ segments: list, startOffset, endOffset, committedOffset }, limits, NOW_MS)
        const expected = naive(list, endOffset, startOffset, committedOffset, limits)
        assert.equal(decided?.startOffset ?? startOffset, expected)
        if (decided !== undefined && decided.startOffset > startOffset) moved++
      },
    ),
    { seed: 7, numRuns: 3000 },
  )
  assert.ok(moved > 500, `${moved}`)
})
