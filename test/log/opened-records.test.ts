/** What the records of a batch go through on their way into a log that wants its own compression. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeConfig } from '../../src/config/node-config.js'
import { resolveTopicSettings } from '../../src/config/topic-settings.js'
import { type OpenedRecords, openRecords, type SentRecords } from '../../src/log/opened-records.js'
import { compressionCost, type TargetCompression, targetCompression } from '../../src/log/target-compression.js'
import { BatchView } from '../../src/records/batch.js'
import { type BatchOptions, buildBatch, recompress } from '../../src/records/builder.js'
import { CODEC_NAMES, type CodecName } from '../../src/records/compression/codec.js'
import { implementationsOf } from '../../src/records/compression/codecs.js'
import { plainRecords, readRecords } from '../../src/records/reader.js'
import { BatchValidator, NO_RULES } from '../../src/records/validator.js'
import { goldenSets } from '../records/legacy/naive-messages.js'

const MAX_BYTES = 10_000_000
const TIMESTAMP = 1_750_000_000_000
const PRODUCER: BatchOptions = { producerId: 4000, producerEpoch: 3, baseSequence: 77 }

/** Text that a thorough compressor finds more in than a fast one. */
const TEXT = Array.from(
  { length: 3000 },
  (_, n) => `${['get', 'put', 'del'][n % 3]} /item/${(n * 7919) % 613}/${n % 17}`,
)

const records = TEXT.map((text, n) => ({
  key: n % 5 === 0 ? null : Buffer.from(`key ${n}`),
  value: n % 7 === 0 ? null : Buffer.from(text),
  // Not in order, so that the latest is none at an end.
  timestamp: TIMESTAMP + ((n * 31) % 100),
  headers: n % 11 === 0 ? [{ key: `h${n}`, value: n % 2 === 0 ? null : Buffer.from('v') }] : [],
}))

function run(bytes: Uint8Array, target: TargetCompression | undefined, more: Partial<SentRecords> = {}): OpenedRecords {
  const limits = { maxMessageBytes: MAX_BYTES, maxPlainBytes: MAX_BYTES }
  return openRecords.run({ bytes, old: false, rules: NO_RULES, ...limits, target, ...more })
}

function opened(...args: Parameters<typeof run>): Extract<OpenedRecords, { kind: 'ok' }> {
  const result = run(...args)
  if (result.kind !== 'ok') assert.fail(result.message)
  return result
}

function viewOf(bytes: Uint8Array): BatchView {
  assert.equal(new BatchValidator().checkProduced(bytes, 0, bytes.length), 'ok')
  return new BatchView().reset(bytes, 0)
}

const plainOf = (batch: BatchView): Buffer => Buffer.from(plainRecords(batch, MAX_BYTES))

for (const from of CODEC_NAMES) {
  for (const codec of CODEC_NAMES) {
    test(`${from} becomes ${codec} with the same records, and is left alone where it is that already`, () => {
      for (const transactional of [false, true]) {
        const sent = buildBatch(records, { ...PRODUCER, codec: from, transactional })
        const before = new BatchView().reset(Buffer.from(sent), 0)
        const { batch: anew, maxTimestamp, plainBytes } = opened(sent, { codec })
        assert.equal(maxTimestamp, TIMESTAMP + 99)
        assert.equal(plainBytes, plainOf(before).length)
        assert.deepEqual(sent, before.bytes, 'what was sent is not written to')
        assert.equal(anew === undefined, from === codec)
        if (anew === undefined) continue
        const after = viewOf(anew)
        assert.equal(CODEC_NAMES[after.codecId], codec)
        assert.deepEqual(plainOf(after), plainOf(before))
        for (const field of [
          'baseOffset',
          'lastOffsetDelta',
          'baseTimestamp',
          'maxTimestamp',
          'timestampType',
          'producerId',
          'producerEpoch',
          'baseSequence',
          'recordCount',
          'isTransactional',
        ] as const) {
          assert.equal(after[field], before[field], field)
        }
      }
    })
  }
}

test('without a target every codec stays', () => {
  for (const codec of CODEC_NAMES) assert.equal(opened(buildBatch(records, { codec }), undefined).batch, undefined)
})

test('a level decides the size where there are levels', () => {
  const sent = buildBatch(records)
  const size = (codec: CodecName, level: number): number => opened(sent, { codec, level }).batch!.length
  assert.ok(size('gzip', 9) < size('gzip', 1))
  assert.equal(size('gzip', -1), size('gzip', 6))
  assert.ok(size('zstd', 19) < size('zstd', 1))
  assert.ok(size('zstd', 1) < size('zstd', -50))
  // The fallback in JavaScript has one level.
  if (implementationsOf('lz4')[0]!.implementation === 'plain') assert.equal(size('lz4', 12), size('lz4', 9))
  else {
    assert.ok(size('lz4', 12) < size('lz4', 9))
    assert.equal(size('lz4', 17), size('lz4', 12))
  }
})

test('what is compressed with the codec already keeps the level that the producer chose', () => {
  for (const codec of ['gzip', 'zstd'] as const) {
    assert.equal(opened(buildBatch(records, { codec, level: 1 }), { codec, level: 9 }).batch, undefined)
  }
})

test('odd offsets are set right with the codec and the level that the topic wants', () => {
  const odd = records.map((record, n) => ({ ...record, offset: 2 * n }))
  const plain = buildBatch(odd, PRODUCER)
  // As a producer would claim it; the count does not say what the offsets are.
  plain.writeInt32BE(odd.length - 1, 23)
  const sent = recompress(new BatchView().reset(plain, 0), plain.subarray(61), 'zstd')
  for (const [target, codec] of [
    [undefined, 'zstd'],
    [{ codec: 'none' }, 'none'],
    [{ codec: 'gzip', level: 9 }, 'gzip'],
  ] as const) {
    const after = viewOf(opened(sent, target).batch!)
    assert.equal(CODEC_NAMES[after.codecId], codec)
    assert.deepEqual([after.producerId, after.producerEpoch, after.baseSequence], [4000, 3, 77])
    const found = readRecords(after, MAX_BYTES)
    assert.deepEqual(
      found.map(({ offset }) => offset),
      odd.map((_, n) => n),
    )
    assert.deepEqual(
      found.map(({ timestamp, value }) => [timestamp, value && Buffer.from(value)]),
      odd.map(({ timestamp, value }) => [timestamp, value]),
    )
  }
  const of = (level: number): number => opened(sent, { codec: 'gzip', level }).batch!.length
  assert.ok(of(9) < of(1))
})

test('messages of magic 0 and 1 become a batch with the codec that the topic wants', () => {
  for (const { case: name, bytes, entries } of goldenSets()) {
    const wanted = readRecords(viewOf(opened(bytes, undefined, { old: true }).batch!), MAX_BYTES)
    assert.equal(wanted.length, entries.flatMap((entry) => entry.records).length)
    for (const codec of CODEC_NAMES) {
      const after = viewOf(opened(bytes, { codec }, { old: true }).batch!)
      assert.equal(CODEC_NAMES[after.codecId], codec, name)
      assert.deepEqual(readRecords(after, MAX_BYTES), wanted, name)
    }
  }
})

test('what is refused is refused whatever the topic wants', () => {
  for (const codec of CODEC_NAMES) {
    for (const from of CODEC_NAMES) {
      const sent = buildBatch(records, { codec: from })
      const withoutKeys = run(sent, { codec }, { rules: { ...NO_RULES, keysRequired: true } })
      assert.equal(withoutKeys.kind === 'refused' && withoutKeys.error, 'INVALID_RECORD')
      if (from === 'none') continue
      const large = run(sent, { codec }, { maxPlainBytes: 1000 })
      assert.equal(large.kind === 'refused' && large.tooLarge, true)
      const cut = run(recompress(new BatchView().reset(sent, 0), plainOf(viewOf(sent)).subarray(1), from), { codec })
      assert.equal(cut.kind === 'refused' && cut.error, 'INVALID_RECORD')
    }
  }
})

test('compression.type and the levels say what a topic wants', () => {
  const of = (overrides: Record<string, string>, node: Record<string, string> = {}) =>
    targetCompression(resolveTopicSettings(nodeConfig(node).settings, new Map(Object.entries(overrides))))
  const levels = { 'compression.gzip.level': '4', 'compression.lz4.level': '5', 'compression.zstd.level': '-6' }
  assert.equal(of(levels), undefined)
  assert.equal(of({ 'compression.type': 'producer' }, { 'compression.type': 'gzip' }), undefined)
  assert.deepEqual(of({}, { 'compression.type': 'gzip' }), { codec: 'gzip', level: -1 })
  assert.deepEqual(of({ 'compression.type': 'uncompressed', ...levels }), { codec: 'none' })
  assert.deepEqual(of({ 'compression.type': 'snappy', ...levels }), { codec: 'snappy' })
  assert.deepEqual(of({ 'compression.type': 'gzip', ...levels }), { codec: 'gzip', level: 4 })
  assert.deepEqual(of({ 'compression.type': 'lz4', ...levels }), { codec: 'lz4', level: 5 })
  assert.deepEqual(of({ 'compression.type': 'zstd', ...levels }), { codec: 'zstd', level: -6 })
  assert.deepEqual(of({ 'compression.type': 'lz4' }), { codec: 'lz4', level: 9 })
  assert.deepEqual(of({ 'compression.type': 'zstd' }), { codec: 'zstd', level: 3 })
})

test('what costs more is done on the loop up to less', () => {
  const cost = (codec: CodecName, level?: number): number =>
    compressionCost(level === undefined ? { codec } : { codec, level })
  assert.equal(cost('none'), 1)
  assert.ok(cost('none') < cost('snappy') && cost('snappy') < cost('zstd', 3) && cost('zstd', 3) < cost('zstd', 19))
  assert.ok(cost('lz4', 9) < cost('lz4', 12))
  assert.ok(cost('zstd', 3) < cost('gzip', -1))
})
