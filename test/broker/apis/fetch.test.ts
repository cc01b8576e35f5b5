/** Fetch over the wire: which bytes come, how many, and what is said instead. What is about waiting stands in fetch-waits.test.ts. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { after, test } from 'node:test'
import { errorByCode } from '../../../src/protocol/errors.js'
import { Metadata } from '../../../src/protocol/messages/metadata.js'
import { BatchIterator } from '../../../src/records/reader.js'
import { temporaryDirectory } from '../../node-ports.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, type Topic, valuesIn } from '../requests.js'
import { startNode, type TestNode } from '../test-node.js'

const broker = await startNode({ 'fetch.max.bytes': '5000' })
const client = await broker.client()
after(() => {
  client.close()
  return broker.remove()
})

async function topicOf(
  name: string,
  batches: readonly (readonly string[])[],
  partitions = 1,
): Promise<Required<Topic>> {
  const topic = { name, topicId: await broker.createTopic(name, partitions) }
  for (let partition = 0; partition < partitions; partition++) {
    for (const values of batches) {
      const { responses } = await client.request(Produce, 9, produceRequest(topic, batchOf(values), { partition }))
      assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
    }
  }
  return topic
}

type Options = NonNullable<Parameters<typeof fetchRequest>[2]> & { readonly version?: number }

async function fetchOne(topic: Topic, offset: number, { version = 12, ...options }: Options = {}) {
  const response = await client.request(Fetch, version, fetchRequest(topic, offset, options))
  const [part] = response.responses[0]!.partitions
  const error = errorByCode(part!.errorCode).name
  return { ...part!, response, error, values: valuesIn(part!.records) }
}

test('from an offset on, whole batches: also those before it in the same batch', async () => {
  const topic = await topicOf('whole', [['a', 'b'], ['c', 'd'], ['e']])
  assert.deepEqual((await fetchOne(topic, 0)).values, ['a', 'b', 'c', 'd', 'e'])
  assert.deepEqual((await fetchOne(topic, 3)).values, ['c', 'd', 'e'])
  assert.deepEqual((await fetchOne(topic, 4)).values, ['e'])
  const atEnd = await fetchOne(topic, 5)
  assert.deepEqual([atEnd.error, atEnd.values, atEnd.highWatermark, atEnd.logStartOffset], ['NONE', [], 5, 0])
})

test('an offset out of range is said with the ends of the partition', async () => {
  const topic = await topicOf('range', [['a', 'b']])
  for (const offset of [3, 1_000_000, -1]) {
    const { error, highWatermark, logStartOffset, records } = await fetchOne(topic, offset)
    assert.deepEqual(
      [error, highWatermark, logStartOffset, records?.length],
      ['OFFSET_OUT_OF_RANGE', 2, 0, 0],
      `offset ${offset}`,
    )
  }
})

test('what is not there is unknown: by name, by id, by partition', async () => {
  const topic = await topicOf('there', [['a']])
  assert.equal((await fetchOne({ name: 'nowhere' }, 0)).error, 'UNKNOWN_TOPIC_OR_PARTITION')
  for (const partition of [1, -1]) {
    assert.equal((await fetchOne(topic, 0, { partition: { partition } })).error, 'UNKNOWN_TOPIC_OR_PARTITION')
    assert.equal(
      (await fetchOne(topic, 0, { version: 13, partition: { partition } })).error,
      'UNKNOWN_TOPIC_OR_PARTITION',
    )
  }
  for (const topicId of ['AAAAAAAAAAAAAAAAAAAAAA', 'BBBBBBBBBBBBBBBBBBBBBA']) {
    const missing = await fetchOne({ name: 'there', topicId }, 0, { version: 13 })
    assert.deepEqual([missing.error, missing.response.responses[0]!.topicId], ['UNKNOWN_TOPIC_ID', topicId])
  }
  assert.deepEqual((await fetchOne({ ...topic, name: '' }, 0, { version: 13 })).values, ['a'])
})

test('no more bytes than asked for, but the first batch always comes whole', async () => {
  const topic = await topicOf('sizes', [['a'.repeat(500)], ['b'.repeat(500)], ['c'.repeat(500)]])
  const size = batchOf(['a'.repeat(500)]).length
  const lengths = async (partitionMaxBytes: number, maxBytes = 1_000_000): Promise<number | undefined> =>
    (await fetchOne(topic, 0, { maxBytes, partition: { partitionMaxBytes } })).records?.length
  assert.equal(await lengths(1), size)
  assert.equal(await lengths(0), size)
  assert.equal(await lengths(size), size)
  assert.equal(await lengths(2 * size), 2 * size)
  assert.equal(await lengths(1_000_000), 3 * size)
  assert.equal(await lengths(1_000_000, 1), size)
  assert.equal(await lengths(1_000_000, 2 * size), 2 * size)
  // What is cut off behind whole batches is what a consumer asks for next.
  const cut = await fetchOne(topic, 0, { partition: { partitionMaxBytes: 2 * size + 10 } })
  assert.equal(cut.values.length, 2)
  const batches = new BatchIterator(cut.records!)
  assert.deepEqual([batches.next(), batches.next()], ['batch', 'batch'])
  assert.ok(['end', 'partial'].includes(batches.next()))
})

test('a limit for the whole: the first partition with data may exceed it, the others get what is left', async () => {
  const topic = await topicOf('shared', [['x'.repeat(1000)]], 3)
  const size = batchOf(['x'.repeat(1000)]).length
  const partitionsOf = async (maxBytes: number, offsets: readonly number[]): Promise<number[]> => {
    const { responses } = await client.request(Fetch, 12, {
      ...fetchRequest(topic, 0, { maxBytes }),
      topics: [
        {
          topic: topic.name,
          partitions: offsets.map((fetchOffset, partition) => ({
            partition,
            fetchOffset,
            partitionMaxBytes: 1_000_000,
          })),
        },
      ],
    })
    return responses[0]!.partitions.map(({ records }) => valuesIn(records).length)
  }
  assert.deepEqual(await partitionsOf(1, [0, 0, 0]), [1, 0, 0])
  assert.deepEqual(await partitionsOf(1, [1, 0, 0]), [0, 1, 0])
  assert.deepEqual(await partitionsOf(2 * size, [0, 0, 0]), [1, 1, 0])
  assert.deepEqual(await partitionsOf(1_000_000, [0, 0, 0]), [1, 1, 1])
})

test('fetch.max.bytes bounds an answer, whatever a client asks for', async () => {
  const topic = await topicOf(
    'bounded',
    Array.from({ length: 12 }, () => ['y'.repeat(900)]),
  )
  const { records } = await fetchOne(topic, 0, { maxBytes: 2 ** 31 - 1, partition: { partitionMaxBytes: 2 ** 31 - 1 } })
  assert.ok(records!.length <= 5000 && valuesIn(records).length === 5, `${records!.length} bytes`)
})

test('both isolation levels see what is committed: there are no transactions', async () => {
  const topic = await topicOf('isolation', [['a'], ['b']])
  for (const isolationLevel of [0, 1]) {
    const part = await fetchOne(topic, 0, { isolationLevel })
    assert.deepEqual([part.values, part.lastStableOffset, part.highWatermark], [['a', 'b'], 2, 2])
    assert.ok(part.abortedTransactions === null || part.abortedTransactions.length === 0)
  }
})

test('leader epochs: an old one is fenced, a later one is unknown, the current one serves', async () => {
  const topic = await topicOf('epochs', [['a']])
  assert.equal((await fetchOne(topic, 0, { partition: { currentLeaderEpoch: 1 } })).error, 'UNKNOWN_LEADER_EPOCH')
  assert.equal((await fetchOne(topic, 0, { partition: { currentLeaderEpoch: 0 } })).error, 'NONE')
  const same = await fetchOne(topic, 1, { partition: { lastFetchedEpoch: 0 } })
  assert.deepEqual([same.error, same.divergingEpoch], ['NONE', { epoch: -1, endOffset: -1 }])
})

test('an epoch that never was is no place to go on from', async () => {
  const topic = await topicOf('futures', [['a']])
  const { error, values } = await fetchOne(topic, 1, { partition: { lastFetchedEpoch: 5 } })
  assert.deepEqual([error, values], ['OFFSET_OUT_OF_RANGE', []])
})

test('where the logs part is said before the offset is called out of range', async () => {
  const directory = temporaryDirectory('epochs')
  const epochs: number[] = []
  const start = async (): Promise<TestNode> => {
    const node = await startNode({}, directory)
    if (epochs.length === 0) await node.createTopic('parted')
    const { topics } = await node.use((other) => other.request(Metadata, 12, { topics: [{ name: 'parted' }] }))
    epochs.push(topics[0]!.partitions[0]!.leaderEpoch)
    return node
  }
  try {
    for (const values of [['a', 'b'], ['c']]) {
      const node = await start()
      await node.use((other) => other.request(Produce, 9, produceRequest({ name: 'parted' }, batchOf(values))))
      await node.stop()
    }
    const node = await start()
    const [first, second, third] = epochs as [number, number, number]
    assert.ok(first < second && second < third, epochs.join(', '))
    const from = async (fetchOffset: number, lastFetchedEpoch: number): Promise<unknown[]> => {
      const request = fetchRequest({ name: 'parted' }, fetchOffset, { partition: { lastFetchedEpoch } })
      const [part] = (await node.use((other) => other.request(Fetch, 12, request))).responses[0]!.partitions
      const { epoch, endOffset } = part!.divergingEpoch
      return [errorByCode(part!.errorCode).name, valuesIn(part!.records), epoch, endOffset]
    }
    assert.deepEqual(await from(2, first), ['NONE', ['c'], -1, -1])
    assert.deepEqual(await from(3, second), ['NONE', [], -1, -1])
    assert.deepEqual(await from(3, first), ['NONE', [], first, 2])
    assert.deepEqual(await from(9, first), ['NONE', [], first, 2])
    assert.deepEqual(await from(9, second), ['NONE', [], second, 3])
    assert.deepEqual(await from(9, -1), ['OFFSET_OUT_OF_RANGE', [], -1, -1])
    await node.stop()
  } finally {
    fs.rmSync(directory, { recursive: true, force: true })
  }
})

test('an empty request is answered at once, with nothing', async () => {
  const response = await client.request(Fetch, 12, { ...fetchRequest({ name: 'x' }, 0), maxWaitMs: 60_000, topics: [] })
  assert.deepEqual([response.errorCode, response.responses], [0, []])
})

test('a fetch of more partitions than a stack is deep is answered', async () => {
  await topicOf('many', [['a']], 3)
  const partitions = Array.from({ length: 20_000 }, (_, n) => ({
    partition: n % 4,
    fetchOffset: 0,
    partitionMaxBytes: 1000,
  }))
  const { responses } = await client.request(Fetch, 12, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 100_000,
    topics: [{ topic: 'many', partitions }],
  })
  const results = responses[0]!.partitions
  assert.equal(results.length, partitions.length)
  assert.deepEqual(
    results.slice(0, 4).map(({ errorCode }) => errorByCode(errorCode).name),
    ['NONE', 'NONE', 'NONE', 'UNKNOWN_TOPIC_OR_PARTITION'],
  )
})
