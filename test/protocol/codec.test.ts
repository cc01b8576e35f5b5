import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DecodeError, Reader } from '../../src/base/bytes/reader.js'
import { EncodeError, Writer } from '../../src/base/bytes/writer.js'
import { ErrorCode, errorByCode, KAFKA_ERRORS } from '../../src/protocol/errors.js'
import { array, type Fields, int16, int32, int64, string, struct, uuid } from '../../src/protocol/field.js'
import { ApiVersions } from '../../src/protocol/messages/api-versions.js'
import { Fetch } from '../../src/protocol/messages/fetch.js'
import { HEADERS, MESSAGES, RECORDS } from '../../src/protocol/messages/index.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { Produce } from '../../src/protocol/messages/produce.js'
import { type Infer, type InferInput, message, Schema } from '../../src/protocol/schema.js'
import { arbitraryOf } from './arbitrary.js'

const schemas: Schema<Fields>[] = [
  ...MESSAGES.flatMap(({ request, response }) => [request, response]),
  ...HEADERS,
  ...RECORDS,
]

/** Every version of every message and direction, of headers and records. */
function everyVersion(check: (schema: Schema<Fields>, version: number) => void): void {
  let versions = 0
  for (const schema of schemas) {
    for (let version = schema.versions[0]; version <= schema.versions[1]; version++) {
      versions++
      check(schema, version)
    }
  }
  assert.equal(versions, 803)
}

function encode(schema: Schema<Fields>, version: number, value: object): Buffer {
  const writer = new Writer()
  schema.encode(version, writer, value as never)
  return Buffer.from(writer.toBuffer())
}

test('what was encoded is decoded again, in every version and direction', () => {
  everyVersion((schema, version) => {
    fc.assert(
      fc.property(arbitraryOf(schema, version), (value) => {
        const bytes = encode(schema, version, value)
        const reader = new Reader(bytes)
        assert.deepEqual(schema.decode(version, reader), value)
        assert.equal(reader.remaining, 0)
        assert.deepEqual(encode(schema, version, value), bytes)
      }),
      { numRuns: 12 },
    )
  })
})

test('a body that was cut off is refused; one with flipped bytes is decoded or refused, and nothing else', () => {
  everyVersion((schema, version) => {
    fc.assert(
      fc.property(
        arbitraryOf(schema, version),
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (value, cut, at, flip) => {
          const bytes = encode(schema, version, value)
          if (bytes.length === 0) return
          const short = bytes.subarray(0, cut % bytes.length)
          assert.throws(() => schema.decode(version, new Reader(short)), DecodeError)
          // What follows belongs to the next frame of the same memory.
          const inside = Buffer.concat([short, Buffer.alloc(100, 1)])
          assert.throws(() => schema.decode(version, new Reader(inside, 0, short.length)), DecodeError)
          bytes[at % bytes.length]! ^= flip
          try {
            schema.decode(version, new Reader(bytes))
          } catch (error) {
            assert.ok(error instanceof DecodeError, String(error))
          }
        },
      ),
      { numRuns: 8 },
    )
  })
})

test('an error names the field', () => {
  const bytes = encode(Metadata.request as Schema<Fields>, 9, { topics: [{ name: 'a' }, { name: 'b' }] })
  assert.throws(
    () => Metadata.request.decode(9, new Reader(bytes.subarray(0, 5))),
    (error) =>
      error instanceof DecodeError && /^Metadata\.request v9 topics\[1\]\.name: 1 bytes are wanted/.test(error.message),
  )
  assert.throws(() => Metadata.request.decode(99, new Reader(bytes)), /versions 0 to 13, not 99/)
})

test('counts and lengths that promise more than there is are refused before anything is allocated', () => {
  const refused = (bytes: number[], version: number, pattern: RegExp): void => {
    assert.throws(() => Metadata.request.decode(version, new Reader(Buffer.from(bytes))), pattern)
  }
  refused([0x7f, 0xff, 0xff, 0xff], 1, /1000000 are allowed/)
  refused([0x00, 0x0f, 0x42, 0x40], 1, /1000000 elements, 0 bytes are left/)
  refused([0xff, 0xff, 0xff, 0xfe], 1, /-2 elements/)
  refused([0x00, 0x00, 0x00, 0x01, 0xff, 0xff], 1, /null/)
  refused([0x00, 0x00, 0x00, 0x01, 0xff, 0xfe], 1, /-2/)
  refused([0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 9, /longer than 5 bytes/)
  // Three known booleans, then more tagged fields than there may be.
  refused([0x00, 0x01, 0x00, 0x00, 0x91, 0x4e], 9, /10001 tagged fields/)
})

test('a string longer than could be written is refused, as by Kafka, in every version', () => {
  const clientSoftware = (length: number): Buffer => {
    const writer = new Writer()
    writer.uvarint(length + 1)
    writer.raw(Buffer.alloc(length, 0x61))
    writer.raw(Buffer.from([1, 0]))
    return writer.toBuffer()
  }
  const { clientSoftwareName } = ApiVersions.request.decode(3, new Reader(clientSoftware(32_767)))
  assert.equal(clientSoftwareName.length, 32_767)
  assert.throws(
    () => ApiVersions.request.decode(3, new Reader(clientSoftware(32_768))),
    (error) => error instanceof DecodeError && /clientSoftwareName: a string of 32768 bytes/.test(error.message),
  )
})

test('a field that the version lacks must be at its default, unless it may be ignored', () => {
  assert.throws(
    () => encode(Produce.request as Schema<Fields>, 2, { transactionalId: 'x', acks: 1, timeoutMs: 1, topicData: [] }),
    EncodeError,
  )
  encode(Produce.request as Schema<Fields>, 2, { transactionalId: null, acks: 1, timeoutMs: 1, topicData: [] })
  assert.throws(() => encode(Metadata.request as Schema<Fields>, 0, { topics: null }), /null/)
  assert.throws(() => encode(Metadata.request as Schema<Fields>, 1, {}), /topics is missing/)
  assert.throws(
    () => encode(Metadata.request as Schema<Fields>, 1, { topics: [{ name: 'x'.repeat(40_000) }] }),
    /32767 fit/,
  )
})

test('large records are passed on without a copy', () => {
  const records = Buffer.alloc(100_000, 7)
  const writer = new Writer()
  Fetch.response.encode(12, writer, {
    responses: [
      {
        topic: 't',
        partitions: [{ partitionIndex: 0, errorCode: 0, highWatermark: 5, records, abortedTransactions: null }],
      },
    ],
  })
  const chunk = writer.chunks().find(({ length }) => length === 100_000)
  assert.equal(chunk?.buffer, records.buffer)
  const decoded = Fetch.response.decode(12, new Reader(writer.toBuffer()))
  assert.deepEqual(decoded.responses[0]!.partitions[0]!.records, records)
})

test('the default that no number holds is undefined', () => {
  const request = {
    maxWaitMs: 1,
    minBytes: 1,
    topics: [{ partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }] }],
  }
  const bytes = encode(Fetch.request as Schema<Fields>, 18, request)
  const decoded = Fetch.request.decode(18, new Reader(bytes))
  assert.equal(decoded.topics[0]!.partitions[0]!.highWatermark, undefined)
})

test('the table of errors is Kafka’s', () => {
  assert.equal(KAFKA_ERRORS.length, 138)
  assert.equal(ErrorCode.NOT_LEADER_OR_FOLLOWER, 6)
  assert.deepEqual(errorByCode(6).retriable, true)
  assert.equal(errorByCode(12345).name, 'UNKNOWN_SERVER_ERROR')
  assert.equal(new Set(KAFKA_ERRORS.map(({ sentence }) => sentence)).size, 138)
})

test('the notation is typed', () => {
  const Sample = message({
    name: 'Sample',
    key: 0,
    versions: [0, 3],
    flexible: 2,
    request: { groupId: string, instance: string.nullable().since(1), limit: int64.default(undefined).tag(0).since(2) },
    response: { errorCode: int16, topics: array(struct({ id: uuid, count: int32.since(1) })) },
  })
  const request: Infer<typeof Sample.request> = { groupId: 'g', instance: null, limit: undefined }
  const response: InferInput<typeof Sample.response> = { errorCode: 0, topics: [{ id: 'x' }] }
  assert.ok(request && response)
  // @ts-expect-error: a required field is missing
  const missing: InferInput<typeof Sample.request> = { instance: 'i' }
  // @ts-expect-error: the type is wrong
  const wrong: InferInput<typeof Sample.request> = { groupId: 1 }
  // @ts-expect-error: there is no such field
  const unknown: InferInput<typeof Sample.response> = { errorCode: 0, topics: [], other: 1 }
  // @ts-expect-error: null is not allowed
  const nothing: InferInput<typeof Sample.request> = { groupId: null }
  assert.ok(missing && wrong && unknown && nothing)
  assert.ok(new Schema({ name: 'S', versions: [0, 0], flexible: 'never', fields: { a: int32 } }).knows(0))
})
