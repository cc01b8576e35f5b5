import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { crc32c } from '../../src/base/crc32c.js'
import { ProducerEntry } from '../../src/log/producer-entry.js'
import { decodeProducerSnapshot, encodeProducerSnapshot } from '../../src/log/producer-snapshot.js'
import { ProducerState } from '../../src/log/producer-state.js'
import { parsedValue, reasonOf } from './parsed.js'

const int64 = fc.maxSafeInteger()
const entry = fc
  .record({
    producerId: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    producerEpoch: fc.integer({ min: -1, max: 32767 }),
    coordinatorEpoch: fc.integer({ min: -1 }),
    lastTimestamp: int64,
    transactionFirstOffset: fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { nil: undefined }),
    batches: fc.array(
      fc.record({
        lastSequence: fc.nat(),
        lastOffset: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
        offsetDelta: fc.nat(),
      }),
      { maxLength: 7 },
    ),
  })
  .map(({ producerId, producerEpoch, coordinatorEpoch, lastTimestamp, transactionFirstOffset, batches }) => {
    const made = new ProducerEntry(producerId)
    made.enterEpoch(producerEpoch)
    made.coordinatorEpoch = coordinatorEpoch
    made.lastTimestamp = lastTimestamp
    made.transactionFirstOffset = transactionFirstOffset
    for (const batch of batches) made.add(batch.lastSequence, batch.lastOffset, batch.offsetDelta, lastTimestamp)
    return made
  })

function withCrc(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes, 6), 2)
  return bytes
}

test('a snapshot keeps of each producer all but its older batches, and equal states have equal bytes', () => {
  fc.assert(
    fc.property(fc.uniqueArray(entry, { selector: (each) => each.producerId, maxLength: 20 }), (entries) => {
      const bytes = encodeProducerSnapshot(entries)
      assert.equal(bytes.length, 10 + 46 * entries.length)
      const decoded = parsedValue(decodeProducerSnapshot(bytes))
      const sorted = entries.toSorted((a, b) => a.producerId - b.producerId)
      assert.deepEqual(
        decoded.map((each) => ({ ...each, batches: each.batches })),
        sorted.map((each) => ({ ...each, batches: each.batches.slice(-1) })),
      )
      assert.deepEqual(encodeProducerSnapshot(decoded.toReversed()), bytes)
    }),
    { seed: 11, numRuns: 200 },
  )
})

test('any byte that is changed or missing is found', () => {
  const state = new ProducerState()
  for (let producerId = 0; producerId < 3; producerId++) {
    state.update({
      producerId,
      producerEpoch: 1,
      baseSequence: 5,
      lastOffsetDelta: 2,
      baseOffset: state.endOffset,
      maxTimestamp: 1_700_000_000_000,
      isTransactional: producerId === 1,
      isControl: false,
    })
  }
  const bytes = state.snapshot()
  parsedValue(ProducerState.restore(bytes, 9))
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of [0x01, 0x80]) {
      const damaged = Buffer.from(bytes)
      damaged[at]! ^= bit
      reasonOf(ProducerState.restore(damaged, 9))
    }
    reasonOf(ProducerState.restore(bytes.subarray(0, at), 9))
  }
  reasonOf(ProducerState.restore(Buffer.concat([bytes, Buffer.alloc(1)]), 9))
})

test('a right checksum over nonsense does not help', () => {
  const bytes = encodeProducerSnapshot([new ProducerEntry(1)])
  const changed = (at: number, value: bigint): Buffer => {
    const copy = Buffer.from(bytes)
    copy.writeBigInt64BE(value, at)
    return withCrc(copy)
  }
  assert.match(reasonOf(decodeProducerSnapshot(changed(10, 2n ** 60n))), /beyond/)
  const counted = Buffer.from(bytes)
  counted.writeInt32BE(2 ** 31 - 1, 6)
  assert.match(reasonOf(decodeProducerSnapshot(withCrc(counted))), /announces 2147483647 producers/)
  counted.writeInt32BE(-1, 6)
  assert.match(reasonOf(decodeProducerSnapshot(withCrc(counted))), /announces -1 producers/)
  const newer = Buffer.from(bytes)
  newer.writeInt16BE(2, 0)
  assert.match(reasonOf(decodeProducerSnapshot(newer)), /version 2/)
})

test('a batch at offset 0 is a batch, and -1 is none', () => {
  const first = new ProducerEntry(1)
  first.add(0, 0, 0, 5)
  const [again] = parsedValue(decodeProducerSnapshot(encodeProducerSnapshot([first])))
  assert.equal(again?.lastOffset, 0)
  const [none] = parsedValue(decodeProducerSnapshot(encodeProducerSnapshot([new ProducerEntry(2)])))
  assert.deepEqual(none?.batches, [])
})

test('a restored producer still recognises its last batch, and only that', () => {
  const state = new ProducerState()
  const batch = (sequence: number) => ({
    producerId: 5,
    producerEpoch: 2,
    baseSequence: sequence,
    lastOffsetDelta: 1,
    baseOffset: 10 * sequence,
    maxTimestamp: 99,
    isTransactional: false,
    isControl: false,
  })
  for (const sequence of [0, 2, 4]) state.update(batch(sequence))
  const restored = parsedValue(ProducerState.restore(state.snapshot(), state.endOffset))
  assert.deepEqual(restored.check(batch(4)), { kind: 'duplicate', baseOffset: 40, lastOffset: 41, timestamp: 99 })
  assert.equal(restored.check(batch(6)).kind, 'append')
  assert.equal(restored.check(batch(2)).kind, 'refuse')
  assert.equal(restored.endOffset, 42)
})
