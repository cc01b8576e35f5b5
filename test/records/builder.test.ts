import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AssertionError } from '../../src/base/assert.js'
import { EncodeError } from '../../src/base/bytes/writer.js'
import { BatchView } from '../../src/records/batch.js'
import { BatchBuilder, type BatchOptions, buildBatch, recompress } from '../../src/records/builder.js'
import { CODEC_NAMES } from '../../src/records/compression/codec.js'
import { plainRecords, readRecords } from '../../src/records/reader.js'
import { recordInput } from './arbitraries.js'
import { fromBase64, type GoldenBatch, goldenBatches } from './golden-batches.js'

function rebuilt(vector: GoldenBatch): Buffer {
  const options: BatchOptions = {
    codec: vector.codec,
    baseOffset: vector.baseOffset,
    lastOffset: vector.lastOffset,
    partitionLeaderEpoch: vector.leaderEpoch,
    timestampType: vector.timestampType,
    maxTimestamp: vector.maxTimestamp,
    producerId: vector.producerId,
    producerEpoch: vector.producerEpoch,
    baseSequence: vector.baseSequence,
    transactional: vector.transactional,
    control: vector.control,
  }
  return buildBatch(
    vector.records.map(({ offset, timestamp, key, value, headers }) => ({
      offset,
      timestamp,
      key: fromBase64(key),
      value: fromBase64(value),
      headers: headers.map((header) => ({ key: header.key, value: fromBase64(header.value) })),
    })),
    options,
  )
}

test("without compression the bytes are Kafka's", () => {
  const vectors = goldenBatches().filter(({ codec }) => codec === 'none')
  assert.equal(vectors.length, 25)
  for (const vector of vectors) assert.equal(rebuilt(vector).toString('hex'), vector.bytes.toString('hex'), vector.case)
})

test('with compression everything but the stream is the same', () => {
  const ours = new BatchView()
  for (const vector of goldenBatches()) {
    if (vector.codec === 'none' || vector.timestampType === 'LogAppendTime') continue
    ours.reset(rebuilt(vector), 0)
    const theirs = new BatchView().reset(vector.bytes, 0)
    assert.deepEqual(plainRecords(ours, 1e6), plainRecords(theirs, 1e6), vector.case)
    assert.equal(ours.attributes, theirs.attributes, vector.case)
    assert.deepEqual(ours.bytes.subarray(23, 61), theirs.bytes.subarray(23, 61), vector.case)
    assert.equal(ours.computeCrc(), ours.crc, vector.case)
  }
})

test('maximum and base timestamp come from the records unless given', () => {
  const view = new BatchView()
  view.reset(buildBatch([{ timestamp: 50 }, { timestamp: 70 }, { timestamp: 20 }]), 0)
  assert.deepEqual([view.baseTimestamp, view.maxTimestamp, view.timestampType], [50, 70, 'CreateTime'])
  view.reset(buildBatch([{ timestamp: 50 }], { timestampType: 'LogAppendTime', maxTimestamp: 99 }), 0)
  assert.deepEqual([view.baseTimestamp, view.maxTimestamp, view.timestampType], [50, 99, 'LogAppendTime'])
  view.reset(buildBatch([{}]), 0)
  assert.deepEqual([view.baseTimestamp, view.maxTimestamp], [-1, -1])
})

test('the size is known before and after each record', () => {
  fc.assert(
    fc.property(fc.array(recordInput, { maxLength: 8 }), (inputs) => {
      fc.pre(inputs.every(({ timestamp }) => Number.isSafeInteger(timestamp - inputs[0]!.timestamp)))
      const builder = new BatchBuilder({}, 0)
      assert.equal(builder.sizeBytes, 61)
      for (const input of inputs) {
        const expected = builder.sizeBytesWith(input)
        builder.append(input)
        assert.equal(builder.sizeBytes, expected)
      }
      assert.equal(builder.recordCount, inputs.length)
      assert.equal(builder.build().length, builder.sizeBytes)
    }),
    { seed: 6, numRuns: 200 },
  )
})

test('keys and values are copied when they are appended', () => {
  const value = Buffer.alloc(40_000, 'a')
  const builder = new BatchBuilder()
  builder.append({ value })
  value.fill('b')
  const [record] = readRecords(new BatchView().reset(builder.build(), 0), 1e6)
  assert.deepEqual(record!.value, Buffer.alloc(40_000, 'a'))
})

test('offsets may leave gaps and must go forward', () => {
  const builder = new BatchBuilder({ baseOffset: 100 })
  builder.append({ offset: 102 })
  builder.append({})
  builder.append({ offset: 200 })
  for (const offset of [200, 199, 99, -1, 0.5, 101 + 2 ** 31, Number.NaN]) {
    assert.throws(() => builder.append({ offset }), EncodeError, String(offset))
  }
  const view = new BatchView().reset(builder.build(), 0)
  assert.deepEqual(
    readRecords(view, 1e6).map(({ offset }) => offset),
    [102, 103, 200],
  )
  assert.equal(view.baseOffset, 100)
  assert.equal(view.lastOffset, 200)
})

test('the last offset may be behind the last record, not before it or out of reach', () => {
  const lastOffsetOf = (lastOffset: number): number => {
    const batch = buildBatch([{}, {}], { baseOffset: 5, lastOffset })
    return new BatchView().reset(batch, 0).lastOffset
  }
  for (const offset of [6, 7, 5 + 2 ** 31 - 1]) assert.equal(lastOffsetOf(offset), offset)
  for (const offset of [5, 4, 5 + 2 ** 31]) assert.throws(() => lastOffsetOf(offset), AssertionError)
})

test('timestamps that cannot be held are refused, and the batch stays as it was', () => {
  const builder = new BatchBuilder()
  builder.append({ timestamp: -1 })
  const { sizeBytes } = builder
  for (const timestamp of [-2, 2 ** 53, 0.5, Number.NaN, 2 ** 53 - 1]) {
    assert.throws(() => builder.append({ timestamp }), EncodeError, String(timestamp))
  }
  assert.equal(builder.sizeBytes, sizeBytes)
  builder.append({ timestamp: 2 ** 53 - 2 })
  assert.equal(readRecords(new BatchView().reset(builder.build(), 0), 1e6)[1]!.timestamp, 2 ** 53 - 2)
})

test('a builder builds once', () => {
  const builder = new BatchBuilder()
  builder.build()
  assert.throws(() => builder.build(), AssertionError)
  assert.throws(() => builder.append({}), AssertionError)
})

test('another codec changes codec, length, CRC and stream, nothing else', () => {
  const view = new BatchView()
  for (const vector of goldenBatches()) {
    for (const codec of CODEC_NAMES) {
      view.reset(vector.bytes, 0)
      const plain = plainRecords(view, 1e6)
      const other = new BatchView().reset(recompress(view, plain, codec), 0)
      assert.equal(CODEC_NAMES[other.codecId], codec)
      assert.equal(other.attributes >> 3, view.attributes >> 3)
      assert.equal(other.sizeBytes, other.bytes.length)
      assert.equal(other.computeCrc(), other.crc)
      assert.deepEqual(other.bytes.subarray(23, 61), vector.bytes.subarray(23, 61))
      assert.deepEqual(other.bytes.subarray(0, 8), vector.bytes.subarray(0, 8))
      assert.deepEqual(plainRecords(other, 1e6), plain, `${vector.case} to ${codec}`)
    }
  }
})
