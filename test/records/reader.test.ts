import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { crc32c } from '../../src/base/crc32c.js'
import { BatchView, FIELD_AT } from '../../src/records/batch.js'
import { type BatchOptions, buildBatch } from '../../src/records/builder.js'
import { CODEC_NAMES, CompressionError } from '../../src/records/compression/codec.js'
import { BatchIterator, RecordFormatError, readRecords, type StoredRecord } from '../../src/records/reader.js'
import { anyBytes, recordInput } from './arbitraries.js'
import { fromBase64, goldenBatches, goldenVectors } from './golden-batches.js'

const MAX_BYTES = 10_000_000

function viewOf(batch: Buffer): BatchView {
  return new BatchView().reset(batch, 0)
}

test('all golden batches of magic 2 give their records', () => {
  for (const vector of goldenBatches()) {
    const expected: StoredRecord[] = vector.records.map(({ offset, timestamp, key, value, headers }) => ({
      offset,
      timestamp,
      key: fromBase64(key),
      value: fromBase64(value),
      headers: headers.map((header) => ({ key: header.key, value: fromBase64(header.value) })),
    }))
    assert.deepEqual(readRecords(viewOf(vector.bytes), MAX_BYTES), expected, vector.case)
  }
})

test('the golden vectors are 138, of which those of magic 0 and 1 are stepped over', () => {
  const vectors = goldenVectors()
  const counts = { batch: 0, 'old-magic': 0 }
  let newVectors = 0
  for (const { case: name, hex } of vectors) {
    const iterator = new BatchIterator(Buffer.from(hex, 'hex'))
    let step = iterator.next()
    if (step === 'batch') newVectors++
    for (; step === 'batch' || step === 'old-magic'; step = iterator.next()) counts[step]++
    assert.equal(step, 'end', name)
  }
  assert.equal(vectors.length, 138)
  assert.equal(newVectors, 89)
  assert.equal(counts.batch, 93)
  assert.ok(counts['old-magic'] > 49)
})

test('a cut at any byte leaves the whole batches before it and a partial one', () => {
  const batches = [
    buildBatch([{ value: Buffer.from('one') }]),
    buildBatch([{ value: Buffer.alloc(300) }, {}], { baseOffset: 1, codec: 'gzip' }),
    buildBatch([{ key: Buffer.from('three') }], { baseOffset: 3 }),
  ]
  const bytes = Buffer.concat([Buffer.alloc(5, 0xff), ...batches, Buffer.alloc(5, 0xff)])
  const ends = batches.map((_, index) => batches.slice(0, index + 1).reduce((sum, { length }) => sum + length, 5))
  for (let end = 5; end <= ends[2]!; end++) {
    const iterator = new BatchIterator(bytes, 5, end)
    const whole = ends.filter((batchEnd) => batchEnd <= end).length
    for (let index = 0; index < whole; index++) {
      assert.equal(iterator.next(), 'batch')
      assert.equal(iterator.batch.start, ends[index]! - batches[index]!.length)
      assert.equal(iterator.position, ends[index])
    }
    const position = iterator.position
    const step = iterator.next()
    assert.equal(iterator.position, position)
    if (end === position) {
      assert.equal(step, 'end')
    } else {
      assert.equal(step, 'partial')
      assert.equal(iterator.wantedBytes, end - position < 17 ? 17 : batches[whole]!.length)
      assert.ok(iterator.wantedBytes > end - position)
    }
  }
})

test('what is no batch is corrupt, and stays so', () => {
  const good = buildBatch([{ value: Buffer.from('a') }])
  for (const garbage of [Buffer.alloc(20), Buffer.alloc(100, 0xff)]) {
    const iterator = new BatchIterator(Buffer.concat([good, garbage]))
    assert.equal(iterator.next(), 'batch')
    assert.equal(iterator.next(), 'corrupt')
    assert.equal(iterator.next(), 'corrupt')
    iterator.reset(good, 0, good.length)
    assert.equal(iterator.next(), 'batch')
    assert.equal(iterator.next(), 'end')
  }
})

test('read gives back what was built, with every codec', () => {
  const options = fc.record({
    codec: fc.constantFrom(...CODEC_NAMES),
    baseOffset: fc.oneof(
      fc.constant(0),
      fc.nat({ max: 2 ** 31 }).map((high) => high * 2 ** 20),
    ),
    producerId: fc.constantFrom(-1, 0, 4000, 2 ** 53 - 1),
  })
  fc.assert(
    fc.property(fc.array(recordInput, { maxLength: 12 }), options, (inputs, { codec, baseOffset, producerId }) => {
      fc.pre(inputs.every(({ timestamp }) => Number.isSafeInteger(timestamp - inputs[0]!.timestamp)))
      const batchOptions: BatchOptions = { codec, baseOffset, producerId, producerEpoch: 1, baseSequence: 2147483647 }
      const view = viewOf(buildBatch(inputs, batchOptions))
      const expected = inputs.map(({ timestamp, key, value, headers }, index) => ({
        offset: baseOffset + index,
        timestamp,
        key: key && Buffer.from(key),
        value: value && Buffer.from(value),
        headers: headers.map((header) => ({ key: header.key, value: header.value && Buffer.from(header.value) })),
      }))
      assert.deepEqual(readRecords(view, MAX_BYTES), expected)
      assert.equal(view.recordCount, inputs.length)
      assert.equal(view.producerId, producerId)
    }),
    { seed: 7, numRuns: 400 },
  )
})

test('records that disagree with the header are an error', () => {
  const batch = buildBatch([{ value: Buffer.from('a') }, { value: Buffer.from('b') }])
  for (const count of [1, 3, 2 ** 31 - 1]) {
    const wrong = Buffer.from(batch)
    wrong.writeInt32BE(count, FIELD_AT.recordCount)
    assert.throws(() => readRecords(viewOf(wrong), MAX_BYTES), RecordFormatError)
  }
  const codec = Buffer.from(batch)
  codec.writeInt16BE(6, FIELD_AT.attributes)
  assert.throws(() => readRecords(viewOf(codec), MAX_BYTES), RecordFormatError)
  const time = buildBatch([{ timestamp: 1 }])
  time.writeBigInt64BE(2n ** 53n, FIELD_AT.baseTimestamp)
  assert.throws(() => readRecords(viewOf(time), MAX_BYTES), RecordFormatError)
})

test('a header key that is not UTF-8 is read as far as it can be', () => {
  const batch = buildBatch([{ headers: [{ key: 'ab', value: null }] }])
  batch[batch.lastIndexOf('ab')] = 0xff
  assert.deepEqual(readRecords(viewOf(batch), MAX_BYTES)[0]!.headers, [{ key: '\uFFFDb', value: null }])
})

test('any bytes in place of the records: records or a typed error', () => {
  const header = buildBatch([{}]).subarray(0, 61)
  fc.assert(
    fc.property(anyBytes, fc.nat({ max: 7 }), fc.nat({ max: 5 }), (bytes, codecId, count) => {
      const batch = Buffer.concat([header, bytes])
      batch.writeInt32BE(batch.length - 12, FIELD_AT.length)
      batch.writeInt16BE(codecId, FIELD_AT.attributes)
      batch.writeInt32BE(count, FIELD_AT.recordCount)
      batch.writeUInt32BE(crc32c(batch, FIELD_AT.attributes), FIELD_AT.crc)
      try {
        assert.equal(readRecords(viewOf(batch), MAX_BYTES).length, count)
      } catch (error) {
        assert.ok(error instanceof RecordFormatError || error instanceof CompressionError, String(error))
      }
    }),
    { seed: 8, numRuns: 3000 },
  )
})
