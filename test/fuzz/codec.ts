/**
 * Target `codec`: requests, responses, headers and quorum records, mutated. Decoding gives a value or a `DecodeError`, with no more work and memory
 * than the input is worth; a value is encoded again and decoded to the same.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { DecodeError, Reader } from '../../src/base/bytes/reader.js'
import { Writer } from '../../src/base/bytes/writer.js'
import type { Prng } from '../../src/base/prng.js'
import type { Fields } from '../../src/protocol/field.js'
import { RequestHeader, ResponseHeader } from '../../src/protocol/frame.js'
import * as quorumRecords from '../../src/protocol/quorum-records.js'
import type { Schema } from '../../src/protocol/schema.js'
import { golden } from '../golden.js'
import { arbitraryOf } from '../protocol/arbitrary.js'
import { MESSAGES } from '../protocol/messages.js'
import { withinMemory } from './meter.js'
import { mutate, mutateSpan, mutationCount, replaced, type Span, varint } from './mutate.js'
import { ACCEPTED, type Outcome, REJECTED, type Target } from './target.js'

interface Subject {
  readonly schema: Schema<Fields>
  readonly version: number
  readonly values: fc.Arbitrary<Record<string, unknown>>
  /** Encoded by Kafka itself. */
  readonly golden: Buffer[]
}

export interface CodecInput {
  readonly subject: Subject
  readonly bytes: Buffer
  /** Nothing was done to it: it must be decoded, to the last byte. */
  readonly untouched: boolean
}

const FILES = ['data', 'topics-configs', 'transactions', 'cluster']
/** An array in each other, as deep as messages go, is sized once for the value and once more to say where the error is. */
const ARRAY_BYTES_PER_BYTE = 2 * 8 * 6
/** In front of and behind the input: what belongs to somebody else. */
const GUARD = Buffer.alloc(48, 0xee)

export const codec: Target<CodecInput> = { name: 'codec', floor: 0.25, draw, bytesOf: ({ bytes }) => bytes, run }

let drawn: readonly Subject[] | undefined

function subjects(): readonly Subject[] {
  if (drawn !== undefined) return drawn
  const all: Subject[] = []
  const schemas = [...MESSAGES.flatMap(({ request, response }) => [request, response]), RequestHeader, ResponseHeader]
  for (const schema of [...schemas, ...Object.values(quorumRecords)] as Schema<Fields>[]) {
    for (let version = schema.versions[0]; version <= schema.versions[1]; version++) {
      all.push({ schema, version, values: arbitraryOf(schema, version), golden: [] })
    }
  }
  for (const file of FILES) {
    for (const { api, kind, version, hex } of golden<{ api: string; kind: string; version: number; hex: string }>(
      `${file}.jsonl.gz`,
    )) {
      const found = all.find(({ schema, version: own }) => schema.name === `${api}.${kind}` && own === version)
      found?.golden.push(Buffer.from(hex, 'hex'))
    }
  }
  drawn = all
  return all
}

function draw(random: Prng): CodecInput {
  const subject = random.pick(subjects())
  const valid = validBytes(random, subject)
  if (random.chance(0.03)) return { subject, bytes: Buffer.from(random.bytes(random.below(200))), untouched: false }
  const count = mutationCount(random)
  if (count === 0) return { subject, bytes: valid, untouched: true }
  return { subject, bytes: mutated(random, subject, valid, count), untouched: false }
}

function validBytes(random: Prng, { schema, version, values, golden: vectors }: Subject): Buffer {
  if (vectors.length > 0 && random.chance(0.4)) return random.pick(vectors)
  const [value] = fc.sample(values, { seed: random.uint32() | 0, numRuns: 1 })
  return encode(schema, version, value!)
}

function mutated(random: Prng, subject: Subject, valid: Buffer, count: number): Buffer {
  let bytes = valid
  for (let left = count; left > 0; left--) {
    // Where the numbers stand is only known as long as the whole can be read.
    const spans = random.chance(0.6) ? spansOf(subject, bytes) : []
    if (spans.length === 0) bytes = mutate(random, bytes, 1, validBytes(random, subject))
    else if (random.chance(0.3)) bytes = withTaggedFields(random, bytes, spans)
    else if (random.chance(0.01)) bytes = withLongValue(random, bytes, random.pick(spans))
    else bytes = mutateSpan(random, bytes, random.pick(spans))
  }
  return bytes
}

function spansOf({ schema, version }: Subject, bytes: Buffer): Span[] {
  const reader = new RecordingReader(bytes)
  try {
    schema.decode(version, reader)
  } catch {
    return []
  }
  return reader.spans
}

/** More tagged fields than there were: one that is there twice, or unknown ones where none was. */
function withTaggedFields(random: Prng, bytes: Buffer, spans: readonly Span[]): Buffer {
  const at = random.below(spans.length)
  const [count, tag, size] = spans.slice(at, at + 3)
  if (count === undefined || count.kind !== 'varint') return bytes
  if (count.value === 0) {
    const field = (): Buffer => {
      const content = random.bytes(random.below(6))
      return Buffer.concat([varint(random.pick([0, 1, 2, 3, 9999])), varint(content.length), content])
    }
    const fields = Array.from({ length: random.between(1, 4) }, field)
    return replaced(bytes, count.start, count.end, Buffer.concat([varint(fields.length), ...fields]))
  }
  if (tag === undefined || size === undefined || size.end + size.value > bytes.length) return bytes
  const field = bytes.subarray(tag.start, size.end + size.value)
  return replaced(bytes, count.start, tag.start, Buffer.concat([varint(count.value + 1), field]))
}

/** As much as a length announces, and that is about as much as a string may have. */
function withLongValue(random: Prng, bytes: Buffer, { start, end, kind, value }: Span): Buffer {
  if (kind !== 'varint' || value < 1 || end + value - 1 > bytes.length) return bytes
  const long = Buffer.alloc(random.pick([32_766, 32_767, 32_768, 65_535, 65_536]), random.pick([0x61, 0xff]))
  return replaced(bytes, start, end + value - 1, Buffer.concat([varint(long.length + 1), long]))
}

function run({ subject, bytes, untouched }: CodecInput): Outcome {
  const { schema, version } = subject
  const memory = Buffer.concat([GUARD, bytes, GUARD])
  const end = GUARD.length + bytes.length
  const reader = new CountingReader(memory, GUARD.length, end)
  let value: object
  try {
    value = withinMemory('decoding', ARRAY_BYTES_PER_BYTE * bytes.length, () => schema.decode(version, reader))
  } catch (error) {
    checkWork(reader, bytes)
    if (!(error instanceof DecodeError)) throw error
    assert.ok(!untouched, `what is valid was refused: ${error.message}`)
    return REJECTED
  }
  checkWork(reader, bytes)
  const nodes = countNodes(value)
  assert.ok(nodes <= bytes.length + 64, `${nodes} structures and elements came out of ${bytes.length} bytes`)
  assert.ok(reader.position <= end, 'read behind the end')
  if (untouched) assert.equal(reader.position, end, 'bytes of a valid input are left')
  const again = encode(schema, version, value)
  if (untouched) assert.ok(again.equals(bytes), 'a valid input is encoded to other bytes')
  const once = schema.decode(version, new Reader(again))
  assert.ok(isSame(once, value), 'what was decoded, encoded and decoded is another value')
  assert.ok(encode(schema, version, once).equals(again), 'one value has two encodings')
  return ACCEPTED
}

/** Every byte is read at most once, and once more to say where the error is. */
function checkWork(reader: CountingReader, bytes: Uint8Array): void {
  const limit = 4 * bytes.length + 256
  assert.ok(reader.reads <= limit, `${reader.reads} reads of ${bytes.length} bytes`)
}

function encode(schema: Schema<Fields>, version: number, value: object): Buffer {
  const writer = new Writer()
  schema.encode(version, writer, value as never)
  return Buffer.from(writer.toBuffer())
}

class CountingReader extends Reader {
  reads = 0

  override advance(length: number): number {
    this.reads++
    return super.advance(length)
  }
}

class RecordingReader extends Reader {
  readonly spans: Span[] = []

  override int16(): number {
    return this.#record('fixed', () => super.int16())
  }

  override int32(): number {
    return this.#record('fixed', () => super.int32())
  }

  override int64(): number {
    return this.#record('fixed', () => super.int64())
  }

  override uvarint(): number {
    return this.#record('varint', () => super.uvarint())
  }

  #record(kind: Span['kind'], read: () => number): number {
    const start = this.position
    const value = read()
    this.spans.push({ start, end: this.position, kind, value })
    return value
  }
}

/** Structures and elements of arrays. */
function countNodes(value: unknown): number {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return 0
  if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + 1 + countNodes(each), 0)
  return Object.values(value).reduce((sum: number, each) => sum + countNodes(each), 1)
}

/** As far as Kafka's types go: what bytes are kept in does not matter. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
}
