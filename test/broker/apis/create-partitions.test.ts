/** CreatePartitions over the wire: what is added, what is refused, and that what is there stays. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { errorByCode } from '../../../src/protocol/errors.js'
import { CreatePartitions } from '../../../src/protocol/messages/create-partitions.js'
import { Fetch } from '../../../src/protocol/messages/fetch.js'
import { Metadata } from '../../../src/protocol/messages/metadata.js'
import { Produce } from '../../../src/protocol/messages/produce.js'
import { batchOf, fetchRequest, produceRequest } from '../requests.js'
import { startNode } from '../test-node.js'

const broker = await startNode({ 'auto.create.topics.enable': 'false' })
after(() => broker.remove())

interface Wanted {
  readonly name: string
  readonly count: number
  readonly assignments?: readonly { brokerIds: number[] }[] | null
}

async function grow(topics: readonly Wanted[], validateOnly = false) {
  const wanted = topics.map((topic) => ({ assignments: null, ...topic }))
  const { results } = await broker.use((client) =>
    client.request(CreatePartitions, 3, { topics: wanted, timeoutMs: 5000, validateOnly }),
  )
  return results.map(({ name, errorCode, errorMessage }) => ({
    name,
    error: errorByCode(errorCode).name,
    errorMessage,
  }))
}

async function partitionsOf(name: string): Promise<number> {
  const { topics } = await broker.use((client) => client.request(Metadata, 12, { topics: [{ name }] }))
  return topics[0]!.partitions.length
}

test('new partitions can be used as soon as they are answered, and the old ones keep what they have', async () => {
  const topicId = await broker.createTopic('growing', 2)
  const topic = { name: 'growing', topicId }
  await broker.use((client) =>
    client.request(Produce, 13, produceRequest(topic, batchOf(['before']), { partition: 1 })),
  )
  assert.deepEqual(await grow([{ name: 'growing', count: 5 }]), [
    { name: 'growing', error: 'NONE', errorMessage: null },
  ])
  assert.equal(await partitionsOf('growing'), 5)
  for (const partition of [2, 3, 4]) {
    const request = produceRequest(topic, batchOf(['after']), { partition })
    const { responses } = await broker.use((client) => client.request(Produce, 13, request))
    const [result] = responses[0]!.partitionResponses
    assert.deepEqual([result!.errorCode, result!.baseOffset], [0, 0])
  }
  const request = fetchRequest(topic, 0, { partition: { partition: 1 } })
  const { responses } = await broker.use((client) => client.request(Fetch, 13, request))
  assert.equal(responses[0]!.partitions[0]!.highWatermark, 1)
})

test('validating only checks everything and adds nothing', async () => {
  await broker.createTopic('validated')
  assert.equal((await grow([{ name: 'validated', count: 3 }], true))[0]!.error, 'NONE')
  assert.equal((await grow([{ name: 'validated', count: 1 }], true))[0]!.error, 'INVALID_PARTITIONS')
  assert.equal(await partitionsOf('validated'), 1)
})

test('assignments', async () => {
  await broker.createTopic('assigned', 2)
  const refused = async (assignments: { brokerIds: number[] }[], message: RegExp): Promise<void> => {
    const [result] = await grow([{ name: 'assigned', count: 4, assignments }])
    assert.equal(result!.error, 'INVALID_REPLICA_ASSIGNMENT')
    assert.match(result!.errorMessage!, message)
  }
  await refused([{ brokerIds: [1] }], /2 partitions are to be added, and 1/)
  await refused([], /2 partitions are to be added, and 0/)
  await refused([{ brokerIds: [1] }, { brokerIds: [] }], /partition 3 needs replicas/)
  await refused([{ brokerIds: [1] }, { brokerIds: [1, 1] }], /different brokers/)
  await refused([{ brokerIds: [1] }, { brokerIds: [1, 2] }], /same number of replicas/)
  await refused([{ brokerIds: [9] }, { brokerIds: [1] }], /no broker 9/)
  assert.equal(await partitionsOf('assigned'), 2)
  assert.equal(
    (await grow([{ name: 'assigned', count: 4, assignments: [{ brokerIds: [1] }, { brokerIds: [1] }] }]))[0]!.error,
    'NONE',
  )
  assert.equal(await partitionsOf('assigned'), 4)
})

test('what cannot be added is refused, and the others of the request get theirs', async () => {
  for (const name of ['three', 'double', 'good']) await broker.createTopic(name, 3)
  const results = await grow([
    { name: 'three', count: 3 },
    { name: 'nowhere', count: 3 },
    { name: 'double', count: 5 },
    { name: 'good', count: 4 },
    { name: 'double', count: 6 },
  ])
  assert.deepEqual(
    results.map(({ name, error }) => `${name} ${error}`),
    ['three INVALID_PARTITIONS', 'nowhere UNKNOWN_TOPIC_OR_PARTITION', 'double INVALID_REQUEST', 'good NONE'],
  )
  for (const count of [2, 0, -1])
    assert.match((await grow([{ name: 'three', count }]))[0]!.errorMessage!, /would be fewer/)
  assert.equal((await grow([{ name: 'three', count: 2 ** 31 - 1 }]))[0]!.error, 'POLICY_VIOLATION')
  assert.deepEqual([await partitionsOf('three'), await partitionsOf('double'), await partitionsOf('good')], [3, 3, 4])
})

test('added partitions are there after a restart', async () => {
  const node = await startNode()
  await node.createTopic('kept')
  await node.use((client) =>
    client.request(CreatePartitions, 3, {
      topics: [{ name: 'kept', count: 4, assignments: null }],
      timeoutMs: 5000,
      validateOnly: false,
    }),
  )
  await node.stop()
  const next = await startNode({}, node.directory)
  const { topics } = await next.use((client) => client.request(Metadata, 12, { topics: [{ name: 'kept' }] }))
  assert.deepEqual(
    topics[0]!.partitions.map(({ errorCode, leaderId }) => [errorCode, leaderId]),
    Array(4).fill([0, 1]),
  )
  await next.remove()
})
