/** ListOffsets over the wire: ends, times, and the special times that came with later versions. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { errorByCode } from '../../../src/protocol/errors.js'
import { ListOffsets } from '../../../src/protocol/messages/list-offsets.js'
import { batchOf, Produce, produceRequest } from '../requests.js'
import { startNode } from '../test-node.js'

const broker = await startNode()
const client = await broker.client()
after(() => {
  client.close()
  return broker.remove()
})

const LATEST = -1
const EARLIEST = -2
const MAX_TIMESTAMP = -3
const EARLIEST_LOCAL = -4
const LATEST_TIERED = -5
const EARLIEST_PENDING_UPLOAD = -6

async function topicOf(name: string, batches: readonly Buffer[], configs = {}): Promise<void> {
  await broker.createTopic(name, 1, configs)
  for (const records of batches) {
    const { responses } = await client.request(Produce, 9, produceRequest({ name }, records))
    assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
  }
}

type Found = readonly [offset: number, timestamp: number, leaderEpoch: number] | string

async function find(name: string, timestamp: number, version = 9, partition = {}): Promise<Found> {
  const { topics } = await client.request(ListOffsets, version, {
    replicaId: -1,
    topics: [{ name, partitions: [{ partitionIndex: 0, timestamp, ...partition }] }],
  })
  const [found] = topics[0]!.partitions
  if (found!.errorCode === 0) return [found!.offset, found!.timestamp, found!.leaderEpoch]
  assert.equal(found!.offset, -1)
  return errorByCode(found!.errorCode).name
}

test('the ends of a partition, empty and not', async () => {
  await topicOf('empty', [])
  assert.deepEqual(
    [await find('empty', EARLIEST), await find('empty', LATEST)],
    [
      [0, -1, 0],
      [0, -1, 0],
    ],
  )
  await topicOf('ends', [batchOf(['a', 'b']), batchOf(['c'])])
  assert.deepEqual(
    [await find('ends', EARLIEST), await find('ends', LATEST)],
    [
      [0, -1, 0],
      [3, -1, 0],
    ],
  )
})

test('by time: the first record that is not older, in and between batches, in one segment and over several', async () => {
  for (const [name, configs] of [
    ['times', {}],
    ['times-in-segments', { 'internal.segment.bytes': '1024' }],
    ['times-in-small-indexes', { 'index.interval.bytes': '1' }],
  ] as const) {
    const padding = 'x'.repeat(400)
    const batches = [1000, 2000, 3000, 4000].map((at) => batchOf([padding, 'b', 'c'], {}, at))
    await topicOf(name, batches, configs)
    assert.deepEqual(await find(name, 0), [0, 1000, 0], name)
    assert.deepEqual(await find(name, 1000), [0, 1000, 0])
    assert.deepEqual(await find(name, 1001), [1, 1001, 0])
    assert.deepEqual(await find(name, 1003), [3, 2000, 0])
    assert.deepEqual(await find(name, 3002), [8, 3002, 0])
    assert.deepEqual(await find(name, 4002), [11, 4002, 0])
    assert.deepEqual(await find(name, 4003), [-1, -1, -1])
  }
})

test('by time in compressed batches, and where times go back', async () => {
  await topicOf('compressed', [
    batchOf(['a', 'b', 'c'], { codec: 'gzip' }, 1000),
    batchOf(['d'], { codec: 'lz4' }, 500),
  ])
  assert.deepEqual(await find('compressed', 1002), [2, 1002, 0])
  assert.deepEqual(await find('compressed', 500), [0, 1000, 0])
  assert.deepEqual(await find('compressed', MAX_TIMESTAMP), [2, 1002, 0])
})

test('the largest timestamp is that of the first record that has it', async () => {
  await topicOf('largest', [batchOf(['a'], {}, 1000), batchOf(['b', 'c'], {}, 5000), batchOf(['d'], {}, 2000)])
  assert.deepEqual(await find('largest', MAX_TIMESTAMP), [2, 5001, 0])
  await topicOf('largest-of-none', [])
  assert.deepEqual(await find('largest-of-none', MAX_TIMESTAMP), [-1, -1, -1])
})

test('special times are known from the version on that has them, and unknown ones never', async () => {
  await topicOf('special', [batchOf(['a'], {}, 1000)])
  const since = new Map([
    [LATEST, 1],
    [EARLIEST, 1],
    [MAX_TIMESTAMP, 7],
    [EARLIEST_LOCAL, 8],
    [LATEST_TIERED, 9],
    [EARLIEST_PENDING_UPLOAD, 11],
  ])
  for (const [timestamp, first] of since) {
    for (let version = 1; version <= 11; version++) {
      const found = await find('special', timestamp, version)
      if (version < first) assert.equal(found, 'UNSUPPORTED_VERSION', `${timestamp} in v${version}`)
      else assert.notEqual(typeof found, 'string', `${timestamp} in v${version}: ${found}`)
    }
  }
  for (const timestamp of [-7, -100]) assert.equal(await find('special', timestamp, 11), 'UNSUPPORTED_VERSION')
  assert.deepEqual(await find('special', EARLIEST_LOCAL), [0, -1, 0])
  // Nothing is tiered.
  assert.deepEqual(await find('special', LATEST_TIERED), [-1, -1, -1])
})

test('what is not there, or of another epoch, is said', async () => {
  await topicOf('known', [])
  assert.equal(await find('nowhere', LATEST), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(await find('known', LATEST, 9, { partitionIndex: 1 }), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(await find('known', LATEST, 9, { currentLeaderEpoch: 1 }), 'UNKNOWN_LEADER_EPOCH')
  assert.deepEqual(await find('known', LATEST, 9, { currentLeaderEpoch: 0 }), [0, -1, 0])
})

test('each partition has its own answer, in the order of the request', async () => {
  await broker.createTopic('several', 3)
  await client.request(Produce, 9, produceRequest({ name: 'several' }, batchOf(['a', 'b']), { partition: 2 }))
  const { topics } = await client.request(ListOffsets, 9, {
    replicaId: -1,
    isolationLevel: 1,
    topics: [
      { name: 'several', partitions: [2, 9, 0].map((partitionIndex) => ({ partitionIndex, timestamp: LATEST })) },
      { name: 'nowhere', partitions: [{ partitionIndex: 0, timestamp: LATEST }] },
    ],
  })
  assert.deepEqual(
    topics.map(({ name, partitions }) => [
      name,
      partitions.map(({ partitionIndex, errorCode, offset }) => [partitionIndex, errorCode, offset]),
    ]),
    [
      [
        'several',
        [
          [2, 0, 2],
          [9, 3, -1],
          [0, 0, 0],
        ],
      ],
      ['nowhere', [[0, 3, -1]]],
    ],
  )
})

test('a partition that is named twice is refused, the others are not; version 0 may', async () => {
  await broker.createTopic('twice', 2)
  const request = {
    replicaId: -1,
    topics: [0, 1, 0].map((partitionIndex) => ({ name: 'twice', partitions: [{ partitionIndex, timestamp: LATEST }] })),
  }
  const codes = async (version: number): Promise<string[]> =>
    (await client.request(ListOffsets, version, request)).topics.map(
      ({ partitions }) => errorByCode(partitions[0]!.errorCode).name,
    )
  assert.deepEqual(await codes(1), ['INVALID_REQUEST', 'NONE', 'INVALID_REQUEST'])
  assert.deepEqual(await codes(9), ['INVALID_REQUEST', 'NONE', 'INVALID_REQUEST'])
  assert.deepEqual(await codes(0), ['NONE', 'NONE', 'NONE'])
})

test('large batches are looked through off the loop: others are answered meanwhile, the connection keeps its order', async () => {
  const large = 'x'.repeat(20_000_000)
  await broker.createTopic('large', 1, { 'max.message.bytes': '30000000' })
  for (let n = 0; n < 3; n++) {
    const batch = batchOf(['a', large, 'b'], { codec: n === 0 ? 'none' : 'gzip' }, 1000 * n)
    const { responses } = await client.request(Produce, 9, produceRequest({ name: 'large' }, batch))
    assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
  }
  for (let n = 0; n < 3; n++) {
    for (let index = 0; index < 3; index++) {
      assert.deepEqual(await find('large', 1000 * n + index), [3 * n + index, 1000 * n + index, 0])
    }
    assert.deepEqual(await find('large', 1000 * n + 3), n === 2 ? [-1, -1, -1] : [3 * n + 3, 1000 * (n + 1), 0])
  }
  const at = (timestamp: number) => ({
    replicaId: -1,
    topics: [{ name: 'large', partitions: [{ partitionIndex: 0, timestamp }] }],
  })
  await broker.use(async (slow) => {
    const ids = [2002, 1, LATEST].map((timestamp) => slow.send(ListOffsets, 9, at(timestamp)))
    const answers = ids.map((id) => slow.answerTo(ListOffsets, 9, id))
    const order: string[] = []
    void answers[0]!.then(() => order.push('slow'))
    await find('large', LATEST).then(() => order.push('neighbour'))
    const offsets = (await Promise.all(answers)).map(({ topics }) => topics[0]!.partitions[0]!.offset)
    assert.deepEqual(offsets, [8, 1, 9])
    assert.equal(order[0], 'neighbour')
  })
})
