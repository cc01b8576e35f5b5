/** Produce over the wire: what is appended and what is refused, with which of Kafka's errors, by acks. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { HANDLERS } from '../../../src/broker/apis/index.js'
import { errorByCode } from '../../../src/protocol/errors.js'
import { ApiVersions } from '../../../src/protocol/messages/api-versions.js'
import { BatchIterator } from '../../../src/records/reader.js'
import { golden } from '../../golden.js'
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

interface BadBatch {
  readonly case: string
  readonly hex: string
  readonly answers: { readonly v3: string; readonly v11: string }
}

/** Where another answer than Kafka's is meant. */
const DIFFERENCES: readonly { readonly cases: RegExp; readonly kafka: string; readonly ours: string }[] = [
  // UNKNOWN_SERVER_ERROR says nothing to a client.
  { cases: /^length field 2147483647$/, kafka: 'UNKNOWN_SERVER_ERROR', ours: 'INVALID_RECORD' },
  { cases: /^codec bits [567]$/, kafka: 'UNKNOWN_SERVER_ERROR', ours: 'UNSUPPORTED_COMPRESSION_TYPE' },
  { cases: /^record: length varint of 6 bytes$/, kafka: 'UNKNOWN_SERVER_ERROR', ours: 'INVALID_RECORD' },
  { cases: /: empty stream$/, kafka: 'UNKNOWN_SERVER_ERROR', ours: 'INVALID_RECORD' },
  // A number cannot hold the timestamp.
  { cases: /^record: timestamp delta at 64 bits$/, kafka: 'NONE', ours: 'INVALID_RECORD' },
  // Control batches are refused before it is asked whether they belong to a transaction.
  {
    cases: /^control: a marker from a producer$/,
    kafka: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    ours: 'INVALID_RECORD',
  },
  // Compressed batches are not opened: the CRC vouches for what the producer sent, and consumers meet what is wrong with it.
  { cases: /^codec bits [134] over plain records$/, kafka: 'UNKNOWN_SERVER_ERROR', ours: 'NONE' },
  { cases: /^(gzip|snappy|lz4|zstd): /, kafka: 'UNKNOWN_SERVER_ERROR', ours: 'NONE' },
  { cases: /^(gzip|snappy|lz4|zstd): (middle|stream of no bytes)/, kafka: 'INVALID_RECORD', ours: 'NONE' },
  // What is wrong with the header is seen first.
  { cases: /^zstd: (empty|count)/, kafka: 'UNSUPPORTED_COMPRESSION_TYPE', ours: 'INVALID_RECORD' },
]

test('bad batches are answered as a running Kafka answers them, but for what is listed', async () => {
  const topic = await topicOf('bad-batches')
  const used = new Set<object>()
  const wrong: string[] = []
  for (const { case: name, hex, answers } of golden<BadBatch>('bad-batches.jsonl.gz')) {
    for (const [version, kafka] of [
      [3, answers.v3],
      [11, answers.v11],
    ] as const) {
      const answer = await produce(topic, Buffer.from(hex, 'hex'), { version, acks: 1 })
      const ours = typeof answer === 'number' ? 'NONE' : answer
      const difference = DIFFERENCES.find((each) => each.cases.test(name) && each.kafka === kafka)
      if (ours !== (difference?.ours ?? kafka)) wrong.push(`${name} v${version}: ${ours}, Kafka ${kafka}`)
      if (difference !== undefined) used.add(difference)
    }
  }
  assert.deepEqual(wrong, [])
  assert.equal(used.size, DIFFERENCES.length)
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

test('fewer replicas in sync than min.insync.replicas: acks=all is refused, acks=1 is not', async () => {
  const topic = await topicOf('careful', 1, { 'min.insync.replicas': '2' })
  assert.equal(await produce(topic, good), 'NOT_ENOUGH_REPLICAS')
  assert.equal(await produce(topic, good, { acks: 1 }), 0)
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
