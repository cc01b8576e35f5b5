/** kcat, the command line of librdkafka: every codec, keys, headers, nulls, raw bytes, each acks, idempotence, metadata, offsets by time. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Prng } from '../../src/base/prng.js'
import { CODEC_NAMES } from '../../src/records/compression/codec.js'
import { BatchIterator } from '../../src/records/reader.js'
import type { Check, Client, Context } from './client.js'
import { readCommitted } from './committed-offsets.js'
import { run } from './external.js'
import { kcat, missingKcat, readInGroup, readWhenThere, readWithKcat } from './kcat-tool.js'
import { compareRecords, count, type ReadRecord, type SentRecord } from './records.js'

const LINES = 5_000
const GROUP_LINES = 2_000

/** `-K tab` splits key and value; what follows differs per line, so that a lost or doubled one shows. */
function makeLines(topic: string): SentRecord[] {
  const random = new Prng(topic)
  return Array.from({ length: LINES }, (_, index) => ({
    partition: 0,
    key: Buffer.from(`key ${random.below(100)}`),
    value: Buffer.from(`${index} ${'größer als ein Wort '.repeat(random.below(12))}`),
    headers: [],
    timestamp: 0,
  }))
}

async function produceLines(bootstrap: string, topic: string, args: readonly string[]): Promise<SentRecord[]> {
  const records = makeLines(topic)
  const input = records.map(({ key, value }) => `${key}\t${value}\n`).join('')
  await kcat(bootstrap, ['-P', '-t', topic, '-p', '0', '-K', '\\t', ...args], input)
  return records
}

function linesCheck(name: string, args: readonly string[]): Check {
  return {
    name,
    run: async ({ bootstrap }) => {
      const topic = `kcat.${name.replaceAll(/[^a-z0-9]+/g, '-')}`
      const sent = await produceLines(bootstrap, topic, args)
      return compareRecords(sent, await readWhenThere(bootstrap, topic, sent.length), { timestamps: true })
    },
  }
}

/** Each file is one message: bytes that no line could hold. */
async function checkRawBytes({ bootstrap, file }: Context): Promise<string> {
  const topic = 'kcat.raw-bytes'
  const random = new Prng(topic)
  const sizes = [1, 255, 4_096, 65_537, 900_000]
  const values = sizes.map((size) => Buffer.from(Array.from({ length: size }, () => random.below(256))))
  const paths = values.map((value, index) => {
    const path = file(`raw-${index}`)
    writeFileSync(path, value)
    return path
  })
  await kcat(bootstrap, ['-P', '-t', topic, '-p', '0', ...paths])
  const sent = values.map((value) => ({ partition: 0, key: null, value, headers: [], timestamp: 0 }))
  return compareRecords(sent, await readWithKcat(bootstrap, topic), { timestamps: true })
}

async function checkHeadersAndNulls({ bootstrap }: Context): Promise<string> {
  const topic = 'kcat.headers-and-nulls'
  const headers = [
    ['trace', 'abc 123'],
    ['größe', '日志=1'],
    ['trace', ''],
  ] as const
  const sent: SentRecord[] = []
  for (const [name, input] of [
    ['headers', 'one\tvalue\n'],
    ['tombstone', 'two\t\n'],
    ['no key', '\tthree\n'],
    ['neither', '\t\n'],
  ] as const) {
    const args = headers.flatMap(([key, value]) => ['-H', `${key}=${value}`])
    await kcat(bootstrap, ['-P', '-t', topic, '-p', '0', '-Z', '-K', '\\t', '-H', `name=${name}`, ...args], input)
    const [key, value] = input.slice(0, -1).split('\t')
    sent.push({
      partition: 0,
      key: key === undefined || key === '' ? null : Buffer.from(key),
      value: value === undefined || value === '' ? null : Buffer.from(value),
      headers: [['name', name] as const, ...headers].map(([header, text]) => [latin1(header), Buffer.from(text)]),
      timestamp: 0,
    })
  }
  return compareRecords(sent, await readWithKcat(bootstrap, topic), { timestamps: true })
}

/** The reader takes header names as bytes. */
function latin1(text: string): string {
  return Buffer.from(text).toString('latin1')
}

interface Listing {
  readonly controllerid: number
  readonly brokers: readonly { readonly id: number; readonly name: string }[]
  readonly topics: readonly {
    readonly topic: string
    readonly error?: string
    readonly partitions: readonly {
      readonly partition: number
      readonly leader: number
      readonly isrs: readonly unknown[]
    }[]
  }[]
}

export async function listTopics(bootstrap: string, args: readonly string[] = []): Promise<Listing> {
  return JSON.parse((await kcat(bootstrap, ['-L', '-J', ...args])).stdout.toString()) as Listing
}

async function checkMetadata({ bootstrap }: Context): Promise<string> {
  const topic = 'kcat.metadata'
  await kcat(bootstrap, ['-P', '-t', topic, '-p', '0'], 'x\n')
  const { controllerid, brokers, topics } = await listTopics(bootstrap)
  assert.equal(brokers.length, 1)
  assert.equal(brokers[0]!.id, controllerid)
  assert.equal(brokers[0]!.name.split(':')[1], bootstrap.split(':')[1])
  const names = topics.map((listed) => listed.topic)
  assert.equal(new Set(names).size, names.length)
  const listed = topics.find((entry) => entry.topic === topic)
  assert.deepEqual(
    listed?.partitions.map(({ partition, leader, isrs }) => ({ partition, leader, isrs })),
    [{ partition: 0, leader: controllerid, isrs: [{ id: controllerid }] }],
  )
  const alone = await listTopics(bootstrap, ['-t', topic])
  assert.deepEqual(
    alone.topics.map((entry) => entry.topic),
    [topic],
  )
  return `1 broker, ${topics.length} topics`
}

/** `-o s@TIME` begins at the first record that is not older; `-o e@TIME` ends before it. */
async function checkOffsetsByTime({ bootstrap }: Context): Promise<string> {
  const topic = 'kcat.offsets-by-time'
  for (let run = 0; run < 4; run++) {
    await kcat(bootstrap, ['-P', '-t', topic, '-p', '0'], `${run} a\n${run} b\n${run} c\n`)
  }
  const all = await readWithKcat(bootstrap, topic)
  assert.equal(all.length, 12)
  const times = [...new Set(all.map(({ timestamp }) => timestamp))]
  assert.ok(times.length >= 4, 'four runs of kcat share a millisecond')
  const same = (what: string, read: readonly ReadRecord[], wanted: readonly ReadRecord[]): void =>
    assert.deepEqual(
      read.map(({ offset, value }) => `${offset} ${value}`),
      wanted.map(({ offset, value }) => `${offset} ${value}`),
      what,
    )
  let asked = 0
  for (const time of times) {
    for (const from of [time, time + 1]) {
      const first = all.findIndex(({ timestamp }) => timestamp >= from)
      // Past the last record there is no offset: kcat then waits at the end, which is an end too.
      if (first < 0) continue
      same(`from ${from}`, await readWithKcat(bootstrap, topic, ['-o', `s@${from}`]), all.slice(first))
      asked++
    }
  }
  const [from, to] = [times[1]!, times.at(-1)!]
  same(
    `from ${from} to ${to}`,
    await readWithKcat(bootstrap, topic, ['-o', `s@${from}`, '-o', `e@${to}`]),
    all.filter(({ timestamp }) => timestamp >= from && timestamp < to),
  )
  return `${asked} beginnings and one span of ${all.length} records`
}

/** The last N, from an offset, from the end: ListOffsets and Fetch from inside a batch. */
async function checkPositions({ bootstrap }: Context): Promise<string> {
  const topic = 'kcat.positions'
  const sent = await produceLines(bootstrap, topic, ['-z', 'lz4'])
  for (const [position, first] of [
    ['-10', LINES - 10],
    ['0', 0],
    ['1', 1],
    [String(LINES - 1), LINES - 1],
    ['1234', 1_234],
    ['end', LINES],
  ] as const) {
    const read = await readWithKcat(bootstrap, topic, ['-p', '0', '-o', position])
    assert.deepEqual(
      read.map(({ offset }) => offset),
      Array.from({ length: LINES - first }, (_, index) => first + index),
      `from ${position}`,
    )
    for (const { offset, value } of read) assert.deepEqual(value, sent[offset]!.value)
  }
  return `6 positions in ${count(LINES)} records`
}

/** As a member of a group, twice: the second time behind what it printed the first time. */
async function checkGroup({ bootstrap }: Context): Promise<string> {
  const topic = 'kcat.group'
  const group = `${topic}.readers`
  const sent = await produceLines(bootstrap, topic, ['-z', 'gzip'])
  const first = await readInGroup(bootstrap, group, topic, GROUP_LINES)
  assert.deepEqual([...(await readCommitted(bootstrap, group)).values()], [GROUP_LINES])
  const second = await readInGroup(bootstrap, group, topic, LINES - GROUP_LINES)
  return compareRecords(sent, [...first, ...second], { timestamps: true })
}

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))

/** A topic that wants another codec than the producer's: the broker's own stream is what kcat reads. */
function compressionCheck(type: string, sentWith: string): Check {
  return {
    name: `compression.type=${type}, sent with ${sentWith}`,
    run: async ({ bootstrap, dataPath }) => {
      const topic = `kcat.compression-${type}`
      const create = ['--create', '--topic', topic, '--partitions', '1', '--config', `compression.type=${type}`]
      await run({ command: process.execPath, args: [MAIN, 'topics', '--bootstrap-server', bootstrap, ...create] })
      const sent = await produceLines(bootstrap, topic, ['-X', 'enable.idempotence=true', '-z', sentWith])
      const read = compareRecords(sent, await readWhenThere(bootstrap, topic, sent.length), { timestamps: true })
      const batches = new BatchIterator(readFileSync(join(dataPath, `${topic}-0`, `${'0'.repeat(20)}.log`)))
      let count = 0
      for (; batches.next() === 'batch'; count++) {
        assert.equal(CODEC_NAMES[batches.batch.codecId], type === 'uncompressed' ? 'none' : type)
      }
      assert.ok(count > 0)
      return read
    },
  }
}

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const COMPRESSION_TYPES = [
  ['uncompressed', 'lz4'],
  ['gzip', 'none'],
  ['snappy', 'gzip'],
  ['lz4', 'none'],
  ['zstd', 'snappy'],
] as const

export const kcatClient: Client = {
  name: 'kcat',
  about: "kcat of Debian's package, on librdkafka",
  brokers: 'one',
  missing: missingKcat,
  checks: [
    ...CODECS.map((codec) => linesCheck(codec, ['-z', codec])),
    ...['0', '1', 'all'].map((acks) => linesCheck(`acks ${acks}`, ['-X', `acks=${acks}`])),
    ...['none', 'zstd'].map((codec) =>
      linesCheck(`idempotent ${codec}`, ['-X', 'enable.idempotence=true', '-z', codec, '-X', 'batch.num.messages=100']),
    ),
    ...COMPRESSION_TYPES.map(([type, sentWith]) => compressionCheck(type, sentWith)),
    { name: 'raw bytes', run: checkRawBytes },
    { name: 'headers and nulls', run: checkHeadersAndNulls },
    { name: 'metadata', run: checkMetadata },
    { name: 'offsets by time', run: checkOffsetsByTime },
    { name: 'positions', run: checkPositions },
    { name: 'group', run: checkGroup },
  ],
}
