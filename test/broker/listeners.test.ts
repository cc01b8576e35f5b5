/** Listeners and roles: several listeners, what clients are told of them, and nodes that are controllers only. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../src/config/setting.js'
import { errorByCode } from '../../src/protocol/errors.js'
import { ApiVersions } from '../../src/protocol/messages/api-versions.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { DescribeCluster } from '../../src/protocol/messages/describe-cluster.js'
import { DescribeQuorum } from '../../src/protocol/messages/describe-quorum.js'
import { IncrementalAlterConfigs } from '../../src/protocol/messages/incremental-alter-configs.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { batchOf, Produce, produceRequest } from './requests.js'
import { startNode, type TestNode } from './test-node.js'
import { rawFrame } from './wire-client.js'

async function toldTo(node: TestNode, listener: string): Promise<string[]> {
  return node.use(async (client) => {
    const { brokers } = await client.request(Metadata, 12, { topics: [] })
    const cluster = await client.request(DescribeCluster, 0, { includeClusterAuthorizedOperations: false })
    assert.deepEqual(
      cluster.brokers.map(({ host, port }) => [host, port]),
      brokers.map(({ host, port }) => [host, port]),
    )
    return brokers.map(({ host, port }) => `${host}:${port}`)
  }, listener)
}

test('who comes in by a listener is told of that listener', async () => {
  const node = await startNode({
    listeners: 'PLAINTEXT://127.0.0.1:0,INTERNAL://127.0.0.1:0,OUTSIDE://127.0.0.1:0',
    'advertised.listeners': 'OUTSIDE://kafka.example.com:19092',
  })
  try {
    for (const listener of ['PLAINTEXT', 'INTERNAL']) {
      assert.deepEqual(await toldTo(node, listener), [`127.0.0.1:${node.addressOf(listener).port}`])
    }
    assert.deepEqual(await toldTo(node, 'OUTSIDE'), ['kafka.example.com:19092'])
    // One and the same broker behind all of them.
    await node.createTopic('shared')
    for (const [index, listener] of ['PLAINTEXT', 'INTERNAL', 'OUTSIDE'].entries()) {
      const { responses } = await node.use(
        (client) => client.request(Produce, 9, produceRequest({ name: 'shared' }, batchOf(['x']))),
        listener,
      )
      assert.equal(responses[0]!.partitionResponses[0]!.baseOffset, index)
    }
  } finally {
    await node.remove()
  }
})

test('every address: a client is told the one by which it came', async () => {
  const node = await startNode({ listeners: 'PLAINTEXT://0.0.0.0:0' })
  try {
    const { port } = node.address
    assert.deepEqual(
      await node.use(async (client) =>
        (await client.request(Metadata, 12, { topics: [] })).brokers.map(({ host }) => host),
      ),
      ['127.0.0.1'],
    )
    assert.ok(port > 0)
  } finally {
    await node.remove()
  }
})

test('a controller alone serves the requests of controllers, and has no broker to put a topic on', async () => {
  const node = await startNode({
    'process.roles': 'controller',
    listeners: 'CONTROLLER://127.0.0.1:0',
    'controller.listener.names': 'CONTROLLER',
  })
  try {
    assert.equal(node.node.broker, undefined)
    await node.use(async (client) => {
      const software = { clientSoftwareName: 'x', clientSoftwareVersion: '1' }
      const { apiKeys } = await client.request(ApiVersions, 3, software)
      assert.deepEqual(
        apiKeys.map(({ apiKey }) => apiKey),
        [1, 18, 19, 20, 33, 37, 43, 44, 45, 46, 52, 53, 54, 55, 56, 57, 58, 59, 60, 62, 63, 64, 67, 73, 80, 81, 82],
      )
      const configs = [{ name: 'message.max.bytes', configOperation: 0, value: '5000' }]
      const { responses } = await client.request(IncrementalAlterConfigs, 1, {
        resources: [
          { resourceType: 4, resourceName: '', configs },
          { resourceType: 4, resourceName: '1', configs },
        ],
        validateOnly: false,
      })
      assert.deepEqual(
        responses.map(({ errorCode }) => errorByCode(errorCode).name),
        ['NONE', 'BROKER_ID_NOT_REGISTERED'],
      )
      const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
      const [partition] = (await client.request(DescribeQuorum, 2, { topics })).topics[0]!.partitions
      assert.deepEqual([partition!.errorCode, partition!.leaderId], [0, 1])
      const cluster = await client.request(DescribeCluster, 2, {
        includeClusterAuthorizedOperations: false,
        endpointType: 2,
      })
      assert.deepEqual([cluster.errorCode, cluster.brokers.length, cluster.controllerId], [0, 1, 1])
      const wanted = { name: 'nowhere', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
      const [topic] = (await client.request(CreateTopics, 7, { topics: [wanted], timeoutMs: 5000 })).topics
      assert.equal(errorByCode(topic!.errorCode).name, 'INVALID_REPLICATION_FACTOR')
      client.write(rawFrame(Metadata.key, 1, 1, Buffer.alloc(4)))
      await client.closed
    }, 'CONTROLLER')
  } finally {
    await node.remove()
  }
})

test('what clients ask is not served where controllers listen', async () => {
  const node = await startNode({
    listeners: 'PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0',
    'controller.listener.names': 'CONTROLLER',
  })
  try {
    for (const message of [Metadata, Produce]) {
      await node.use(async (client) => {
        client.write(rawFrame(message.key, 3, 1, Buffer.alloc(30)))
        await client.closed
        assert.equal(client.bytesReceived, 0)
      }, 'CONTROLLER')
    }
    assert.deepEqual(await toldTo(node, 'PLAINTEXT'), [`127.0.0.1:${node.address.port}`])
  } finally {
    await node.remove()
  }
})

test('a broker without a controller, and listeners that make no sense, are refused before anything is touched', async () => {
  for (const [settings, message] of [
    [{ 'process.roles': 'broker' }, /needs controllers elsewhere/],
    [{ 'node.id': '1', 'controller.quorum.voters': '3@a:1,2@b:2' }, /does not name node 1/],
    [{ 'controller.quorum.voters': '3@a:1,2@b:2' }, /has no address of this controller .*: set node\.id/],
    [{ 'controller.listener.names': 'CONTROLLER' }, /controller.listener.names has CONTROLLER, listeners does not/],
    [{ 'controller.listener.names': 'PLAINTEXT' }, /leaves none for clients/],
    [{ 'advertised.listeners': 'OTHER://a:1' }, /names OTHER, which listeners does not have/],
    [{ listeners: 'A://127.0.0.1:0,A://127.0.0.1:0' }, /has A twice/],
  ] as const) {
    await assert.rejects(startNode(settings, '/nonexistent'), (error) => {
      assert.ok(error instanceof ConfigError)
      assert.match(error.message, message)
      return true
    })
  }
})
