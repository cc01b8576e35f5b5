/** DescribeCluster and DescribeQuorum over the wire: what they say is true, on listeners of brokers and of controllers. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { errorByCode } from '../../../src/protocol/errors.js'
import { DescribeCluster } from '../../../src/protocol/messages/describe-cluster.js'
import { DescribeQuorum } from '../../../src/protocol/messages/describe-quorum.js'
import { startNode } from '../test-node.js'

const broker = await startNode({
  'node.id': '7',
  'broker.rack': 'east',
  listeners: 'PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0',
  'controller.listener.names': 'CONTROLLER',
})
after(() => broker.remove())
const { clusterId, directoryId } = broker.node.directory!.identity

const metadataPartition = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]

function describe(body: Partial<Parameters<typeof request>[0]> = {}, listener = 'PLAINTEXT', version = 2) {
  return request({ includeClusterAuthorizedOperations: false, ...body }, listener, version)
}

function request(
  body: { includeClusterAuthorizedOperations: boolean; endpointType?: number; includeFencedBrokers?: boolean },
  listener: string,
  version: number,
) {
  return broker.use((client) => client.request(DescribeCluster, version, body), listener)
}

function quorum(
  topics: readonly { topicName: string; partitions: { partitionIndex: number }[] }[],
  version = 2,
  listener = 'PLAINTEXT',
) {
  return broker.use((client) => client.request(DescribeQuorum, version, { topics }), listener)
}

test('the brokers of the cluster, to clients', async () => {
  const { host, port } = broker.address
  for (const includeFencedBrokers of [false, true]) {
    const response = await describe({ includeFencedBrokers })
    assert.deepEqual(
      [response.errorCode, response.clusterId, response.controllerId, response.endpointType],
      [0, clusterId, 7, 1],
    )
    assert.deepEqual(response.brokers, [{ brokerId: 7, host, port, rack: 'east', isFenced: false }])
  }
})

test('the controllers, on their listener', async () => {
  const { host, port } = broker.addressOf('CONTROLLER')
  const response = await describe({ endpointType: 2 }, 'CONTROLLER')
  assert.deepEqual([response.errorCode, response.controllerId, response.endpointType], [0, 7, 2])
  assert.deepEqual(
    response.brokers.map((each) => [each.brokerId, each.host, each.port]),
    [[7, host, port]],
  )
})

test('who asks for the other kind is told that it is served elsewhere', async () => {
  const errorOf = async (endpointType: number, listener: string): Promise<string> =>
    errorByCode((await describe({ endpointType }, listener)).errorCode).name
  assert.equal(await errorOf(2, 'PLAINTEXT'), 'MISMATCHED_ENDPOINT_TYPE')
  assert.equal(await errorOf(1, 'CONTROLLER'), 'MISMATCHED_ENDPOINT_TYPE')
  assert.equal(await errorOf(3, 'PLAINTEXT'), 'UNSUPPORTED_ENDPOINT_TYPE')
})

test('operations are told to those who ask', async () => {
  assert.ok((await describe({ includeClusterAuthorizedOperations: true })).clusterAuthorizedOperations > 0)
  assert.equal((await describe()).clusterAuthorizedOperations, -(2 ** 31))
})

test('the quorum is described as it is: leader, epoch, end of the log, voter and endpoint', async () => {
  const before = broker.node.quorum!.highWatermark
  await broker.createTopic('moves', 10)
  for (const listener of ['PLAINTEXT', 'CONTROLLER']) {
    const response = await quorum(metadataPartition, 2, listener)
    const [partition] = response.topics[0]!.partitions
    assert.deepEqual([partition!.errorCode, partition!.leaderId, partition!.observers], [0, 7, []])
    assert.equal(partition!.leaderEpoch, broker.node.quorum!.describe().leaderEpoch)
    assert.ok(partition!.leaderEpoch >= 1)
    assert.ok(partition!.highWatermark >= before + 11, `${partition!.highWatermark} after ${before}`)
    const [voter] = partition!.currentVoters
    assert.equal(partition!.currentVoters.length, 1)
    assert.deepEqual([voter!.replicaId, voter!.replicaDirectoryId], [7, directoryId])
    assert.ok(voter!.logEndOffset >= partition!.highWatermark)
    assert.ok(Math.abs(voter!.lastCaughtUpTimestamp - Date.now()) < 60_000)
    const { host, port } = broker.addressOf('CONTROLLER')
    assert.deepEqual(response.nodes, [{ nodeId: 7, listeners: [{ name: 'CONTROLLER', host, port }] }])
  }
})

test('other partitions have no quorum', async () => {
  const { topics } = await quorum([
    { topicName: '__cluster_metadata', partitions: [{ partitionIndex: 1 }] },
    { topicName: 'moves', partitions: [{ partitionIndex: 0 }] },
  ])
  assert.deepEqual(
    topics.map(({ partitions }) => errorByCode(partitions[0]!.errorCode).name),
    ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION'],
  )
})

test('the log of the metadata is no topic of clients', async () => {
  assert.equal(broker.node.broker!.image.topicsByName.has('__cluster_metadata'), false)
})
