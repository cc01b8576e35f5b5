import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SegmentIndexes } from '../../src/log/segment-indexes.js'

interface Batch {
  readonly position: number
  readonly sizeBytes: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly maxTimestamp: number
}

const BASE = 5000
const INDEX_BYTES = 12 * 1000

/** A segment of batches whose timestamps wander. */
const segment: fc.Arbitrary<Batch[]> = fc
  .array(
    fc.record({
      sizeBytes: fc.integer({ min: 61, max: 400 }),
      count: fc.integer({ min: 1, max: 6 }),
      gap: fc.constantFrom(0, 0, 0, 2),
      timestamp: fc.integer({ min: -1, max: 60 }),
    }),
    { minLength: 1, maxLength: 60, size: 'max' },
  )
  .map((shapes) => {
    let position = 0
    let offset = BASE
    return shapes.map(({ sizeBytes, count, gap, timestamp }) => {
      const baseOffset = offset + gap
      const batch = { position, sizeBytes, baseOffset, lastOffset: baseOffset + count - 1, maxTimestamp: timestamp }
      position += sizeBytes
      offset = baseOffset + count
      return batch
    })
  })

const interval = fc.constantFrom(0, 61, 300, 1000, 100_000)

function feed(indexes: SegmentIndexes, batches: readonly Batch[]): void {
  for (const { position, lastOffset, maxTimestamp } of batches) indexes.append(position, lastOffset, maxTimestamp)
}

function contentOf(indexes: SegmentIndexes) {
  return {
    offsets: indexes.offsets.toBytes().toString('hex'),
    times: indexes.times.toBytes().toString('hex'),
    maxTimestamp: indexes.maxTimestamp,
    offsetOfMaxTimestamp: indexes.offsetOfMaxTimestamp,
  }
}

test('a batch gets entries when more than the interval lies before it since the last one that got some', () => {
  fc.assert(
    fc.property(segment, interval, (batches, intervalBytes) => {
      const indexes = SegmentIndexes.empty(BASE, INDEX_BYTES, intervalBytes)
      feed(indexes, batches)

      const offsets: [number, number][] = []
      const times: [number, number][] = []
      let bytesSinceEntry = 0
      batches.forEach((batch, at) => {
        if (bytesSinceEntry > intervalBytes) {
          offsets.push([batch.lastOffset, batch.position])
          const soFar = batches.slice(0, at + 1)
          const latest = Math.max(...soFar.map((each) => each.maxTimestamp))
          const holder = soFar.find((each) => each.maxTimestamp === latest)!
          if (latest > (times.at(-1)?.[0] ?? -1)) times.push([latest, holder.lastOffset])
          bytesSinceEntry = 0
        }
        bytesSinceEntry += batch.sizeBytes
      })
      const { offsets: offsetIndex, times: timeIndex } = indexes
      assert.deepEqual(
        offsets,
        Array.from({ length: offsetIndex.count }, (_, slot) => {
          const entry = offsetIndex.entry(slot)
          return [entry.offset, entry.position]
        }),
      )
      assert.deepEqual(
        times,
        Array.from({ length: timeIndex.count }, (_, slot) => {
          const entry = timeIndex.entry(slot)
          return [entry.timestamp, entry.offset]
        }),
      )
    }),
    { seed: 5, numRuns: 300 },
  )
})

test('searches that begin where the indexes say find what a search from the start finds', () => {
  fc.assert(
    fc.property(segment, interval, fc.boolean(), (batches, intervalBytes, isClosed) => {
      const indexes = SegmentIndexes.empty(BASE, INDEX_BYTES, intervalBytes)
      feed(indexes, batches)
      if (isClosed) indexes.close()
      for (let offset = BASE - 1; offset <= batches.at(-1)!.lastOffset + 1; offset++) {
        const from = indexes.offsets.lookup(offset).position
        const holds = (batch: Batch): boolean => batch.lastOffset >= offset
        assert.equal(
          batches.find((batch) => batch.position >= from && holds(batch)),
          batches.find(holds),
        )
      }
      for (let timestamp = 0; timestamp <= 61; timestamp++) {
        const from = indexes.offsets.lookup(indexes.times.lookup(timestamp).offset).position
        const isLate = (batch: Batch): boolean => batch.maxTimestamp >= timestamp
        assert.equal(
          batches.find((batch) => batch.position >= from && isLate(batch)),
          batches.find(isLate),
        )
      }
    }),
    { seed: 6, numRuns: 200 },
  )
})

test('cut anywhere and fed again from where they say, the indexes are as if the rest had never been there', () => {
  fc.assert(
    fc.property(segment, interval, fc.nat({ max: 70 }), fc.boolean(), (batches, intervalBytes, cut, isClosed) => {
      const kept = batches.slice(0, cut)
      const endOffset = kept.length < batches.length ? batches[kept.length]!.baseOffset : batches.at(-1)!.lastOffset + 1
      const expected = SegmentIndexes.empty(BASE, INDEX_BYTES, intervalBytes)
      feed(expected, kept)
      const indexes = SegmentIndexes.empty(BASE, INDEX_BYTES, intervalBytes)
      feed(indexes, batches)
      if (isClosed) {
        indexes.close()
        expected.close()
      }
      indexes.truncateTo(endOffset)
      const from = indexes.resumePosition
      assert.ok(from === 0 || kept.some((batch) => batch.position === from))
      feed(
        indexes,
        kept.filter((batch) => batch.position >= from),
      )
      if (isClosed) indexes.close()
      const seen = contentOf(indexes)
      const wanted = contentOf(expected)
      assert.equal(seen.offsets, wanted.offsets)
      assert.equal(seen.maxTimestamp, wanted.maxTimestamp)
      assert.equal(seen.offsetOfMaxTimestamp, wanted.offsetOfMaxTimestamp)
      // A latest batch between two entries may have brought an entry early that is still true after the cut.
      if (!isClosed) assert.ok(seen.times.startsWith(wanted.times))
      else assert.equal(seen.times.slice(-24), wanted.times.slice(-24))
    }),
    { seed: 7, numRuns: 400 },
  )
})

test('when one index is full neither takes more, and searches still work', () => {
  const indexes = SegmentIndexes.empty(0, 8 * 5, 0)
  const batches = Array.from({ length: 20 }, (_, at) => ({ position: 100 * at, lastOffset: at, maxTimestamp: at }))
  for (const { position, lastOffset, maxTimestamp } of batches) indexes.append(position, lastOffset, maxTimestamp)
  assert.equal(indexes.isFull, true)
  assert.equal(indexes.times.count, 2)
  assert.equal(indexes.offsets.count, 2)
  assert.deepEqual(indexes.offsets.lookup(19), { offset: 2, position: 200 })
  assert.equal(indexes.maxTimestamp, 19)
  indexes.close()
  assert.deepEqual(indexes.times.lookup(100), { timestamp: 19, offset: 19 })
  assert.equal(indexes.times.count, 3)
})

test('indexes that were read from files go on where they were', () => {
  const first = SegmentIndexes.empty(0, 1200, 150)
  const whole = SegmentIndexes.empty(0, 1200, 150)
  for (let at = 0; at < 30; at++) whole.append(100 * at, at, at)
  for (let at = 0; at < 17; at++) first.append(100 * at, at, at)
  const again = new SegmentIndexes(first.offsets, first.times, 150)
  for (let at = again.resumePosition / 100; at < 30; at++) again.append(100 * at, at, at)
  assert.deepEqual(contentOf(again), contentOf(whole))
})
