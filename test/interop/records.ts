/**
 * The records that every client writes and reads: made from a seed, handed to programs in other languages as lines of JSON, and compared
 * field by field with what comes back.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { Prng } from '../../src/base/prng.js'

export interface SentRecord {
  readonly partition: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [string, Buffer])[]
  /** Milliseconds since 1970, chosen by the writer. */
  readonly timestamp: number
}

export interface ReadRecord extends SentRecord {
  readonly offset: number
}

/** Fields that a client cannot set. */
export interface Blind {
  readonly timestamps?: boolean
  readonly headers?: boolean
}

export const PARTITIONS = 3
const COUNT = 1_500
const LARGEST_SMALL_VALUE = 1_200
const WORDS = ['offset', 'leader', 'epoch', 'größe', 'журнал', '日志', '🪵', 'batch', 'commit', 'replica']

/** Whether a record may have a header twice: to some clients headers are the fields of an object. */
export type Headers = 'repeated' | 'distinct'

/** Nulls, empty ones, text, bytes of every value, two large ones; spread over the partitions, times not in order. */
export function makeRecords(seed: string, headers: Headers = 'repeated'): SentRecord[] {
  const random = new Prng(seed)
  const startMs = Date.now() - 60_000
  const records: SentRecord[] = []
  for (let index = 0; index < COUNT; index++) {
    const value = valueAt(index, random)
    records.push({
      partition: random.below(PARTITIONS),
      // Some clients refuse a record that has neither.
      key: value !== null && random.chance(0.2) ? null : text(random, random.below(24)),
      value,
      headers: Array.from({ length: random.chance(0.5) ? 0 : random.between(1, 3) }, (_, position) => [
        `header-${headers === 'distinct' ? position : random.below(3)}`,
        headerValue(random),
      ]),
      timestamp: startMs + index * 7 - random.below(40),
    })
  }
  return records
}

function valueAt(index: number, random: Prng): Buffer | null {
  if (index === 500) return bytes(random, 200_000)
  if (index === 1_000) return text(random, 600_000)
  const kind = random.below(20)
  if (kind === 0) return null
  if (kind === 1) return Buffer.alloc(0)
  const length = random.between(1, LARGEST_SMALL_VALUE)
  return kind < 8 ? bytes(random, length) : text(random, length)
}

function bytes(random: Prng, length: number): Buffer {
  const made = Buffer.alloc(length)
  for (let at = 0; at < length; at++) made[at] = random.below(256)
  return made
}

function text(random: Prng, length: number): Buffer {
  const parts: string[] = []
  for (let size = 0; size < length; ) {
    const word = WORDS[random.below(WORDS.length)]!
    parts.push(word)
    size += word.length + 1
  }
  return Buffer.from(parts.join(' '))
}

/** Without the bytes at which kcat's print of headers cannot be taken apart again: NUL, line feed, comma. */
function headerValue(random: Prng): Buffer {
  return bytes(random, random.below(40)).map((byte) =>
    byte === 0 || byte === 10 || byte === 44 ? 0xe9 : byte,
  ) as Buffer
}

interface Line {
  readonly partition: number
  readonly offset?: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [string, string])[]
  readonly timestamp: number
}

/** One JSON object a line, bytes in base64. */
export function writeRecords(path: string, records: readonly SentRecord[]): void {
  const lines = records.map(
    ({ partition, key, value, headers, timestamp }): Line => ({
      partition,
      key: key?.toString('base64') ?? null,
      value: value?.toString('base64') ?? null,
      headers: headers.map(([name, bytes]) => [name, bytes.toString('base64')]),
      timestamp,
    }),
  )
  writeFileSync(path, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`)
}

export function readRecords(path: string): ReadRecord[] {
  const decode = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text, 'base64'))
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { partition, offset, key, value, headers, timestamp } = JSON.parse(line) as Line
      return {
        partition,
        offset: offset ?? Number.NaN,
        key: decode(key),
        value: decode(value),
        headers: headers.map(([name, bytes]) => [name, Buffer.from(bytes, 'base64')] as const),
        timestamp,
      }
    })
}

/**
 * Throws at the first difference: each partition must hold what was sent to it, in that order, once, at the offsets 0, 1, 2 ... Says how much
 * was compared.
 */
export function compareRecords(sent: readonly SentRecord[], read: readonly ReadRecord[], blind: Blind = {}): string {
  if (sent.length === 0) throw new Error('nothing was sent: there is nothing to compare')
  const partitions = new Set([...sent, ...read].map(({ partition }) => partition))
  let size = 0
  for (const partition of [...partitions].sort((a, b) => a - b)) {
    const wanted = sent.filter((record) => record.partition === partition)
    const got = read.filter((record) => record.partition === partition)
    for (const [index, record] of got.entries()) {
      const where = `partition ${partition}, record ${index}`
      if (record.offset !== index) throw new Error(`${where}: it has the offset ${record.offset}`)
      const original = wanted[index]
      if (original === undefined) throw new Error(`${where}: only ${wanted.length} were sent`)
      compareBytes(`${where}: the key`, original.key, record.key)
      compareBytes(`${where}: the value`, original.value, record.value)
      if (blind.headers !== true) compareHeaders(where, original.headers, record.headers)
      if (blind.timestamps !== true && original.timestamp !== record.timestamp)
        throw new Error(`${where}: the timestamp ${original.timestamp} came back as ${record.timestamp}`)
      size += (record.key?.length ?? 0) + (record.value?.length ?? 0)
    }
    if (got.length !== wanted.length)
      throw new Error(`partition ${partition}: ${wanted.length} records were sent, ${got.length} came back`)
  }
  return `${count(sent.length)} records, ${count(size)} bytes`
}

function compareHeaders(where: string, sent: SentRecord['headers'], read: SentRecord['headers']): void {
  if (sent.length !== read.length) throw new Error(`${where}: ${sent.length} headers came back as ${read.length}`)
  for (const [index, [name, value]] of sent.entries()) {
    const [readName, readValue] = read[index]!
    if (name !== readName) throw new Error(`${where}: the header ${name} came back as ${readName}`)
    compareBytes(`${where}: the header ${name}`, value, readValue)
  }
}

export function compareBytes(what: string, sent: Buffer | null, read: Buffer | null): void {
  if (sent === null || read === null) {
    if (sent !== read) throw new Error(`${what} of ${describe(sent)} came back as ${describe(read)}`)
    return
  }
  if (sent.equals(read)) return
  const length = Math.min(sent.length, read.length)
  let at = 0
  while (at < length && sent[at] === read[at]) at++
  throw new Error(
    `${what} of ${describe(sent)} came back as ${describe(read)}; they part at byte ${at}: ` +
      `${sent.toString('hex', at, at + 16)} and ${read.toString('hex', at, at + 16)}`,
  )
}

function describe(bytes: Buffer | null): string {
  return bytes === null ? 'null' : `${bytes.length} bytes`
}

export function count(number: number): string {
  return number.toLocaleString('en-US')
}
