/** Reading message sets of magic 0 and 1: what Kafka wrote, what a naive writer writes, and what is wrong. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CODEC_NAMES } from '../../../src/records/compression/codec.js'
import { codecByName } from '../../../src/records/compression/codecs.js'
import { MessageSetWriter, messageOverheadBytes, type OldMagic } from '../../../src/records/legacy/message.js'
import { MESSAGE_FAULTS, MessageSetReader } from '../../../src/records/legacy/message-set.js'
import { anyBytes, recordInput } from '../arbitraries.js'
import { fromBase64 } from '../golden-batches.js'
import { goldenSets, type NaiveMessage, naiveCrc32, naiveMessage, naiveSet } from './naive-messages.js'

interface Read {
  readonly records: readonly {
    offset: number
    timestamp: number
    key: Uint8Array | null
    value: Uint8Array | null
  }[]
  /** How it ended. */
  readonly last: string
}

function read(bytes: Uint8Array, maxPlainBytes = 1e7): Read {
  const reader = new MessageSetReader(bytes, 0, bytes.length, maxPlainBytes)
  const records = []
  for (;;) {
    const step = reader.next()
    if (step !== 'record') return { records, last: step }
    const { offset, timestamp, key, value } = reader
    records.push({ offset, timestamp, key: key && Buffer.from(key), value: value && Buffer.from(value) })
  }
}

const hello = { offset: 0, timestamp: 5, key: null, value: Buffer.from('hello') }

function gzipped(magic: number, inner: readonly Buffer[], offset = 0): Buffer {
  const value = codecByName('gzip')!.compress(Buffer.concat(inner))
  return naiveMessage({ magic, offset, timestamp: 5, attributes: 1, key: null, value })
}

test('all golden sets of magic 0 and 1 give their records', () => {
  const sets = goldenSets()
  assert.equal(sets.length, 49)
  for (const { case: name, bytes, entries } of sets) {
    const expected = entries.flatMap(({ records }) =>
      records.map(({ offset, timestamp, key, value }) => ({
        offset,
        timestamp,
        key: fromBase64(key),
        value: fromBase64(value),
      })),
    )
    assert.deepEqual(read(bytes), { records: expected, last: 'end' }, name)
  }
})

test("without compression the writer's bytes are Kafka's", () => {
  for (const { case: name, bytes, entries } of goldenSets()) {
    if (entries[0]!.codec !== 'none') continue
    const writer = new MessageSetWriter(entries[0]!.magic as OldMagic, 0)
    for (const { timestampType, records } of entries) {
      const { offset, timestamp, key, value } = records[0]!
      const attributes = timestampType === 'LogAppendTime' ? 8 : 0
      writer.append({ offset, timestamp, attributes, key: fromBase64(key), value: fromBase64(value) })
    }
    assert.equal(writer.bytes.toString('hex'), bytes.toString('hex'), name)
  }
})

test('a message takes its overhead, its key and its value', () => {
  for (const magic of [0, 1] as const) {
    const writer = new MessageSetWriter(magic)
    writer.append({ offset: 0, timestamp: 0, attributes: 0, key: Buffer.alloc(3), value: null })
    assert.equal(writer.sizeBytes, messageOverheadBytes(magic) + 3)
    assert.equal(naiveMessage({ ...hello, magic }).length, messageOverheadBytes(magic) + 5)
  }
})

const naive = fc
  .record({
    magic: fc.constantFrom(0, 1),
    codec: fc.constantFrom(...CODEC_NAMES.filter((codec) => codec !== 'zstd')),
    first: fc.constantFrom(0, 1, 77, 2 ** 32 + 5, 2 ** 52),
    inputs: fc.array(fc.tuple(recordInput, fc.nat({ max: 3 })), { minLength: 1, maxLength: 8 }),
  })
  .map(({ magic, codec, first, inputs }) => {
    let offset = first
    const messages: NaiveMessage[] = inputs.map(([{ key, value, timestamp }, gap]) => {
      const message = { magic, offset, timestamp: magic === 0 ? -1 : timestamp, key, value }
      offset += 1 + gap
      return message
    })
    return { codec, messages }
  })

test('what a naive writer writes is read', () => {
  fc.assert(
    fc.property(naive, ({ codec, messages }) => {
      const expected = messages.map(({ offset, timestamp, key, value }) => ({
        offset,
        timestamp,
        key: key && Buffer.from(key),
        value: value && Buffer.from(value),
      }))
      assert.deepEqual(read(naiveSet(codec, messages)), { records: expected, last: 'end' })
    }),
    { seed: 41, numRuns: 400 },
  )
})

test('a cut at any byte leaves the whole messages before it', () => {
  const messages = [0, 1, 2].map((offset) => naiveMessage({ ...hello, magic: 1, offset }))
  const bytes = Buffer.concat(messages)
  const size = messages[0]!.length
  for (let end = 0; end <= bytes.length; end++) {
    const { records, last } = read(bytes.subarray(0, end))
    assert.equal(records.length, Math.floor(end / size))
    assert.equal(last, end % size === 0 ? 'end' : 'cut-off', `${end}`)
  }
})

test('a flipped bit behind offset and length is never read', () => {
  const bytes = naiveSet('gzip', [{ ...hello, magic: 1 }])
  for (let at = 12; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const damaged = Buffer.from(bytes)
      damaged[at]! ^= 1 << bit
      const { records, last } = read(damaged)
      assert.equal(records.length, 0)
      assert.ok(['wrong-crc', 'wrong-magic', 'wrong-length', 'new-magic'].includes(last), `${at}: ${last}`)
    }
  }
})

test('a flipped bit inside of a wrapper is seen by the checksum there', () => {
  const inner = naiveMessage({ ...hello, magic: 1 })
  inner[inner.length - 1]! ^= 1
  assert.equal(read(gzipped(1, [inner])).last, 'wrong-crc')
})

test('each rule has its fault', () => {
  const of = (magic: number, more: Partial<NaiveMessage> = {}): Buffer => naiveMessage({ ...hello, magic, ...more })
  const short = of(1)
  short.writeInt32BE(21, 8)
  const cases: readonly [string, Buffer][] = [
    ['wrong-length', short],
    ['nested-wrapper', gzipped(1, [gzipped(1, [of(1)])])],
    ['mixed-magic', gzipped(1, [of(0)])],
    ['mixed-magic', gzipped(0, [of(1)])],
    ['empty-wrapper', gzipped(1, [])],
    ['empty-wrapper', of(1, { attributes: 1, value: null })],
    ['malformed-message', gzipped(1, [of(1), of(1).subarray(0, 20)])],
    ['wrong-length', gzipped(1, [Buffer.alloc(40)])],
    ['broken-stream', of(1, { attributes: 1 })],
    ['broken-stream', of(0, { attributes: 3 })],
    ['new-codec', of(1, { attributes: 4 })],
    ['unknown-codec', of(0, { attributes: 5 })],
    ['unknown-codec', of(1, { attributes: 7 })],
    ['wrong-wrapper-offset', gzipped(1, [of(1, { offset: 0 }), of(1, { offset: 4 })], 3)],
  ]
  for (const [fault, bytes] of cases) {
    assert.deepEqual(read(bytes), { records: [], last: fault }, fault)
    assert.ok(fault in MESSAGE_FAULTS)
  }
})

test('a key or value that does not fit is malformed, under a CRC that is right', () => {
  for (const magic of [0, 1] as const) {
    for (const keyLength of [1, 5, 1000, 2 ** 31 - 1]) {
      const writer = new MessageSetWriter(magic)
      // The key's length claims more than its four bytes, which are the value's length.
      writer.append({ offset: 0, timestamp: 0, attributes: 0, key: null, value: Buffer.alloc(0) })
      const bytes = Buffer.from(writer.bytes)
      bytes.writeInt32BE(keyLength, bytes.length - 8)
      reseal(bytes)
      assert.equal(read(bytes).last, 'malformed-message', `${keyLength}`)
    }
    const behind = naiveMessage({ ...hello, magic })
    behind.writeInt32BE(4, behind.length - 5 - 4)
    reseal(behind)
    assert.equal(read(behind).last, 'malformed-message')
  }
})

function reseal(message: Buffer): void {
  message.writeUInt32BE(naiveCrc32(message.subarray(16)), 12)
}

test('a wrapper with offset 0 has its messages at their own offsets: some clients send it so', () => {
  const inner = [0, 1, 2].map((offset) => naiveMessage({ ...hello, magic: 1, offset }))
  assert.deepEqual(
    read(gzipped(1, inner, 0)).records.map(({ offset }) => offset),
    [0, 1, 2],
  )
  assert.deepEqual(
    read(gzipped(1, inner, 12)).records.map(({ offset }) => offset),
    [10, 11, 12],
  )
})

test('log append time is that of the wrapper, in magic 1', () => {
  const inner = [naiveMessage({ ...hello, magic: 1, timestamp: 3 })]
  const value = codecByName('gzip')!.compress(Buffer.concat(inner))
  const wrapper = { offset: 0, timestamp: 99, key: null, value }
  assert.equal(read(naiveMessage({ ...wrapper, magic: 1, attributes: 9 })).records[0]!.timestamp, 99)
  assert.equal(read(naiveMessage({ ...wrapper, magic: 1, attributes: 1 })).records[0]!.timestamp, 3)
  assert.equal(read(naiveMessage({ ...hello, magic: 0, attributes: 8 })).records[0]!.timestamp, -1)
})

test('the header checksum of lz4 is not looked at in magic 0', () => {
  const value = Buffer.from(codecByName('lz4')!.compress(naiveMessage({ ...hello, magic: 0 })))
  for (const checksum of [value[6]!, 0, 0xff, value[6]! ^ 1]) {
    value[6] = checksum
    const bytes = naiveMessage({ magic: 0, offset: 0, timestamp: -1, attributes: 3, key: null, value })
    assert.equal(read(bytes).records.length, 1, `${checksum}`)
  }
})

test('a wrapper is opened as far as is allowed', () => {
  const big = naiveMessage({ ...hello, magic: 1, value: Buffer.alloc(100_000) })
  for (const codec of ['gzip', 'snappy', 'lz4'] as const) {
    const value = codecByName(codec)!.compress(big)
    const bytes = naiveMessage({
      magic: 1,
      offset: 0,
      timestamp: 0,
      attributes: CODEC_NAMES.indexOf(codec),
      key: null,
      value,
    })
    assert.equal(read(bytes, big.length).records.length, 1)
    assert.deepEqual(read(bytes, big.length - 1), { records: [], last: 'too-large' }, codec)
  }
})

test('any bytes, alone and inside of a wrapper: records or a fault', () => {
  fc.assert(
    fc.property(anyBytes, fc.constantFrom(0, 1), fc.nat({ max: 15 }), (bytes, magic, attributes) => {
      const known = new Set([...Object.keys(MESSAGE_FAULTS), 'end'])
      assert.ok(known.has(read(bytes).last))
      assert.ok(known.has(read(gzipped(magic, [Buffer.from(bytes)])).last))
      assert.ok(known.has(read(naiveMessage({ ...hello, magic, attributes, value: bytes })).last))
    }),
    { seed: 42, numRuns: 2000 },
  )
})
