/** JSON of declared structures: what every value of every version becomes and comes back from, and what is refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Reader } from '../../src/base/bytes/reader.js'
import { Writer } from '../../src/base/bytes/writer.js'
import {
  array,
  bool,
  bytes,
  type Fields,
  float64,
  int8,
  int64,
  string,
  struct,
  uint32,
  uuid,
} from '../../src/protocol/field.js'
import { fromJson, JsonError, toJson } from '../../src/protocol/json.js'
import { HEADERS, MESSAGES, RECORDS } from '../../src/protocol/messages/index.js'
import type { Schema } from '../../src/protocol/schema.js'
import { arbitraryOf } from './arbitrary.js'

const fields = {
  flag: bool,
  small: int8,
  large: int64,
  crc: uint32,
  ratio: float64,
  name: string.nullable(1),
  id: uuid,
  blob: bytes,
  parts: array(struct({ name: string, lag: int64.nullable().default(null).since(2) })).nullable(),
  later: array(string)
    .default(null as never)
    .nullable(1)
    .since(1),
}

test('a value that was written as text, parsed and read again is encoded to the same bytes, in every version', () => {
  const schemas: Schema<Fields>[] = [
    ...MESSAGES.flatMap((each) => [each.request, each.response]),
    ...HEADERS,
    ...RECORDS,
  ]
  const encode = (schema: Schema<Fields>, version: number, value: object): Buffer => {
    const writer = new Writer()
    schema.encode(version, writer, value as never)
    return Buffer.from(writer.toBuffer())
  }
  for (const schema of schemas) {
    for (let version = schema.versions[0]; version <= schema.versions[1]; version++) {
      fc.assert(
        fc.property(arbitraryOf(schema, version), (value) => {
          const source = encode(schema, version, value)
          const text = JSON.stringify(toJson(schema.fields, schema.decode(version, new Reader(source)), version))
          const again = encode(schema, version, fromJson(schema.fields, JSON.parse(text), version))
          assert.equal(again.toString('hex'), source.toString('hex'), `${schema.name} v${version}`)
        }),
        { numRuns: 5 },
      )
    }
  }
})

test('what is not written as a number is text', () => {
  const json = (ratio: number): unknown => toJson({ ratio: float64 }, { ratio }, 0)['ratio']
  assert.deepEqual([NaN, Infinity, -Infinity, -0, 0.5].map(json), ['NaN', 'Infinity', '-Infinity', '-0', 0.5])
  const back = (ratio: unknown): unknown => fromJson({ ratio: float64 }, { ratio }, 0)['ratio']
  assert.deepEqual(['NaN', 'Infinity', '-Infinity', '-0', 0.5].map(back), [NaN, Infinity, -Infinity, -0, 0.5])
  assert.equal(fromJson(fields, { large: '-9007199254740991' }, 0)['large'], -9007199254740991)
  assert.equal(Object.is(fromJson(fields, { large: '-0' }, 0)['large'], 0), true)
})

test('a tagged field is left out only where it is at its default, to the last byte', () => {
  const tagged = {
    list: array(struct({ a: bytes, b: int8 })).tag(0),
    inner: struct({ a: int8.default(-1), list: array(int8) }).tag(1),
    blob: bytes.nullable().default(null).tag(2),
  }
  const value = { list: [], inner: { a: -1, list: [] }, blob: null }
  assert.deepEqual(toJson(tagged, value, 0), {})
  assert.deepEqual(toJson(tagged, { ...value, list: [{ a: Buffer.of(1), b: 2 }] }, 0), { list: [{ a: 'AQ==', b: 2 }] })
  assert.deepEqual(toJson(tagged, { ...value, inner: { a: -1, list: [1] } }, 0), { inner: { a: -1, list: [1] } })
  assert.deepEqual(toJson(tagged, { ...value, blob: Buffer.alloc(0) }, 0), { blob: '' })
})

test('what the type of a field does not have is refused, and the error says where', () => {
  const refused = (json: unknown, pattern: RegExp, version = 0): void =>
    assert.throws(
      () => fromJson(fields, json, version),
      (error) => error instanceof JsonError && pattern.test(error.message),
      JSON.stringify(json),
    )
  refused(null, /^json is null, and not an object/)
  refused([], /^json is \[\], and not an object/)
  refused({ nothing: 1 }, /^nothing is not a field/)
  refused(JSON.parse('{"__proto__": 1}'), /^__proto__ is not a field/)
  refused({ toString: 1 }, /^toString is not a field/)
  refused({ flag: 1 }, /^flag is 1, and not true or false/)
  refused({ small: 128 }, /^small is 128, and not a whole number from -128 to 127/)
  refused({ small: 1.5 }, /^small is 1.5/)
  refused({ small: '1' }, /^small is "1"/)
  refused({ crc: -1 }, /^crc is -1/)
  refused({ crc: 2 ** 32 }, /^crc is 4294967296/)
  refused(JSON.parse('{"large": 9007199254740993}'), /^large is 9007199254740992, and not a whole number/)
  refused({ large: '9007199254740993' }, /^large is "9007199254740993"/)
  refused({ large: '' }, /^large is ""/)
  refused({ large: '1e3' }, /^large is "1e3"/)
  refused({ ratio: '1' }, /^ratio is "1", and not a number/)
  refused({ name: null }, /^name is null, where null is not allowed/)
  refused({ name: 3 }, /^name is 3, and not a text/)
  refused({ name: '\ud800' }, /^name is "\\ud800", and not a text/)
  refused({ id: 'AAAAAAAAAAAAAAAAAAAAAB' }, /^id is .*, and not a uuid/)
  refused({ blob: 'AQ' }, /^blob is "AQ", and not bytes in base64/)
  refused({ blob: `${'AAAA'.repeat(20)}!` }, /^blob is "A{39}\.\.\., and not bytes/)
  refused({ parts: [{ name: 'a' }, { name: 1 }] }, /^parts\[1\]\.name is 1/)
  refused({ parts: [null] }, /^parts\[0\] is null, and not an object/)
  refused({ parts: [{ nothing: 1 }] }, /^parts\[0\]\.nothing is not a field/)
  assert.deepEqual(fromJson(fields, { name: null, parts: null }, 1), { name: null, parts: null })
  // Whether the version has the field is for the encoder to say, which knows what it may drop.
  assert.deepEqual(fromJson(fields, { later: null, parts: [{ lag: null }] }, 0), {
    later: null,
    parts: [{ lag: null }],
  })
})
