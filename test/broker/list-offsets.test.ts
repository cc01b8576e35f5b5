/** What is said of where a log ends, to somebody who has just been told that a record is in it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PartitionState } from '../../src/metadata/records.js'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.js'
import { SimulatedCluster } from './cluster-rig.js'
import { cut, keepEligible, nameOf, newTopic, othersThan, produce } from './replicated.js'
import { batchOf, Produce, produceRequest } from './requests.js'

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
