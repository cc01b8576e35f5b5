/** CreateTopics over the wire: what is created, what is refused, and what the answer says of it. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { errorByCode } from '../../../src/protocol/errors.js'
import { CreatePartitions } from '../../../src/protocol/messages/create-partitions.js'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.js'
import { DescribeConfigs } from '../../../src/protocol/messages/describe-configs.js'
import { Metadata } from '../../../src/protocol/messages/metadata.js'
import type { InferInput } from '../../../src/protocol/schema.js'
import { batchOf, Produce, produceRequest } from '../requests.js'
import { startNode } from '../test-node.js'

const broker = await startNode({ 'num.partitions': '4', 'auto.create.topics.enable': 'false' })
const client = await broker.client()
after(() => {
  client.close()
  return broker.remove()
})

type Wanted = InferInput<typeof CreateTopics.request>['topics'][number]

function wanted(name: string, changes: Partial<Wanted> = {}): Wanted {
  return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...changes }
}

async function create(topics: readonly Wanted[], options: { validateOnly?: boolean; version?: number } = {}) {
  const { version = 7, ...rest } = options
  return (await client.request(CreateTopics, version, { topics, timeoutMs: 5000, ...rest })).topics
}

async function refused(topic: Wanted, error: string, message: RegExp): Promise<void> {
  const [result] = await create([topic])
  assert.equal(errorByCode(result!.errorCode).name, error, JSON.stringify(topic))
  assert.match(result!.errorMessage!, message)
  const existed = (await create([topic], { validateOnly: true }))[0]!
  assert.equal(errorByCode(existed.errorCode).name, error)
}

async function partitionsOf(name: string): Promise<number> {
  const { topics } = await client.request(Metadata, 12, { topics: [{ name }] })
  return topics[0]!.partitions.length
}

test('the answer says what was made, and the topic can be used with it', async () => {
  const [topic] = await create([
    wanted('made', { numPartitions: 5, configs: [{ name: 'max.message.bytes', value: '1234' }] }),
  ])
  assert.deepEqual(
    [topic!.errorCode, topic!.errorMessage, topic!.numPartitions, topic!.replicationFactor],
    [0, null, 5, 1],
  )
  assert.equal(topic!.topicId.length, 22)
  const { topics } = await client.request(Metadata, 12, { topics: [{ name: null, topicId: topic!.topicId }] })
  assert.deepEqual([topics[0]!.name, topics[0]!.partitions.map(({ leaderId }) => leaderId)], ['made', [1, 1, 1, 1, 1]])
  const configs = new Map(topic!.configs!.map(({ name, value, configSource }) => [name, [value, configSource]]))
  assert.deepEqual(configs.get('max.message.bytes'), ['1234', 1])
  assert.deepEqual(configs.get('min.insync.replicas'), ['1', 5])
  assert.deepEqual(configs.get('cleanup.policy'), ['delete', 5])
  assert.deepEqual(configs.get('retention.ms'), ['604800000', 5])
  const resources = [{ resourceType: 2, resourceName: 'made', configurationKeys: null }]
  const described = await client.request(DescribeConfigs, 4, { resources, includeSynonyms: true })
  assert.deepEqual(
    [...configs],
    described.results[0]!.configs.map(({ name, value, configSource }) => [name, [value, configSource]]),
    'as DescribeConfigs says it',
  )
})

test("-1 stands for the broker's defaults", async () => {
  const [topic] = await create([wanted('defaults', { numPartitions: -1, replicationFactor: -1 })])
  assert.deepEqual([topic!.errorCode, topic!.numPartitions, topic!.replicationFactor], [0, 4, 1])
  assert.equal(await partitionsOf('defaults'), 4)
})

test('validating only checks everything, answers as if, and makes nothing', async () => {
  for (const version of [1, 4, 5, 7]) {
    const [topic] = await create([wanted('validated', { numPartitions: 2 })], { validateOnly: true, version })
    assert.equal(topic!.errorCode, 0)
    if (version >= 5) assert.equal(topic!.numPartitions, 2)
    assert.equal(topic!.topicId, 'AAAAAAAAAAAAAAAAAAAAAA')
  }
  assert.equal(await partitionsOf('validated'), 0)
  assert.equal((await create([wanted('validated')]))[0]!.errorCode, 0)
  await refused(wanted('validated'), 'TOPIC_ALREADY_EXISTS', /validated/)
})

test('what exists, or is named twice in the request, is refused; the others of the request are made', async () => {
  await create([wanted('exists')])
  await refused(wanted('exists'), 'TOPIC_ALREADY_EXISTS', /exists already/)
  const results = await create([wanted('once'), wanted('double'), wanted('exists'), wanted('double')])
  assert.deepEqual(results.map(({ name, errorCode }) => `${name} ${errorByCode(errorCode).name}`).sort(), [
    'double INVALID_REQUEST',
    'exists TOPIC_ALREADY_EXISTS',
    'once NONE',
  ])
  assert.deepEqual([await partitionsOf('once'), await partitionsOf('double')], [1, 0])
})

test('names', async () => {
  await create([wanted('dotted.name')])
  await refused(wanted('dotted_name'), 'INVALID_TOPIC_EXCEPTION', /collides with topic dotted.name/)
  for (const name of ['', '.', '..', 'a b', 'a/b', 'x'.repeat(250), '__cluster_metadata']) {
    await refused(wanted(name), 'INVALID_TOPIC_EXCEPTION', /./)
  }
  // Also among those of one request.
  const results = await create([wanted('pair.x'), wanted('pair_x')])
  assert.deepEqual(
    results.map(({ errorCode }) => errorByCode(errorCode).name),
    ['NONE', 'INVALID_TOPIC_EXCEPTION'],
  )
})

test('numbers of partitions and replicas', async () => {
  for (const numPartitions of [0, -2, -(2 ** 31)]) {
    await refused(wanted('numbers', { numPartitions }), 'INVALID_PARTITIONS', /at least 1/)
  }
  await refused(wanted('numbers', { numPartitions: 2 ** 31 - 1 }), 'POLICY_VIOLATION', /too many/)
  for (const replicationFactor of [0, -2]) {
    await refused(wanted('numbers', { replicationFactor }), 'INVALID_REPLICATION_FACTOR', /at least 1/)
  }
  for (const replicationFactor of [2, 32767]) {
    await refused(wanted('numbers', { replicationFactor }), 'INVALID_REPLICATION_FACTOR', /only 1 broker/)
  }
})

test('configurations', async () => {
  for (const [name, value, message] of [
    ['no.such.config', '1', /not a configuration/],
    ['max.message.bytes', 'many', /whole number/],
    ['max.message.bytes', '-1', /at least|from 0/],
    ['max.message.bytes', null, /no value/],
    ['flush.policy', 'sometimes', /commit or os/],
    ['min.insync.replicas', '0', /from 1/],
  ] as const) {
    await refused(wanted('configured', { configs: [{ name, value }] }), 'INVALID_CONFIG', message)
  }
})

test('assignments', async () => {
  const assigned = (...partitions: [number, number[]][]): Partial<Wanted> => ({
    numPartitions: -1,
    replicationFactor: -1,
    assignments: partitions.map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds })),
  })
  const [topic] = await create([wanted('assigned', assigned([1, [1]], [0, [1]]))])
  assert.deepEqual([topic!.errorCode, topic!.numPartitions, topic!.replicationFactor], [0, 2, 1])
  for (const [changes, message] of [
    [assigned([0, [1]], [2, [1]]), /1 is missing/],
    [assigned([-1, [1]]), /0 is missing/],
    [assigned([0, [1]], [0, [1]]), /assigned twice/],
    [assigned([0, []]), /needs replicas/],
    [assigned([0, [1, 1]]), /different brokers/],
    [assigned([0, [9]]), /no broker 9/],
  ] as const) {
    await refused(wanted('misassigned', changes), 'INVALID_REPLICA_ASSIGNMENT', message)
  }
  const both = { ...assigned([0, [1]]), numPartitions: 1 }
  await refused(wanted('misassigned', both), 'INVALID_REQUEST', /must be -1/)
})

test('replicas are looked at before partitions; an assignment before it is counted; a setting before any of them', async () => {
  await refused(wanted('order', { numPartitions: 0, replicationFactor: 0 }), 'INVALID_REPLICATION_FACTOR', /at least 1/)
  const configs = [{ name: 'no.such.config', value: '1' }]
  await refused(wanted('order', { numPartitions: 0, configs }), 'INVALID_CONFIG', /not a configuration/)
  const uneven = [
    { partitionIndex: 0, brokerIds: [1] },
    { partitionIndex: 1, brokerIds: [1, 9] },
  ]
  const counts = { numPartitions: -1, replicationFactor: -1 }
  const ofUneven = wanted('order', { ...counts, assignments: uneven })
  await refused(ofUneven, 'INVALID_REPLICA_ASSIGNMENT', /same number of replicas/)
  const assignments = [{ partitionIndex: 0, brokerIds: [1] }]
  await refused(wanted('order', { ...counts, replicationFactor: 1, assignments }), 'INVALID_REQUEST', /must be -1/)
})

test("defaults stand for -1 in every version, as in Kafka's controller; a message is told from version 1 on", async () => {
  for (let version = 0; version <= 7; version++) {
    const name = `default-${version}`
    const [topic] = await create([wanted(name, { numPartitions: -1, replicationFactor: -1 })], { version })
    assert.deepEqual([topic!.errorCode, await partitionsOf(name)], [0, 4], name)
    const [again] = await create([wanted(name)], { version })
    assert.equal(errorByCode(again!.errorCode).name, 'TOPIC_ALREADY_EXISTS')
    assert.equal(again!.errorMessage, version === 0 ? '' : `topic ${name} exists already`)
  }
})

test('a cluster takes so many partitions, and topics that nobody has created so many', async () => {
  const small = await startNode({ 'cluster.max.partitions': '10', 'auto.create.topics.max.partitions': '6' })
  try {
    await small.use(async (other) => {
      const ask = async (topics: readonly Wanted[], validateOnly = false): Promise<string[]> => {
        const response = await other.request(CreateTopics, 7, { topics, timeoutMs: 5000, validateOnly })
        return response.topics.map(({ errorCode, errorMessage }) => errorMessage ?? errorByCode(errorCode).name)
      }
      const full = /above the 10 that cluster\.max\.partitions allows/
      const pair = [wanted('a', { numPartitions: 5 }), wanted('b', { numPartitions: 6 })]
      for (const validateOnly of [true, false]) {
        const [first, second] = await ask(pair, validateOnly)
        assert.equal(first, 'NONE')
        assert.match(second!, full)
      }
      const metadata = async (...names: string[]): Promise<string[]> => {
        const topics = names.map((name) => ({ name }))
        const response = await other.request(Metadata, 12, { topics, allowAutoTopicCreation: true })
        return response.topics.map(({ errorCode }) => errorByCode(errorCode).name)
      }
      // 5 are there: one more is made for the asking.
      assert.deepEqual(await metadata('c', 'd', 'a'), ['NONE', 'POLICY_VIOLATION', 'NONE'])
      assert.deepEqual(await metadata('d'), ['POLICY_VIOLATION'])
      const grow = async (count: number) => {
        const topics = [{ name: 'a', count, assignments: null }]
        const { results } = await other.request(CreatePartitions, 3, { topics, timeoutMs: 5000, validateOnly: false })
        return results[0]!.errorMessage ?? errorByCode(results[0]!.errorCode).name
      }
      assert.match(await grow(10), full)
      assert.equal(await grow(9), 'NONE')
      assert.match((await ask([wanted('e')]))[0]!, full)
    })
  } finally {
    await small.remove()
  }
})

test('a request for nothing is answered with nothing', async () => {
  assert.deepEqual(await create([]), [])
})

test('many at once over several connections: each name is made once', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `raced-${n % 5}`)
  const results = await Promise.all(
    names.map((name) =>
      broker.use(
        async (other) => (await other.request(CreateTopics, 7, { topics: [wanted(name)], timeoutMs: 5000 })).topics[0]!,
      ),
    ),
  )
  for (const name of new Set(names)) {
    const errors = results.filter((each) => each.name === name).map(({ errorCode }) => errorByCode(errorCode).name)
    assert.deepEqual(errors.sort(), ['NONE', ...Array(3).fill('TOPIC_ALREADY_EXISTS')])
  }
})

test('many at once: each can be used as soon as its creation is answered', async () => {
  const rounds = Array.from({ length: 40 }, (_, n) => `usable-${n}`)
  await Promise.all(
    rounds.map((name, n) =>
      broker.use(async (other) => {
        // Spread over several turns, so that some come while others are on their way.
        for (let turn = 0; turn < n; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
        const created = other.send(CreateTopics, 7, { topics: [wanted(name, { numPartitions: 3 })], timeoutMs: 5000 })
        await other.answerTo(CreateTopics, 7, created)
        const { responses } = await other.request(
          Produce,
          9,
          produceRequest({ name }, batchOf(['x']), { partition: 2 }),
        )
        assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0, name)
      }),
    ),
  )
})
