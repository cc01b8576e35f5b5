/** Who leads where nobody who is in sync can: nobody, unless the topic lets another lead, and then the record says so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster, SECOND } from './cluster.js'

const UNCLEAN = 'unclean.leader.election.enable'

/** One partition on 1, 2 and 3, of which only 1 is in sync. */
function aloneInSync(configs: Readonly<Record<string, string>> = {}, settings: Readonly<Record<string, string>> = {}) {
  const cluster = new Cluster([1, 2, 3], 3, settings)
  cluster.topics([[1, 2, 3]], configs)
  assert.equal(cluster.propose([1]), 'NONE')
  return cluster
}

function lose(cluster: Cluster, brokerId: number): void {
  cluster.closed(brokerId)
  cluster.refused(brokerId)
}

test('without unclean.leader.election.enable nobody leads in the place of the last who was in sync', () => {
  const cluster = aloneInSync()
  lose(cluster, 1)
  assert.deepEqual(cluster.leaderAndIsr(), [-1, 1])
  cluster.join(1, { incarnationId: SECOND })
  assert.deepEqual(cluster.leaderAndIsr(), [1, 1])
  assert.equal(cluster.partition().leaderRecoveryState, 0)
})

test('unclean.leader.election.enable of a topic makes a replica leader that is not in sync, alone in the ISR and recovering, and the record says why', () => {
  const cluster = aloneInSync({ [UNCLEAN]: 'true' })
  const { leaderEpoch } = cluster.partition()
  lose(cluster, 1)
  assert.deepEqual(cluster.leaderAndIsr(), [2, 2])
  assert.deepEqual([cluster.partition().leaderRecoveryState, cluster.partition().leaderEpoch], [1, leaderEpoch + 1])
  assert.deepEqual(cluster.causes.at(-1), {
    reason: 'UNCLEAN_ELECTION',
    evidence: { after: 'BROKER_SESSION_CLOSED', probe: 'refused', closedMs: '0' },
  })
  // Who was the last is a replica like any other now.
  cluster.join(1, { incarnationId: SECOND })
  assert.deepEqual(cluster.leaderAndIsr(), [2, 2])
})

test('who recovers ends it by saying so, and only then others are in sync with it', () => {
  const cluster = aloneInSync({ [UNCLEAN]: 'true' })
  lose(cluster, 1)
  assert.equal(cluster.propose([2, 3], { leaderRecoveryState: 1 }), 'INVALID_REQUEST')
  assert.equal(cluster.propose([2, 3], { leaderRecoveryState: 0 }), 'NONE')
  assert.deepEqual([cluster.partition().leaderRecoveryState, ...cluster.leaderAndIsr()], [0, 2, 2, 3])
})

test('where somebody is in sync and there, the election is clean also if another were allowed', () => {
  const cluster = aloneInSync({ [UNCLEAN]: 'true' })
  assert.equal(cluster.propose([1, 3]), 'NONE')
  lose(cluster, 1)
  assert.deepEqual([cluster.partition().leaderRecoveryState, ...cluster.leaderAndIsr()], [0, 3, 3])
  assert.equal(cluster.causes.at(-1)!.reason, 'BROKER_SESSION_CLOSED')
})

test('what the topic says goes before what the node says', () => {
  const byNode = aloneInSync({}, { [UNCLEAN]: 'true' })
  lose(byNode, 1)
  assert.deepEqual(byNode.leaderAndIsr(), [2, 2])
  const refusedByTopic = aloneInSync({ [UNCLEAN]: 'false' }, { [UNCLEAN]: 'true' })
  lose(refusedByTopic, 1)
  assert.deepEqual(refusedByTopic.leaderAndIsr(), [-1, 1])
})

test('who may lead uncleanly does so when it comes back, if it is the first', () => {
  const cluster = aloneInSync({ [UNCLEAN]: 'true' })
  for (const brokerId of [2, 3, 1]) lose(cluster, brokerId)
  assert.deepEqual(cluster.leaderAndIsr(), [-1, 1])
  cluster.join(3, { incarnationId: SECOND })
  assert.deepEqual([cluster.partition().leaderRecoveryState, ...cluster.leaderAndIsr()], [1, 3, 3])
  assert.equal(cluster.causes.at(-1)!.evidence['after'], 'BROKER_CAUGHT_UP')
})

test('unclean.leader.election.enable counts for partitions without a leader as soon as it is set, for a topic, for all or for the controller', () => {
  for (const [resourceType, resourceName] of [
    [2, 't0'],
    [4, ''],
    [4, '1'],
  ] as const) {
    const cluster = aloneInSync()
    lose(cluster, 1)
    assert.equal(cluster.partition().leader, -1)
    cluster.configure(resourceType, resourceName, { 'min.insync.replicas': '2' })
    assert.equal(cluster.partition().leader, -1)
    cluster.configure(resourceType, resourceName, { [UNCLEAN]: 'true' })
    assert.deepEqual([cluster.partition().leaderRecoveryState, ...cluster.leaderAndIsr()], [1, 2, 2])
    assert.deepEqual(cluster.causes.at(-1), {
      reason: 'UNCLEAN_ELECTION',
      evidence: { after: 'SETTINGS_CHANGED' },
    })
  }
})

test('a controller that takes over elects by its own settings where nobody leads', () => {
  const cluster = aloneInSync()
  lose(cluster, 1)
  cluster.takeOver()
  assert.equal(cluster.partition().leader, -1)
  cluster.takeOver({ [UNCLEAN]: 'true' })
  assert.deepEqual([cluster.partition().leaderRecoveryState, ...cluster.leaderAndIsr()], [1, 2, 2])
})

test('an unclean election that is asked for takes nobody who is about to stop, and is one that was asked for', () => {
  const cluster = aloneInSync()
  lose(cluster, 1)
  cluster.heartbeat(2, { wantShutDown: true })
  const unclean = { electionType: 1, topicPartitions: null, timeoutMs: 1000 }
  cluster.ask('ElectLeaders', unclean)
  assert.deepEqual(cluster.leaderAndIsr(), [3, 3])
  assert.deepEqual(cluster.causes.at(-1), {
    reason: 'ELECTION_ASKED',
    evidence: { election: 'unclean', principal: 'User:a' },
  })
})
