/** compression.type and compression.gzip.level, compression.lz4.level, compression.zstd.level over the wire: what stands in the log (KIP-390). */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { errorByCode } from '../../../src/protocol/errors.js'
import { DescribeConfigs } from '../../../src/protocol/messages/describe-configs.js'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.js'
import { InitProducerId } from '../../../src/protocol/messages/init-producer-id.js'
import { CODEC_NAMES, type CodecName } from '../../../src/records/compression/codec.js'
import { implementationsOf } from '../../../src/records/compression/codecs.js'
import { BatchIterator, readRecords } from '../../../src/records/reader.js'
import { naiveMessage, naiveSet } from '../../records/legacy/naive-messages.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, TIMESTAMP, type Topic, valuesIn } from '../requests.js'
import { startNode } from '../test-node.js'

const broker = await startNode()
const client = await broker.client()
after(() => {
  client.close()
  return broker.remove()
})

const TYPES = ['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'] as const
const codecOf = (type: (typeof TYPES)[number]): CodecName => (type === 'uncompressed' ? 'none' : type)

const lines = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${['get', 'put', 'del'][n % 3]} /item/${(n * 7919) % 613}/${n % 17}`)
const SMALL = lines(8)
/** Too large for the loop with any codec, and without one. */
const LARGE = lines(8000)

async function topicOf(name: string, configs: Record<string, string>, partitions = 1): Promise<Required<Topic>> {
  return { name, topicId: await broker.createTopic(name, partitions, configs) }
}

async function produce(to: Topic, records: Uint8Array, version = 9, partition = 0) {
  const { responses } = await client.request(Produce, version, produceRequest(to, records, { partition }))
  return responses[0]!.partitionResponses[0]!
}

/** The error's name, or the base offset. */
async function outcome(...args: Parameters<typeof produce>): Promise<string | number> {
  const { errorCode, baseOffset } = await produce(...args)
  return errorCode === 0 ? baseOffset : errorByCode(errorCode).name
}

async function stored(from: Topic, offset = 0, partition = 0): Promise<Buffer> {
  const request = fetchRequest(from, offset, {
    minBytes: 0,
    maxBytes: 1e8,
    partition: { partition, partitionMaxBytes: 1e8 },
  })
  return Buffer.from((await client.request(Fetch, 12, request)).responses[0]!.partitions[0]!.records!)
}

function codecsIn(bytes: Buffer): CodecName[] {
  const found: CodecName[] = []
  const batches = new BatchIterator(bytes)
  while (batches.next() === 'batch') found.push(CODEC_NAMES[batches.batch.codecId]!)
  return found
}

/** Behind what the leader sets. */
const beyondEpoch = (batch: Buffer): string => batch.subarray(16).toString('hex')

async function set(
  resourceType: number,
  resourceName: string,
  configs: Record<string, string | null>,
): Promise<string> {
  const changes = Object.entries(configs).map(([name, value]) => ({
    name,
    value,
    configOperation: value === null ? 1 : 0,
  }))
  const request = { resources: [{ resourceType, resourceName, configs: changes }], validateOnly: false }
  const [result] = (await client.request(IncrementalAlterConfigs, 1, request)).responses
  return `${errorByCode(result!.errorCode).name} ${result!.errorMessage ?? ''}`
}

test('every codec becomes the one that the topic asks for, small and large, with its records', async () => {
  for (const type of TYPES) {
    const topic = await topicOf(`to-${type}`, { 'compression.type': type })
    let next = 0
    for (const codec of CODEC_NAMES) {
      for (const values of [SMALL, LARGE]) {
        assert.equal(await outcome(topic, batchOf(values, { codec })), next)
        const bytes = await stored(topic, next)
        assert.deepEqual(codecsIn(bytes), [codecOf(type)], `${codec} to ${type}`)
        assert.deepEqual(valuesIn(bytes), values)
        next += values.length
      }
    }
  }
})

test('compression.type=producer keeps the bytes as they came, and so does the codec that is asked for', async () => {
  for (const codec of CODEC_NAMES) {
    const same = await topicOf(`same-${codec}`, { 'compression.type': codec === 'none' ? 'uncompressed' : codec })
    const asSent = await topicOf(`as-sent-${codec}`, { 'compression.type': 'producer' })
    const byDefault = await topicOf(`by-default-${codec}`, {})
    for (const topic of [same, asSent, byDefault]) {
      for (const values of [SMALL, LARGE]) {
        const batch = batchOf(values, { codec, level: 1 })
        const offset = await outcome(topic, batch)
        assert.equal(beyondEpoch(await stored(topic, offset as number)), beyondEpoch(batch))
      }
    }
  }
})

test('what the batch says of itself stays: producer, sequence, times, headers', async () => {
  const topic = await topicOf('said', { 'compression.type': 'lz4' })
  const { producerId } = await client.request(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1 })
  const sent = batchOf(SMALL, { producerId, producerEpoch: 0, baseSequence: 0, codec: 'gzip' })
  assert.equal(await outcome(topic, sent), 0)
  const batches = new BatchIterator(await stored(topic))
  batches.next()
  const { batch } = batches
  assert.deepEqual(
    [batch.producerId, batch.producerEpoch, batch.baseSequence, batch.baseTimestamp, batch.maxTimestamp],
    [producerId, 0, 0, TIMESTAMP, TIMESTAMP + SMALL.length - 1],
  )
  assert.deepEqual(
    readRecords(batch, 1e6).map(({ timestamp }) => timestamp),
    SMALL.map((_, n) => TIMESTAMP + n),
  )
})

test('a batch that was sent twice is one, and sequences must follow, also where the broker compresses off the loop', async () => {
  for (const type of TYPES) {
    const topic = await topicOf(`twice-${type}`, { 'compression.type': type })
    const { producerId } = await client.request(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1 })
    const send = (values: string[], baseSequence: number): Promise<string | number> =>
      outcome(topic, batchOf(values, { producerId, producerEpoch: 0, baseSequence, codec: 'snappy' }))
    assert.equal(await send(LARGE, 0), 0)
    assert.equal(await send(LARGE, 0), 0)
    assert.equal(await send(SMALL, 9000), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
    // Sent at once: the small one does not overtake the large one in front of it.
    const after = LARGE.length
    const both = await Promise.all([send(LARGE, after), send(SMALL, 2 * after), send(SMALL, 2 * after)])
    assert.deepEqual(both, [after, 2 * after, 2 * after])
    assert.equal(valuesIn(await stored(topic)).length, 2 * after + SMALL.length)
  }
})

test('parts of one request go into their partitions in order, whoever is compressed off the loop', async () => {
  const squeezed = await topicOf('parts-squeezed', { 'compression.type': 'gzip' }, 2)
  const plain = await topicOf('parts-plain', {})
  const [large, small] = [batchOf(LARGE), batchOf(SMALL)]
  const request = {
    acks: -1,
    timeoutMs: 5000,
    topicData: [
      {
        ...squeezed,
        partitionData: [
          { index: 0, records: large },
          { index: 1, records: small },
        ],
      },
      { ...plain, partitionData: [{ index: 0, records: small }] },
    ],
  }
  const { responses } = await client.request(Produce, 9, request)
  assert.deepEqual(
    responses.flatMap(({ partitionResponses }) => partitionResponses.map(({ errorCode }) => errorCode)),
    [0, 0, 0],
  )
  assert.deepEqual(valuesIn(await stored(squeezed)), LARGE)
  assert.deepEqual(valuesIn(await stored(squeezed, 0, 1)), SMALL)
  assert.deepEqual([codecsIn(await stored(squeezed, 0, 1)), codecsIn(await stored(plain))], [['gzip'], ['none']])
})

test('with LogAppendTime the time of the broker stands in the batch that was built', async () => {
  const topic = await topicOf('append-time', { 'compression.type': 'zstd', 'message.timestamp.type': 'LogAppendTime' })
  for (const values of [SMALL, LARGE]) {
    const { errorCode, baseOffset, logAppendTimeMs } = await produce(topic, batchOf(values))
    assert.equal(errorCode, 0)
    assert.ok(logAppendTimeMs > TIMESTAMP)
    const batches = new BatchIterator(await stored(topic, baseOffset))
    batches.next()
    assert.equal(batches.batch.timestampType, 'LogAppendTime')
    assert.equal(batches.batch.computeCrc(), batches.batch.crc)
    assert.ok(readRecords(batches.batch, 1e7).every(({ timestamp }) => timestamp === logAppendTimeMs))
  }
})

test('max.message.bytes holds for what was sent, and for what becomes of it', async () => {
  const [plain, squeezed] = [batchOf(LARGE), batchOf(LARGE, { codec: 'zstd' })]
  const between = { 'max.message.bytes': String(Math.floor((plain.length + squeezed.length) / 2)) }
  const opened = await topicOf('grows', { 'compression.type': 'uncompressed', ...between })
  const closed = await topicOf('shrinks', { 'compression.type': 'zstd', ...between })
  assert.equal(await outcome(opened, squeezed), 'MESSAGE_TOO_LARGE')
  assert.equal(await outcome(closed, plain), 'MESSAGE_TOO_LARGE')
  assert.equal(await outcome(closed, squeezed), 0)
  assert.equal((await stored(opened)).length, 0)
})

test('a segment has to hold what becomes of a batch, not what was sent', async () => {
  const bytes = { 'internal.segment.bytes': '40000' }
  const values = Array.from({ length: 500 }, () => 'x'.repeat(100))
  assert.equal(await outcome(await topicOf('fits', { 'compression.type': 'gzip', ...bytes }), batchOf(values)), 0)
  const opened = await topicOf('does-not-fit', { 'compression.type': 'uncompressed', ...bytes })
  assert.equal(await outcome(opened, batchOf(values, { codec: 'gzip' })), 'RECORD_LIST_TOO_LARGE')
})

test('a level decides how large the batch becomes', async () => {
  const size = async (codec: CodecName, level: number): Promise<number> => {
    const configs = { 'compression.type': codec, [`compression.${codec}.level`]: String(level) }
    const topic = await topicOf(`level-${codec}${level}`, configs)
    assert.equal(await outcome(topic, batchOf(LARGE)), 0)
    return (await stored(topic)).length
  }
  assert.ok((await size('gzip', 9)) < (await size('gzip', 1)))
  assert.ok((await size('zstd', 19)) < (await size('zstd', -50)))
  // The fallback in JavaScript has one level, as the setting says.
  const [fast, thorough] = [await size('lz4', 9), await size('lz4', 12)]
  if (implementationsOf('lz4')[0]!.implementation === 'plain') assert.equal(thorough, fast)
  else assert.ok(thorough < fast)
})

test('what is set for all brokers counts for topics that say nothing, and what a topic says from then on', async () => {
  const topic = await topicOf('changes', {})
  const codecNow = async (): Promise<CodecName> => {
    const offset = await outcome(topic, batchOf(SMALL))
    return codecsIn(await stored(topic, offset as number))[0]!
  }
  assert.equal(await codecNow(), 'none')
  assert.equal(await set(4, '', { 'compression.type': 'snappy' }), 'NONE ')
  try {
    assert.equal(await codecNow(), 'snappy')
    assert.equal(await set(2, 'changes', { 'compression.type': 'gzip' }), 'NONE ')
    assert.equal(await codecNow(), 'gzip')
    assert.equal(await set(2, 'changes', { 'compression.type': null }), 'NONE ')
    assert.equal(await codecNow(), 'snappy')
  } finally {
    assert.equal(await set(4, '', { 'compression.type': null }), 'NONE ')
  }
  assert.equal(await codecNow(), 'none')
})

test('DescribeConfigs shows type and levels with their defaults, and what is none is refused', async () => {
  await topicOf('shown', { 'compression.type': 'lz4', 'compression.lz4.level': '17' })
  const keys = ['compression.type', 'compression.gzip.level', 'compression.lz4.level', 'compression.zstd.level']
  const describe = async (resourceType: number, resourceName: string) => {
    const resources = [{ resourceType, resourceName, configurationKeys: keys }]
    const request = { resources, includeSynonyms: true, includeDocumentation: false }
    const [result] = (await client.request(DescribeConfigs, 4, request)).results
    return new Map(result!.configs.map((each) => [each.name, each]))
  }
  const ofTopic = await describe(2, 'shown')
  assert.deepEqual(
    keys.map((key) => [ofTopic.get(key)!.value, ofTopic.get(key)!.configSource, ofTopic.get(key)!.configType]),
    [
      ['lz4', 1, 2],
      ['-1', 5, 3],
      ['17', 1, 3],
      ['3', 5, 3],
    ],
  )
  assert.deepEqual(ofTopic.get('compression.type')!.synonyms, [
    { name: 'compression.type', value: 'lz4', source: 1 },
    { name: 'compression.type', value: 'producer', source: 5 },
  ])
  const ofBroker = await describe(4, '1')
  assert.deepEqual(
    keys.map((key) => [ofBroker.get(key)!.value, ofBroker.get(key)!.readOnly]),
    [
      ['producer', false],
      ['-1', false],
      ['9', false],
      ['3', false],
    ],
  )
  for (const [key, value, message] of [
    ['compression.type', 'brotli', /uncompressed or producer or gzip/],
    ['compression.type', 'none', /uncompressed or producer or gzip/],
    ['compression.gzip.level', '0', /from 1 to 9, or -1/],
    ['compression.gzip.level', '10', /from 1 to 9, or -1/],
    ['compression.lz4.level', '0', /from 1 to 17/],
    ['compression.lz4.level', '18', /from 1 to 17/],
    ['compression.zstd.level', '23', /from -131072 to 22/],
    ['compression.zstd.level', '-131073', /from -131072 to 22/],
  ] as const) {
    const answer = await set(2, 'shown', { [key]: value })
    assert.match(answer, /^INVALID_CONFIG /, `${key}=${value}`)
    assert.match(answer, message)
  }
})

test('messages of old producers get the codec of the topic as well', async () => {
  const topic = await topicOf('old', { 'compression.type': 'zstd' })
  const message = { magic: 1, offset: 0, timestamp: TIMESTAMP, key: null, value: Buffer.from('old') }
  assert.equal(await outcome(topic, naiveMessage(message), 2), 0)
  assert.equal(await outcome(topic, naiveSet('gzip', [message, { ...message, offset: 1 }]), 2), 1)
  // Zstd may not be sent before version 7, what the broker makes of something else is its own matter.
  assert.equal(await outcome(topic, batchOf(['new'], { codec: 'gzip' }), 3), 3)
  assert.equal(await outcome(topic, batchOf(['new'], { codec: 'zstd' }), 3), 'UNSUPPORTED_COMPRESSION_TYPE')
  const bytes = await stored(topic)
  assert.deepEqual(codecsIn(bytes), ['zstd', 'zstd', 'zstd'])
  assert.deepEqual(valuesIn(bytes), ['old', 'old', 'old', 'new'])
})

test('a consumer that may not know zstd is refused a topic that is kept in it', async () => {
  const squeezed = await topicOf('zstd-only', { 'compression.type': 'zstd' })
  const asSent = await topicOf('zstd-sent', {})
  for (const topic of [squeezed, asSent]) assert.equal(await outcome(topic, batchOf(SMALL, { codec: 'zstd' })), 0)
  const ask = async (topic: Topic, version: number): Promise<string> => {
    const { responses } = await client.request(Fetch, version, fetchRequest(topic, 0))
    return errorByCode(responses[0]!.partitions[0]!.errorCode).name
  }
  for (const version of [0, 3, 4, 9]) assert.equal(await ask(squeezed, version), 'UNSUPPORTED_COMPRESSION_TYPE')
  for (const version of [10, 11, 12]) assert.equal(await ask(squeezed, version), 'NONE')
  for (const version of [4, 9, 10]) assert.equal(await ask(asSent, version), 'NONE')
})
