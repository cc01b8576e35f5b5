/** Clusters whose brokers follow each other: what is acknowledged with acks=all is with all who are in sync. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { DeleteTopics } from '../../src/protocol/messages/delete-topics.js'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.js'
import { SimulatedCluster } from './cluster-rig.js'
import { agree, inSync, nameOf, newTopic, produce, replicaOf, valuesAt } from './replicated.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest } from './requests.js'

test('acks=all is acknowledged when all three have it, soon, and followers hear that it is committed', () => {
  const cluster = new SimulatedCluster('acknowledged')
  const topic = newTopic(cluster, 'three')
  produce(cluster, topic, ['a', 'b'])
  const times: number[] = []
  for (let n = 0; n < 20; n++) {
    const beganMs = cluster.simulation.nowMs
    assert.equal(produce(cluster, topic, [`${n}`]), 2 + n)
    times.push(cluster.simulation.nowMs - beganMs)
    for (const id of [1, 2, 3]) assert.ok(replicaOf(cluster, topic, id).log.flushedEndOffset >= 3 + n, `node ${id}`)
  }
  const median = times.sort((a, b) => a - b)[10]!
  assert.ok(median < 100, `${median} ms`)
  cluster.until(() => agree(cluster, topic, [1, 2, 3]), 'all know it', 2000)
  assert.equal(valuesAt(cluster, topic).length, 22)
})

test('many partitions are followed from all who lead them', () => {
  const cluster = new SimulatedCluster('many')
  const topic = newTopic(cluster, 'many', 12)
  for (let n = 0; n < 36; n++) produce(cluster, topic, [`${n}`], n % 12)
  cluster.until(() => [...Array(12).keys()].every((index) => agree(cluster, topic, [1, 2, 3], index)), 'agreement')
  assert.equal(new Set([...Array(12).keys()].map((n) => cluster.partition('many', n).leader)).size, 3)
})

test('a follower that was away, or comes back without its power, catches up', () => {
  for (const [seed, strike] of [
    ['crash', 'crash'],
    ['power', 'losePower'],
  ] as const) {
    const cluster = new SimulatedCluster(seed)
    const topic = newTopic(cluster, 'away')
    produce(cluster, topic, ['a'])
    const { leader } = cluster.partition('away')
    const away = [1, 2, 3].find((id) => id !== leader)!
    cluster.node(away).machine[strike]()
    for (let n = 0; n < 10; n++) produce(cluster, topic, [`${n}`.padEnd(200)])
    cluster.start(away)
    cluster.until(() => agree(cluster, topic, [1, 2, 3]), 'it has caught up', 10_000)
    cluster.until(() => inSync(cluster, topic, [1, 2, 3]), 'it is in sync again', 5000)
  }
})

test('when the leader goes, another leads with all that was acknowledged, and the one that was cuts off what nobody else had', () => {
  const cluster = new SimulatedCluster('leader')
  const topic = newTopic(cluster, 'led')
  for (let n = 0; n < 5; n++) produce(cluster, topic, [`${n}`])
  const { leader } = cluster.partition('led')
  const others = [1, 2, 3].filter((id) => id !== leader)
  // It is alone with this.
  const hosts = new Set(others.map((id) => cluster.node(id).address.host))
  const { host } = cluster.node(leader).address
  const client = cluster.client(cluster.node(leader))
  const heal = cluster.network.rules.add({ applies: (from, to) => from === host && hosts.has(to), cuts: true })
  client.request(Produce, 12, produceRequest(topic, batchOf(['lost']), { acks: 1 }))
  assert.equal(replicaOf(cluster, topic, leader).log.nextOffset, 6)
  cluster.kill(leader)
  heal()
  cluster.until(() => others.includes(cluster.partition('led').leader), 'another leads')
  for (let n = 5; n < 10; n++) produce(cluster, topic, [`${n}`])
  cluster.start(leader)
  cluster.until(() => agree(cluster, topic, [1, 2, 3]), 'agreement', 30_000)
  cluster.until(() => inSync(cluster, topic, [1, 2, 3]), 'all are in sync', 5000)
  assert.deepEqual(
    valuesAt(cluster, topic),
    [...Array(10).keys()].map((n) => `${n}`),
  )
})

test('a new leader says where the log ends when it has heard from who is in sync, and not before: neither asked for it nor to who reads', () => {
  const roles = ['controller', 'broker', 'broker', 'broker'] as const
  const cluster = new SimulatedCluster('latest', { roles })
  const topic = newTopic(cluster, 'ends')
  produce(cluster, topic, ['a', 'b', 'c'])
  const { leader: before } = cluster.partition('ends')
  cluster.pass(100)
  // What comes now reaches the followers, and nobody hears that it has.
  const others = cluster.brokers.filter(({ id }) => id !== before)
  const hosts = new Set(others.map(({ address }) => address.host))
  const { host } = cluster.node(before).address
  const applies = (from: string, to: string): boolean => hosts.has(from) && (hosts.has(to) || to === host)
  const heal = cluster.network.rules.add({ applies, cuts: true })
  cluster.client(cluster.node(before)).request(Produce, 12, produceRequest(topic, batchOf(['d']), { acks: 1 }))
  cluster.until(
    () => others.every(({ id }) => replicaOf(cluster, topic, id).log.flushedEndOffset === 4),
    'they have it',
  )
  cluster.kill(before)
  cluster.untilKnown(() => ![-1, before].includes(cluster.partition('ends').leader))
  const client = cluster.client(cluster.node(cluster.partition('ends').leader))
  const latest = (version: number): readonly [string, number] => {
    const topics = [{ name: 'ends', partitions: [{ partitionIndex: 0, timestamp: -1 }] }]
    const answer = client.request(ListOffsets, version, { replicaId: -1, isolationLevel: 0, topics })
    const { errorCode, offset } = answer.topics[0]!.partitions[0]!
    return [nameOf(errorCode), offset]
  }
  assert.deepEqual(
    [latest(7)[0], latest(5)[0], latest(4)[0]],
    ['OFFSET_NOT_AVAILABLE', 'OFFSET_NOT_AVAILABLE', 'LEADER_NOT_AVAILABLE'],
  )
  const fetched = (version: number, offset: number): readonly [string, number] => {
    const answer = client.request(Fetch, version, fetchRequest({ name: 'ends' }, offset, { maxWaitMs: 50 }))
    const { errorCode, records } = answer.responses[0]!.partitions[0]!
    return [nameOf(errorCode), records?.length ?? 0]
  }
  const known = replicaOf(cluster, topic, cluster.partition('ends').leader).highWatermark
  // With an answer that has no records, and this high watermark, a client would believe that it is at the end.
  assert.deepEqual(fetched(12, known), ['OFFSET_NOT_AVAILABLE', 0])
  assert.deepEqual(fetched(10, known), ['NOT_LEADER_OR_FOLLOWER', 0])
  assert.ok(known > 0)
  const [error, bytes] = fetched(12, 0)
  assert.deepEqual([error, bytes > 0], ['NONE', true])
  heal()
  cluster.until(() => latest(7)[0] === 'NONE', 'it is known', 5000)
  assert.deepEqual(latest(7), ['NONE', 4])
  assert.deepEqual([fetched(12, known)[0], fetched(12, 4)], ['NONE', ['NONE', 0]])
})

test('a partition whose log is opened while its node stops is hosted by nobody', () => {
  // What is written down of the one before has to go first, which takes its time.
  const settings = { 'log.flush.offset.checkpoint.interval.ms': '50' }
  const cluster = new SimulatedCluster('opened too late', { settings })
  const before = newTopic(cluster, 'late', 4)
  for (let index = 0; index < 4; index++) produce(cluster, before, ['a'], index)
  cluster.pass(500)
  const client = cluster.client(cluster.node(1))
  client.request(DeleteTopics, 5, { topicNames: ['late'], timeoutMs: 30_000 })
  cluster.untilKnown(({ topicsByName }) => !topicsByName.has('late'))
  const node = cluster.node(3)
  const broker = node.node!.broker!
  const { replicas } = broker
  const wanted = { name: 'late', numPartitions: 4, replicationFactor: 3, assignments: [], configs: [] }
  client.send(CreateTopics, 7, { topics: [wanted], timeoutMs: 30_000 })
  cluster.until(() => broker.latest.topicsByName.has('late'), 'it is to host it')
  const { topicId } = broker.latest.topicsByName.get('late')!
  assert.equal(replicas.find(topicId, 0), undefined, 'it takes its time')
  // As the node does that ends because of a disk.
  broker.stop()
  cluster.pass(500)
  for (let index = 0; index < 4; index++) assert.equal(replicas.find(topicId, index), undefined)
})
