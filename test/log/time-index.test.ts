import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TimeIndex, type TimeIndexEntry } from '../../src/log/time-index.js'
import { parsedValue, reasonOf } from './parsed.js'

const command = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('append' as const, 'append' as const, 'close' as const),
      time: fc.integer({ min: -3, max: 20 }),
      step: fc.nat({ max: 30 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('truncate' as const),
      time: fc.constant(0),
      step: fc.integer({ min: -20, max: 400 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('reload' as const), time: fc.constant(0), step: fc.nat({ max: 4 }) }),
  },
)

function entriesOf(index: TimeIndex): TimeIndexEntry[] {
  return Array.from({ length: index.count }, (_, slot) => index.entry(slot))
}

test('a time index takes later timestamps only, through truncations and its file', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 5, 2 ** 41),
      fc.constantFrom(0, 1, 2 ** 33, 2 ** 52),
      fc.array(command, { maxLength: 120, size: 'max' }),
      fc.array(fc.integer({ min: -5, max: 900 }), { maxLength: 20, size: 'max' }),
      (baseOffset, firstTime, commands, targets) => {
        const maximumBytes = 12 * 40 + 11
        let index = new TimeIndex(baseOffset, maximumBytes)
        let model: TimeIndexEntry[] = []
        for (const { kind, time, step } of commands) {
          const last = model.at(-1)
          const entry = {
            timestamp: (last?.timestamp ?? firstTime) + time,
            offset: (last?.offset ?? baseOffset) + step,
          }
          const isLater = entry.timestamp > (last?.timestamp ?? -1)
          if (kind === 'append' && !index.isFull) {
            assert.equal(index.appendIfLater(entry.timestamp, entry.offset), isLater)
            if (isLater) model.push(entry)
          } else if (kind === 'close') {
            const taken = isLater && model.length < 40
            assert.equal(index.appendClosing(entry.timestamp, entry.offset), taken)
            if (taken) model.push(entry)
          } else if (kind === 'truncate') {
            index.truncateTo(baseOffset + step)
            model = model.filter((each) => each.offset < baseOffset + step)
          } else if (kind === 'reload') {
            const preallocated = Buffer.concat([index.toBytes(), Buffer.alloc(12 * step)])
            index = parsedValue(TimeIndex.fromBytes(preallocated, baseOffset, maximumBytes))
            // The one entry that cannot be told from preallocated space; it says no more than an empty index.
            if (model.length === 1 && model[0]!.timestamp === 0 && model[0]!.offset === baseOffset) model = []
          }
          assert.equal(index.isFull, model.length >= 39)
          assert.equal(index.lastTimestamp, model.at(-1)?.timestamp ?? -1)
          assert.equal(index.lastOffset, model.at(-1)?.offset ?? baseOffset)
        }
        assert.deepEqual(entriesOf(index), model)
        for (const target of [...targets, ...model.map((entry) => entry.timestamp - firstTime)]) {
          const expected = model.findLast((entry) => entry.timestamp <= firstTime + target)
          assert.deepEqual(index.lookup(firstTime + target), expected ?? { timestamp: -1, offset: baseOffset })
        }
      },
    ),
    { seed: 2, numRuns: 300 },
  )
})

test('the last slot is for the closing entry', () => {
  const index = new TimeIndex(0, 36)
  assert.equal(index.appendIfLater(10, 0), true)
  assert.equal(index.appendIfLater(20, 1), true)
  assert.equal(index.isFull, true)
  assert.throws(() => index.appendIfLater(30, 2), /full/)
  assert.equal(index.appendIfLater(20, 2), false)
  assert.equal(index.appendClosing(30, 2), true)
  assert.equal(index.appendClosing(40, 3), false)
  assert.equal(index.count, 3)
  assert.equal(new TimeIndex(0, 11).appendClosing(5, 0), false)
})

test('the file is big-endian timestamp and relative offset', () => {
  const index = new TimeIndex(1000, 1200)
  index.appendIfLater(0x0123_4567_89ab, 1002)
  index.appendIfLater(Number.MAX_SAFE_INTEGER, 1000 + 2 ** 31 - 1)
  assert.equal(index.toBytes().toString('hex'), '00000123456789ab00000002' + '001fffffffffffff7fffffff')
  assert.deepEqual(entriesOf(parsedValue(TimeIndex.fromBytes(index.toBytes(), 1000, 1200))), entriesOf(index))
})

test('damaged files are refused with a reason', () => {
  const file = (...entries: [bigint, number][]): Buffer => {
    const bytes = Buffer.alloc(12 * entries.length)
    entries.forEach(([timestamp, relative], at) => {
      bytes.writeBigInt64BE(timestamp, 12 * at)
      bytes.writeInt32BE(relative, 12 * at + 8)
    })
    return bytes
  }
  const read = (bytes: Buffer) => TimeIndex.fromBytes(bytes, 0, 1200)
  assert.match(reasonOf(read(Buffer.alloc(11))), /11 bytes/)
  assert.match(reasonOf(read(file([10n, 1], [10n, 2]))), /entry 1/)
  assert.match(reasonOf(read(file([10n, 1], [9n, 2]))), /entry 1/)
  assert.match(reasonOf(read(file([10n, 2], [11n, 1]))), /entry 1/)
  assert.match(reasonOf(read(file([-1n, 0]))), /entry 0/)
  assert.match(reasonOf(read(file([5n, -1]))), /entry 0/)
  assert.match(reasonOf(read(file([2n ** 53n, 0]))), /entry 0/)
  assert.match(reasonOf(read(file([10n, 1], [0n, 0], [20n, 2]))), /entry 1/)
  assert.equal(parsedValue(read(file([10n, 1], [11n, 1], [0n, 0], [0n, 0]))).count, 2)
})

test('what only a bug can do is an assertion', () => {
  const index = new TimeIndex(100, 120)
  assert.throws(() => index.appendIfLater(1, 99), /out of reach/)
  assert.throws(() => index.appendIfLater(1, 100 + 2 ** 31), /out of reach/)
  assert.throws(() => index.appendIfLater(2 ** 53, 100), /no timestamp/)
  index.appendIfLater(1, 105)
  assert.throws(() => index.appendIfLater(2, 104), /after/)
  assert.throws(() => index.entry(-1), /entry -1/)
  assert.throws(() => index.entry(1), /entry 1 of 1/)
})
