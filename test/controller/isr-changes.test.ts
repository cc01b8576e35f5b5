/** Who is in sync, as leaders propose it and the controller decides: one test for each rule, in the order of the rules. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ANSWERED_AT_ONCE } from '../../src/controller/controller-core.js'
import { Cluster, diskOf, nameOf, type Proposed, SECOND } from './cluster.js'

/** Brokers 1 to 4; one partition on 1, 2 and 3, led by 1, of which only 1 is in sync. */
function shrunk(): Cluster {
  const cluster = new Cluster([1, 2, 3, 4])
  cluster.topics([[1, 2, 3]])
  assert.equal(cluster.propose([1]), 'NONE')
  return cluster
}

/** Nothing is changed by a proposal that ends like this. */
function refusedWith(cluster: Cluster, error: string, isr: readonly number[], proposed: Proposed = {}): void {
  const { image } = cluster.core
  assert.equal(cluster.propose(isr, proposed), error)
  assert.equal(cluster.core.image, image)
}

test('a replica that has caught up comes into the ISR, and one that is behind leaves it: with a partition epoch and a cause, in the same leader epoch', () => {
  const cluster = shrunk()
  const { leaderEpoch, partitionEpoch } = cluster.partition()
  assert.equal(cluster.propose([1, 3]), 'NONE')
  assert.deepEqual(cluster.leaderAndIsr(), [1, 1, 3])
  assert.deepEqual(
    [cluster.partition().leaderEpoch, cluster.partition().partitionEpoch],
    [leaderEpoch, partitionEpoch + 1],
  )
  assert.deepEqual(cluster.causes.at(-1), {
    reason: 'ISR_PROPOSED',
    evidence: { leader: '1', leaderEpoch: String(leaderEpoch) },
  })
  assert.equal(cluster.propose([1]), 'NONE')
  assert.deepEqual(cluster.leaderAndIsr(), [1, 1])
})

test('who is told yes is told what holds now', () => {
  const cluster = shrunk()
  const { leaderEpoch, partitionEpoch } = cluster.partition()
  const { topics } = cluster.alterPartition([1, 2])
  assert.deepEqual(topics[0]!.partitions, [
    {
      partitionIndex: 0,
      errorCode: 0,
      leaderId: 1,
      leaderEpoch,
      isr: [1, 2],
      leaderRecoveryState: 0,
      partitionEpoch: partitionEpoch + 1,
    },
  ])
})

test('what is so already is answered with what holds, and nothing is written, in whatever order it is named', () => {
  const cluster = new Cluster()
  cluster.topics([[1, 2, 3]])
  const { image } = cluster.core
  const [partition] = cluster.alterPartition([3, 1, 2]).topics[0]!.partitions
  assert.deepEqual([nameOf(partition!), partition!.isr, partition!.partitionEpoch], ['NONE', [1, 2, 3], 0])
  assert.equal(cluster.core.image, image)
})

test('R09: what an earlier incarnation of the leader still proposes is refused as a whole', () => {
  const cluster = shrunk()
  const stale = cluster.epochs.get(1)!
  cluster.join(1, { incarnationId: SECOND })
  const reply = cluster.alterPartition([1, 2], { senderEpoch: stale })
  assert.deepEqual([nameOf(reply), reply.topics], ['STALE_BROKER_EPOCH', []])
  assert.equal(nameOf(cluster.alterPartition([1, 2], { sender: 9, senderEpoch: 5 })), 'STALE_BROKER_EPOCH')
  assert.deepEqual(cluster.leaderAndIsr(), [1, 1])
})

test('of a topic that is not there, and of a partition that it does not have', () => {
  const cluster = shrunk()
  refusedWith(cluster, 'UNKNOWN_TOPIC_ID', [1, 2], { topicId: 'AAAAAAAAAAAAAAAAAAAAzz' })
  refusedWith(cluster, 'UNKNOWN_TOPIC_OR_PARTITION', [1, 2], { partitionIndex: 1 })
  refusedWith(cluster, 'UNKNOWN_TOPIC_OR_PARTITION', [1, 2], { partitionIndex: -1 })
})

test('R19: who is told of a higher epoch than it knows is the zombie, and says so whatever else is wrong', () => {
  const cluster = shrunk()
  const { leaderEpoch, partitionEpoch } = cluster.partition()
  refusedWith(cluster, 'NOT_CONTROLLER', [1, 2], { leaderEpoch: leaderEpoch + 1 })
  refusedWith(cluster, 'NOT_CONTROLLER', [1, 2], { partitionEpoch: partitionEpoch + 1 })
  // That the state is equal is no success: it may be equal by chance.
  refusedWith(cluster, 'NOT_CONTROLLER', [1], { partitionEpoch: partitionEpoch + 1 })
  refusedWith(cluster, 'NOT_CONTROLLER', [], { sender: 2, partitionEpoch: partitionEpoch + 1, leaderEpoch: 0 })
})

test('only the leader proposes, and only in its epoch', () => {
  const cluster = shrunk()
  refusedWith(cluster, 'FENCED_LEADER_EPOCH', [1, 2], { sender: 2 })
  cluster.join(1, { incarnationId: SECOND })
  assert.ok(cluster.partition().leaderEpoch > 0)
  refusedWith(cluster, 'FENCED_LEADER_EPOCH', [1, 2], { leaderEpoch: cluster.partition().leaderEpoch - 1 })
  // Behind in both, it is told of the leader epoch.
  refusedWith(cluster, 'FENCED_LEADER_EPOCH', [1, 2], { leaderEpoch: 0, partitionEpoch: 0 })
})

test('guard 10: a proposal that was made of an earlier state is refused, also where that had the same ISR', () => {
  const cluster = shrunk()
  const { partitionEpoch } = cluster.partition()
  assert.equal(cluster.propose([1, 2]), 'NONE')
  assert.equal(cluster.propose([1]), 'NONE')
  refusedWith(cluster, 'INVALID_UPDATE_VERSION', [1, 3], { partitionEpoch })
  refusedWith(cluster, 'INVALID_UPDATE_VERSION', [1], { partitionEpoch })
})

test('a partition that is named twice in a request is changed once', () => {
  const cluster = shrunk()
  const proposal = (brokerId: number) => cluster.proposal([1, brokerId], {}).topics[0]!.partitions[0]!
  const { topics } = cluster.ask('AlterPartition', {
    ...cluster.proposal([1, 2], {}),
    topics: [{ topicId: cluster.topicId(), partitions: [proposal(2), proposal(3)] }],
  })
  assert.deepEqual(topics[0]!.partitions.map(nameOf), ['NONE', 'INVALID_UPDATE_VERSION'])
  assert.deepEqual(cluster.leaderAndIsr(), [1, 1, 2])
})

test('R27: an ISR that is empty, is without the leader, names somebody twice or is not of replicas is none', () => {
  const cluster = shrunk()
  for (const isr of [[], [2], [2, 3], [1, 2, 2], [1, 1], [1, 4], [1, 9]]) {
    refusedWith(cluster, 'INVALID_REQUEST', isr)
  }
})

test('recovering begins with an election and nowhere else, and nobody is in sync with who recovers', () => {
  const cluster = shrunk()
  refusedWith(cluster, 'INVALID_REQUEST', [1], { leaderRecoveryState: 1 })
  refusedWith(cluster, 'INVALID_REQUEST', [1], { leaderRecoveryState: 2 })
  cluster.append([
    {
      type: 'partitionChange',
      topicId: cluster.topicId(),
      partitionId: 0,
      leader: 1,
      leaderRecoveryState: 1,
      cause: { reason: 'UNCLEAN_ELECTION', evidence: {} },
    },
  ])
  refusedWith(cluster, 'INVALID_REQUEST', [1, 2], { leaderRecoveryState: 1 })
  refusedWith(cluster, 'NONE', [1], { leaderRecoveryState: 1 })
  const { partitionEpoch } = cluster.partition()
  assert.equal(cluster.propose([1], { leaderRecoveryState: 0 }), 'NONE')
  const { leaderRecoveryState, isr } = cluster.partition()
  assert.deepEqual([leaderRecoveryState, isr, cluster.partition().partitionEpoch], [0, [1], partitionEpoch + 1])
  assert.equal(cluster.propose([1, 2]), 'NONE')
})

test('R08, guard 9: who has registered anew since the leader heard it is not let in, and is in the incarnation that counts', () => {
  const cluster = shrunk()
  const before = cluster.epochs.get(2)!
  // It fails hard and comes back with an empty disk; its place in the ISR needed no change meanwhile.
  cluster.closed(2)
  cluster.refused(2)
  cluster.join(2, { incarnationId: SECOND, logDirs: [diskOf(2, true)] })
  assert.deepEqual(cluster.leaderAndIsr(), [1, 1])
  refusedWith(cluster, 'INELIGIBLE_REPLICA', [1, 2], { epochs: { 2: before } })
  refusedWith(cluster, 'INELIGIBLE_REPLICA', [1, 3], { epochs: { 3: cluster.epochs.get(3)! + 1 } })
  assert.equal(cluster.propose([1, 3], { epochs: { 3: cluster.epochs.get(3)! } }), 'NONE')
})

test('who is fenced, about to stop, forgotten or without the directory of the replica cannot come in', () => {
  const cluster = shrunk()
  cluster.heartbeat(2, { wantFence: true })
  refusedWith(cluster, 'INELIGIBLE_REPLICA', [1, 2])
  cluster.heartbeat(3, { wantShutDown: true })
  refusedWith(cluster, 'INELIGIBLE_REPLICA', [1, 3])
  cluster.ask('UnregisterBroker', { brokerId: 2 })
  refusedWith(cluster, 'INELIGIBLE_REPLICA', [1, 2], { epochs: { 2: -1 } })
  cluster.join(2, { incarnationId: SECOND, logDirs: [diskOf(2, true)] })
  refusedWith(cluster, 'INELIGIBLE_REPLICA', [1, 2], { epochs: { 2: -1 } })
})

test('a leader that tells no epochs is taken by its word', () => {
  const cluster = shrunk()
  assert.equal(cluster.propose([1, 2], { epochs: { 1: -1, 2: -1 } }), 'NONE')
  const old = cluster.proposal([1, 3], {})
  const [partition] = old.topics[0]!.partitions
  const v2 = { ...partition!, newIsr: [1, 3], newIsrWithEpochs: [] }
  const { topics } = cluster.ask('AlterPartition', {
    ...old,
    topics: [{ topicId: cluster.topicId(), partitions: [v2] }],
  })
  assert.equal(nameOf(topics[0]!.partitions[0]!), 'NONE')
  assert.deepEqual(cluster.leaderAndIsr(), [1, 1, 3])
})

test('a leader goes by a refusal, so that it is not told one by somebody who is not the controller any more', () => {
  assert.equal(ANSWERED_AT_ONCE.has('AlterPartition'), false)
  assert.equal(ANSWERED_AT_ONCE.has('BrokerHeartbeat'), true)
})

test('whatever is asked: an ISR is of replicas and has the leader, partition epochs rise by one, leader epochs stay, and who is refused changes nothing', () => {
  const id = fc.integer({ min: 1, max: 4 })
  const near = fc.integer({ min: -1, max: 1 })
  const step = fc.record({
    what: fc.oneof(
      { weight: 6, arbitrary: fc.constant('propose') },
      { weight: 4, arbitrary: fc.constant('back') },
      { weight: 2, arbitrary: fc.constantFrom('restart', 'fence', 'stop', 'disk') },
    ),
    brokerId: id,
    isr: fc.array(id, { maxLength: 4 }),
    sender: fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, id),
    isPlausible: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.constant(false)),
    index: fc.integer({ min: 0, max: 2 }),
    leaderEpoch: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, near),
    partitionEpoch: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, near),
    memberEpoch: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, near),
    leaderRecoveryState: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 2 })),
  })
  let taken = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 50 }), (steps) => {
      const cluster = new Cluster([1, 2, 3, 4])
      cluster.topics([[1, 2, 3], [2, 3, 4, 1], [3]])
      let incarnation = 0
      const incarnationId = (): string => `CCCCCCCCCCCCCCCCCC${1000 + incarnation++}`
      for (const { what, brokerId, isr, index, ...drawn } of steps) {
        if (what === 'restart') cluster.register(brokerId, { incarnationId: incarnationId() })
        else if (what === 'fence') cluster.heartbeat(brokerId, { wantFence: true })
        else if (what === 'back') cluster.heartbeat(brokerId)
        else if (what === 'stop') cluster.heartbeat(brokerId, { wantShutDown: true })
        else if (what === 'disk') {
          cluster.closed(brokerId)
          cluster.refused(brokerId)
          cluster.register(brokerId, { incarnationId: incarnationId(), logDirs: [diskOf(brokerId, true)] })
        }
        if (what !== 'propose') continue
        const before = cluster.partition(index)
        const { image } = cluster.core
        const plausible = before.replicas.filter((each) => each === before.leader || isr.includes(each))
        const error = cluster.propose(drawn.isPlausible ? plausible : isr, {
          index,
          sender: drawn.sender ?? (before.leader === -1 ? brokerId : before.leader),
          leaderEpoch: before.leaderEpoch + drawn.leaderEpoch,
          partitionEpoch: before.partitionEpoch + drawn.partitionEpoch,
          leaderRecoveryState: drawn.leaderRecoveryState,
          epochs: { [brokerId]: cluster.epochs.get(brokerId)! + drawn.memberEpoch },
        })
        if (error !== 'NONE') {
          assert.equal(cluster.core.image, image, error)
          continue
        }
        const after = cluster.partition(index)
        assert.ok(after.isr.length > 0 && after.isr.includes(after.leader), `${after.leader} of ${after.isr}`)
        assert.ok(after.isr.every((member) => after.replicas.includes(member)))
        assert.equal(new Set(after.isr).size, after.isr.length)
        assert.deepEqual([after.leader, after.leaderEpoch], [before.leader, before.leaderEpoch])
        const changed = cluster.core.image !== image
        assert.equal(after.partitionEpoch, before.partitionEpoch + (changed ? 1 : 0))
        if (!changed) continue
        taken++
        for (const member of after.isr) {
          const { fenced, inControlledShutdown } = cluster.core.image.brokers.get(member)!
          assert.ok(!fenced && !inControlledShutdown)
        }
      }
    }),
  )
  assert.ok(taken > 100, `${taken} proposals were taken`)
})

test('a leader that hands over is followed by one of those that it names, and is neither in sync any more nor eligible', () => {
  const cluster = new Cluster()
  cluster.topics([[1, 2, 3]])
  const { leaderEpoch, partitionEpoch } = cluster.partition()
  assert.equal(cluster.propose([3], { handsOver: true }), 'NEW_LEADER_ELECTED')
  assert.deepEqual(cluster.leaderAndIsr(), [3, 3])
  const after = cluster.partition()
  assert.deepEqual([after.leaderEpoch, after.partitionEpoch], [leaderEpoch + 1, partitionEpoch + 1])
  assert.ok(!after.eligibleLeaderReplicas.includes(1))
  assert.deepEqual(cluster.causes.at(-1), {
    reason: 'LEADER_HANDED_OVER',
    evidence: { leader: '1', leaderEpoch: String(leaderEpoch) },
  })
  assert.equal(cluster.propose([3, 1]), 'NONE', 'it comes back as anybody does')
})

test('a leader hands over only to others, who are in sync and in use', () => {
  const cluster = new Cluster()
  cluster.topics([[1, 2, 3]])
  for (const to of [[], [1, 2], [2, 2], [4]]) refusedWith(cluster, 'INVALID_REQUEST', to, { handsOver: true })
  assert.equal(cluster.propose([1, 2]), 'NONE')
  refusedWith(cluster, 'INVALID_REQUEST', [3], { handsOver: true })
  refusedWith(cluster, 'INELIGIBLE_REPLICA', [2], { handsOver: true, epochs: { 2: 1 } })
  refusedWith(cluster, 'FENCED_LEADER_EPOCH', [2], { handsOver: true, sender: 2 })
})
