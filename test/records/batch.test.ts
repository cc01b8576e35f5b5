import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '../../src/base/assert.js'
import { BATCH_HEADER_BYTES, BatchView, FIELD_AT, sequenceAfter } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { CODEC_NAMES } from '../../src/records/compression/codec.js'
import { goldenBatches } from './golden-batches.js'

test("every getter gives what Kafka's class gives", () => {
  const view = new BatchView()
  for (const vector of goldenBatches()) {
    const name = vector.case
    view.reset(vector.bytes, 0)
    assert.equal(view.baseOffset, vector.baseOffset, name)
    assert.equal(view.lastOffset, vector.lastOffset, name)
    assert.equal(view.nextOffset, vector.lastOffset + 1, name)
    assert.equal(view.lastOffsetDelta, vector.lastOffset - vector.baseOffset, name)
    assert.equal(view.sizeBytes, vector.sizeInBytes, name)
    assert.equal(view.end, vector.bytes.length, name)
    assert.equal(view.recordsStart, BATCH_HEADER_BYTES, name)
    assert.equal(view.magic, 2, name)
    assert.equal(view.crc, vector.crc, name)
    assert.equal(view.computeCrc(), vector.crc, name)
    assert.equal(view.timestampType, vector.timestampType, name)
    assert.equal(view.maxTimestamp, vector.maxTimestamp, name)
    assert.equal(view.baseTimestamp, vector.baseTimestamp, name)
    assert.equal(view.recordCount, vector.count, name)
    assert.equal(view.partitionLeaderEpoch, vector.leaderEpoch, name)
    assert.equal(view.producerId, vector.producerId, name)
    assert.equal(view.hasProducer, vector.producerId >= 0, name)
    assert.equal(view.producerEpoch, vector.producerEpoch, name)
    assert.equal(view.baseSequence, vector.baseSequence, name)
    assert.equal(view.lastSequence, vector.lastSequence, name)
    assert.equal(view.isTransactional, vector.transactional, name)
    assert.equal(view.isControl, vector.control, name)
    assert.equal(CODEC_NAMES[view.codecId], vector.codec, name)
    assert.equal(view.deleteHorizonMs, undefined, name)
    assert.equal(view.hasUnsafeInteger, false, name)
  }
})

test('moves between positions and memories', () => {
  const one = buildBatch([{ value: Buffer.from('a') }], { baseOffset: 7 })
  const two = buildBatch([{ value: Buffer.from('b') }, {}], { baseOffset: 9 })
  const memory = Buffer.alloc(1000)
  one.copy(memory, 10)
  two.copy(memory, 10 + one.length)
  const view = new BatchView()
  const slice = memory.subarray(10, 500)
  assert.equal(view.reset(memory, 10).baseOffset, 7)
  assert.equal(view.reset(memory, 10 + one.length).baseOffset, 9)
  assert.equal(view.start, 10 + one.length)
  assert.equal(view.reset(slice, one.length).recordCount, 2)
  assert.equal(view.start, one.length)
  assert.equal(view.end, one.length + two.length)
  assert.equal(view.computeCrc(), view.crc)
  assert.equal(view.reset(two, 0).bytes, two)
  assert.equal(view.baseOffset, 9)
  view.release()
  assert.equal(view.bytes.length, 0)
})

test('a header that is not all there is a bug of the caller', () => {
  const view = new BatchView()
  assert.throws(() => view.reset(Buffer.alloc(60), 0), AssertionError)
  assert.throws(() => view.reset(Buffer.alloc(100), 40), AssertionError)
  assert.throws(() => view.reset(Buffer.alloc(100), -1), AssertionError)
})

test('base offset and leader epoch are patched outside the CRC', () => {
  const batch = buildBatch([{ value: Buffer.from('a') }, {}])
  const view = new BatchView().reset(batch, 0)
  const crc = view.crc
  for (const offset of [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 3, -1]) {
    view.baseOffset = offset
    assert.equal(view.baseOffset, offset)
    assert.equal(batch.readBigInt64BE(0), BigInt(offset))
  }
  view.partitionLeaderEpoch = 2 ** 31 - 1
  assert.equal(view.partitionLeaderEpoch, 2 ** 31 - 1)
  assert.equal(view.computeCrc(), crc)
  assert.equal(view.crc, crc)
})

test('log append time changes type, maximum and CRC, and only those', () => {
  const batch = buildBatch([{ value: Buffer.from('a'), timestamp: 5 }], {
    producerId: 3,
    producerEpoch: 1,
    baseSequence: 2,
  })
  const view = new BatchView().reset(batch, 0)
  const before = Buffer.from(batch)
  view.setMaxTimestamp('CreateTime', 5)
  assert.deepEqual(batch, before)
  view.setMaxTimestamp('LogAppendTime', 1763600000777)
  assert.equal(view.timestampType, 'LogAppendTime')
  assert.equal(view.maxTimestamp, 1763600000777)
  assert.equal(view.baseTimestamp, 5)
  assert.equal(view.crc, view.computeCrc())
  assert.equal(view.producerId, 3)
  view.setMaxTimestamp('CreateTime', 5)
  assert.deepEqual(batch, before)
})

test('a delete horizon stands in the base timestamp', () => {
  const batch = buildBatch([{ key: Buffer.from('k'), timestamp: 1000 }], { deleteHorizonMs: 5000 })
  const view = new BatchView().reset(batch, 0)
  assert.equal(view.deleteHorizonMs, 5000)
  assert.equal(view.baseTimestamp, 5000)
  assert.equal(view.maxTimestamp, 1000)
})

test('an int64 that no number holds is seen, not a crash', () => {
  const good = buildBatch([{ value: Buffer.from('a') }])
  const extremes = [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 53n), -(2n ** 63n)]
  for (const field of ['baseOffset', 'baseTimestamp', 'maxTimestamp', 'producerId'] as const) {
    for (const value of extremes) {
      const batch = Buffer.from(good)
      batch.writeBigInt64BE(value, FIELD_AT[field])
      const view = new BatchView().reset(batch, 0)
      assert.equal(Number.isSafeInteger(view[field]), false, `${field} ${value}`)
      assert.equal(view.hasUnsafeInteger, true, `${field} ${value}`)
    }
  }
  const last = Buffer.from(good)
  last.writeBigInt64BE(2n ** 53n - 1n, FIELD_AT.baseOffset)
  assert.equal(new BatchView().reset(last, 0).hasUnsafeInteger, true, 'the next offset is beyond')
})

test('sequences wrap from 2^31 - 1 to 0', () => {
  assert.equal(sequenceAfter(2147483646, 1), 2147483647)
  assert.equal(sequenceAfter(2147483647, 1), 0)
  assert.equal(sequenceAfter(2147483647, 2147483647), 2147483646)
  assert.equal(sequenceAfter(0, 0), 0)
})
