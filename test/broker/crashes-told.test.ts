/** What a broker that comes back tells of its last stop decides whether it may lead (KIP-966). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Partition } from '../../src/broker/partition.js'
import type { PartitionState } from '../../src/metadata/records.js'
import { IncrementalAlterConfigs } from '../../src/protocol/messages/incremental-alter-configs.js'
import { SimulatedCluster } from './cluster-rig.js'
import { keepEligible, nameOf, newTopic, produce, type Topic, valuesAt } from './replicated.js'
import { Fetch, fetchRequest } from './requests.js'

interface Pair {
  readonly cluster: SimulatedCluster
  readonly topic: Topic
  /** As the controller has it. */
  readonly state: () => PartitionState
}

/** Two replicas, both of which have to be in sync; a broker that is in both or in none goes with what it had. */
function pair(seed: string, flushPolicy: 'commit' | 'os'): Pair {
  const cluster = new SimulatedCluster(seed, { roles: ['controller', 'broker', 'broker'] })
  keepEligible(cluster, 2)
  const topic = newTopic(cluster, 'pair', 1, 2, { 'flush.policy': flushPolicy, 'min.insync.replicas': '2' })
  produce(cluster, topic, ['a', 'b', 'c'])
  const state = (): PartitionState => cluster.node(1).node!.quorum!.image!.topicsByName.get('pair')!.partitions[0]!
  return { cluster, topic, state }
}

/** Both go, one after the other, and each is missed. */
function strikeBoth({ cluster, state }: Pair, strike: 'crash' | 'losePower'): void {
  for (const id of [2, 3]) {
    cluster.node(id).machine[strike]()
    cluster.until(() => !state().isr.includes(id), `${id} is missed`, 30_000)
  }
  assert.deepEqual([state().leader, state().isr, [...state().eligibleLeaderReplicas].sort()], [-1, [], [2, 3]])
}

/** When the leader has heard who is in sync. */
function readable({ cluster, topic }: Pair): void {
  cluster.until(() => valuesAt(cluster, topic).join() === 'a,b,c', 'all of it can be read', 5000)
}

for (const [flushPolicy, strike] of [
  ['os', 'crash'],
  ['commit', 'crash'],
  ['commit', 'losePower'],
] as const) {
  test(`flush.policy=${flushPolicy}, ${strike} of all: who comes back leads, and nothing is lost`, () => {
    const both = pair(`${flushPolicy} ${strike}`, flushPolicy)
    const { cluster, state } = both
    strikeBoth(both, strike)
    cluster.start(3)
    cluster.until(() => state().leader === 3, '3 leads', 5000)
    assert.equal(state().leaderRecoveryState, 0)
    cluster.start(2)
    cluster.until(() => state().isr.length === 2, 'both are in sync', 20_000)
    readable(both)
  })
}

test('R14: flush.policy=os, power loss of all: nobody leads, as long as nobody says so', () => {
  const both = pair('os power', 'os')
  const { cluster, state } = both
  strikeBoth(both, 'losePower')
  cluster.start(3)
  cluster.start(2)
  cluster.pass(30_000)
  const { leader, isr, eligibleLeaderReplicas, lastKnownElr } = state()
  assert.deepEqual([leader, isr, eligibleLeaderReplicas, [...lastKnownElr].sort()], [-1, [], [], [2, 3]])
})

test('flush.policy=os: a crash of the process, and then a loss of power before it was back, is one of power', () => {
  const both = pair('os both', 'os')
  const { cluster, state } = both
  strikeBoth(both, 'crash')
  cluster.node(3).machine.losePower()
  cluster.start(3)
  cluster.pass(10_000)
  assert.deepEqual([state().leader, state().lastKnownElr], [-1, [3]])
})

test('flush.policy=os: after a stop in order a loss of power takes nothing', () => {
  const both = pair('os stop', 'os')
  const { cluster, state } = both
  for (const id of [2, 3]) {
    cluster.node(id).stop()
    cluster.until(() => cluster.node(id).node === undefined && !state().isr.includes(id), `${id} has stopped`, 30_000)
    cluster.node(id).machine.losePower()
  }
  cluster.start(3)
  cluster.until(() => state().leader === 3, '3 leads', 5000)
  cluster.start(2)
  cluster.until(() => state().isr.length === 2, 'both are in sync', 20_000)
  readable(both)
})

test('an unclean election says that it was one, and the leader that it has recovered', () => {
  const both = pair('unclean', 'os')
  const { cluster, state } = both
  strikeBoth(both, 'losePower')
  cluster.start(3)
  cluster.pass(3000)
  assert.equal(state().leader, -1)
  const resource = { resourceType: 2, resourceName: 'pair' }
  const configs = [{ name: 'unclean.leader.election.enable', configOperation: 0, value: 'true' }]
  // It may have recovered before this is answered.
  cluster
    .client(cluster.node(3))
    .send(IncrementalAlterConfigs, 1, { resources: [{ ...resource, configs }], validateOnly: false })
  let recovering = false
  cluster.until(
    () => {
      recovering ||= state().leaderRecoveryState === 1
      return state().leader === 3 && state().leaderRecoveryState === 0
    },
    'it has recovered',
    5000,
  )
  assert.ok(recovering)
})

for (const replicas of [1, 3]) {
  test(`who restarts before it was missed never leads in its old epoch (${replicas} replicas)`, () => {
    const cluster = new SimulatedCluster(`epoch ${replicas}`, { roles: ['controller', 'broker', 'broker', 'broker'] })
    const topic = newTopic(cluster, 'led', 1, replicas)
    produce(cluster, topic, ['a', 'b', 'c'])
    const { leader, leaderEpoch } = cluster.partition('led')
    cluster.node(leader).crash()
    cluster.node(leader).start()
    let looked = 0
    const hosted = (): unknown => cluster.node(leader).node?.broker?.replicas.find(topic.topicId, 0)
    cluster.until(() => {
      const partition = hosted()
      if (!(partition instanceof Partition)) return false
      if (partition.isLeader) looked++
      assert.ok(!partition.isLeader || partition.leaderEpoch > leaderEpoch, 'it leads as before')
      return partition.leaderEpoch > leaderEpoch && cluster.node(leader).serving && looked >= Number(replicas === 1)
    }, 'another epoch')
    produce(cluster, topic, ['d'])
    // Who goes by the old one is told so, and who leads now.
    const now = cluster.partition('led')
    const request = fetchRequest(topic, 0, { partition: { currentLeaderEpoch: leaderEpoch } })
    const answer = cluster.client(cluster.node(now.leader)).request(Fetch, 17, request)
    const { errorCode, currentLeader } = answer.responses[0]!.partitions[0]!
    assert.equal(nameOf(errorCode), 'FENCED_LEADER_EPOCH')
    assert.deepEqual({ ...currentLeader }, { leaderId: now.leader, leaderEpoch: now.leaderEpoch })
    assert.deepEqual(
      answer.nodeEndpoints.map(({ nodeId }) => nodeId),
      [now.leader],
    )
    cluster.until(() => valuesAt(cluster, topic).join() === 'a,b,c,d', 'all of it can be read', 5000)
  })
}
