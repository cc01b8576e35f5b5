/** Partitions that move to other replicas (KIP-455), as the controller decides it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ControllerReply } from '../../src/controller/controller-core.js'
import { RESOURCE_TYPE_TOPIC } from '../../src/metadata/records.js'
import { Cluster, diskOf, nameOf, SECOND } from './cluster.js'

const FIVE = [1, 2, 3, 4, 5]

interface Asked {
  readonly index?: number
  readonly allowReplicationFactorChange?: boolean
}

/** The name of what became of it; without replicas a move is taken back. */
function move(cluster: Cluster, replicas: readonly number[] | null, asked: Asked = {}): string {
  const { index = 0, allowReplicationFactorChange = true } = asked
  const partitions = [{ partitionIndex: 0, replicas: replicas === null ? null : [...replicas] }]
  const topics = [{ name: `t${index}`, partitions }]
  const reply = cluster.ask('AlterPartitionReassignments', { timeoutMs: 1000, allowReplicationFactorChange, topics })
  assert.deepEqual([nameOf(reply), reply.allowReplicationFactorChange], ['NONE', allowReplicationFactorChange])
  return nameOf(reply.responses[0]!.partitions[0]!)
}

function lists(cluster: Cluster, index = 0): readonly (readonly number[])[] {
  const { replicas, addingReplicas, removingReplicas, isr } = cluster.partition(index)
  return [replicas, addingReplicas, removingReplicas, isr]
}

function moving(cluster: Cluster, topics: { name: string; partitionIndexes: number[] }[] | null = null) {
  const reply: ControllerReply<'ListPartitionReassignments'> = cluster.ask('ListPartitionReassignments', {
    timeoutMs: 1000,
    topics,
  })
  assert.equal(nameOf(reply), 'NONE')
  return reply.topics.map(({ name, partitions }) => [name, ...partitions])
}

test('a partition that moves has both lists until all that were added are in sync, and then another leader epoch', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1, 2, 3]])
  assert.equal(move(cluster, [3, 4, 5]), 'NONE')
  assert.deepEqual(lists(cluster), [
    [3, 4, 5, 1, 2],
    [4, 5],
    [1, 2],
    [1, 2, 3],
  ])
  const begun = cluster.partition()
  assert.deepEqual([begun.leader, begun.leaderEpoch, begun.partitionEpoch], [1, 0, 1])
  assert.deepEqual(
    begun.directories,
    [3, 4, 5, 1, 2].map((id) => diskOf(id)),
  )
  assert.equal(cluster.propose([1, 2, 3, 4]), 'NONE')
  assert.equal(cluster.partition().replicas.length, 5)
  // The leader has moved with it: it hears so from the metadata.
  assert.equal(cluster.propose([1, 2, 3, 4, 5]), 'NEW_LEADER_ELECTED')
  assert.deepEqual(lists(cluster), [[3, 4, 5], [], [], [3, 4, 5]])
  const ended = cluster.partition()
  assert.deepEqual([ended.leader, ended.leaderEpoch, ended.partitionEpoch], [3, 1, 3])
  assert.deepEqual(
    ended.directories,
    [3, 4, 5].map((id) => diskOf(id)),
  )
})

test('a leader that stays gets another epoch when the replicas have moved', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1, 2]])
  assert.equal(move(cluster, [1, 4]), 'NONE')
  assert.equal(cluster.propose([1, 2, 4]), 'NEW_LEADER_ELECTED')
  const { leader, leaderEpoch } = cluster.partition()
  assert.deepEqual([lists(cluster), leader, leaderEpoch], [[[1, 4], [], [], [1, 4]], 1, 1])
})

test('replicas that are only added or only removed', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1], [1, 2, 3], [1, 2, 3]])
  assert.equal(move(cluster, [1, 2]), 'NONE')
  assert.deepEqual(lists(cluster), [[1, 2], [2], [], [1]])
  assert.equal(cluster.propose([1, 2]), 'NEW_LEADER_ELECTED')
  assert.deepEqual([lists(cluster), cluster.partition().leaderEpoch], [[[1, 2], [], [], [1, 2]], 1])
  // Nothing has to be waited for.
  assert.equal(move(cluster, [2, 3], { index: 1 }), 'NONE')
  assert.deepEqual([lists(cluster, 1), cluster.partition(1).leader], [[[2, 3], [], [], [2, 3]], 2])
  assert.equal(cluster.partition(1).leaderEpoch, 1)
  // Another order is no move: only who leads first is another.
  assert.equal(move(cluster, [3, 2, 1], { index: 2 }), 'NONE')
  assert.deepEqual([lists(cluster, 2)[0], cluster.partition(2).leaderEpoch], [[3, 2, 1], 0])
  assert.deepEqual(
    cluster.partition(2).directories,
    [3, 2, 1].map((id) => diskOf(id)),
  )
  const { partitionEpoch } = cluster.partition(2)
  assert.equal(move(cluster, [3, 2, 1], { index: 2 }), 'NONE')
  assert.equal(cluster.partition(2).partitionEpoch, partitionEpoch)
})

test('R26: a move does not end while fewer would be in sync than min.insync.replicas asks for', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1, 2, 3]], { 'min.insync.replicas': '2' })
  assert.equal(cluster.propose([1, 2]), 'NONE')
  assert.equal(move(cluster, [3, 4]), 'NONE')
  // 4 is there, and 3 is not: 4 alone would have what both of them are to have.
  assert.equal(cluster.propose([1, 2, 4]), 'NONE')
  assert.deepEqual(lists(cluster), [[3, 4, 1, 2], [4], [1, 2], [1, 2, 4]])
  assert.equal(cluster.propose([1, 2, 3, 4]), 'NEW_LEADER_ELECTED')
  assert.deepEqual(lists(cluster), [[3, 4], [], [], [3, 4]])
})

test('replicas are not removed before those that stay suffice, and are when a setting asks for fewer', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1, 2, 3]], { 'min.insync.replicas': '2' })
  assert.equal(cluster.propose([1, 2]), 'NONE')
  assert.equal(move(cluster, [2, 3]), 'NONE')
  assert.deepEqual(lists(cluster), [[2, 3, 1], [], [1], [1, 2]])
  cluster.configure(RESOURCE_TYPE_TOPIC, 't0', { 'min.insync.replicas': '1' })
  assert.deepEqual([lists(cluster), cluster.partition().leader], [[[2, 3], [], [], [2]], 2])
})

test('a topic of fewer replicas than min.insync.replicas asks for is moved when all of them are in sync', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1]], { 'min.insync.replicas': '2' })
  assert.equal(move(cluster, [2]), 'NONE')
  assert.equal(cluster.propose([1, 2]), 'NEW_LEADER_ELECTED')
  assert.deepEqual([lists(cluster), cluster.partition().leader], [[[2], [], [], [2]], 2])
})

test('a move ends only when one of those that stay can lead, and then by itself', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1, 2]])
  cluster.heartbeat(2, { wantShutDown: true })
  assert.deepEqual(cluster.leaderAndIsr(), [1, 1])
  assert.equal(move(cluster, [2]), 'NONE')
  assert.deepEqual(lists(cluster), [[2, 1], [], [1], [1]])
  cluster.heartbeat(2, { wantShutDown: true })
  cluster.join(2, { incarnationId: SECOND })
  assert.equal(cluster.propose([1, 2]), 'NEW_LEADER_ELECTED')
  assert.deepEqual([lists(cluster), cluster.partition().leader], [[[2], [], [], [2]], 2])
})

test('who goes away while a partition moves does not end the move, and its leader is one that is in sync', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1, 2]])
  assert.equal(move(cluster, [3, 4]), 'NONE')
  assert.equal(cluster.propose([1, 2, 3]), 'NONE')
  cluster.heartbeat(1, { wantFence: true })
  assert.equal(cluster.isFenced(1), true)
  // In the order that the partition is going to have.
  assert.deepEqual(cluster.leaderAndIsr(), [3, 2, 3])
  assert.equal(cluster.propose([2, 3, 4]), 'NEW_LEADER_ELECTED')
  assert.deepEqual(lists(cluster), [[3, 4], [], [], [3, 4]])
})

test('a move is taken back: what was added goes, and the others stay as they were', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([
    [1, 2],
    [1, 2],
  ])
  assert.equal(move(cluster, null), 'NO_REASSIGNMENT_IN_PROGRESS')
  assert.equal(move(cluster, [3, 4]), 'NONE')
  assert.equal(cluster.propose([1, 2, 3]), 'NONE')
  assert.equal(move(cluster, null), 'NONE')
  assert.deepEqual([lists(cluster), cluster.partition().leader], [[[1, 2], [], [], [1, 2]], 1])
  // Who was a replica is not heard any more.
  assert.equal(cluster.partition().leaderEpoch, 1)
  assert.equal(move(cluster, null), 'NO_REASSIGNMENT_IN_PROGRESS')
  // What was being removed alone stays.
  assert.equal(cluster.propose([1], { index: 1 }), 'NONE')
  assert.equal(move(cluster, [2], { index: 1 }), 'NONE')
  assert.equal(move(cluster, null, { index: 1 }), 'NONE')
  assert.deepEqual(lists(cluster, 1), [[2, 1], [], [], [1]])
})

test('R26: a move is not taken back where too few of those before are in sync', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1, 2]], { 'min.insync.replicas': '2' })
  assert.equal(move(cluster, [3, 4]), 'NONE')
  assert.equal(cluster.propose([1, 2, 3]), 'NONE')
  assert.equal(cluster.propose([1, 3]), 'NONE')
  const before = cluster.partition()
  assert.equal(move(cluster, null), 'INVALID_REPLICA_ASSIGNMENT')
  assert.deepEqual(cluster.partition(), before)
  assert.equal(cluster.propose([1, 2, 3]), 'NONE')
  assert.equal(move(cluster, null), 'NONE')
  assert.deepEqual(lists(cluster), [[1, 2], [], [], [1, 2]])
})

test('a move is taken back although too few are in sync, where it makes them no fewer', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1, 2]], { 'min.insync.replicas': '2' })
  assert.equal(cluster.propose([1]), 'NONE')
  assert.equal(move(cluster, [3, 4]), 'NONE')
  assert.equal(move(cluster, null), 'NONE')
  assert.deepEqual(lists(cluster), [[1, 2], [], [], [1]])
})

/** A move of 1 and 2 to 3 and 4, of which only 3 is in sync. */
function onlyAddedInSync(settings: Readonly<Record<string, string>> = {}): Cluster {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1, 2]], settings)
  assert.equal(move(cluster, [3, 4]), 'NONE')
  assert.equal(cluster.propose([1, 3]), 'NONE')
  cluster.heartbeat(1, { wantFence: true })
  assert.deepEqual(cluster.leaderAndIsr(), [3, 3])
  return cluster
}

test('a move that only an unclean election could take back is taken back only where the topic allows that', () => {
  const clean = onlyAddedInSync()
  assert.equal(move(clean, null), 'INVALID_REPLICA_ASSIGNMENT')
  assert.deepEqual(clean.leaderAndIsr(), [3, 3])
  const unclean = onlyAddedInSync({ 'unclean.leader.election.enable': 'true' })
  assert.equal(move(unclean, null), 'NONE')
  const { leader, leaderRecoveryState } = unclean.partition()
  assert.deepEqual([lists(unclean), leader, leaderRecoveryState], [[[1, 2], [], [], [2]], 2, 1])
  // Nobody is there who could lead.
  const alone = onlyAddedInSync({ 'unclean.leader.election.enable': 'true' })
  alone.heartbeat(2, { wantFence: true })
  assert.equal(move(alone, null), 'INVALID_REPLICA_ASSIGNMENT')
})

test('another move takes the place of one that is under way, and what that has added goes', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1, 2]])
  assert.equal(move(cluster, [3, 4]), 'NONE')
  assert.equal(cluster.propose([1, 2, 3]), 'NONE')
  assert.equal(move(cluster, [4, 5]), 'NONE')
  assert.deepEqual(lists(cluster), [
    [4, 5, 1, 2],
    [4, 5],
    [1, 2],
    [1, 2],
  ])
  assert.equal(cluster.partition().leaderEpoch, 1)
  assert.equal(cluster.propose([1, 2, 4, 5]), 'NEW_LEADER_ELECTED')
  assert.deepEqual(lists(cluster), [[4, 5], [], [], [4, 5]])
})

test('what was added stays as long as it is needed when another move takes the place', () => {
  const cluster = onlyAddedInSync()
  assert.equal(move(cluster, [5]), 'NONE')
  assert.deepEqual(lists(cluster), [[5, 1, 2, 3], [5], [1, 2, 3], [3]])
  assert.equal(cluster.propose([3, 5]), 'NEW_LEADER_ELECTED')
  assert.deepEqual([lists(cluster), cluster.partition().leader], [[[5], [], [], [5]], 5])
})

test('to move a partition to where it was takes the move back', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1, 2]])
  assert.equal(move(cluster, [3, 4]), 'NONE')
  assert.equal(move(cluster, [2, 1]), 'NONE')
  assert.deepEqual(lists(cluster), [[2, 1], [], [], [1, 2]])
})

test('moves that cannot be', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1, 2]])
  for (const replicas of [[], [1, 1], [1, 6], [-1]]) assert.equal(move(cluster, replicas), 'INVALID_REPLICA_ASSIGNMENT')
  assert.equal(move(cluster, [3], { index: 1 }), 'UNKNOWN_TOPIC_OR_PARTITION')
  const sameFactor = { allowReplicationFactorChange: false }
  assert.equal(move(cluster, [3], sameFactor), 'INVALID_REPLICATION_FACTOR')
  assert.equal(move(cluster, [3, 4], sameFactor), 'NONE')
  // The factor is that which the partition is going to have, not what it has meanwhile.
  assert.equal(move(cluster, [3, 4, 5, 1], sameFactor), 'INVALID_REPLICATION_FACTOR')
  assert.equal(move(cluster, [5, 1], sameFactor), 'NONE')
  const partitions = [0, 0, 1].map((partitionIndex) => ({ partitionIndex, replicas: [1] }))
  const topics = [{ name: 't0', partitions }]
  const { responses } = cluster.ask('AlterPartitionReassignments', {
    timeoutMs: 1000,
    allowReplicationFactorChange: true,
    topics,
  })
  const named = ['NONE', 'INVALID_REQUEST', 'UNKNOWN_TOPIC_OR_PARTITION']
  assert.deepEqual(responses[0]!.partitions.map(nameOf), named)
})

test('what moves is listed, and nothing else', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1, 2], [1, 2], [3]])
  assert.deepEqual(moving(cluster), [])
  assert.equal(move(cluster, [2, 3]), 'NONE')
  assert.equal(move(cluster, [4], { index: 2 }), 'NONE')
  const first = { partitionIndex: 0, replicas: [2, 3, 1], addingReplicas: [3], removingReplicas: [1] }
  const third = { partitionIndex: 0, replicas: [4, 3], addingReplicas: [4], removingReplicas: [3] }
  assert.deepEqual(moving(cluster), [
    ['t0', first],
    ['t2', third],
  ])
  const some = [
    { name: 't2', partitionIndexes: [0, 1, 0] },
    { name: 't1', partitionIndexes: [0] },
    { name: 'nowhere', partitionIndexes: [0] },
  ]
  assert.deepEqual(moving(cluster, some), [['t2', third]])
})

test('a topic that grows while it moves gets as many replicas as it is going to have', () => {
  const cluster = new Cluster(FIVE)
  cluster.topics([[1, 2]])
  assert.equal(move(cluster, [3, 4]), 'NONE')
  const topics = [{ name: 't0', count: 2, assignments: null }]
  const { results } = cluster.ask('CreatePartitions', { topics, timeoutMs: 1000, validateOnly: false })
  assert.equal(nameOf(results[0]!), 'NONE')
  assert.equal(cluster.core.image.topicsByName.get('t0')!.partitions[1]!.replicas.length, 2)
})

test('who is removed is not eligible any more either', () => {
  const cluster = new Cluster(FIVE)
  assert.equal(cluster.raise('eligible.leader.replicas.version', 1), 'NONE')
  cluster.topics([[1, 2, 3]], { 'min.insync.replicas': '3' })
  assert.equal(cluster.propose([1, 2]), 'NONE')
  assert.deepEqual(cluster.partition().eligibleLeaderReplicas, [3])
  assert.equal(move(cluster, [1, 2]), 'NONE')
  assert.deepEqual([lists(cluster), cluster.partition().eligibleLeaderReplicas], [[[1, 2], [], [], [1, 2]], []])
})
