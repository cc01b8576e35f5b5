import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { OffsetIndex, type OffsetIndexEntry } from '../../src/log/offset-index.js'
import { parsedValue, reasonOf } from './parsed.js'

const INT32_MAX = 2 ** 31 - 1

const command = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('append' as const), step: fc.integer({ min: 1, max: 40 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('truncate' as const), step: fc.integer({ min: -50, max: 300 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reload' as const), step: fc.nat({ max: 5 }) }) },
)

function entriesOf(index: OffsetIndex): OffsetIndexEntry[] {
  return Array.from({ length: index.count }, (_, slot) => index.entry(slot))
}

test('an offset index is a sorted list of entries, through appends, truncations and its file', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 7, 2 ** 40, 2 ** 53 - 2 ** 31),
      fc.array(command, { maxLength: 150, size: 'max' }),
      fc.array(fc.integer({ min: -10, max: 2500 }), { maxLength: 20, size: 'max' }),
      (baseOffset, commands, targets) => {
        const maximumBytes = 8 * 60 + 7
        let index = new OffsetIndex(baseOffset, maximumBytes)
        let model: OffsetIndexEntry[] = []
        for (const { kind, step } of commands) {
          if (kind === 'append' && !index.isFull) {
            const last = model.at(-1)
            const entry = { offset: (last?.offset ?? baseOffset) + step, position: (last?.position ?? 0) + 61 + step }
            index.append(entry.offset, entry.position)
            model.push(entry)
          } else if (kind === 'truncate') {
            index.truncateTo(baseOffset + step)
            model = model.filter((entry) => entry.offset < baseOffset + step)
          } else if (kind === 'reload') {
            const preallocated = Buffer.concat([index.toBytes(), Buffer.alloc(8 * step)])
            index = parsedValue(OffsetIndex.fromBytes(preallocated, baseOffset, maximumBytes))
          }
          assert.equal(index.isFull, model.length >= 60)
          assert.equal(index.lastOffset, model.at(-1)?.offset ?? baseOffset)
          assert.equal(index.lastPosition, model.at(-1)?.position ?? 0)
        }
        assert.deepEqual(entriesOf(index), model)
        assert.equal(index.sizeBytes, index.toBytes().length)
        for (const target of [...targets, ...model.map((entry) => entry.offset - baseOffset)]) {
          const expected = model.findLast((entry) => entry.offset <= baseOffset + target)
          assert.deepEqual(index.lookup(baseOffset + target), expected ?? { offset: baseOffset, position: 0 })
        }
      },
    ),
    { seed: 1, numRuns: 300 },
  )
})

test('the file is big-endian pairs of relative offset and position', () => {
  const index = new OffsetIndex(1000, 80)
  index.append(1000, 0x0102)
  index.append(1000 + INT32_MAX, INT32_MAX)
  assert.equal(index.toBytes().toString('hex'), '0000000000000102' + '7fffffff7fffffff')
  const again = parsedValue(OffsetIndex.fromBytes(index.toBytes(), 1000, 80))
  assert.deepEqual(again.lookup(Number.MAX_SAFE_INTEGER), { offset: 1000 + INT32_MAX, position: INT32_MAX })
})

test('damaged files are refused with a reason', () => {
  const pairs = (...cells: number[]): Buffer => {
    const bytes = Buffer.alloc(4 * cells.length)
    for (const [at, cell] of cells.entries()) bytes.writeInt32BE(cell, 4 * at)
    return bytes
  }
  const read = (bytes: Buffer) => OffsetIndex.fromBytes(bytes, 0, 1000)
  assert.match(reasonOf(read(pairs(1, 100, 2))), /12 bytes/)
  assert.match(reasonOf(read(Buffer.alloc(7))), /7 bytes/)
  assert.match(reasonOf(read(pairs(1, 100, 1, 200))), /entry 1/)
  assert.match(reasonOf(read(pairs(1, 100, 2, 100))), /entry 1/)
  assert.match(reasonOf(read(pairs(5, 100, 4, 200))), /entry 1/)
  assert.match(reasonOf(read(pairs(-1, 100))), /entry 0/)
  assert.match(reasonOf(read(pairs(1, -100))), /entry 0/)
  assert.match(reasonOf(read(pairs(1, 100, 0, 0, 2, 200))), /entry 1/)
  assert.equal(parsedValue(read(pairs(0, 100, 0, 0))).count, 1)
  assert.equal(parsedValue(read(pairs(5, 0, 0, 0))).count, 1)
  assert.equal(parsedValue(read(pairs(0, 0, 0, 0))).count, 0)
  assert.equal(parsedValue(read(pairs())).count, 0)
})

test('bytes that stand anywhere in larger memory are read from where they stand', () => {
  const memory = Buffer.alloc(64, 0xff)
  memory.writeInt32BE(3, 13)
  memory.writeInt32BE(300, 17)
  assert.deepEqual(parsedValue(OffsetIndex.fromBytes(memory.subarray(13, 21), 10, 80)).lookup(99), {
    offset: 13,
    position: 300,
  })
})

test('an index from a file with more entries than the limit of today is full, and whole', () => {
  const index = new OffsetIndex(0, 800)
  for (let at = 1; at <= 100; at++) index.append(at, 100 * at)
  const lowered = parsedValue(OffsetIndex.fromBytes(index.toBytes(), 0, 80))
  assert.equal(lowered.count, 100)
  assert.equal(lowered.isFull, true)
  lowered.truncateTo(10)
  assert.equal(lowered.isFull, false)
  lowered.append(10, 1000)
  assert.equal(lowered.isFull, true)
})

test('what only a bug can do is an assertion', () => {
  const index = new OffsetIndex(100, 16)
  assert.throws(() => index.append(99, 10), /out of reach/)
  assert.throws(() => index.append(101 + INT32_MAX, 10), /out of reach/)
  assert.throws(() => index.append(101, 2 ** 31), /no entry can name/)
  assert.throws(() => index.append(101, 0), /no entry can name/)
  index.append(101, 10)
  assert.throws(() => index.append(101, 20), /after/)
  assert.throws(() => index.append(102, 10), /after/)
  index.append(102, 20)
  assert.throws(() => index.append(103, 30), /full/)
  assert.throws(() => index.entry(2), /entry 2/)
  assert.equal(new OffsetIndex(0, 7).isFull, true)
})
