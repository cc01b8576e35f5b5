import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError, Reader } from '../../src/base/bytes/reader.js'
import { Writer } from '../../src/base/bytes/writer.js'
import type { Fields } from '../../src/protocol/field.js'
import {
  decodeClientId,
  decodeRequestPrefix,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  requestHeaderVersion,
  responseHeaderVersion,
} from '../../src/protocol/frame.js'
import { fromJson, type JsonObject as Json, toJson } from '../../src/protocol/json.js'
import { HEADERS, MESSAGES, RECORDS } from '../../src/protocol/messages/index.js'
import type { Message, Schema } from '../../src/protocol/schema.js'
import { golden } from '../golden.js'

interface Vector {
  readonly api: string
  readonly kind: string
  readonly version: number
  readonly case: string
  readonly json: Json
  readonly hex: string
}

const BODIES = ['data', 'topics-configs', 'transactions', 'cluster', 'groups', 'security', 'share', 'streams']
const messages = new Map(MESSAGES.map((message) => [message.name, message]))
const standalone = new Map([...HEADERS, ...RECORDS].map((schema) => [schema.name, schema]))

/** The schema that a vector is for, if it is declared here. */
function schemaOf({ api, kind }: { api: string; kind: string }): Schema<Fields> | undefined {
  const message: Message | undefined = messages.get(api)
  if (kind.includes('request')) return message?.request
  if (kind.includes('response')) return message?.response
  return standalone.get(api)
}

function checkBoth(schema: Schema<Fields>, vector: Vector): void {
  const where = `${schema.name} v${vector.version} ${vector.case}`
  const bytes = Buffer.from(vector.hex, 'hex')
  const reader = new Reader(bytes)
  const value = schema.decode(vector.version, reader) as Json
  assert.equal(reader.remaining, 0, where)
  assert.deepEqual(toJson(schema.fields, value, vector.version), vector.json, where)
  for (const [what, input] of [
    ['from JSON', fromJson(schema.fields, vector.json, vector.version)],
    ['what was decoded', value],
  ] as const) {
    const writer = new Writer()
    schema.encode(vector.version, writer, input as never)
    assert.equal(writer.toBuffer().toString('hex'), vector.hex, `${where}, encoded ${what}`)
  }
}

/** Runs over all vectors; their number is known, so that none is passed over unnoticed. */
function checkAll<T extends { api: string; kind: string; version: number }>(
  files: readonly string[],
  expected: number,
  check: (schema: Schema<Fields>, vector: T) => void,
): void {
  let count = 0
  for (const file of files) {
    for (const vector of golden<T>(file)) {
      const schema = schemaOf(vector)
      assert.ok(schema, `${vector.kind} ${vector.api}`)
      count++
      check(schema, vector)
    }
  }
  assert.equal(count, expected, `${files}`)
}

test('bodies of every stable version, both directions', () => {
  checkAll<Vector>(
    BODIES.map((name) => `${name}.jsonl.gz`),
    4941,
    checkBoth,
  )
})

test('bodies of the versions that Kafka 4 has dropped', () =>
  checkAll<Vector>(['old-versions.jsonl.gz'], 448, checkBoth))
test('headers', () => checkAll<Vector>(['headers.jsonl.gz'], 22, checkBoth))
test("records of Kafka's own topics and files", () => checkAll<Vector>(['records.jsonl.gz'], 609, checkBoth))
test("records of Kafka's metadata log", () => checkAll<Vector>(['metadata-records.jsonl.gz'], 280, checkBoth))

test('an int64 that no number holds is refused', () => {
  checkAll<Vector>(['int64-extreme.jsonl.gz', 'old-int64-extreme.jsonl.gz'], 685, (schema, { version, hex }) => {
    assert.throws(() => schema.decode(version, new Reader(Buffer.from(hex, 'hex'))), DecodeError)
  })
})

test('tagged fields that no release knows yet are skipped', () => {
  checkAll<Vector & { decodesTo: Json }>(['unknown-tags.jsonl.gz'], 591, (schema, { version, hex, decodesTo }) => {
    const reader = new Reader(Buffer.from(hex, 'hex'))
    const value = schema.decode(version, reader) as Json
    assert.equal(reader.remaining, 0)
    assert.deepEqual(toJson(schema.fields, value, version), decodesTo)
  })
})

interface Mutated extends Vector {
  readonly accepted: boolean
  readonly decodesTo?: Json
  readonly unread?: number
  readonly int64OutOfRange?: boolean
}

test('damaged bodies are taken as Kafka takes them, or refused where that is stricter on purpose', () => {
  const stricter: string[] = []
  checkAll<Mutated>(['mutated.jsonl.gz'], 2175, (schema, vector) => {
    const { version, hex, accepted, decodesTo, unread, int64OutOfRange } = vector
    const where = `${schema.name} v${version} ${vector.case}`
    const reader = new Reader(Buffer.from(hex, 'hex'))
    let value: Json
    try {
      value = schema.decode(version, reader) as Json
    } catch (error) {
      assert.ok(error instanceof DecodeError, `${where}: ${error}`)
      if (accepted && !int64OutOfRange) stricter.push(`${where}: ${error.message}`)
      return
    }
    assert.ok(accepted, `${where} was accepted`)
    assert.deepEqual(toJson(schema.fields, value, version), decodesTo, where)
    assert.equal(reader.remaining, unread ?? 0, where)
  })
  for (const line of stricter) assert.match(line, /tagged field|-\d+ (bytes|elements)|a length of -/, line)
  process.stdout.write(`# stricter than Kafka: ${stricter.length}\n`)
})

interface FrameVector extends Vector {
  readonly headerVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

test('whole frames, both directions', () => {
  checkAll<FrameVector>(['frames.jsonl.gz', 'old-frames.jsonl.gz'], 1066, (schema, vector) => {
    const { version, hex, correlationId } = vector
    const message = messages.get(vector.api)!
    const bytes = Buffer.from(hex, 'hex')
    const reader = new Reader(bytes)
    assert.equal(reader.int32(), bytes.length - 4)
    const writer = new Writer()
    if (vector.kind === 'request-frame') {
      assert.equal(requestHeaderVersion(message, version), vector.headerVersion)
      assert.deepEqual(decodeRequestPrefix(reader), { apiKey: message.key, apiVersion: version, correlationId })
      const clientId = decodeClientId(message, version, reader)
      assert.equal(clientId, vector.clientId)
      const body = schema.decode(version, reader)
      encodeRequest(writer, message, { version, correlationId, clientId, body: body as never })
    } else {
      assert.equal(responseHeaderVersion(message, version), vector.headerVersion)
      const decoded = decodeResponse(message, version, reader)
      assert.equal(decoded.correlationId, correlationId)
      encodeResponse(writer, message, { version, correlationId, body: decoded.body as never })
    }
    assert.equal(reader.remaining, 0)
    assert.equal(writer.toBuffer().toString('hex'), hex, `${vector.kind} ${vector.api} v${version} ${vector.case}`)
  })
})
