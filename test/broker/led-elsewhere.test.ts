/** What a broker answers of partitions that others lead, or that have replicas elsewhere. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorByCode } from '../../src/protocol/errors.js'
import { DescribeCluster } from '../../src/protocol/messages/describe-cluster.js'
import { DescribeConfigs } from '../../src/protocol/messages/describe-configs.js'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { CONTROLLERS, ControllerWorld, type OtherBroker, topicOn } from './other-broker.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, valuesIn } from './requests.js'

const nameOf = (errorCode: number): string => errorByCode(errorCode).name
const batch = batchOf(['a', 'b'])

interface Two {
  readonly world: ControllerWorld
  readonly other: OtherBroker
  readonly topicId: (name: string) => string
}

/** `here` and `there` have both brokers, and are led as they are called; `only-there` is none of this node's business. */
function two(seed: string, settings: Readonly<Record<string, string>> = {}): Two {
  const world = new ControllerWorld(seed, settings)
  const other = world.other(2).join()
  for (const request of [
    topicOn('here', 1, 2),
    topicOn('there', 2, 1),
    topicOn('only-there', 2),
    topicOn('alone', 1),
  ]) {
    assert.equal(other.answer('CreateTopics', request).answer!.reply.topics[0]!.errorMessage, null)
  }
  world.until(() => world.topic('alone') !== undefined, 'applied')
  return { world, other, topicId: (name) => world.topic(name)!.topicId }
}

test('a client is told the brokers, who leads and who is in sync; a broker that is away is offline, and nobody to be asked', () => {
  const { world, other } = two('metadata')
  const client = world.client()
  const describe = () => client.request(Metadata, 12, { topics: [{ name: 'there' }] })
  const before = describe()
  assert.deepEqual(
    before.brokers.map(({ nodeId, host }) => [nodeId, host]),
    [
      [1, 'node1'],
      [2, 'node2'],
    ],
  )
  const partition = (answer: ReturnType<typeof describe>) => answer.topics[0]!.partitions[0]!
  const { leaderId, replicaNodes, isrNodes, offlineReplicas } = partition(before)
  assert.deepEqual([leaderId, replicaNodes, isrNodes, offlineReplicas], [2, [2, 1], [2, 1], []])
  other.kill()
  world.until(() => world.broker(2)!.fenced, 'fenced')
  const after = describe()
  assert.deepEqual(
    after.brokers.map(({ nodeId }) => nodeId),
    [1],
  )
  assert.equal(after.controllerId, 1)
  const gone = partition(after)
  assert.deepEqual([gone.leaderId, gone.isrNodes, gone.offlineReplicas], [1, [1], [2]])
  assert.ok(gone.leaderEpoch > partition(before).leaderEpoch)
  const only = client.request(Metadata, 12, { topics: [{ name: 'only-there' }] }).topics[0]!.partitions[0]!
  assert.deepEqual([nameOf(only.errorCode), only.leaderId, only.isrNodes], ['LEADER_NOT_AVAILABLE', -1, [2]])

  const asked = { includeClusterAuthorizedOperations: false, includeFencedBrokers: true }
  const { brokers } = client.request(DescribeCluster, 2, { ...asked, endpointType: 1 })
  assert.deepEqual(
    brokers.map(({ brokerId, isFenced }) => [brokerId, isFenced]),
    [
      [1, false],
      [2, true],
    ],
  )
  const told = world.client(CONTROLLERS).request(DescribeCluster, 2, { ...asked, endpointType: 2 })
  assert.equal(told.controllerId, 1)
})

test('who asks the wrong broker is told so, and which is the right one', () => {
  const { world, topicId } = two('wrong')
  const client = world.client()
  for (const name of ['there', 'only-there']) {
    const topic = { name, topicId: topicId(name) }
    const { leaderEpoch } = world.topic(name)!.partitions[0]!
    for (const acks of [1, -1]) {
      const answer = client.request(Produce, 12, produceRequest(topic, batch, { acks }))
      const [result] = answer.responses[0]!.partitionResponses
      assert.equal(nameOf(result!.errorCode), 'NOT_LEADER_OR_FOLLOWER')
      assert.deepEqual({ ...result!.currentLeader }, { leaderId: 2, leaderEpoch })
      assert.deepEqual(
        answer.nodeEndpoints.map((each) => ({ ...each })),
        [{ nodeId: 2, host: 'node2', port: 9092, rack: null }],
      )
    }
    const old = client.request(Produce, 9, produceRequest(topic, batch)).responses[0]!.partitionResponses[0]!
    assert.equal(nameOf(old.errorCode), 'NOT_LEADER_OR_FOLLOWER')
    // From version 11 on consumers may read from followers.
    for (const version of name === 'there' ? [10] : [10, 12, 16, 17]) {
      const fetched = client.request(Fetch, version, fetchRequest(topic, 0))
      const [part] = fetched.responses[0]!.partitions
      assert.equal(nameOf(part!.errorCode), 'NOT_LEADER_OR_FOLLOWER')
      assert.equal(part!.currentLeader.leaderId, version < 16 ? -1 : 2)
      assert.equal(fetched.nodeEndpoints.length, version < 16 ? 0 : 1)
    }
    const listed = client.request(ListOffsets, 7, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
    })
    assert.equal(nameOf(listed.topics[0]!.partitions[0]!.errorCode), 'NOT_LEADER_OR_FOLLOWER')
  }
})

test('acks=all is not acknowledged while a replica in sync has fetched nothing, and is by the leader alone when it is out of sync', () => {
  const { world, other, topicId } = two('all')
  const client = world.client()
  const here = { name: 'here', topicId: topicId('here') }
  const produce = (topic: { name: string; topicId: string }, acks: number): string => {
    const { responses } = client.request(Produce, 12, produceRequest(topic, batch, { acks, timeoutMs: 2000 }))
    return nameOf(responses[0]!.partitionResponses[0]!.errorCode)
  }
  assert.equal(produce({ name: 'alone', topicId: topicId('alone') }, -1), 'NONE')
  assert.equal(produce(here, -1), 'REQUEST_TIMED_OUT')
  assert.equal(produce(here, 1), 'NONE')
  other.kill()
  const before = client.request(Fetch, 12, fetchRequest(here, 0)).responses[0]!.partitions[0]!
  assert.deepEqual([before.errorCode, before.highWatermark, valuesIn(before.records).length], [0, 0, 0])
  world.until(() => world.broker(2)!.fenced, 'fenced')
  assert.equal(produce(here, -1), 'NONE')
  // It leads this one now.
  const there = { name: 'there', topicId: topicId('there') }
  assert.equal(produce(there, -1), 'NONE')
  // What was not acknowledged, or by the leader alone, is committed with the rest.
  const after = client.request(Fetch, 12, fetchRequest(here, 0)).responses[0]!.partitions[0]!
  assert.deepEqual([after.errorCode, after.highWatermark, valuesIn(after.records).length], [0, 6, 6])
})

test('with fewer in sync than min.insync.replicas a produce with acks=all is refused, and one that waits is told so', () => {
  const { world, other, topicId } = two('enough', { 'min.insync.replicas': '2' })
  const client = world.client()
  const here = { name: 'here', topicId: topicId('here') }
  const errorOf = (answer: {
    responses: readonly { partitionResponses: readonly { errorCode: number }[] }[]
  }): string => nameOf(answer.responses[0]!.partitionResponses[0]!.errorCode)
  const waiting = client.send(Produce, 12, produceRequest(here, batch, { timeoutMs: 3000 }))
  world.pass(500)
  assert.equal(waiting.response, undefined)
  other.kill()
  world.until(() => waiting.response !== undefined, 'an answer')
  assert.equal(errorOf(waiting.response!), 'NOT_ENOUGH_REPLICAS_AFTER_APPEND')
  const refused = client.request(Produce, 12, produceRequest(here, batch, { timeoutMs: 3000 }))
  assert.equal(errorOf(refused), 'NOT_ENOUGH_REPLICAS')
})

test('a produce that waits is told when another becomes the leader', () => {
  const { world, other, topicId } = two('moved')
  const client = world.client()
  const waiting = client.send(
    Produce,
    12,
    produceRequest({ name: 'here', topicId: topicId('here') }, batch, { timeoutMs: 60_000 }),
  )
  world.pass(500)
  // The node is fenced for a moment, as if it had asked for it.
  const { brokerEpoch } = world.broker(1)!
  const heartbeat = { brokerId: 1, brokerEpoch, currentMetadataOffset: 0, wantFence: true, wantShutDown: false }
  other.answer('BrokerHeartbeat', { ...heartbeat, offlineLogDirs: [], cordonedLogDirs: null })
  world.until(() => waiting.response !== undefined, 'an answer', 5000)
  const [result] = waiting.response!.responses[0]!.partitionResponses
  assert.equal(nameOf(result!.errorCode), 'NOT_LEADER_OR_FOLLOWER')
  assert.equal(result!.currentLeader.leaderId, 2)
})

test('brokers answer for their own settings only', () => {
  const { world } = two('configs')
  const resources = ['1', '2'].map((resourceName) => ({
    resourceType: 4,
    resourceName,
    configurationKeys: ['node.id'],
  }))
  const { results } = world.client().request(DescribeConfigs, 4, { resources })
  assert.deepEqual(
    results.map(({ errorCode }) => nameOf(errorCode)),
    ['NONE', 'INVALID_REQUEST'],
  )
})
