import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DecodeError, Reader } from '../../../src/base/bytes/reader.js'
import { EncodeError, REFERENCE_FROM_BYTES, Writer } from '../../../src/base/bytes/writer.js'
import { isUuid, randomUuid } from '../../../src/base/uuid.js'
import { golden } from '../../golden.js'

interface Primitive {
  readonly kind: string
  readonly text: string
  readonly hex: string
  readonly reserved: boolean
  readonly value: string
  readonly zigzag64: string | { readonly value: string; readonly read: number }
  readonly zigzag32?: string | { readonly value: string; readonly read: number }
  readonly unsigned32?: string | { readonly value: string; readonly read: number }
}

const primitives = golden<Primitive>('primitives.jsonl')

function written(write: (writer: Writer) => void): string {
  const writer = new Writer(1)
  write(writer)
  return writer.toBuffer().toString('hex')
}

test('varints are written and read as Kafka does', () => {
  const vectors = primitives.filter(({ kind }) => kind === 'varint')
  assert.equal(vectors.length, 33)
  for (const { value, zigzag64, zigzag32, unsigned32 } of vectors) {
    const number = Number(value)
    if (Number.isSafeInteger(number)) {
      assert.equal(
        written((writer) => writer.varlong(number)),
        zigzag64,
      )
      assert.equal(new Reader(Buffer.from(zigzag64 as string, 'hex')).varlong(), number)
    } else assert.throws(() => new Reader(Buffer.from(zigzag64 as string, 'hex')).varlong(), DecodeError)
    if (zigzag32 !== undefined) {
      assert.equal(
        written((writer) => writer.varint(number)),
        zigzag32,
      )
      assert.equal(new Reader(Buffer.from(zigzag32 as string, 'hex')).varint(), number)
    }
    if (unsigned32 !== undefined && number >= 0) {
      assert.equal(
        written((writer) => writer.uvarint(number)),
        unsigned32,
      )
      assert.equal(new Reader(Buffer.from(unsigned32 as string, 'hex')).uvarint(), number)
    }
  }
})

test('odd varints: padding is accepted, surplus bits are dropped, too many bytes are refused', () => {
  const vectors = primitives.filter(({ kind }) => kind === 'varint-bytes')
  assert.equal(vectors.length, 15)
  for (const vector of vectors) {
    for (const [name, read] of [
      ['unsigned32', (reader: Reader) => reader.uvarint()],
      ['zigzag32', (reader: Reader) => reader.varint()],
      ['zigzag64', (reader: Reader) => reader.varlong()],
    ] as const) {
      const expected = vector[name]
      const reader = new Reader(Buffer.from(vector.hex, 'hex'))
      const where = `${name} of ${vector.hex}`
      if (typeof expected !== 'object' || !('value' in expected) || !Number.isSafeInteger(Number(expected.value))) {
        assert.throws(() => read(reader), DecodeError, where)
        continue
      }
      assert.equal(read(reader), Number(expected.value), where)
      assert.equal(reader.position, expected.read, where)
    }
  }
})

test('uuids are text of 22 characters', () => {
  const vectors = primitives.filter(({ kind }) => kind === 'uuid')
  assert.equal(vectors.length, 17)
  for (const { text, hex } of vectors) {
    assert.ok(isUuid(text))
    assert.equal(new Reader(Buffer.from(hex, 'hex')).uuid(), text)
    assert.equal(
      written((writer) => writer.uuid(text)),
      hex,
    )
  }
  const reserved = new Set(vectors.filter(({ reserved }) => reserved).map(({ hex }) => hex))
  // The reserved ids and those that begin with a dash are passed over.
  const sources = [...vectors].sort((a, b) => Number(b.reserved) - Number(a.reserved)).map(({ hex }) => hex)
  const uuid = randomUuid({ bytes: () => Buffer.from(sources.shift()!, 'hex') })
  assert.ok(!reserved.has(Buffer.from(uuid, 'base64url').toString('hex')) && !uuid.startsWith('-'))
  assert.throws(() => written((writer) => writer.uuid('short')), EncodeError)
})

const operations = fc.array(
  fc.oneof(
    fc.tuple(fc.constant('int8' as const), fc.integer({ min: -128, max: 127 })),
    fc.tuple(fc.constant('int16' as const), fc.integer({ min: -0x8000, max: 0x7fff })),
    fc.tuple(fc.constant('uint16' as const), fc.nat({ max: 0xffff })),
    fc.tuple(fc.constant('int32' as const), fc.integer()),
    fc.tuple(fc.constant('uint32' as const), fc.nat({ max: 0xffff_ffff })),
    fc.tuple(fc.constant('int64' as const), fc.maxSafeInteger()),
    fc.tuple(fc.constant('float64' as const), fc.double({ noNaN: true })),
    fc.tuple(fc.constant('varint' as const), fc.integer()),
    fc.tuple(fc.constant('uvarint' as const), fc.nat({ max: 0xffff_ffff })),
    fc.tuple(fc.constant('varlong' as const), fc.maxSafeInteger()),
    fc.tuple(fc.constant('bool' as const), fc.boolean()),
  ),
  { maxLength: 60 },
)

test('what is written in any order and any number of pieces is read back; a patched length stands', () => {
  fc.assert(
    fc.property(operations, fc.integer({ min: 1, max: 40 }), (steps, piece) => {
      const writer = new Writer(piece)
      const setLength = writer.openInt32()
      for (const [kind, value] of steps) (writer[kind] as (value: number | boolean) => void)(value)
      writer.utf8('ä€😀', 9)
      setLength(writer.length)
      const bytes = writer.toBuffer()
      assert.equal(bytes.length, writer.length)
      const reader = new Reader(bytes)
      assert.equal(reader.int32(), bytes.length)
      for (const [kind, value] of steps) assert.equal(reader[kind](), value, kind)
      assert.equal(reader.utf8(9), 'ä€😀')
      assert.equal(reader.remaining, 0)
      assert.throws(() => reader.int8(), DecodeError)
    }),
  )
})

test('large slices are referenced, small ones copied, and the order is kept', () => {
  const writer = new Writer(16)
  const small = Buffer.alloc(100, 1)
  const large = Buffer.alloc(REFERENCE_FROM_BYTES, 2)
  writer.int32(7)
  writer.raw(small)
  writer.raw(large)
  writer.int32(8)
  small.fill(9)
  const expected = Buffer.concat([Buffer.from([0, 0, 0, 7]), Buffer.alloc(100, 1), large, Buffer.from([0, 0, 0, 8])])
  assert.deepEqual(Buffer.concat(writer.chunks()), expected)
  assert.ok(writer.chunks().some(({ buffer }) => buffer === large.buffer))
  writer.reset()
  writer.int8(5)
  assert.deepEqual([...writer.toBuffer()], [5])
})

test('a string that is no UTF-8 is refused where what is read does not fit into a string again', () => {
  const read = (bytes: Buffer): number => new Reader(bytes).utf8(bytes.length).length
  const longest = 0x7fff
  assert.equal(read(Buffer.alloc(longest, 'a')), longest)
  assert.equal(read(Buffer.from('€'.repeat(10_922))), 10_922)
  assert.equal(read(Buffer.alloc(10_922, 0xff)), 10_922)
  assert.throws(() => read(Buffer.alloc(10_923, 0xff)), DecodeError)
  assert.throws(() => read(Buffer.alloc(20_000, 0xff)), DecodeError)
})

test('a reader stays within its range and can take another', () => {
  const bytes = Buffer.from([1, 2, 3, 4, 5, 6])
  const reader = new Reader(bytes, 1, 3)
  assert.equal(reader.int16(), 0x0203)
  assert.throws(() => reader.int8(), /1 bytes are wanted at 3, 0 are left/)
  reader.reset(bytes, 4, 6)
  assert.equal(reader.remaining, 2)
  assert.throws(() => reader.slice(-1), DecodeError)
  assert.throws(() => reader.slice(3), DecodeError)
  assert.deepEqual([...reader.slice(2)], [5, 6])
  reader.reset(new Uint8Array([255, 255]).subarray(1), 0, 1)
  assert.equal(reader.int8(), -1)
  assert.throws(() => new Reader(Buffer.from('7fffffffffffffff', 'hex')).int64(), /beyond/)
})
