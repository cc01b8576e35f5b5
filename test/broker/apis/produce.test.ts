/** Produce over the wire: what is appended and what is refused, with which of Kafka's errors, by acks. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { crc32c } from '../../../src/base/crc32c.js'
import { HANDLERS } from '../../../src/broker/apis/index.js'
import { errorByCode } from '../../../src/protocol/errors.js'
import { ApiVersions } from '../../../src/protocol/messages/api-versions.js'
import { InitProducerId } from '../../../src/protocol/messages/init-producer-id.js'
import { FIELD_AT } from '../../../src/records/batch.js'
import { buildBatch } from '../../../src/records/builder.js'
import { CODEC_NAMES } from '../../../src/records/compression/codec.js'
import { BatchIterator, MAX_OPENED_BYTES } from '../../../src/records/reader.js'
import { MAX_RECORD_ERRORS } from '../../../src/records/validator.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, TIMESTAMP, type Topic, valuesIn } from '../requests.js'
import { startNode } from '../test-node.js'

const broker = await startNode()
const client = await broker.client()
after(() => {
  client.close()
  return broker.remove()
})

async function topicOf(name: string, partitions = 1, configs = {}): Promise<Required<Topic>> {
  return { name, topicId: await broker.createTopic(name, partitions, configs) }
}

type Options = Parameters<typeof produceRequest>[2] & { readonly version?: number }

/** The error's name, or the base offset. */
async function produce(to: Topic, records: Uint8Array | null, options: Options = {}): Promise<string | number> {
  const { version = 9, ...rest } = options
  const { responses } = await client.request(Produce, version, produceRequest(to, records, rest))
  const { errorCode, baseOffset, logAppendTimeMs } = responses[0]!.partitionResponses[0]!
  assert.equal(logAppendTimeMs, -1)
  if (errorCode === 0) return baseOffset
  assert.equal(baseOffset, -1)
  return errorByCode(errorCode).name
}

async function stored(from: Topic, partition = 0): Promise<Uint8Array> {
  const request = fetchRequest(from, 0, { partition: { partition }, minBytes: 0 })
  return (await client.request(Fetch, 12, request)).responses[0]!.partitions[0]!.records!
}

const good = batchOf(['good'])

test('a topic or partition that is not there is unknown, by name or by id', async () => {
  const topic = await topicOf('places')
  assert.equal(await produce({ name: 'nowhere' }, good), 'UNKNOWN_TOPIC_OR_PARTITION')
  for (const partition of [1, -1, 2 ** 31 - 1]) {
    assert.equal(await produce(topic, good, { partition }), 'UNKNOWN_TOPIC_OR_PARTITION')
    assert.equal(await produce(topic, good, { partition, version: 13 }), 'UNKNOWN_TOPIC_OR_PARTITION')
  }
  for (const topicId of ['AAAAAAAAAAAAAAAAAAAAAA', 'BBBBBBBBBBBBBBBBBBBBBA']) {
    assert.equal(await produce({ name: 'places', topicId }, good, { version: 13 }), 'UNKNOWN_TOPIC_ID', topicId)
  }
  assert.equal(await produce({ name: 'no such name', topicId: topic.topicId }, good, { version: 13 }), 0)
})

test('acks other than 0, 1 and -1 are refused, and nothing is appended', async () => {
  const topic = await topicOf('acks')
  for (const acks of [2, -2, 32767]) assert.equal(await produce(topic, good, { acks }), 'INVALID_REQUIRED_ACKS')
  assert.deepEqual([await produce(topic, good, { acks: 1 }), await produce(topic, good, { acks: -1 })], [0, 1])
})

test('acks=1 does not wait for anybody, whatever the timeout', async () => {
  const topic = await topicOf('hasty')
  assert.equal(await produce(topic, good, { acks: 1, timeoutMs: 0 }), 0)
  assert.equal(await produce(topic, good, { acks: 1, timeoutMs: -1 }), 1)
})

test('no records at all are refused', async () => {
  const topic = await topicOf('none')
  assert.equal(await produce(topic, null), 'INVALID_RECORD')
  assert.equal(await produce(topic, new Uint8Array(0)), 'INVALID_RECORD')
})

test('a batch larger than max.message.bytes is refused, one of exactly that size is not', async () => {
  const bytes = batchOf(['x'.repeat(2000)])
  const fits = await topicOf('fits', 1, { 'max.message.bytes': String(bytes.length) })
  const short = await topicOf('short', 1, { 'max.message.bytes': String(bytes.length - 1) })
  assert.equal(await produce(fits, bytes), 0)
  assert.equal(await produce(short, bytes), 'MESSAGE_TOO_LARGE')
  const { responses } = await client.request(Produce, 8, produceRequest(short, bytes))
  assert.match(responses[0]!.partitionResponses[0]!.errorMessage!, /2\d\d\d bytes, max.message.bytes is 2\d\d\d/)
  const segments = await topicOf('segments', 1, { 'internal.segment.bytes': '1024' })
  assert.equal(await produce(segments, bytes), 'RECORD_LIST_TOO_LARGE')
})

test('a topic with fewer replicas than min.insync.replicas wants all that it has', async () => {
  const topic = await topicOf('careful', 1, { 'min.insync.replicas': '2' })
  assert.equal(await produce(topic, good), 0)
  assert.equal(await produce(topic, good, { acks: 1 }), 1)
})

test('transactional produce is refused: there are no transactions', async () => {
  const topic = await topicOf('transactions')
  const batch = batchOf(['x'], { producerId: 1, producerEpoch: 0, baseSequence: 0, transactional: true })
  assert.equal(await produce(topic, batch), 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  assert.equal(await produce(topic, batch, { transactionalId: 'tx' }), 'INVALID_TXN_STATE')
  assert.equal(await produce(topic, good, { transactionalId: 'tx' }), 'INVALID_TXN_STATE')
})

test('each partition of a request has its own answer, in the order of the request', async () => {
  const topic = await topicOf('several', 3)
  const other = await topicOf('others')
  const { responses } = await client.request(Produce, 9, {
    acks: -1,
    timeoutMs: 5000,
    topicData: [
      {
        name: topic.name,
        partitionData: [
          { index: 2, records: batchOf(['two']) },
          { index: 7, records: good },
          { index: 0, records: Buffer.from('rubbish') },
        ],
      },
      { name: 'missing', partitionData: [{ index: 0, records: good }] },
      { name: other.name, partitionData: [{ index: 0, records: batchOf(['a', 'b']) }] },
    ],
  })
  assert.deepEqual(
    responses.map(({ name, partitionResponses }) => [
      name,
      partitionResponses.map(({ index, errorCode }) => `${index} ${errorByCode(errorCode).name}`),
    ]),
    [
      ['several', ['2 NONE', '7 UNKNOWN_TOPIC_OR_PARTITION', '0 INVALID_RECORD']],
      ['missing', ['0 UNKNOWN_TOPIC_OR_PARTITION']],
      ['others', ['0 NONE']],
    ],
  )
  assert.deepEqual(valuesIn(await stored(topic, 2)), ['two'])
  assert.deepEqual(valuesIn(await stored(topic, 0)), [])
  assert.deepEqual(valuesIn(await stored(other)), ['a', 'b'])
})

test('offsets and leader epoch are set, timestamps are those of the records: log append time is not taken from a producer', async () => {
  const topic = await topicOf('stamps')
  assert.equal(await produce(topic, batchOf(['a', 'b'])), 0)
  assert.equal(await produce(topic, batchOf(['c', 'd'], { timestampType: 'LogAppendTime', maxTimestamp: 5 })), 2)
  const batches = new BatchIterator(await stored(topic))
  for (const baseOffset of [0, 2]) {
    assert.equal(batches.next(), 'batch')
    const { batch } = batches
    assert.deepEqual(
      [batch.baseOffset, batch.lastOffset, batch.partitionLeaderEpoch, batch.timestampType, batch.maxTimestamp],
      [baseOffset, baseOffset + 1, 0, 'CreateTime', TIMESTAMP + 1],
    )
    assert.equal(batch.computeCrc(), batch.crc)
  }
  assert.equal(batches.next(), 'end')
})

test('large and compressed batches come out as they went in, also when their frame came in pieces', async () => {
  const topic = await topicOf('large')
  const values = Array.from({ length: 50 }, (_, n) => String(n).repeat(5000 + n))
  let next = 0
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    assert.equal(await produce(topic, batchOf(values, { codec })), next)
    next += values.length
  }
  const bytes: string[] = []
  for (let offset = 0; offset < next; offset += values.length) {
    const request = fetchRequest(topic, offset, { maxBytes: 1 })
    bytes.push(...valuesIn((await client.request(Fetch, 12, request)).responses[0]!.partitions[0]!.records))
  }
  assert.deepEqual(bytes, [...values, ...values, ...values, ...values, ...values])
})

test('acks=0 has no answer: what follows on the connection is answered next', async () => {
  const topic = await topicOf('silent')
  for (const value of ['a', 'b', 'c']) client.send(Produce, 9, produceRequest(topic, batchOf([value]), { acks: 0 }))
  assert.equal(await produce(topic, batchOf(['d'])), 3)
  assert.deepEqual(valuesIn(await stored(topic)), ['a', 'b', 'c', 'd'])
})

test('acks=0 that fails closes the connection behind the answers to what was asked before', async () => {
  const topic = await topicOf('loud')
  const failures = [
    produceRequest({ name: 'nowhere' }, good, { acks: 0 }),
    produceRequest(topic, Buffer.from('rubbish'), { acks: 0 }),
    produceRequest(topic, good, { acks: 0, partition: 5 }),
  ]
  for (const [index, failure] of failures.entries()) {
    await broker.use(async (other) => {
      const before = other.send(Produce, 9, produceRequest(topic, batchOf([`before ${index}`])))
      other.send(Produce, 9, failure)
      other.send(Produce, 9, produceRequest(topic, batchOf([`behind ${index}`])))
      const { responses } = await other.answerTo(Produce, 9, before)
      assert.deepEqual([responses[0]!.partitionResponses[0]!.errorCode], [0])
      await other.closed
      assert.equal(other.unread, 0)
    })
  }
  // What stands behind the failure was not looked at.
  assert.deepEqual(valuesIn(await stored(topic)), ['before 0', 'before 1', 'before 2'])
  assert.equal(
    (await client.request(ApiVersions, 0, { clientSoftwareName: '', clientSoftwareVersion: '' })).errorCode,
    0,
  )
})

test('what is not allowed with acks=0 has no answer either', () => {
  const { refuse } = HANDLERS.find(({ message }) => message.name === 'Produce')!
  assert.equal(refuse({ acks: 0, topicData: [] }, 29), undefined)
  assert.deepEqual(refuse({ acks: 1, topicData: [] }, 29), { responses: [] })
})

const COMPRESSED = CODEC_NAMES.filter((codec) => codec !== 'none')

interface Refusal {
  readonly error: string
  readonly message: string | null
  readonly records: readonly (readonly [batchIndex: number, message: string | null])[]
}

async function refusal(to: Topic, records: Uint8Array): Promise<Refusal> {
  const [part] = (await client.request(Produce, 8, produceRequest(to, records))).responses[0]!.partitionResponses
  return {
    error: errorByCode(part!.errorCode).name,
    message: part!.errorMessage,
    records: part!.recordErrors.map(({ batchIndex, batchIndexErrorMessage }) => [batchIndex, batchIndexErrorMessage]),
  }
}

test('a topic that is compacted takes no record without a key, and is told which ones have none', async () => {
  const topic = await topicOf('keys', 1, { 'cleanup.policy': 'compact' })
  const records = [{ key: Buffer.from('k') }, { key: null }, { key: Buffer.alloc(0) }, {}]
  const why = 'the record has no key, and the topic is compacted'
  for (const codec of CODEC_NAMES) {
    const { error, message, records: refused } = await refusal(topic, buildBatch(records, { codec }))
    assert.equal(error, 'INVALID_RECORD', codec)
    assert.match(message!, /not allowed in the topic/)
    const errors = [
      [1, why],
      [3, why],
    ]
    assert.deepEqual(refused, errors)
  }
  const large = buildBatch(
    Array.from({ length: 500 }, () => ({ value: Buffer.alloc(1000) })),
    { codec: 'gzip' },
  )
  const { error, records: refused } = await refusal(topic, large)
  assert.deepEqual([error, refused.length], ['INVALID_RECORD', MAX_RECORD_ERRORS])
  for (const codec of CODEC_NAMES)
    assert.equal(typeof (await produce(topic, buildBatch(records.slice(0, 1), { codec }))), 'number')
  assert.equal(valuesOf(await stored(topic)), CODEC_NAMES.length)
})

/** How many records there are. */
function valuesOf(bytes: Uint8Array): number {
  const batches = new BatchIterator(bytes)
  let count = 0
  while (batches.next() === 'batch') count += batches.batch.recordCount
  return count
}

test('the times of compressed records are looked at too: limits hold, and the latest is that of the records', async () => {
  const topic = await topicOf('times', 1, { 'message.timestamp.after.max.ms': '3600000' })
  const now = Date.now()
  for (const codec of COMPRESSED) {
    const records = [{ timestamp: now }, { timestamp: now + 7_200_000 }, { timestamp: -1 }]
    // The header says that all is well.
    const { error, records: refused } = await refusal(topic, buildBatch(records, { codec, maxTimestamp: now }))
    assert.deepEqual([error, refused.map(([index]) => index)], ['INVALID_TIMESTAMP', [1]])
  }
  let offset = 0
  for (const codec of COMPRESSED) {
    const records = [{ timestamp: now - 5 }, { timestamp: now }, { timestamp: now - 9 }]
    assert.equal(await produce(topic, buildBatch(records, { codec, maxTimestamp: now - 1000 })), offset)
    const request = fetchRequest(topic, offset, { partition: { partitionMaxBytes: 1 } })
    const bytes = (await client.request(Fetch, 12, request)).responses[0]!.partitions[0]!.records!
    const batches = new BatchIterator(bytes)
    assert.equal(batches.next(), 'batch')
    assert.deepEqual([batches.batch.maxTimestamp, batches.batch.computeCrc()], [now, batches.batch.crc])
    offset += 3
  }
})

test('a record count that is a lie is found inside of a compressed batch, small or large', async () => {
  const topic = await topicOf('counts')
  for (const size of [10, 300_000]) {
    for (const codec of COMPRESSED) {
      for (const change of [-1, 1]) {
        const batch = Buffer.from(batchOf(['x'.repeat(size), 'y', 'z'], { codec }))
        batch.writeInt32BE(3 + change, FIELD_AT.recordCount)
        batch.writeInt32BE(2 + change, FIELD_AT.lastOffsetDelta)
        batch.writeUInt32BE(crc32c(batch, FIELD_AT.attributes, batch.length), FIELD_AT.crc)
        assert.equal(await produce(topic, batch), 'INVALID_RECORD', `${codec} ${size} ${change}`)
      }
    }
  }
  assert.equal(await produce(topic, good), 0)
})

test('what becomes too much when it is decompressed is refused, and nobody waits for it', async () => {
  const topic = await topicOf('bombs')
  const others = await topicOf('beside bombs'.replaceAll(' ', '-'))
  const zeros = Buffer.alloc(MAX_OPENED_BYTES + 1)
  const bomb = buildBatch([{ value: zeros }], { codec: 'gzip' })
  assert.ok(bomb.length < 200_000)
  await broker.use(async (bomber) => {
    const id = bomber.send(Produce, 9, produceRequest(topic, bomb))
    let answered = false
    const answer = bomber.answerTo(Produce, 9, id).then(({ responses }) => {
      answered = true
      return errorByCode(responses[0]!.partitionResponses[0]!.errorCode).name
    })
    assert.equal(await produce(others, good), 0)
    assert.equal(answered, false)
    assert.equal(await answer, 'MESSAGE_TOO_LARGE')
  })
})

test('what is opened off the loop is appended before what the connection sends next, with any acks', async () => {
  for (const acks of [0, 1, -1]) {
    const topic = await topicOf(`order${acks}`, 2)
    const large = 'x'.repeat(400_000)
    const { producerId } = await client.request(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 0 })
    const ids: number[] = []
    await broker.use(async (producer) => {
      for (let n = 0; n < 12; n++) {
        const values = n % 3 === 0 ? [`${n}`, large] : [`${n}`, 'y']
        const options = {
          codec: n % 2 === 0 ? 'zstd' : 'none',
          producerId,
          producerEpoch: 0,
          baseSequence: 2 * n,
        } as const
        ids.push(producer.send(Produce, 9, produceRequest(topic, batchOf(values, options), { acks })))
      }
      if (acks === 0) {
        await producer.request(ApiVersions, 0, { clientSoftwareName: '', clientSoftwareVersion: '' })
      } else {
        for (const [n, id] of ids.entries()) {
          const [part] = (await producer.answerTo(Produce, 9, id)).responses[0]!.partitionResponses
          assert.deepEqual([errorByCode(part!.errorCode).name, part!.baseOffset], ['NONE', 2 * n])
        }
      }
    })
    const read: string[] = []
    while (read.length < 24) {
      const request = fetchRequest(topic, read.length, { maxWaitMs: 5000, partition: { partitionMaxBytes: 1 } })
      const batch = valuesIn((await client.request(Fetch, 12, request)).responses[0]!.partitions[0]!.records)
      assert.equal(batch.length, 2)
      read.push(...batch)
    }
    assert.deepEqual(
      read.filter((_, at) => at % 2 === 0),
      Array.from({ length: 12 }, (_, n) => `${n}`),
    )
  }
})

test('several partitions of which some are opened off the loop: each has its own answer, in the order of the request', async () => {
  const topic = await topicOf('mixed', 5)
  const large = batchOf(['x'.repeat(400_000)], { codec: 'lz4' })
  const broken = Buffer.from(batchOf(['x'.repeat(200_000), randomBytes(100_000).toString('hex')], { codec: 'gzip' }))
  broken[61] = 0
  broken.writeUInt32BE(crc32c(broken, FIELD_AT.attributes, broken.length), FIELD_AT.crc)
  const { responses } = await client.request(Produce, 9, {
    acks: -1,
    timeoutMs: 5000,
    topicData: [
      {
        name: topic.name,
        partitionData: [
          { index: 0, records: good },
          { index: 1, records: large },
          { index: 2, records: broken },
          { index: 3, records: batchOf(['a'], { codec: 'snappy' }) },
          { index: 9, records: large },
          { index: 4, records: large },
        ],
      },
    ],
  })
  assert.deepEqual(
    responses[0]!.partitionResponses.map(({ index, errorCode }) => `${index} ${errorByCode(errorCode).name}`),
    ['0 NONE', '1 NONE', '2 INVALID_RECORD', '3 NONE', '9 UNKNOWN_TOPIC_OR_PARTITION', '4 NONE'],
  )
})
