/**
 * What `lograft wire` answers to a line: bodies of requests and responses, headers, records of Kafka's own topics and files, and record batches, from
 * hexadecimal digits to JSON and back. Never throws for what a line may hold.
 */
import { DecodeError, Reader } from '../base/bytes/reader.js'
import { EncodeError, Writer } from '../base/bytes/writer.js'
import type { Fields } from '../protocol/field.js'
import { fromJson, JsonError, type JsonObject, toJson } from '../protocol/json.js'
import { HEADERS, MESSAGES, RECORDS } from '../protocol/messages/index.js'
import type { Schema } from '../protocol/schema.js'
import { CompressionError } from '../records/compression/codec.js'
import { RecordFormatError } from '../records/reader.js'
import { decodeBatches, encodeBatches } from './wire-batch.js'

export type Direction = 'decode' | 'encode'

/** `unread`: bytes behind the body. `error`: Kafka's name for it, or a sentence. */
export type Answer =
  | { readonly json: JsonObject; readonly unread?: number }
  | { readonly hex: string }
  | { readonly error: string }

const KINDS = ['request', 'response', 'header', 'record', 'batch'] as const

type Kind = (typeof KINDS)[number]

/** By kind and name. */
const schemas = new Map<string, Schema<Fields>>([
  ...MESSAGES.map(({ name, request }) => [`request ${name}`, request] as const),
  ...MESSAGES.map(({ name, response }) => [`response ${name}`, response] as const),
  ...HEADERS.map((schema) => [`header ${schema.name}`, schema] as const),
  ...RECORDS.map((schema) => [`record ${schema.name}`, schema] as const),
])

/** The line is not what it must be. */
class LineError extends Error {
  override readonly name = 'LineError'
}

/** The API, the record or the version is not one of those that are declared. */
class UnknownError extends Error {
  override readonly name = 'UnknownError'
}

export function answerLine(direction: Direction, text: string): Answer {
  try {
    const line = parse(text)
    return direction === 'decode' ? decode(line) : encode(line)
  } catch (error) {
    if (error instanceof UnknownError) return { error: 'UNSUPPORTED_VERSION' }
    if (EXPECTED.some((type) => error instanceof type)) return { error: (error as Error).message }
    throw error
  }
}

const EXPECTED = [LineError, JsonError, DecodeError, EncodeError, RecordFormatError, CompressionError]

function parse(text: string): JsonObject {
  let line: unknown
  try {
    line = JSON.parse(text)
  } catch (error) {
    throw new LineError(`the line is not JSON: ${(error as Error).message}`)
  }
  if (typeof line !== 'object' || line === null || Array.isArray(line)) throw new LineError('the line is not an object')
  return line as JsonObject
}

function decode(line: JsonObject): Answer {
  const kind = kindOf(line)
  const bytes = bytesOf(line)
  if (kind === 'batch') return decoded(decodeBatches(bytes))
  const [schema, version] = schemaOf(kind, line)
  const reader = new Reader(bytes)
  const value = schema.decode(version, reader)
  return decoded({ json: toJson(schema.fields, value, version), unread: reader.remaining })
}

function decoded({ json, unread }: { json: JsonObject; unread: number }): Answer {
  return unread === 0 ? { json } : { json, unread }
}

function encode(line: JsonObject): Answer {
  const kind = kindOf(line)
  if (!('json' in line)) throw new LineError('json is missing')
  if (kind === 'batch') return { hex: encodeBatches(line['json']).toString('hex') }
  const [schema, version] = schemaOf(kind, line)
  const writer = new Writer()
  schema.encode(version, writer, fromJson(schema.fields, line['json'], version))
  return { hex: writer.toBuffer().toString('hex') }
}

function kindOf({ kind }: JsonObject): Kind {
  const found = KINDS.find((each) => each === kind)
  if (found === undefined) throw new LineError(`kind must be one of ${KINDS.join(', ')}`)
  return found
}

function bytesOf({ hex }: JsonObject): Buffer {
  if (typeof hex !== 'string' || !/^(?:[0-9a-f]{2})*$/i.test(hex)) {
    throw new LineError('hex must be a text of hexadecimal digits, two for each byte')
  }
  return Buffer.from(hex, 'hex')
}

function schemaOf(kind: Kind, { api, version }: JsonObject): [Schema<Fields>, number] {
  if (typeof api !== 'string') throw new LineError('api must be the name of a message or a record')
  if (!Number.isInteger(version)) throw new LineError('version must be a whole number')
  const schema = schemas.get(`${kind} ${api}`)
  if (schema === undefined || !schema.knows(version as number)) throw new UnknownError()
  return [schema, version as number]
}
