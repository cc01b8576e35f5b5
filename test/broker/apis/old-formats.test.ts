/** Clients from before record batches, over the wire: Produce v0 to v2, Fetch v0 to v3, ListOffsets v0, with messages of magic 0 and 1. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Reader } from '../../../src/base/bytes/reader.js'
import { errorByCode } from '../../../src/protocol/errors.js'
import { decodeRequestPrefix } from '../../../src/protocol/frame.js'
import { ApiVersions } from '../../../src/protocol/messages/api-versions.js'
import { ListOffsets } from '../../../src/protocol/messages/list-offsets.js'
import { Metadata } from '../../../src/protocol/messages/metadata.js'
import type { BatchOptions } from '../../../src/records/builder.js'
import { CODEC_NAMES } from '../../../src/records/compression/codec.js'
import { MessageSetReader } from '../../../src/records/legacy/message-set.js'
import { BatchIterator, readRecords } from '../../../src/records/reader.js'
import { golden } from '../../golden.js'
import { fromBase64 } from '../../records/golden-batches.js'
import { goldenSets, naiveMessage, naiveSet } from '../../records/legacy/naive-messages.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, TIMESTAMP } from '../requests.js'
import { startNode } from '../test-node.js'
import { rawFrame } from '../wire-client.js'

const broker = await startNode()
const client = await broker.client()
after(() => {
  client.close()
  return broker.remove()
})

const OLD_CODECS = CODEC_NAMES.filter((codec) => codec !== 'zstd')

async function produce(name: string, records: Uint8Array | null, version = 2, acks = -1): Promise<string | number> {
  const { responses } = await client.request(Produce, version, produceRequest({ name }, records, { acks }))
  const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
  if (errorCode === 0) return baseOffset
  assert.equal(baseOffset, -1)
  return errorByCode(errorCode).name
}

async function fetch(name: string, offset: number, version: number, partitionMaxBytes = 1024 * 1024) {
  const request = fetchRequest({ name }, offset, { minBytes: 0, partition: { partitionMaxBytes } })
  const { responses } = await client.request(Fetch, version, request)
  const [part] = responses[0]!.partitions
  return { error: errorByCode(part!.errorCode).name, bytes: part!.records!, highWatermark: part!.highWatermark }
}

interface Told {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/** What an old client finds in an answer; every message must be of the magic that it can read. */
function told(bytes: Uint8Array, magic: number): Told[] {
  const reader = new MessageSetReader(bytes, 0, bytes.length, 1e8)
  const found: Told[] = []
  for (;;) {
    const step = reader.next()
    if (step === 'end') return found
    assert.equal(step, 'record')
    assert.equal(reader.entry.magic, magic)
    const { offset, timestamp, key, value } = reader
    found.push({ offset, timestamp, key: key && Buffer.from(key), value: value && Buffer.from(value) })
  }
}

const valuesOf = (bytes: Uint8Array, magic: number): string[] => told(bytes, magic).map(({ value }) => `${value}`)
const magicOf = (version: number): number => (version < 2 ? 0 : 1)

test('golden sets that are produced by old clients are there for new ones and for old ones', async () => {
  let next = 0
  await broker.createTopic('golden')
  for (const { case: name, bytes, entries } of goldenSets()) {
    const { magic, codec } = entries[0]!
    const records = entries.flatMap((entry) => entry.records)
    assert.equal(await produce('golden', bytes, magic === 0 ? 0 : 2), next, name)
    const expected = records.map(({ timestamp, key, value }, index) => ({
      offset: next + index,
      timestamp,
      key: fromBase64(key),
      value: fromBase64(value),
    }))
    const batches = new BatchIterator((await fetch('golden', next, 12)).bytes)
    assert.equal(batches.next(), 'batch')
    assert.equal(CODEC_NAMES[batches.batch.codecId], codec, name)
    assert.deepEqual(
      readRecords(batches.batch, 1e7),
      expected.map((record) => ({ ...record, headers: [] })),
      name,
    )
    for (const version of [0, 1, 2, 3]) {
      const { error, bytes: old, highWatermark } = await fetch('golden', next, version)
      assert.deepEqual([error, highWatermark], ['NONE', next + records.length], name)
      const timed = expected.map((record) => (version < 2 ? { ...record, timestamp: -1 } : record))
      assert.deepEqual(told(old, magicOf(version)), timed, `${name}, Fetch v${version}`)
    }
    next += records.length
  }
})

test('what new clients produce, old ones read: with gaps in no offset, from any offset on', async () => {
  await broker.createTopic('new')
  for (const codec of OLD_CODECS) {
    const options: BatchOptions = { codec }
    await client.request(Produce, 9, produceRequest({ name: 'new' }, batchOf([`${codec}-a`, `${codec}-b`], options)))
  }
  const all = OLD_CODECS.flatMap((codec) => [`${codec}-a`, `${codec}-b`])
  for (const version of [0, 1, 2, 3]) {
    for (let offset = 0; offset <= all.length; offset++) {
      const { error, bytes } = await fetch('new', offset, version)
      assert.equal(error, 'NONE')
      const found = told(bytes, magicOf(version))
      // Only what was compressed comes with its neighbours.
      if (offset < 2) assert.equal(found[0]!.offset, offset)
      assert.deepEqual(
        found.filter((record) => record.offset >= offset).map(({ value }) => `${value}`),
        all.slice(offset),
      )
      for (const record of found) {
        const timestamp = version < 2 ? -1 : TIMESTAMP + (record.offset % 2)
        assert.equal(record.timestamp, timestamp)
      }
    }
    assert.equal((await fetch('new', all.length + 1, version)).error, 'OFFSET_OUT_OF_RANGE')
  }
})

test('an old consumer with a small limit reads everything once', async () => {
  await broker.createTopic('small-steps')
  const values: string[] = []
  for (const codec of OLD_CODECS) {
    const some = Array.from({ length: 20 }, (_, n) => `${codec}-${n}`.padEnd(200, '.'))
    await client.request(Produce, 9, produceRequest({ name: 'small-steps' }, batchOf(some, { codec })))
    values.push(...some)
  }
  for (const version of [0, 3]) {
    for (const limit of [1, 1000, 5000]) {
      const seen: string[] = []
      while (seen.length < values.length) {
        const { bytes } = await fetch('small-steps', seen.length, version, limit)
        const fresh = told(bytes, magicOf(version)).filter(({ offset }) => offset >= seen.length)
        assert.ok(fresh.length > 0, `nothing at ${seen.length}`)
        seen.push(...fresh.map(({ value }) => `${value}`))
      }
      assert.deepEqual(seen, values)
    }
  }
})

test('several partitions: the first with data gets on in any case, the others have what is left', async () => {
  await broker.createTopic('shared', 3)
  const record = 'x'.repeat(1000)
  for (const partition of [0, 1, 2]) {
    await client.request(Produce, 9, produceRequest({ name: 'shared' }, batchOf([record, record]), { partition }))
  }
  const lengths = async (maxBytes: number): Promise<number[]> => {
    const partitions = [0, 1, 2].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1_000_000 }))
    const request = { ...fetchRequest({ name: 'shared' }, 0, { maxBytes }), topics: [{ topic: 'shared', partitions }] }
    const { responses } = await client.request(Fetch, 3, request)
    return responses[0]!.partitions.map(({ records }) => told(records!, 1).length)
  }
  assert.deepEqual(await lengths(1), [1, 0, 0])
  assert.deepEqual(await lengths(1_000_000), [2, 2, 2])
})

test('zstd is not known to old clients: what stands before it comes first', async () => {
  await broker.createTopic('zstd')
  await client.request(Produce, 9, produceRequest({ name: 'zstd' }, batchOf(['plain'])))
  await client.request(Produce, 9, produceRequest({ name: 'zstd' }, batchOf(['compressed'], { codec: 'zstd' })))
  for (const version of [0, 3]) {
    const first = await fetch('zstd', 0, version)
    assert.deepEqual([first.error, valuesOf(first.bytes, magicOf(version))], ['NONE', ['plain']])
    const second = await fetch('zstd', 1, version)
    assert.deepEqual([second.error, second.bytes.length], ['UNSUPPORTED_COMPRESSION_TYPE', 0])
  }
})

test('headers and producers are left out', async () => {
  await broker.createTopic('modern')
  const batch = batchOf(['a'], { producerId: 7, producerEpoch: 0, baseSequence: 0 })
  await client.request(Produce, 9, produceRequest({ name: 'modern' }, batch))
  const { bytes } = await fetch('modern', 0, 1)
  const expected = naiveMessage({ magic: 0, offset: 0, timestamp: -1, key: null, value: Buffer.from('a') })
  assert.equal(Buffer.from(bytes).toString('hex'), expected.toString('hex'))
})

const message = (magic: number, value = 'hello', more: object = {}): Buffer =>
  naiveMessage({ magic, offset: 0, timestamp: TIMESTAMP, key: null, value: Buffer.from(value), ...more })

test('bad sets are refused with the error that Kafka has for them, and nothing is appended', async () => {
  await broker.createTopic('bad-sets')
  const damaged = message(1)
  damaged[damaged.length - 1]! ^= 1
  const wrapper = naiveSet('gzip', [{ magic: 1, offset: 0, timestamp: 1, key: null, value: null }])
  const cases: readonly [Buffer | null, string][] = [
    [damaged, 'CORRUPT_MESSAGE'],
    [Buffer.concat([message(1), damaged]), 'CORRUPT_MESSAGE'],
    [Buffer.concat([message(0), message(1)]), 'INVALID_RECORD'],
    [Buffer.concat([wrapper, wrapper]), 'INVALID_RECORD'],
    [Buffer.concat([message(1), wrapper]), 'INVALID_RECORD'],
    [message(1, 'x', { timestamp: -5 }), 'INVALID_TIMESTAMP'],
    [message(1, 'no stream', { attributes: 2 }), 'INVALID_RECORD'],
    [message(1, 'x', { attributes: 7 }), 'UNSUPPORTED_COMPRESSION_TYPE'],
    [message(0).subarray(0, 20), 'INVALID_RECORD'],
    [Buffer.concat([message(1), batchOf(['x'])]), 'INVALID_RECORD'],
    [null, 'INVALID_RECORD'],
  ]
  for (const version of [0, 1, 2]) {
    for (const [bytes, error] of cases) assert.equal(await produce('bad-sets', bytes, version), error)
  }
  assert.equal(await produce('bad-sets', message(1)), 0)
  assert.equal(await produce('nowhere', message(1)), 'UNKNOWN_TOPIC_OR_PARTITION')
})

test('from version 3 on messages of magic 0 and 1 are refused, and so is nothing at all', async () => {
  await broker.createTopic('too-new')
  for (const version of [3, 7, 9]) {
    for (const { bytes } of goldenSets()) assert.equal(await produce('too-new', bytes, version), 'INVALID_RECORD')
    assert.equal(await produce('too-new', new Uint8Array(0), version), 'INVALID_RECORD')
  }
})

test('an empty set is appended as nothing', async () => {
  await broker.createTopic('nothing')
  for (const version of [0, 1, 2]) {
    assert.equal(await produce('nothing', new Uint8Array(0), version), -1)
    client.send(Produce, version, produceRequest({ name: 'nothing' }, new Uint8Array(0), { acks: 0 }))
  }
  assert.equal(await produce('nothing', message(0)), 0)
})

test('max.message.bytes holds for each message, and for the batch that they become', async () => {
  const one = message(1, 'x'.repeat(500))
  await broker.createTopic('limited', 1, { 'max.message.bytes': String(one.length) })
  await broker.createTopic('roomy', 1, { 'max.message.bytes': String(one.length + 100) })
  assert.equal(await produce('limited', message(1, 'x'.repeat(501))), 'MESSAGE_TOO_LARGE')
  // As a batch it has a larger header.
  assert.equal(await produce('limited', one), 'MESSAGE_TOO_LARGE')
  assert.equal(await produce('roomy', one), 0)
  assert.equal(await produce('roomy', Buffer.concat([one, one])), 'MESSAGE_TOO_LARGE')
})

test('acks=0: no answer where it is good, the end of the connection where it is not', async () => {
  await broker.createTopic('silent')
  for (const version of [0, 1, 2]) {
    client.send(Produce, version, produceRequest({ name: 'silent' }, message(0, `v${version}`), { acks: 0 }))
  }
  assert.equal(await produce('silent', message(1, 'last')), 3)
  assert.deepEqual(valuesOf((await fetch('silent', 0, 2)).bytes, 1), ['v0', 'v1', 'v2', 'last'])
  await broker.use(async (other) => {
    other.send(Produce, 1, produceRequest({ name: 'silent' }, message(0).subarray(0, 20), { acks: 0 }))
    await other.closed
    assert.equal(other.bytesReceived, 0)
  })
})

async function offsetsOf(name: string, timestamp: number, maxNumOffsets = 10): Promise<readonly number[] | string> {
  const partitions = [{ partitionIndex: 0, timestamp, maxNumOffsets }]
  const { topics } = await client.request(ListOffsets, 0, { replicaId: -1, topics: [{ name, partitions }] })
  const [found] = topics[0]!.partitions
  return found!.errorCode === 0 ? found!.oldStyleOffsets : errorByCode(found!.errorCode).name
}

test('ListOffsets v0: the ends, and what is before a time, newest first and no more than asked for', async () => {
  await broker.createTopic('ends')
  assert.deepEqual(
    [await offsetsOf('ends', -1), await offsetsOf('ends', -2), await offsetsOf('ends', 5)],
    [[0], [0], []],
  )
  for (const at of [1000, 2000, 3000]) {
    await client.request(Produce, 9, produceRequest({ name: 'ends' }, batchOf(['a', 'b'], {}, at)))
  }
  assert.deepEqual(await offsetsOf('ends', -1), [6, 0])
  assert.deepEqual(await offsetsOf('ends', -1, 1), [6])
  assert.deepEqual(await offsetsOf('ends', -2), [0])
  assert.deepEqual(await offsetsOf('ends', -2, 1), [0])
  assert.deepEqual(await offsetsOf('ends', 1000), [])
  assert.deepEqual(await offsetsOf('ends', 2001), [3, 0])
  assert.deepEqual(await offsetsOf('ends', 3000, 1), [4])
  assert.deepEqual(await offsetsOf('ends', 9000), [6, 0])
  for (const timestamp of [-1, -2, 2001]) {
    assert.deepEqual([await offsetsOf('ends', timestamp, 0), await offsetsOf('ends', timestamp, -1)], [[], []])
  }
  assert.equal(await offsetsOf('ends', -3), 'UNSUPPORTED_VERSION')
  assert.equal(await offsetsOf('nowhere', -1), 'UNKNOWN_TOPIC_OR_PARTITION')
})

test('ListOffsets v0: also where segments begin', async () => {
  await broker.createTopic('segments', 1, { 'internal.segment.bytes': '1024' })
  for (const at of [1000, 2000, 3000]) {
    await client.request(Produce, 9, produceRequest({ name: 'segments' }, batchOf(['x'.repeat(700), 'b'], {}, at)))
  }
  assert.deepEqual(await offsetsOf('segments', -1), [6, 4, 2, 0])
  assert.deepEqual(await offsetsOf('segments', -1, 2), [6, 4])
  assert.deepEqual(await offsetsOf('segments', -2), [0])
  assert.deepEqual(await offsetsOf('segments', 2001), [3, 2, 0])
  assert.deepEqual(await offsetsOf('segments', 2000), [2, 0])
})

interface FrameVector {
  readonly api: string
  readonly kind: string
  readonly version: number
  readonly case: string
  readonly hex: string
  readonly correlationId: number
}

const OLD_MESSAGES = [Produce, Fetch, ListOffsets]

test('golden frames of old versions are answered, or need no answer, and the connection goes on', async () => {
  const frames = golden<FrameVector>('old-frames.jsonl.gz').filter(
    ({ api, kind }) => kind === 'request-frame' && OLD_MESSAGES.some(({ name }) => name === api),
  )
  assert.equal(frames.length, 12)
  const probe = { clientSoftwareName: '', clientSoftwareVersion: '' }
  for (const { api, version, case: name, hex, correlationId } of frames) {
    const message = OLD_MESSAGES.find((each) => each.name === api)!
    const where = `${api} v${version} ${name}`
    const bytes = Buffer.from(hex, 'hex')
    assert.equal(decodeRequestPrefix(new Reader(bytes.subarray(4))).correlationId, correlationId)
    await broker.use(async (other) => {
      other.write(bytes)
      // Without acks there is no answer.
      if (!(api === 'Produce' && name === 'defaults')) {
        const body = (await other.answerTo(message as typeof Produce, version, correlationId)) as unknown as {
          readonly responses?: readonly unknown[]
          readonly topics?: readonly unknown[]
        }
        const codes = JSON.stringify(body.responses ?? body.topics).match(/"errorCode":(\d+)/g) ?? []
        assert.equal(codes.length, name === 'defaults' ? 0 : 1, where)
        // The topics of the vectors are not there; nor are the acks of the vectors any that exist.
        for (const code of codes) assert.equal(code, api === 'Produce' ? '"errorCode":21' : '"errorCode":3', where)
      }
      assert.equal((await other.request(ApiVersions, 0, probe)).errorCode, 0, where)
    })
  }
})

test('an int64 that no number holds ends the connection, also in old versions', async () => {
  const vectors = golden<FrameVector>('old-int64-extreme.jsonl.gz').filter(
    ({ api, kind }) => kind === 'request' && OLD_MESSAGES.some(({ name }) => name === api),
  )
  assert.ok(vectors.length > 0)
  for (const { api, version, hex } of vectors) {
    await broker.use(async (other) => {
      other.write(rawFrame(OLD_MESSAGES.find(({ name }) => name === api)!.key, version, 1, Buffer.from(hex, 'hex')))
      await other.closed
      assert.equal(other.bytesReceived, 0, `${api} v${version}`)
    })
  }
  assert.equal((await client.request(Metadata, 1, { topics: [] })).brokers.length, 1)
})
