/** Consumers that read from a follower in their rack (KIP-392). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedCluster } from '../cluster-rig.js'
import { agree, inSync, nameOf, newTopic, produce, replicaOf, type Topic } from '../replicated.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, valuesIn } from '../requests.js'

const RACKS = ['', 'a', 'b', 'c']
const RACK_AWARE = { 'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector' }

interface Racks {
  readonly cluster: SimulatedCluster
  readonly topic: Topic
  readonly leader: number
  readonly followers: readonly number[]
  /** What a consumer in this rack is told by that broker. */
  readonly fetch: (at: number, rackId: string, offset?: number, version?: number) => Told
}

interface Told {
  readonly error: string
  readonly preferred: number
  readonly values: readonly string[]
  readonly highWatermark: number
}

function racks(seed: string, settings: Readonly<Record<string, string>> = RACK_AWARE): Racks {
  const roles = ['controller', 'broker', 'broker', 'broker'] as const
  const cluster = new SimulatedCluster(seed, { roles, racks: RACKS, settings })
  const topic = newTopic(cluster, 'racks')
  produce(cluster, topic, ['x', 'y'])
  cluster.until(() => agree(cluster, topic, [2, 3, 4]), 'all have it', 5000)
  const { leader } = cluster.partition('racks')
  const fetch = (at: number, rackId: string, offset = 0, version = 17): Told => {
    const request = fetchRequest(topic, offset, { rackId })
    const { responses } = cluster.client(cluster.node(at)).request(Fetch, version, request)
    const [part] = responses[0]!.partitions
    return {
      error: nameOf(part!.errorCode),
      preferred: part!.preferredReadReplica,
      values: valuesIn(part!.records),
      highWatermark: part!.highWatermark,
    }
  }
  return { cluster, topic, leader, followers: [2, 3, 4].filter((id) => id !== leader), fetch }
}

const rackOf = (id: number): string => RACKS[id - 1]!

test('a leader names the replica in the rack of the consumer, and gives nothing; that one gives what is committed', () => {
  const { cluster, leader, followers, fetch } = racks('named')
  for (const id of followers) {
    assert.deepEqual(fetch(leader, rackOf(id)), { error: 'NONE', preferred: id, values: [], highWatermark: 2 })
    const there = fetch(id, rackOf(id))
    assert.deepEqual(there, { error: 'NONE', preferred: -1, values: ['x', 'y'], highWatermark: 2 })
    // As a consumer that has read all of it waits there.
    assert.equal(fetch(leader, rackOf(id), 2).preferred, id)
  }
  for (const rack of [rackOf(leader), '', 'elsewhere']) {
    assert.deepEqual(fetch(leader, rack), { error: 'NONE', preferred: -1, values: ['x', 'y'], highWatermark: 2 })
  }
  // Who does not know of it is not sent away, and reads from leaders only.
  assert.deepEqual(fetch(leader, rackOf(followers[0]!), 0, 12).preferred, followers[0])
  const old = fetchRequest({ name: 'racks' }, 0)
  const at = (id: number) => cluster.client(cluster.node(id)).request(Fetch, 10, old).responses[0]!.partitions[0]!
  assert.deepEqual(valuesIn(at(leader).records), ['x', 'y'])
  assert.equal(nameOf(at(followers[0]!).errorCode), 'NOT_LEADER_OR_FOLLOWER')
})

test('in a session a consumer is told of a nearer replica, also where nothing else is new', () => {
  const { cluster, topic, leader, followers } = racks('session')
  const client = cluster.client(cluster.node(leader))
  const rackId = rackOf(followers[0]!)
  const first = client.request(Fetch, 17, fetchRequest(topic, 2, { sessionEpoch: 0 }))
  assert.notEqual(first.sessionId, 0)
  const request = {
    ...fetchRequest(topic, 2, { sessionEpoch: 1, rackId, maxWaitMs: 5000 }),
    sessionId: first.sessionId,
    topics: [],
  }
  const beganMs = cluster.simulation.nowMs
  const [next] = client.request(Fetch, 17, request).responses
  assert.equal(next!.partitions[0]!.preferredReadReplica, followers[0])
  assert.ok(cluster.simulation.nowMs - beganMs < 500)
})

for (const settings of [{}, { 'replica.selector.class': 'org.apache.kafka.common.replica.LeaderSelector' }]) {
  test(`with ${JSON.stringify(settings)} nobody is named, and followers are read from all the same`, () => {
    const { leader, followers, fetch } = racks('default', settings)
    for (const id of followers) {
      assert.deepEqual(fetch(leader, rackOf(id)).values, ['x', 'y'])
      assert.deepEqual(fetch(id, rackOf(id)).values, ['x', 'y'])
    }
  })
}

test('who is out of sync is not named', () => {
  const { cluster, topic, leader, followers, fetch } = racks('out of sync')
  const [away] = followers
  cluster.node(away!).crash()
  cluster.until(() => !inSync(cluster, topic, [2, 3, 4]), 'it is missed', 20_000)
  assert.deepEqual(fetch(leader, rackOf(away!)), { error: 'NONE', preferred: -1, values: ['x', 'y'], highWatermark: 2 })
})

test('a follower gives what it knows to be committed and no more, and whoever waits for it is answered when it hears of it', () => {
  const { cluster, topic, leader, followers, fetch } = racks('committed')
  const [near, far] = followers as [number, number]
  // The other one gets nothing: what comes now is not committed.
  const [from, to] = [cluster.node(leader).address.host, cluster.node(far).address.host]
  const heal = cluster.network.rules.add({ applies: (a, b) => a === from && b === to, cuts: true })
  cluster.client(cluster.node(leader)).send(Produce, 12, produceRequest(topic, batchOf(['z']), { timeoutMs: 60_000 }))
  cluster.until(() => replicaOf(cluster, topic, near).log.flushedEndOffset === 3, 'it has it', 5000)
  cluster.pass(1000)
  assert.deepEqual(fetch(near, rackOf(near), 2), { error: 'NONE', preferred: -1, values: [], highWatermark: 2 })
  // Of what it does not have it says nothing but that.
  assert.equal(fetch(near, rackOf(near), 4).error, 'OFFSET_OUT_OF_RANGE')
  const request = fetchRequest(topic, 2, { rackId: rackOf(near), maxWaitMs: 60_000 })
  const waiting = cluster.client(cluster.node(near)).send(Fetch, 17, request)
  cluster.pass(1000)
  assert.equal(waiting.response, undefined)
  heal()
  cluster.until(() => waiting.response !== undefined, 'an answer', 40_000)
  const [part] = waiting.response!.responses[0]!.partitions
  assert.deepEqual([valuesIn(part!.records), part!.highWatermark], [['z'], 3])
  assert.ok(waiting.tookMs < 50_000, `${waiting.tookMs} ms`)
})

test('a follower does not say where logs part: it may just not have come that far', () => {
  const { topic, cluster, followers, leader } = racks('parts')
  const { leaderEpoch } = cluster.partition('racks')
  const ask = (at: number, fetchOffset: number, lastFetchedEpoch: number): readonly [string, number] => {
    const partition = { fetchOffset, lastFetchedEpoch }
    const { responses } = cluster.client(cluster.node(at)).request(Fetch, 17, fetchRequest(topic, 0, { partition }))
    const { errorCode, divergingEpoch } = responses[0]!.partitions[0]!
    return [nameOf(errorCode), divergingEpoch.epoch]
  }
  assert.deepEqual(ask(leader, 5, leaderEpoch), ['NONE', leaderEpoch])
  for (const id of followers) {
    assert.deepEqual(ask(id, 5, leaderEpoch), ['OFFSET_OUT_OF_RANGE', -1])
    assert.deepEqual(ask(id, 2, leaderEpoch + 1), ['OFFSET_OUT_OF_RANGE', -1])
    assert.deepEqual(ask(id, 2, leaderEpoch), ['NONE', -1])
  }
})
