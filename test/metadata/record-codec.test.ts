import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { DecodeError } from '../../src/base/bytes/reader.js'
import { decodeRecord, encodeRecord, UnknownRecordError } from '../../src/metadata/record-codec.js'
import { schema } from '../../src/metadata/schema.js'
import { metadataRecord } from './arbitrary.js'

test('the schema is what proto/metadata.proto says', () => {
  const source = readFileSync(new URL('../../../proto/metadata.proto', import.meta.url), 'utf8')
  assert.deepEqual(schema, JSON.parse(JSON.stringify(protobuf.parse(source).root.toJSON())))
})

test('every record comes back as it went in', () => {
  fc.assert(
    fc.property(metadataRecord, (record) => {
      assert.deepEqual(decodeRecord(encodeRecord(record)), record)
    }),
    { numRuns: 2000 },
  )
})

test('an unknown type, a newer version and another frame are refused with a sentence', () => {
  const bytes = encodeRecord({ type: 'featureLevel', name: 'lograft.version', level: 1 })
  assert.deepEqual([...bytes.subarray(0, 3)], [1, 12, 0])
  for (const [at, value] of [
    [0, 2],
    [1, 99],
    [2, 1],
  ] as const) {
    const other = Buffer.from(bytes)
    other[at] = value
    assert.throws(() => decodeRecord(other), UnknownRecordError)
  }
})

test('damaged bytes are a DecodeError, never anything else', () => {
  fc.assert(
    fc.property(metadataRecord, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(), (record, at, flip, cut) => {
      const bytes = encodeRecord(record)
      const damaged = Buffer.from(bytes.subarray(0, bytes.length - (cut % bytes.length)))
      if (damaged.length > 0) damaged[at % damaged.length]! ^= flip
      try {
        decodeRecord(damaged)
      } catch (error) {
        assert.ok(error instanceof DecodeError || error instanceof UnknownRecordError, String(error))
      }
    }),
    { numRuns: 2000 },
  )
})
