import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RecordCursor } from '../../src/records/record-cursor.js'
import { encodeRecord, type RecordInput, recordBodyBytes, recordBytes } from '../../src/records/record-encoder.js'
import { golden } from '../golden.js'
import { anyBytes, recordInput } from './arbitraries.js'

function encoded(record: RecordInput, timestampDelta: number, offsetDelta: number): Buffer {
  const body = recordBodyBytes(record, timestampDelta, offsetDelta)
  const target = Buffer.alloc(recordBytes(body))
  assert.equal(encodeRecord(target, 0, body, record, timestampDelta, offsetDelta), target.length)
  return target
}

function steppedOn(bytes: Uint8Array): RecordCursor {
  const cursor = new RecordCursor()
  cursor.reset(bytes, 0, bytes.length)
  assert.equal(cursor.next(), true)
  assert.equal(cursor.atLimit, true)
  return cursor
}

/** A record from its parts, each given as bytes. */
function byHand(parts: { length?: number[]; timestamp?: number[]; offset?: number[]; rest?: number[] }): Buffer {
  const body = [0, ...(parts.timestamp ?? [0]), ...(parts.offset ?? [0]), ...(parts.rest ?? [1, 1, 0])]
  return Buffer.from([...(parts.length ?? [body.length * 2]), ...body])
}

test('finds again what the encoder wrote', () => {
  const delta = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -70_000, max: 70_000 }))
  const offset = fc.oneof(fc.nat({ max: 2 ** 31 - 1 }), fc.nat({ max: 200 }))
  fc.assert(
    fc.property(recordInput, delta, offset, (record, timestampDelta, offsetDelta) => {
      const bytes = encoded(record, timestampDelta, offsetDelta)
      const cursor = steppedOn(bytes)
      const part = (at: number, length: number): Buffer | null => (length < 0 ? null : bytes.subarray(at, at + length))
      assert.equal(cursor.start, 0)
      assert.equal(cursor.end, bytes.length)
      assert.equal(cursor.timestampDelta, timestampDelta)
      assert.equal(cursor.offsetDelta, offsetDelta)
      assert.deepEqual(part(cursor.keyAt, cursor.keyLength), record.key && Buffer.from(record.key))
      assert.deepEqual(part(cursor.valueAt, cursor.valueLength), record.value && Buffer.from(record.value))
      const headers: unknown[] = []
      cursor.eachHeader((keyAt, keyLength, valueAt, valueLength) => {
        headers.push({ key: part(keyAt, keyLength)!.toString(), value: part(valueAt, valueLength) })
      })
      assert.deepEqual(
        headers,
        record.headers.map(({ key, value }) => ({ key, value: value && Buffer.from(value) })),
      )
      assert.equal(cursor.atLimit, true, 'reading headers does not move the cursor')
    }),
    { seed: 2, numRuns: 500 },
  )
})

test('varints are those of Kafka, in both directions', () => {
  const vectors = golden<{ kind: string; value: string; zigzag64: string; zigzag32?: string }>('primitives.jsonl')
  const varints = vectors.filter(({ kind }) => kind === 'varint')
  assert.equal(varints.length, 33)
  for (const { value, zigzag64, zigzag32 } of varints) {
    const number = Number(value)
    const long = byHand({ timestamp: [...Buffer.from(zigzag64, 'hex')] })
    const delta = steppedOn(long).timestampDelta
    if (Number.isSafeInteger(number)) {
      assert.equal(delta, number)
      assert.deepEqual(encoded({}, number, 0), long)
    } else {
      assert.equal(Number.isSafeInteger(delta), false, value)
    }
    if (zigzag32 === undefined) continue
    const short = byHand({ offset: [...Buffer.from(zigzag32, 'hex')] })
    assert.equal(steppedOn(short).offsetDelta, number)
    assert.deepEqual(encoded({}, 0, number), short)
  }
})

test('odd varints are read or refused as Kafka does', () => {
  interface Outcome {
    readonly value?: string
    readonly error?: string
  }
  const vectors = golden<{ kind: string; hex: string; zigzag64: Outcome; zigzag32: Outcome }>('primitives.jsonl')
  const odd = vectors.filter(({ kind }) => kind === 'varint-bytes')
  assert.equal(odd.length, 15)
  for (const { hex, zigzag64, zigzag32 } of odd) {
    const varint = [...Buffer.from(hex, 'hex')]
    for (const [outcome, bytes, read] of [
      [zigzag64, byHand({ timestamp: varint, ...ending(zigzag64) }), (cursor: RecordCursor) => cursor.timestampDelta],
      [zigzag32, byHand({ offset: varint, ...ending(zigzag32) }), (cursor: RecordCursor) => cursor.offsetDelta],
    ] as const) {
      if (outcome.error !== undefined) {
        const cursor = new RecordCursor()
        cursor.reset(bytes, 0, bytes.length)
        assert.equal(cursor.next(), false, hex)
      } else {
        const value = Number(outcome.value)
        const found = read(steppedOn(bytes))
        if (Number.isSafeInteger(value)) assert.equal(found, value, hex)
        else assert.equal(Number.isSafeInteger(found), false, hex)
      }
    }
  }
})

/** A varint that runs out of bytes is the last thing in its record; the record is long enough to be looked into. */
function ending(outcome: { readonly error?: string }): { offset?: number[]; rest?: number[] } {
  return outcome.error === 'BufferUnderflowException' ? { rest: [0x80, 0x80, 0x80, 0x80] } : {}
}

test('a record that does not fit its length, or its parts, ends the walk', () => {
  const wrong: Record<string, Buffer> = {
    'length beyond the end': byHand({ length: [100] }),
    'length too small by one': byHand({ length: [10], rest: [1, 1, 0] }),
    'negative length': byHand({ length: [11] }),
    'empty body': Buffer.from([0]),
    'key too long': byHand({ rest: [8, 1, 0] }),
    'value too long': byHand({ rest: [1, 8, 0] }),
    'header count negative': byHand({ rest: [1, 1, 1] }),
    'more headers than bytes': byHand({ rest: [1, 1, 4] }),
    'two billion headers': byHand({ rest: [1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 1] }),
    'header key null': byHand({ rest: [1, 1, 2, 1, 1] }),
    'header key too long': byHand({ rest: [1, 1, 2, 20, 1] }),
    'header value too long': byHand({ rest: [1, 1, 2, 0, 20] }),
    'bytes behind the last header': byHand({ rest: [1, 1, 2, 0, 1, 0] }),
    'varint that does not end': Buffer.from([0x80]),
    nothing: Buffer.alloc(0),
  }
  const cursor = new RecordCursor()
  for (const [what, bytes] of Object.entries(wrong)) {
    cursor.reset(bytes, 0, bytes.length)
    assert.equal(cursor.next(), false, what)
  }
})

test('surplus bits of the last byte are dropped', () => {
  const long = (last: number): number[] => [0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, last]
  assert.equal(steppedOn(byHand({ offset: [0x82, 0x80, 0x80, 0x80, 0x70] })).offsetDelta, 1)
  assert.equal(steppedOn(byHand({ timestamp: long(0x00) })).timestampDelta, 1)
  assert.equal(steppedOn(byHand({ timestamp: long(0x7e) })).timestampDelta, 1)
})

test('any negative key or value length is null', () => {
  const cursor = steppedOn(byHand({ rest: [3, 5, 0] }))
  assert.equal(cursor.keyLength, -1)
  assert.equal(cursor.valueLength, -1)
})

test('any bytes: it stops, stays inside its range, and bytes outside do not matter', () => {
  const walk = (bytes: Uint8Array, start: number, end: number): number[] => {
    const cursor = new RecordCursor()
    cursor.reset(bytes, start, end)
    const seen: number[] = []
    while (cursor.next()) {
      assert.ok(cursor.end > cursor.start && cursor.end <= end)
      seen.push(cursor.start - start, cursor.timestampDelta, cursor.offsetDelta, cursor.keyLength, cursor.valueLength)
    }
    return seen
  }
  fc.assert(
    fc.property(anyBytes, fc.uint8Array({ maxLength: 20 }), (bytes, other) => {
      const around = Buffer.concat([other, bytes, other])
      assert.deepEqual(walk(around, other.length, other.length + bytes.length), walk(bytes, 0, bytes.length))
    }),
    { seed: 3, numRuns: 3000 },
  )
})
