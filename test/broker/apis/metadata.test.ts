/** Metadata over the wire: all topics, none, by name and by id; topics that are created because somebody asks for them. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { errorByCode } from '../../../src/protocol/errors.js'
import { Metadata } from '../../../src/protocol/messages/metadata.js'
import { batchOf, Produce, produceRequest } from '../requests.js'
import { startNode, type TestNode } from '../test-node.js'

const creating = await startNode({ 'num.partitions': '3', 'broker.rack': 'r1' })
const plain = await startNode({ 'auto.create.topics.enable': 'false' })
after(() => Promise.all([creating.remove(), plain.remove()]))

type Body = Parameters<typeof ask>[1]

function ask(
  node: TestNode,
  body: { topics: readonly { name: string | null; topicId?: string }[] | null; allowAutoTopicCreation?: boolean },
  version = 12,
) {
  return node.use((client) => client.request(Metadata, version, body))
}

async function errorsOf(node: TestNode, body: Body, version = 12): Promise<string[]> {
  const { topics } = await ask(node, body, version)
  return topics.map(({ name, errorCode }) => `${name} ${errorByCode(errorCode).name}`)
}

test('all topics: null, in version 0 an empty list; none: an empty list', async () => {
  const ids = [await plain.createTopic('all-1', 2), await plain.createTopic('all-2')]
  for (const [version, topics] of [
    [0, []],
    [1, null],
    [9, null],
    [13, null],
  ] as const) {
    const response = await ask(plain, { topics }, version)
    const names = response.topics.map(({ name, partitions }) => `${name} ${partitions.length}`)
    assert.deepEqual(names.sort(), ['all-1 2', 'all-2 1'], `v${version}`)
    if (version >= 10) assert.deepEqual(response.topics.map(({ topicId }) => topicId).sort(), ids.sort())
  }
  for (let version = 1; version <= 13; version++) {
    const { topics, brokers } = await ask(plain, { topics: [] }, version)
    assert.deepEqual([topics, brokers.length], [[], 1], `v${version}`)
  }
})

test('the broker, its rack and the cluster; the controller to ask is a broker that is there', async () => {
  const { brokers, clusterId, controllerId } = await ask(creating, { topics: [] })
  const { host, port } = creating.address
  assert.deepEqual(brokers, [{ nodeId: 1, host, port, rack: 'r1' }])
  assert.equal(clusterId, creating.node.directory!.identity.clusterId)
  assert.equal(controllerId, 1)
})

test('by id', async () => {
  const topicId = await plain.createTopic('by-id')
  const { topics } = await ask(plain, { topics: [{ name: null, topicId }] })
  assert.deepEqual([topics[0]!.name, topics[0]!.topicId, topics[0]!.errorCode], ['by-id', topicId, 0])
  const unknown = 'BBBBBBBBBBBBBBBBBBBBBA'
  const missing = (await ask(plain, { topics: [{ name: null, topicId: unknown }] })).topics[0]!
  assert.deepEqual(
    [missing.name, missing.topicId, errorByCode(missing.errorCode).name],
    [null, unknown, 'UNKNOWN_TOPIC_ID'],
  )
})

test('versions that cannot do without a name say so', async () => {
  const topicId = await plain.createTopic('nameless')
  for (const version of [10, 11]) {
    for (const id of [topicId, 'BBBBBBBBBBBBBBBBBBBBBA']) {
      const topics = [{ name: null, topicId: id }]
      assert.deepEqual(await errorsOf(plain, { topics }, version), [' INVALID_REQUEST'], `v${version}`)
    }
  }
})

test('a topic that is missing is created if client and broker allow it, and can be used with the answer', async () => {
  for (const [version, name] of [
    [0, 'created-v0'],
    [3, 'created-v3'],
    [12, 'created-v12'],
  ] as const) {
    const { topics } = await ask(creating, { topics: [{ name }] }, version)
    const [topic] = topics
    assert.deepEqual([topic!.errorCode, topic!.partitions.length], [0, 3], name)
    assert.deepEqual(
      topic!.partitions.map(({ errorCode, leaderId }) => [errorCode, leaderId]),
      [
        [0, 1],
        [0, 1],
        [0, 1],
      ],
    )
    const { responses } = await creating.use((client) =>
      client.request(Produce, 9, produceRequest({ name }, batchOf(['x']))),
    )
    assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
  }
  const no = { topics: [{ name: 'not-created' }], allowAutoTopicCreation: false }
  assert.deepEqual(await errorsOf(creating, no), ['not-created UNKNOWN_TOPIC_OR_PARTITION'])
  const yes = { topics: [{ name: 'not-created' }], allowAutoTopicCreation: true }
  assert.deepEqual(await errorsOf(plain, yes), ['not-created UNKNOWN_TOPIC_OR_PARTITION'])
  assert.deepEqual(await errorsOf(creating, no), ['not-created UNKNOWN_TOPIC_OR_PARTITION'])
})

test('many who ask for one missing topic at once all get the same one', async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(creating, { topics: [{ name: 'wanted' }] })))
  for (const { topics } of answers) assert.deepEqual([topics[0]!.errorCode, topics[0]!.partitions.length], [0, 3])
  assert.equal(new Set(answers.map(({ topics }) => topics[0]!.topicId)).size, 1)
})

test('a missing topic that is named twice is created once', async () => {
  const errors = await errorsOf(creating, { topics: [{ name: 'twice' }, { name: 'twice' }] })
  assert.ok(errors.length > 0 && errors.every((error) => error === 'twice NONE'), errors.join(', '))
})

test('names that are not allowed are told so and not created', async () => {
  for (const name of ['', '.', '..', 'a b', 'ä', 'x'.repeat(250), 'a/b']) {
    assert.deepEqual(await errorsOf(creating, { topics: [{ name }] }), [`${name} INVALID_TOPIC_EXCEPTION`])
  }
  assert.deepEqual(await errorsOf(creating, { topics: [{ name: 'x'.repeat(249) }] }), [`${'x'.repeat(249)} NONE`])
  assert.deepEqual(await errorsOf(creating, { topics: [{ name: '__cluster_metadata' }] }), [
    '__cluster_metadata INVALID_TOPIC_EXCEPTION',
  ])
  await ask(creating, { topics: [{ name: 'dots.and' }] })
  assert.deepEqual(await errorsOf(creating, { topics: [{ name: 'dots_and' }] }), ['dots_and INVALID_TOPIC_EXCEPTION'])
})

test('good and bad in one request: each has its own answer, in order', async () => {
  await plain.createTopic('mixed')
  const topics = ['missing', 'mixed', 'b a d'].map((name) => ({ name }))
  assert.deepEqual(await errorsOf(plain, { topics }), [
    'missing UNKNOWN_TOPIC_OR_PARTITION',
    'mixed NONE',
    'b a d INVALID_TOPIC_EXCEPTION',
  ])
})

test('operations are told to those who ask', async () => {
  await plain.createTopic('operations')
  const topics = [{ name: 'operations' }]
  const asked = await plain.use((client) =>
    client.request(Metadata, 8, {
      topics,
      includeTopicAuthorizedOperations: true,
      includeClusterAuthorizedOperations: true,
    }),
  )
  assert.ok(asked.clusterAuthorizedOperations > 0 && asked.topics[0]!.topicAuthorizedOperations > 0)
  const not = await ask(plain, { topics }, 8)
  assert.deepEqual(
    [not.clusterAuthorizedOperations, not.topics[0]!.topicAuthorizedOperations],
    [-(2 ** 31), -(2 ** 31)],
  )
})
