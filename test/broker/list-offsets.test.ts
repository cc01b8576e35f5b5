/** What is said of where a log ends, to somebody who has just been told that a record is in it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.js'
import { SimulatedCluster } from './cluster-rig.js'
import { newTopic, produce } from './replicated.js'
import { batchOf, Produce, produceRequest } from './requests.js'

const LATEST = -1
const EARLIEST = -2

/** Asked of the leader: the offset, and how long the answer took. */
function asked(cluster: SimulatedCluster, topic: string, timestamp: number): { offset: number; tookMs: number } {
  const client = cluster.client(cluster.node(cluster.partition(topic).leader))
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }]
  const beganMs = cluster.simulation.nowMs
  const answer = client.request(ListOffsets, 7, { replicaId: -1, isolationLevel: 0, topics })
  return { offset: answer.topics[0]!.partitions[0]!.offset!, tookMs: cluster.simulation.nowMs - beganMs }
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

test('the end is told without what nobody else gets, after a moment, and the beginning at once', () => {
  const cluster = new SimulatedCluster('cut off')
  const topic = newTopic(cluster, 'ends')
  produce(cluster, topic, ['a', 'b', 'c'])
  cluster.pass(1000)
  const { leader } = cluster.partition('ends')
  const { host } = cluster.node(leader).address
  const others = new Set(cluster.brokers.filter(({ id }) => id !== leader).map(({ address }) => address.host))
  cluster.network.rules.add({ applies: (from, to) => others.has(from) && to === host, cuts: true })
  const client = cluster.client(cluster.node(leader))
  client.request(Produce, 12, produceRequest(topic, batchOf(['d']), { acks: 1 }))
  const { offset, tookMs } = asked(cluster, 'ends', LATEST)
  assert.equal(offset, 3)
  assert.ok(tookMs >= 100 && tookMs < 150, `${tookMs} ms`)
  assert.equal(asked(cluster, 'ends', EARLIEST).offset, 0)
  assert.ok(asked(cluster, 'ends', EARLIEST).tookMs < 50)
})
