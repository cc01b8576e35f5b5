/** What is said of where a log ends, to somebody who has just been told that a record is in it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Partition } from '../../src/broker/partition.js'
import type { PartitionState } from '../../src/metadata/records.js'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.js'
import { SimulatedCluster } from './cluster-rig.js'
import { cut, keepEligible, nameOf, newTopic, othersThan, produce } from './replicated.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest } from './requests.js'

const LATEST = -1
const EARLIEST = -2

interface Told {
  readonly offset: number
  readonly error: string
  readonly tookMs: number
}

/** What this node says, by default the leader, and how long it took. */
function asked(
  cluster: SimulatedCluster,
  topic: string,
  timestamp: number,
  of: number = cluster.partition(topic).leader,
): Told {
  const client = cluster.client(cluster.node(of))
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }]
  const beganMs = cluster.simulation.nowMs
  const answer = client.request(ListOffsets, 7, { replicaId: -1, isolationLevel: 0, topics })
  const { errorCode, offset } = answer.topics[0]!.partitions[0]!
  return { offset: offset!, error: nameOf(errorCode), tookMs: cluster.simulation.nowMs - beganMs }
}

test('what was acknowledged with acks=1 is in front of the end for who asks for that next', () => {
  const cluster = new SimulatedCluster('acks 1')
  const topic = newTopic(cluster, 'ends')
  produce(cluster, topic, ['a'])
  for (let n = 2; n < 20; n++) {
    const client = cluster.client(cluster.node(cluster.partition('ends').leader))
    client.request(Produce, 12, produceRequest(topic, batchOf([`${n}`]), { acks: 1 }))
    assert.equal(asked(cluster, 'ends', LATEST).offset, n)
  }
})

test('the end is told without what somebody does not get, after a moment, and the beginning at once', () => {
  const cluster = new SimulatedCluster('cut off')
  const topic = newTopic(cluster, 'ends')
  produce(cluster, topic, ['a', 'b', 'c'])
  cluster.pass(1000)
  const { leader } = cluster.partition('ends')
  const follower = othersThan(cluster, leader).find((id) => id !== cluster.leader.id)!
  cut(cluster, [leader], [follower])
  const client = cluster.client(cluster.node(leader))
  client.request(Produce, 12, produceRequest(topic, batchOf(['d']), { acks: 1 }))
  const { offset, tookMs } = asked(cluster, 'ends', LATEST)
  assert.equal(offset, 3)
  assert.ok(tookMs >= 100 && tookMs < 150, `${tookMs} ms`)
  assert.equal(asked(cluster, 'ends', EARLIEST).offset, 0)
  assert.ok(asked(cluster, 'ends', EARLIEST).tookMs < 50)
})

test('who was deposed, and can be reached by clients only, tells no end of a log that is over', () => {
  const cluster = new SimulatedCluster('deposed')
  const topic = newTopic(cluster, 'ends', 1, 3, { 'min.insync.replicas': '2' })
  produce(cluster, topic, ['a', 'b'])
  const { leader } = cluster.partition('ends')
  const others = othersThan(cluster, leader)
  const heal = cut(cluster, [leader], others)
  const known = (): PartitionState => cluster.topic('ends', cluster.node(others[0]!)).partitions[0]!
  cluster.until(() => known().leader !== leader, 'another leads')
  const next = cluster.client(cluster.node(known().leader))
  const { responses } = next.request(Produce, 12, produceRequest(topic, batchOf(['c']), { timeoutMs: 5000 }))
  assert.deepEqual(responses[0]!.partitionResponses[0]!.baseOffset, 2)
  assert.equal(asked(cluster, 'ends', LATEST, known().leader).offset, 3)
  const { error, offset, tookMs } = asked(cluster, 'ends', LATEST, leader)
  assert.deepEqual([error, offset], ['OFFSET_NOT_AVAILABLE', -1])
  assert.ok(tookMs < 3200, `${tookMs} ms`)
  // Version 0 is told the end where nothing is as new as what it asks for.
  const wanted = { name: 'ends', partitions: [{ partitionIndex: 0, timestamp: Date.UTC(2200, 0), maxNumOffsets: 9 }] }
  const old = cluster.client(cluster.node(leader)).request(ListOffsets, 0, { replicaId: -1, topics: [wanted] })
  const { errorCode, oldStyleOffsets } = old.topics[0]!.partitions[0]!
  assert.deepEqual([nameOf(errorCode), oldStyleOffsets], ['LEADER_NOT_AVAILABLE', []])
  heal()
  cluster.until(() => asked(cluster, 'ends', LATEST, leader).error === 'NOT_LEADER_OR_FOLLOWER', 'it hears of that')
})

test('followers that wait for records are asked whether they follow still: the end of a quiet log is told within an exchange', () => {
  const cluster = new SimulatedCluster('quiet')
  const topic = newTopic(cluster, 'ends')
  produce(cluster, topic, ['a', 'b'])
  cluster.pass(2000)
  const before = cluster.leader.node!.quorum!.image!.offset
  for (let n = 0; n < 20; n++) {
    cluster.pass(20 * n)
    const { error, offset, tookMs } = asked(cluster, 'ends', LATEST)
    assert.deepEqual([error, offset], ['NONE', 2])
    assert.ok(tookMs < 20, `${tookMs} ms`)
  }
  assert.equal(cluster.leader.node!.quorum!.image!.offset, before, 'no controller was asked')
})

test('followers that have just come, and have no session yet, are asked as well', () => {
  const cluster = new SimulatedCluster('fresh')
  newTopic(cluster, 'ends')
  cluster.pass(100)
  const before = cluster.leader.node!.quorum!.image!.offset
  const { error, offset, tookMs } = asked(cluster, 'ends', LATEST)
  assert.deepEqual([error, offset], ['NONE', 0])
  assert.ok(tookMs < 20, `${tookMs} ms`)
  assert.equal(cluster.leader.node!.quorum!.image!.offset, before, 'no controller was asked')
})

test('without sessions followers are let wait, and a controller says who leads', () => {
  const cluster = new SimulatedCluster('no sessions', {
    settings: { 'max.incremental.fetch.session.cache.slots': '0' },
  })
  const topic = newTopic(cluster, 'ends')
  produce(cluster, topic, ['a', 'b'])
  cluster.pass(2000)
  const before = cluster.leader.node!.quorum!.image!.offset
  let fetches = 0
  const { leader } = cluster.partition('ends')
  const { fetchSessions } = cluster.node(leader).node!.broker!
  const begin = fetchSessions.begin.bind(fetchSessions)
  fetchSessions.begin = (...args) => {
    fetches++
    return begin(...args)
  }
  const { error, offset, tookMs } = asked(cluster, 'ends', LATEST)
  assert.deepEqual([error, offset], ['NONE', 2])
  assert.ok(tookMs < 200, `${tookMs} ms`)
  assert.equal(cluster.leader.node!.quorum!.image!.offset, before + 1, 'a controller was asked')
  assert.ok(fetches < 10, `${fetches} fetches`)
})

test('however many ask at a time, followers tell for all of them', () => {
  const cluster = new SimulatedCluster('many')
  const topic = newTopic(cluster, 'ends')
  produce(cluster, topic, ['a', 'b'])
  cluster.pass(2000)
  const clients = Array.from({ length: 1000 }, () => cluster.client(cluster.node(cluster.partition('ends').leader)))
  const topics = [{ name: 'ends', partitions: [{ partitionIndex: 0, timestamp: LATEST }] }]
  const before = cluster.leader.node!.quorum!.image!.offset
  const sent = clients.map((client) => {
    cluster.pass(0.1)
    return client.send(ListOffsets, 7, { replicaId: -1, isolationLevel: 0, topics })
  })
  cluster.pass(300)
  for (const { response } of sent) assert.equal(response?.topics[0]?.partitions[0]?.offset, 2)
  assert.equal(cluster.leader.node!.quorum!.image!.offset, before, 'no controller was asked')
})

test('the ends of many partitions cost those who wait for records of them one look each', (t) => {
  const cluster = new SimulatedCluster('cost')
  const topic = newTopic(cluster, 'ends', 300)
  cluster.pass(2000)
  const { partitions } = cluster.topic('ends')
  const led = [...partitions.keys()].filter((index) => partitions[index]!.leader === 1)
  const { topicId } = topic
  const [place] = fetchRequest(topic, 0).topics[0]!.partitions
  const topics = [{ topicId, partitions: led.map((partition) => ({ ...place!, partition })) }]
  for (let n = 0; n < 10; n++) {
    cluster.client(cluster.node(1)).send(Fetch, 17, { ...fetchRequest(topic, 0), maxWaitMs: 60_000, topics })
  }
  cluster.pass(2000)
  const looks = t.mock.method(Partition.prototype, 'checkReadable').mock
  const asks = led.map((partitionIndex) => ({ partitionIndex, timestamp: LATEST }))
  const request = { replicaId: -1, isolationLevel: 0, topics: [{ name: 'ends', partitions: asks }] }
  const answer = cluster.client(cluster.node(1)).request(ListOffsets, 7, request)
  assert.ok(answer.topics[0]!.partitions.every(({ offset }) => offset === 0))
  assert.ok(looks.callCount() <= 10 * led.length, `${looks.callCount()} looks at ${led.length} partitions`)
})

test('a follower tells that it follows by the epoch that it names, behind an answer', () => {
  for (const [named, expected] of [
    [true, 'NONE'],
    [false, 'OFFSET_NOT_AVAILABLE'],
  ] as const) {
    const cluster = new SimulatedCluster('epochs')
    const topic = newTopic(cluster, 'ends')
    produce(cluster, topic, ['a', 'b'])
    const { leader, leaderEpoch } = cluster.partition('ends')
    const others = othersThan(cluster, leader)
    const { brokers } = cluster.node(leader).node!.broker!.image
    cut(cluster, [leader], others)
    // Long enough for what was under way, and not for another to lead.
    cluster.pass(3000)
    const followers = others.map((replicaId) => {
      const client = cluster.client(cluster.node(leader))
      const replicaState = { replicaId, replicaEpoch: brokers.get(replicaId)!.brokerEpoch }
      const [place] = fetchRequest(topic, 2).topics[0]!.partitions
      const partitions = [{ ...place!, currentLeaderEpoch: named ? leaderEpoch : -1 }]
      const request = { ...fetchRequest(topic, 2), replicaState, maxWaitMs: 60_000, minBytes: 1 }
      const begins = {
        ...request,
        maxWaitMs: 0,
        sessionId: 0,
        sessionEpoch: 0,
        topics: [{ topicId: topic.topicId, partitions }],
      }
      const { sessionId } = client.request(Fetch, 17, begins)
      let sessionEpoch = 0
      const goOn = () => client.send(Fetch, 17, { ...request, sessionId, sessionEpoch: ++sessionEpoch, topics: [] })
      return { goOn, waiting: goOn() }
    })
    cluster.pass(100)
    const [wanted] = [{ name: 'ends', partitions: [{ partitionIndex: 0, timestamp: LATEST }] }]
    const sent = cluster
      .client(cluster.node(leader))
      .send(ListOffsets, 7, { replicaId: -1, isolationLevel: 0, topics: [wanted!] })
    cluster.until(() => followers.every(({ waiting }) => waiting.response !== undefined), 'they are to ask on', 1000)
    assert.equal(sent.response, undefined)
    for (const { goOn } of followers) goOn()
    cluster.until(() => sent.response !== undefined, 'an answer', 10_000)
    assert.equal(nameOf(sent.response!.topics[0]!.partitions[0]!.errorCode), expected)
  }
})

test('while controllers are out of reach followers say who leads', () => {
  const roles = ['broker', 'broker', 'broker', 'controller', 'controller', 'controller'] as const
  const cluster = new SimulatedCluster('no controllers', { roles })
  const topic = newTopic(cluster, 'ends')
  produce(cluster, topic, ['a', 'b'])
  cut(cluster, [1, 2, 3], [4, 5, 6])
  cluster.pass(20_000)
  const { error, offset, tookMs } = asked(cluster, 'ends', LATEST)
  assert.deepEqual([error, offset], ['NONE', 2])
  assert.ok(tookMs < 20, `${tookMs} ms`)
})

test('where a follower is gone, and might lead one day, a controller says who leads', () => {
  const cluster = new SimulatedCluster('eligible')
  keepEligible(cluster, 1)
  const topic = newTopic(cluster, 'ends', 1, 3, { 'min.insync.replicas': '3' })
  produce(cluster, topic, ['a', 'b'])
  const { leader } = cluster.partition('ends')
  cluster.kill(othersThan(cluster, leader)[0]!)
  cluster.untilKnown(() => cluster.partition('ends').eligibleLeaderReplicas.length === 1)
  const { error, offset, tookMs } = asked(cluster, 'ends', LATEST)
  assert.deepEqual([error, offset], ['NONE', 2])
  assert.ok(tookMs < 60, `${tookMs} ms`)
})
