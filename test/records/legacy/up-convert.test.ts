/** What old producers send becomes one batch: with their records, or not at all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BatchView } from '../../../src/records/batch.js'
import { CODEC_NAMES, type CodecName } from '../../../src/records/compression/codec.js'
import { SET_FAULTS, upConvert } from '../../../src/records/legacy/up-convert.js'
import { readRecords } from '../../../src/records/reader.js'
import { BatchValidator } from '../../../src/records/validator.js'
import { anyBytes, recordInput } from '../arbitraries.js'
import { fromBase64 } from '../golden-batches.js'
import { goldenSets, naiveMessage, naiveSet } from './naive-messages.js'

const LIMITS = { maxMessageBytes: 1_000_000, maxPlainBytes: 10_000_000 }
const OLD_CODECS = CODEC_NAMES.filter((codec) => codec !== 'zstd')

function converted(bytes: Uint8Array): BatchView {
  const batch = upConvert(bytes, LIMITS)
  if (typeof batch === 'string') assert.fail(batch)
  const validator = new BatchValidator()
  assert.equal(validator.checkProduced(batch, 0, batch.length), 'ok')
  return new BatchView().reset(batch, 0)
}

test('golden sets become batches with the same records from offset 0 on, in the same codec', () => {
  for (const { case: name, bytes, entries } of goldenSets()) {
    const batch = converted(bytes)
    const expected = entries
      .flatMap(({ records }) => records)
      .map(({ timestamp, key, value }, offset) => ({
        offset,
        timestamp,
        key: fromBase64(key),
        value: fromBase64(value),
        headers: [],
      }))
    assert.deepEqual(readRecords(batch, 1e7), expected, name)
    assert.equal(CODEC_NAMES[batch.codecId], entries[0]!.codec, name)
    assert.equal(batch.timestampType, 'CreateTime')
    assert.equal(batch.maxTimestamp, Math.max(...expected.map(({ timestamp }) => timestamp)), name)
    assert.deepEqual([batch.hasProducer, batch.baseSequence, batch.isTransactional], [false, -1, false])
  }
})

test('any set of a naive writer comes out with its records, wherever it claims to stand', () => {
  const set = fc.record({
    magic: fc.constantFrom(0, 1),
    codec: fc.constantFrom(...OLD_CODECS),
    first: fc.constantFrom(0, 5, 2 ** 40),
    inputs: fc.array(recordInput, { minLength: 1, maxLength: 10 }),
  })
  fc.assert(
    fc.property(set, ({ magic, codec, first, inputs }) => {
      fc.pre(magic === 0 || inputs.every(({ timestamp }) => Number.isSafeInteger(timestamp - inputs[0]!.timestamp)))
      const messages = inputs.map((input, index) => ({ ...input, magic, offset: first + index }))
      const expected = inputs.map(({ key, value, timestamp }, offset) => ({
        offset,
        timestamp: magic === 0 ? -1 : timestamp,
        key: key && Buffer.from(key),
        value: value && Buffer.from(value),
        headers: [],
      }))
      assert.deepEqual(readRecords(converted(naiveSet(codec, messages)), 1e7), expected)
    }),
    { seed: 43, numRuns: 300 },
  )
})

const message = (more: object = {}): Buffer =>
  naiveMessage({ magic: 1, offset: 0, timestamp: 5, key: null, value: Buffer.from('hello'), ...more })
const wrapper = (codec: CodecName = 'gzip', magic = 1): Buffer =>
  naiveSet(codec, [{ magic, offset: 0, timestamp: 5, key: null, value: Buffer.from('inside') }])

test('each rule has its fault, with the error that Kafka has for it', () => {
  const damaged = message()
  damaged[damaged.length - 1]! ^= 1
  const long = message()
  long.writeInt32BE(13, 8)
  const cases: readonly [Buffer, string, string][] = [
    [damaged, 'wrong-crc', 'CORRUPT_MESSAGE'],
    [Buffer.concat([message(), damaged]), 'wrong-crc', 'CORRUPT_MESSAGE'],
    [long, 'wrong-length', 'CORRUPT_MESSAGE'],
    [message().subarray(0, 30), 'cut-off', 'INVALID_RECORD'],
    [Buffer.concat([message(), message({ magic: 0 })]), 'mixed-magic', 'INVALID_RECORD'],
    [Buffer.concat([message(), wrapper()]), 'more-wrappers', 'INVALID_RECORD'],
    [Buffer.concat([wrapper(), message()]), 'more-wrappers', 'INVALID_RECORD'],
    [Buffer.concat([wrapper('gzip'), wrapper('snappy')]), 'more-wrappers', 'INVALID_RECORD'],
    [message({ timestamp: -2 }), 'wrong-timestamp', 'INVALID_TIMESTAMP'],
    [message({ timestamp: 2 ** 54 }), 'unsafe-integer', 'INVALID_RECORD'],
    [message({ value: Buffer.alloc(1_000_000) }), 'message-too-large', 'MESSAGE_TOO_LARGE'],
    [message({ attributes: 4 }), 'new-codec', 'INVALID_RECORD'],
    [message({ attributes: 6 }), 'unknown-codec', 'UNSUPPORTED_COMPRESSION_TYPE'],
    [message({ attributes: 1 }), 'broken-stream', 'INVALID_RECORD'],
  ]
  for (const [bytes, fault, error] of cases) {
    assert.equal(upConvert(bytes, LIMITS), fault)
    assert.equal(SET_FAULTS[fault as keyof typeof SET_FAULTS].error, error)
  }
})

test('a batch among messages is refused', () => {
  const batch = upConvert(message(), LIMITS) as Buffer
  assert.equal(upConvert(Buffer.concat([message(), batch]), LIMITS), 'new-magic')
})

test('exactly max.message.bytes may be sent in one message, and a set may be larger', () => {
  const one = message()
  const limits = { ...LIMITS, maxMessageBytes: one.length }
  assert.ok(typeof upConvert(one, limits) !== 'string')
  assert.ok(typeof upConvert(Buffer.concat([one, one, one]), limits) !== 'string')
  assert.equal(upConvert(one, { ...limits, maxMessageBytes: one.length - 1 }), 'message-too-large')
})

test('the beginning of another message behind the last one is ignored', () => {
  for (const length of [1, 12, 17, message().length - 1]) {
    const batch = converted(Buffer.concat([message(), message().subarray(0, length)]))
    assert.equal(batch.recordCount, 1)
  }
})

test('a wrapper is opened as far as is allowed, and not at all if it is too large itself', () => {
  const bomb = naiveSet('gzip', [{ magic: 1, offset: 0, timestamp: 5, key: null, value: Buffer.alloc(200_000) }])
  assert.ok(bomb.length < 1000)
  assert.equal(upConvert(bomb, { ...LIMITS, maxPlainBytes: 100_000 }), 'too-large')
  assert.equal(upConvert(bomb, { maxMessageBytes: 100, maxPlainBytes: 100_000 }), 'message-too-large')
})

test('any bytes: a batch or a fault', () => {
  fc.assert(
    fc.property(anyBytes, fc.nat({ max: 15 }), fc.constantFrom(0, 1), (bytes, attributes, magic) => {
      for (const input of [bytes, message({ magic, attributes, value: bytes }), Buffer.concat([message(), bytes])]) {
        const batch = upConvert(input, LIMITS)
        if (typeof batch === 'string') assert.ok(batch in SET_FAULTS, batch)
        else assert.equal(new BatchValidator().checkProduced(batch, 0, batch.length), 'ok')
      }
    }),
    { seed: 44, numRuns: 2000 },
  )
})
