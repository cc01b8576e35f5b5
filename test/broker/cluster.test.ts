/** Clusters of several nodes: what any broker does for a client, and what becomes of leaderships when nodes go and come. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_UUID } from '../../src/base/uuid.js'
import { errorByCode } from '../../src/protocol/errors.js'
import { CreatePartitions } from '../../src/protocol/messages/create-partitions.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { DeleteTopics } from '../../src/protocol/messages/delete-topics.js'
import { DescribeQuorum } from '../../src/protocol/messages/describe-quorum.js'
import { ElectLeaders } from '../../src/protocol/messages/elect-leaders.js'
import { IncrementalAlterConfigs } from '../../src/protocol/messages/incremental-alter-configs.js'
import { InitProducerId } from '../../src/protocol/messages/init-producer-id.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { RemoveRaftVoter } from '../../src/protocol/messages/remove-raft-voter.js'
import { UnregisterBroker } from '../../src/protocol/messages/unregister-broker.js'
import { UpdateFeatures } from '../../src/protocol/messages/update-features.js'
import { type ClusterShape, SimulatedCluster } from './cluster-rig.js'
import { batchOf, Produce, produceRequest } from './requests.js'

const nameOf = (errorCode: number): string => errorByCode(errorCode).name
const batch = batchOf(['a', 'b'])

const SHAPES: readonly (readonly [string, ClusterShape])[] = [
  ['three on one port each', {}],
  ['three with a listener for controllers', { ports: 'two' }],
  [
    'three controllers and three brokers',
    { roles: ['controller', 'controller', 'controller', 'broker', 'broker', 'broker'] },
  ],
]

for (const [shapeName, shape] of SHAPES) {
  test(`${shapeName}: every broker does what is the controller's to decide, and what it answered can be used there at once`, () => {
    const cluster = new SimulatedCluster(shapeName, shape)
    for (const node of cluster.brokers) {
      const client = cluster.client(node)
      const name = `of-${node.id}`
      const wanted = { name, numPartitions: 3, replicationFactor: 3, assignments: [], configs: [] }
      const [created] = client.request(CreateTopics, 7, { topics: [wanted], timeoutMs: 5000 }).topics
      assert.deepEqual([nameOf(created!.errorCode), created!.numPartitions], ['NONE', 3])
      const described = client.request(Metadata, 12, { topics: [{ name }], allowAutoTopicCreation: false })
      assert.equal(described.brokers.length, 3)
      const partitions = described.topics[0]!.partitions
      assert.deepEqual(
        partitions.map(({ errorCode, isrNodes }) => [errorCode, isrNodes.length]),
        [
          [0, 3],
          [0, 3],
          [0, 3],
        ],
      )
      assert.equal(new Set(partitions.map(({ leaderId }) => leaderId)).size, 3)
      const here = partitions.find(({ leaderId }) => leaderId === node.id)!
      const produced = client.request(
        Produce,
        12,
        produceRequest({ name, topicId: created!.topicId }, batch, { acks: 1, partition: here.partitionIndex }),
      )
      assert.equal(nameOf(produced.responses[0]!.partitionResponses[0]!.errorCode), 'NONE')
      const [again] = client.request(CreateTopics, 7, { topics: [wanted], timeoutMs: 5000 }).topics
      assert.equal(nameOf(again!.errorCode), 'TOPIC_ALREADY_EXISTS')

      const count = { topics: [{ name, count: 4, assignments: null }], timeoutMs: 5000, validateOnly: false }
      assert.equal(nameOf(client.request(CreatePartitions, 3, count).results[0]!.errorCode), 'NONE')
      assert.equal(cluster.topic(name, node).partitions.length, 4)
      const configs = [{ name: 'retention.ms', configOperation: 0, value: '5000' }]
      const resources = [
        { resourceType: 2, resourceName: name, configs },
        {
          resourceType: 4,
          resourceName: '',
          configs: [{ name: 'message.max.bytes', configOperation: 0, value: '5000' }],
        },
      ]
      const altered = client.request(IncrementalAlterConfigs, 1, { resources, validateOnly: false })
      assert.deepEqual(
        altered.responses.map(({ errorCode }) => errorCode),
        [0, 0],
      )
      const election = { electionType: 0, topicPartitions: [{ topic: name, partitions: [0] }], timeoutMs: 5000 }
      const { replicaElectionResults } = client.request(ElectLeaders, 2, election)
      assert.equal(nameOf(replicaElectionResults[0]!.partitionResult[0]!.errorCode), 'ELECTION_NOT_NEEDED')
      const update = { feature: 'lograft.version', maxVersionLevel: 99, upgradeType: 1 }
      const updated = client.request(UpdateFeatures, 2, { timeoutMs: 5000, featureUpdates: [update] })
      assert.equal(nameOf(updated.errorCode), 'INVALID_UPDATE_VERSION')
      const deleted = client.request(DeleteTopics, 6, { topics: [{ name, topicId: ZERO_UUID }], timeoutMs: 5000 })
      assert.equal(nameOf(deleted.responses[0]!.errorCode), 'NONE')
      const gone = client.request(Metadata, 12, { topics: [{ name }], allowAutoTopicCreation: false })
      assert.equal(nameOf(gone.topics[0]!.errorCode), 'UNKNOWN_TOPIC_OR_PARTITION')
    }
    const ids = cluster.brokers.map((node) => {
      const request = { transactionalId: null, transactionTimeoutMs: 1000 }
      return cluster.client(node).request(InitProducerId, 4, request).producerId
    })
    assert.equal(new Set(ids).size, 3)
  })

  test(`${shapeName}: a broker that is killed is fenced within a second, and leaders are those in sync`, () => {
    const cluster = new SimulatedCluster(`${shapeName} killed`, shape)
    cluster.createTopic('t', cluster.brokers[0]!, 6, 3)
    const victim = cluster.brokers.find((node) => node !== cluster.world.leader)!
    victim.crash()
    const tookMs = cluster.untilKnown(({ brokers }) => brokers.get(victim.id)!.fenced, 2000)
    assert.ok(tookMs < 1000, `${tookMs} ms`)
    for (const { leader, isr, replicas } of cluster.topic('t').partitions) {
      assert.ok(replicas.includes(victim.id) && !isr.includes(victim.id) && isr.includes(leader) && isr.length === 2)
    }
    cluster.start(victim.id)
    cluster.untilKnown(({ brokers }) => !brokers.get(victim.id)!.fenced)
  })

  test(`${shapeName}: the active controller is killed again and again: what it acknowledged is there, and another goes on`, () => {
    const cluster = new SimulatedCluster(`${shapeName} controllers`, shape)
    const names: string[] = []
    for (let round = 0; round < 6; round++) {
      const killed = cluster.leader
      const at = cluster.brokers.find((node) => node !== killed)!
      const name = `t${round}`
      cluster.createTopic(name, at, 2, 2)
      names.push(name)
      killed.crash()
      const client = cluster.client(at)
      const wanted = { name: `after-${round}`, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
      const beganMs = cluster.simulation.nowMs
      // What was on its way when the controller died may have been done: the client is told so, and asks again.
      let error = ''
      while (error !== 'NONE' && error !== 'TOPIC_ALREADY_EXISTS') {
        assert.match(error, /^(REQUEST_TIMED_OUT)?$/)
        const [topic] = client.request(CreateTopics, 7, { topics: [wanted], timeoutMs: 30_000 }).topics
        error = nameOf(topic!.errorCode)
      }
      const tookMs = cluster.simulation.nowMs - beganMs
      assert.ok(tookMs < 1000, `round ${round}: ${tookMs} ms`)
      const known = at.node!.broker!.image.topicsByName
      assert.deepEqual(
        names.filter((each) => !known.has(each)),
        [],
      )
      cluster.start(killed.id)
    }
    cluster.untilKnown(({ topicsByName }) => names.every((name) => topicsByName.has(name)))
  })

  test(`${shapeName}: nodes that stop one after the other hand their leaderships over before they go`, () => {
    const cluster = new SimulatedCluster(`${shapeName} rolling`, shape)
    cluster.createTopic('t', cluster.brokers[0]!, 6, 3)
    for (const { id } of cluster.brokers.slice(0, 2)) {
      const node = cluster.node(id)
      node.stop()
      const tookMs = cluster.until(() => node.node === undefined, `the end of node ${id}`)
      assert.equal(node.exitCode, 0)
      assert.ok(tookMs < 3000, `${tookMs} ms`)
      // When it was gone it was known everywhere, or almost, that others lead.
      cluster.untilKnown(
        ({ topicsByName }) =>
          topicsByName
            .get('t')!
            .partitions.every(({ leader, isr }) => leader !== id && leader !== -1 && !isr.includes(id)),
        500,
      )
      cluster.untilKnown(({ brokers }) => brokers.get(id)!.fenced, 1000)
      cluster.start(id)
    }
    cluster.untilKnown(
      ({ topicsByName }) => topicsByName.get('t')!.partitions.every(({ isr }) => isr.length === 3),
      5000,
    )
  })
}

test('how the quorum stands, and who votes in it, is told and changed by any broker', () => {
  const cluster = new SimulatedCluster('quorum')
  const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
  for (const node of cluster.brokers) {
    for (const version of [0, 1, 2]) {
      const { topics: told } = cluster.client(node).request(DescribeQuorum, version, { topics })
      const [partition] = told[0]!.partitions
      assert.deepEqual([nameOf(partition!.errorCode), partition!.leaderId], ['NONE', cluster.leader.id])
      assert.equal(partition!.currentVoters.length, 3)
    }
    const unknown = { clusterId: null, voterId: 9, voterDirectoryId: cluster.leader.node!.quorum!.self.directoryId }
    const removed = cluster.client(node).request(RemoveRaftVoter, 0, unknown)
    assert.equal(nameOf(removed.errorCode), 'VOTER_NOT_FOUND')
  }
})

test('a broker that is gone for good is forgotten by any broker, and is a new one if it comes back', () => {
  const cluster = new SimulatedCluster('forgotten')
  cluster.createTopic('t', cluster.node(1), 3, 3)
  const victim = cluster.brokers.find((node) => node !== cluster.world.leader)!
  const { brokerEpoch } = victim.node!.broker!
  victim.crash()
  cluster.untilKnown(({ brokers }) => brokers.get(victim.id)!.fenced)
  const [asked] = cluster.brokers.filter((node) => node !== cluster.world.leader)
  assert.equal(nameOf(cluster.client(asked!).request(UnregisterBroker, 0, { brokerId: victim.id }).errorCode), 'NONE')
  cluster.untilKnown(({ brokers }) => !brokers.has(victim.id), 1000)
  const again = cluster.client(asked!).request(UnregisterBroker, 0, { brokerId: victim.id })
  assert.equal(nameOf(again.errorCode), 'BROKER_ID_NOT_REGISTERED')
  assert.ok(cluster.topic('t').partitions.every(({ replicas, isr }) => replicas.length === 3 && isr.length === 2))
  cluster.start(victim.id)
  cluster.untilKnown(({ brokers }) => brokers.get(victim.id)?.fenced === false)
  assert.ok(victim.node!.broker!.brokerEpoch > brokerEpoch)
})

test('a controller that was deposed and does not know it refuses nothing by what was true before', () => {
  const cluster = new SimulatedCluster('deposed')
  const old = cluster.leader
  const wanted = { name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const other = cluster.brokers.find((node) => node !== old)!
  cluster.createTopic('t', other, 1, 1)
  const client = cluster.client(old)
  client.request(Metadata, 12, { topics: [] })
  const isCut = (host: string): boolean => host === old.host
  cluster.network.setLinks((from, to) =>
    from.startsWith('node') && to.startsWith('node') && isCut(from) !== isCut(to) ? 'hold' : 'deliver',
  )
  const sent = client.send(CreateTopics, 7, { topics: [wanted], timeoutMs: 20_000 })
  cluster.until(() => cluster.world.leader !== old, 'another leader')
  const deleted = cluster
    .client(other)
    .request(DeleteTopics, 6, { topics: [{ name: 't', topicId: ZERO_UUID }], timeoutMs: 20_000 })
  assert.equal(nameOf(deleted.responses[0]!.errorCode), 'NONE')
  const late = client.send(CreateTopics, 7, { topics: [{ ...wanted, name: 'late' }], timeoutMs: 20_000 })
  cluster.pass(500)
  // It was asked before the topic was deleted, and has nobody to confirm that it still leads.
  assert.deepEqual([sent.response, late.response], [undefined, undefined])
  cluster.network.setLinks(() => 'deliver')
  cluster.until(() => sent.response !== undefined && late.response !== undefined, 'answers')
  assert.equal(nameOf(sent.response!.topics[0]!.errorCode), 'NONE')
  assert.match(nameOf(late.response!.topics[0]!.errorCode), /^(NONE|REQUEST_TIMED_OUT)$/)
})

test('more replicas than brokers are refused with the number that there is', () => {
  const cluster = new SimulatedCluster('too many')
  const wanted = { name: 't', numPartitions: 1, replicationFactor: 4, assignments: [], configs: [] }
  const [topic] = cluster.client(cluster.node(2)).request(CreateTopics, 7, { topics: [wanted], timeoutMs: 5000 }).topics
  assert.equal(nameOf(topic!.errorCode), 'INVALID_REPLICATION_FACTOR')
  assert.match(
    topic!.errorMessage!,
    /replication factor of 4 cannot be reached because only 3 broker\(s\) are registered/,
  )
})
