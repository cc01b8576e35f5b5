/** Batches as old consumers read them: against Kafka's bytes, against a naive model, and within the bounds that are given. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BatchView, FIELD_AT } from '../../../src/records/batch.js'
import { type BatchOptions, buildBatch } from '../../../src/records/builder.js'
import { CODEC_NAMES, type CodecName } from '../../../src/records/compression/codec.js'
import { codecByName } from '../../../src/records/compression/codecs.js'
import { buildControlBatch, CONTROL_TYPE } from '../../../src/records/control.js'
import { type DownConverted, downConvert } from '../../../src/records/legacy/down-convert.js'
import { MessageCursor, messageOverheadBytes, type OldMagic } from '../../../src/records/legacy/message.js'
import { MessageSetReader } from '../../../src/records/legacy/message-set.js'
import { upConvert } from '../../../src/records/legacy/up-convert.js'
import { readRecords } from '../../../src/records/reader.js'
import type { RecordInput } from '../../../src/records/record-encoder.js'
import { anyBytes, recordInput } from '../arbitraries.js'
import { fromBase64, goldenBatches } from '../golden-batches.js'
import { goldenSets, naiveSet } from './naive-messages.js'

const OLD_CODECS = CODEC_NAMES.filter((codec) => codec !== 'zstd')

interface OldRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
}

function convert(
  bytes: Uint8Array,
  magic: OldMagic,
  { fromOffset = 0, maxBytes = 1e9, maxPlainBytes = 1e9 } = {},
): DownConverted {
  return downConvert(bytes, { magic, fromOffset, maxBytes, maxPlainBytes })
}

function recordsIn(bytes: Uint8Array): OldRecord[] {
  const reader = new MessageSetReader(bytes, 0, bytes.length, 1e9)
  const records: OldRecord[] = []
  for (;;) {
    const step = reader.next()
    if (step === 'end') return records
    assert.equal(step, 'record')
    const { offset, timestamp, key, value } = reader
    records.push({ offset, timestamp, key: key && Buffer.from(key), value: value && Buffer.from(value) })
  }
}

/** Bodies of messages on the outer level: what is compressed is opened, so that the bytes can be compared whatever the compressor chose. */
function opened(bytes: Buffer, codec: CodecName): string[] {
  if (codec === 'none') return [bytes.toString('hex')]
  const cursor = new MessageCursor()
  const parts: string[] = []
  cursor.reset(bytes, 0, bytes.length)
  while (cursor.next() === 'message') {
    const { magic, offset, timestamp, attributes, key, value } = cursor
    parts.push(
      `${magic} ${offset} ${timestamp} ${attributes} ${key} ${Buffer.from(codecByName(codec)!.decompress(value!, 1e7)).toString('hex')}`,
    )
  }
  return parts
}

test('what is converted is what Kafka would have written: bytes, or what is in them where a compressor had a choice', () => {
  for (const { case: name, bytes, entries } of goldenSets()) {
    const [{ magic, codec, timestampType, maxTimestamp }] = entries as [(typeof entries)[0]]
    const records = entries.flatMap((entry) => entry.records)
    const options: BatchOptions = {
      codec,
      baseOffset: records[0]!.offset,
      ...(timestampType === 'LogAppendTime' ? { timestampType, maxTimestamp } : {}),
    }
    const batch = buildBatch(
      records.map(({ offset, timestamp, key, value }) => ({
        offset,
        timestamp,
        key: fromBase64(key),
        value: fromBase64(value),
        headers: [{ key: 'dropped', value: null }],
      })),
      options,
    )
    const { bytes: ours, error } = convert(batch, magic as OldMagic)
    assert.equal(error, undefined, name)
    assert.deepEqual(opened(Buffer.from(ours), codec), opened(bytes, codec), name)
  }
})

test('golden batches: records without headers, none of control batches, zstd refused', () => {
  let converted = 0
  for (const { case: name, bytes, control, codec, count } of goldenBatches()) {
    for (const magic of [0, 1] as const) {
      const { bytes: old, error, nextOffset } = convert(bytes, magic, { fromOffset: -1 })
      const view = new BatchView().reset(bytes, 0)
      if (codec === 'zstd' && !control && count > 0) {
        assert.deepEqual([error, old.length, nextOffset], ['UNSUPPORTED_COMPRESSION_TYPE', 0, undefined], name)
        continue
      }
      converted++
      const expected = control
        ? []
        : readRecords(view, 1e7).map(({ offset, timestamp, key, value }) => ({
            offset,
            timestamp: magic === 0 ? -1 : timestamp,
            key: key && Buffer.from(key),
            value: value && Buffer.from(value),
          }))
      assert.equal(error, undefined, name)
      assert.deepEqual(recordsIn(old), expected, name)
      assert.equal(nextOffset, view.nextOffset, name)
    }
  }
  assert.ok(converted > 100, `${converted}`)
})

interface Batch {
  readonly codec: CodecName
  readonly control: boolean
  readonly gap: number
  readonly inputs: readonly RecordInput[]
}

const batchArbitrary: fc.Arbitrary<Batch> = fc.record({
  codec: fc.constantFrom(...OLD_CODECS),
  control: fc.nat({ max: 5 }).map((n) => n === 0),
  gap: fc.nat({ max: 3 }),
  inputs: fc.array(recordInput, { minLength: 1, maxLength: 6 }),
})

interface Log {
  readonly bytes: Buffer
  /** Every record that old consumers may see; `batch` where it came compressed with others. */
  readonly visible: readonly (OldRecord & { readonly lastOfBatch: number; readonly compressed: boolean })[]
  readonly endOffset: number
}

function logOf(batches: readonly Batch[]): Log {
  const parts: Buffer[] = []
  const visible: Log['visible'][number][] = []
  let baseOffset = 10
  for (const { codec, control, gap, inputs } of batches) {
    const first = baseOffset
    const lastOffset = first + inputs.length - 1 + gap
    parts.push(Buffer.from(buildBatch(inputs, { codec, control, baseOffset, lastOffset })))
    if (!control) {
      for (const [index, { key, value, timestamp }] of inputs.entries()) {
        visible.push({
          offset: first + index,
          timestamp: timestamp!,
          key: key ? Buffer.from(key) : key === null ? null : Buffer.alloc(0),
          value: value ? Buffer.from(value) : value === null ? null : Buffer.alloc(0),
          lastOfBatch: first + inputs.length - 1,
          compressed: codec !== 'none',
        })
      }
    }
    baseOffset = lastOffset + 1
  }
  return { bytes: Buffer.concat(parts), visible, endOffset: baseOffset }
}

const batchesArbitrary = fc
  .array(batchArbitrary, { maxLength: 5 })
  .filter((batches) =>
    batches.every(({ inputs }) =>
      inputs.every(({ timestamp }) => Number.isSafeInteger(timestamp! - inputs[0]!.timestamp!)),
    ),
  )

test('against a naive model: everything from the offset on that is no control record, compressed batches whole', () => {
  fc.assert(
    fc.property(batchesArbitrary, fc.constantFrom(0, 1), fc.nat({ max: 40 }), (batches, magic, fromOffset) => {
      const { bytes, visible, endOffset } = logOf(batches)
      const expected = visible
        .filter(({ offset, compressed, lastOfBatch }) => (compressed ? lastOfBatch : offset) >= fromOffset)
        .map(({ offset, timestamp, key, value }) => ({ offset, timestamp: magic === 0 ? -1 : timestamp, key, value }))
      const { bytes: old, nextOffset, error } = convert(bytes, magic as OldMagic, { fromOffset })
      assert.equal(error, undefined)
      assert.deepEqual(recordsIn(old), expected)
      assert.equal(nextOffset, batches.length === 0 ? undefined : endOffset)
    }),
    { seed: 45, numRuns: 400 },
  )
})

test('by small steps an old consumer sees every record once, in order, within its limit', () => {
  const limits = fc.record({ maxBytes: fc.nat({ max: 3000 }), maxPlainBytes: fc.nat({ max: 3000 }) })
  fc.assert(
    fc.property(batchesArbitrary, limits, fc.constantFrom(0, 1), (batches, { maxBytes, maxPlainBytes }, magic) => {
      const { bytes, visible, endOffset } = logOf(batches)
      const seen: number[] = []
      let at = 10
      for (let step = 0; at < endOffset && step < 100; step++) {
        const { bytes: old, nextOffset } = convert(bytes, magic as OldMagic, {
          fromOffset: at,
          maxBytes,
          maxPlainBytes,
        })
        const cursor = new MessageCursor()
        cursor.reset(old, 0, old.length)
        if (cursor.next() === 'message') assert.ok(old.length <= Math.max(maxBytes, cursor.sizeBytes))
        else assert.equal(nextOffset, endOffset)
        const fresh = recordsIn(old).filter(({ offset }) => offset >= at)
        seen.push(...fresh.map(({ offset }) => offset))
        at = fresh.length > 0 ? fresh.at(-1)!.offset + 1 : endOffset
      }
      assert.deepEqual(
        seen,
        visible.map(({ offset }) => offset),
      )
    }),
    { seed: 46, numRuns: 300 },
  )
})

test('up and down again is the same set, and down and up again the same records', () => {
  const set = fc.record({
    magic: fc.constantFrom(0, 1),
    codec: fc.constantFrom('none' as const, 'gzip' as const, 'snappy' as const),
    inputs: fc.array(recordInput, { minLength: 1, maxLength: 8 }),
  })
  fc.assert(
    fc.property(set, ({ magic, codec, inputs }) => {
      fc.pre(magic === 0 || inputs.every(({ timestamp }) => Number.isSafeInteger(timestamp - inputs[0]!.timestamp)))
      const bytes = naiveSet(
        codec,
        inputs.map((input, offset) => ({ ...input, timestamp: magic === 0 ? -1 : input.timestamp, magic, offset })),
      )
      const limits = { maxMessageBytes: 1e6, maxPlainBytes: 1e7 }
      const batch = upConvert(bytes, limits)
      assert.ok(typeof batch !== 'string')
      const down = convert(batch, magic as OldMagic).bytes
      assert.equal(Buffer.from(down).toString('hex'), bytes.toString('hex'))
      const again = upConvert(down, limits)
      assert.ok(typeof again !== 'string')
      assert.equal(again.toString('hex'), batch.toString('hex'))
    }),
    { seed: 47, numRuns: 300 },
  )
})

const records = (count: number, value = 'x'.repeat(100)): RecordInput[] =>
  Array.from({ length: count }, (_, n) => ({ key: null, value: Buffer.from(value), timestamp: 5 + n }))

test('an uncompressed batch may end anywhere, but not before its first message', () => {
  const batch = buildBatch(records(10), { baseOffset: 50 })
  const size = messageOverheadBytes(1) + 100
  const count = (maxBytes: number): number => recordsIn(convert(batch, 1, { maxBytes }).bytes).length
  assert.deepEqual([0, 1, size, 2 * size - 1, 2 * size, 10 * size].map(count), [1, 1, 1, 1, 2, 10])
  assert.deepEqual([convert(batch, 1, { maxBytes: 1 }).nextOffset, convert(batch, 1).nextOffset], [undefined, 60])
})

test('a wrapper comes whole or not at all, but the first in any case', () => {
  const batches = [0, 10, 20].map((baseOffset) => buildBatch(records(10), { baseOffset, codec: 'lz4' }))
  const bytes = Buffer.concat(batches)
  const one = convert(batches[0]!, 1).bytes.length
  const count = (maxBytes: number): number => recordsIn(convert(bytes, 1, { maxBytes }).bytes).length
  assert.deepEqual([0, one, 2 * one - 1, 2 * one, 3 * one].map(count), [10, 10, 10, 20, 30])
})

test('what is opened is bounded, the first batch aside', () => {
  const batches = [0, 1, 2].map((baseOffset) =>
    buildBatch(records(1, 'y'.repeat(100_000)), { baseOffset, codec: 'gzip' }),
  )
  const bytes = Buffer.concat(batches)
  const openTo = (maxPlainBytes: number): number[] => {
    const { bytes: old, plainBytes } = convert(bytes, 1, { maxPlainBytes })
    return [recordsIn(old).length, Math.floor(plainBytes / 100_000)]
  }
  assert.deepEqual([1, 150_000, 250_000, 350_000].map(openTo), [
    [1, 1],
    [1, 1],
    [2, 2],
    [3, 3],
  ])
})

test('lz4 in magic 0 has the header checksum of its time, in magic 1 the right one', () => {
  const batch = buildBatch(records(3), { codec: 'lz4' })
  const checksum = (magic: OldMagic): number => {
    const { bytes } = convert(batch, magic)
    const cursor = new MessageCursor()
    cursor.reset(bytes, 0, bytes.length)
    assert.equal(cursor.next(), 'message')
    return cursor.value![6]!
  }
  // As in the golden vectors of both.
  assert.deepEqual([checksum(0), checksum(1)], [goldenChecksum(0), goldenChecksum(1)])
  assert.notEqual(checksum(0), checksum(1))
})

function goldenChecksum(magic: number): number {
  const { bytes } = goldenSets().find(({ case: name }) => name === `v${magic}-lz4/many-200`)!
  const cursor = new MessageCursor()
  cursor.reset(bytes, 0, bytes.length)
  assert.equal(cursor.next(), 'message')
  return cursor.value![6]!
}

test('log append time goes along in magic 1', () => {
  for (const codec of OLD_CODECS) {
    const batch = buildBatch(records(3), { codec, timestampType: 'LogAppendTime', maxTimestamp: 77 })
    assert.deepEqual(
      recordsIn(convert(batch, 1).bytes).map(({ timestamp }) => timestamp),
      [77, 77, 77],
    )
    const { bytes } = convert(batch, 1)
    assert.equal(bytes[17]! & 8, 8)
    assert.equal(convert(batch, 0).bytes[17]! & 8, 0)
  }
})

test('control batches and empty ones are stepped over: the next offset says how far', () => {
  const marker = buildControlBatch([{ type: CONTROL_TYPE.commit, value: Buffer.alloc(6), timestamp: 5 }], {
    baseOffset: 7,
    producerId: 1,
    producerEpoch: 0,
    transactional: true,
  })
  const empty = buildBatch([], { baseOffset: 8, lastOffset: 11 })
  assert.deepEqual(
    [convert(marker, 1), convert(Buffer.concat([marker, empty]), 0)].map((converted) => [
      converted.bytes.length,
      converted.nextOffset,
      converted.error,
    ]),
    [
      [0, 8, undefined],
      [0, 12, undefined],
    ],
  )
})

test('damage is not sealed under a new checksum: what stands before it comes, then the error', () => {
  const good = buildBatch(records(2))
  for (const codec of OLD_CODECS) {
    const damaged = Buffer.from(buildBatch(records(2), { baseOffset: 2, codec }))
    damaged[damaged.length - 1]! ^= 1
    assert.deepEqual(convert(damaged, 1), {
      bytes: Buffer.alloc(0),
      plainBytes: 0,
      nextOffset: undefined,
      error: 'CORRUPT_MESSAGE',
    })
    const both = convert(Buffer.concat([good, damaged]), 1)
    assert.deepEqual([recordsIn(both.bytes).length, both.error, both.nextOffset], [2, undefined, 2])
  }
  const zstd = buildBatch(records(1), { baseOffset: 2, codec: 'zstd' })
  const before = convert(Buffer.concat([good, zstd]), 1)
  assert.deepEqual([recordsIn(before.bytes).length, before.error], [2, undefined])
  assert.equal(convert(Buffer.alloc(100), 1).error, 'CORRUPT_MESSAGE')
})

test('a batch that is cut off is left for the next time', () => {
  const batches = [buildBatch(records(2)), buildBatch(records(2), { baseOffset: 2 })]
  const bytes = Buffer.concat(batches)
  for (let end = batches[0]!.length; end < bytes.length; end++) {
    const { bytes: old, nextOffset, error } = convert(bytes.subarray(0, end), 0)
    assert.deepEqual([recordsIn(old).length, nextOffset, error], [2, 2, undefined])
  }
})

test('any bytes in place of the records, under a checksum that is right: messages or an error', () => {
  const header = buildBatch([{}]).subarray(0, 61)
  fc.assert(
    fc.property(anyBytes, fc.nat({ max: 15 }), fc.integer({ min: -2, max: 5 }), (body, attributes, count) => {
      const batch = Buffer.concat([header, body])
      batch.writeInt32BE(batch.length - 12, FIELD_AT.length)
      batch.writeInt16BE(attributes, FIELD_AT.attributes)
      batch.writeInt32BE(count, FIELD_AT.recordCount)
      batch.writeUInt32BE(new BatchView().reset(batch, 0).computeCrc(), FIELD_AT.crc)
      for (const magic of [0, 1] as const) {
        const { bytes, error } = convert(batch, magic)
        if (error !== undefined) assert.equal(bytes.length, 0)
        recordsIn(bytes)
      }
    }),
    { seed: 48, numRuns: 2000 },
  )
})
