/** Leaderships that go back to first replicas by themselves. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ControllerCore } from '../../src/controller/controller-core.js'
import { BALANCE_AGAIN_MS, MAX_ELECTIONS_PER_BALANCE } from '../../src/controller/leader-balance.js'
import { Cluster, RANDOM, SECOND } from './cluster.js'

const MINUTE_MS = 60_000

/** So many topics whose first replica is 1, which was away and is back, in sync with them but for `behind`. */
function afterRestart(
  partitions: number,
  { settings = {}, behind = 0 }: { settings?: Readonly<Record<string, string>>; behind?: number } = {},
): Cluster {
  const cluster = new Cluster([1, 2], 3, settings)
  cluster.topics(Array.from({ length: partitions }, () => [1, 2]))
  cluster.join(1, { incarnationId: SECOND })
  for (let index = behind; index < partitions; index++) assert.equal(cluster.propose([1, 2], { index }), 'NONE')
  return cluster
}

function led(cluster: Cluster, partitions: number): number {
  return Array.from({ length: partitions }, (_, index) => cluster.partition(index)).filter(({ leader }) => leader === 1)
    .length
}

test('a broker that is back gets its leaderships back after leader.imbalance.check.interval.seconds, where it is in sync', () => {
  const cluster = afterRestart(4, { behind: 1 })
  cluster.pass(4 * MINUTE_MS)
  assert.equal(led(cluster, 4), 0)
  const { leaderEpoch } = cluster.partition(3)
  cluster.pass(MINUTE_MS)
  assert.equal(led(cluster, 4), 3)
  assert.deepEqual(cluster.leaderAndIsr(), [2, 2])
  assert.deepEqual([cluster.partition(3).leaderEpoch, cluster.partition(3).isr], [leaderEpoch + 1, [1, 2]])
  assert.deepEqual(cluster.causes.at(-1), {
    reason: 'LEADERS_BALANCED',
    evidence: { preferred: '1', notLeading: '4', of: '4' },
  })
})

test('leader.imbalance.check.interval.seconds says how often it is looked', () => {
  const cluster = afterRestart(2, { settings: { 'leader.imbalance.check.interval.seconds': '20' } })
  cluster.pass(20_000)
  assert.equal(led(cluster, 2), 2)
  cluster.join(1, { incarnationId: 'AAAAAAAAAAAAAAAAAAAAAw' })
  for (const index of [0, 1]) cluster.propose([1, 2], { index })
  assert.equal(led(cluster, 2), 0)
  cluster.pass(20_000)
  assert.equal(led(cluster, 2), 2)
})

test('without auto.leader.rebalance.enable leaderships stay where they are, and nothing is waited for', () => {
  const cluster = afterRestart(2, { settings: { 'auto.leader.rebalance.enable': 'false' } })
  cluster.pass(11 * MINUTE_MS)
  assert.equal(led(cluster, 2), 0)
})

test('leader.imbalance.per.broker.percentage of a broker may be led by others', () => {
  for (const [percentage, back] of [
    ['50', 0],
    ['49', 2],
  ] as const) {
    const cluster = afterRestart(4, { settings: { 'leader.imbalance.per.broker.percentage': percentage } })
    cluster.ask('ElectLeaders', {
      electionType: 0,
      topicPartitions: [
        { topic: 't0', partitions: [0] },
        { topic: 't1', partitions: [0] },
      ],
      timeoutMs: 1000,
    })
    assert.equal(led(cluster, 4), 2)
    cluster.pass(5 * MINUTE_MS)
    assert.equal(led(cluster, 4), 2 + back)
  }
})

test('who is away or about to stop is given nothing', () => {
  const cluster = afterRestart(2)
  cluster.heartbeat(1, { wantShutDown: true })
  cluster.pass(5 * MINUTE_MS)
  assert.equal(led(cluster, 2), 0)
})

test('one decision is bounded, and what is left follows soon', () => {
  const partitions = 2 * MAX_ELECTIONS_PER_BALANCE + 5
  const cluster = new Cluster([1, 2])
  const assignments = Array.from({ length: partitions }, (_, partitionIndex) => ({
    partitionIndex,
    brokerIds: [1, 2],
  }))
  const topic = { name: 't0', numPartitions: -1, replicationFactor: -1, assignments, configs: [] }
  cluster.ask('CreateTopics', { topics: [topic], timeoutMs: 1000, validateOnly: false })
  cluster.append(
    assignments.map(({ partitionIndex }) => ({
      type: 'partitionChange',
      topicId: cluster.topicId(),
      partitionId: partitionIndex,
      leader: 2,
      cause: { reason: 'ELECTION_ASKED', evidence: {} },
    })),
  )
  const back = (): number =>
    cluster.core.image.topicsByName.get('t0')!.partitions.filter(({ leader }) => leader === 1).length
  cluster.pass(4 * MINUTE_MS)
  assert.equal(back(), 0)
  while (back() === 0) cluster.pass(100)
  assert.equal(back(), MAX_ELECTIONS_PER_BALANCE)
  cluster.pass(BALANCE_AGAIN_MS - 200)
  assert.equal(back(), MAX_ELECTIONS_PER_BALANCE)
  cluster.pass(200)
  assert.equal(back(), 2 * MAX_ELECTIONS_PER_BALANCE)
  // What is left is less than the percentage that may be elsewhere.
  cluster.pass(BALANCE_AGAIN_MS)
  assert.equal(back(), 2 * MAX_ELECTIONS_PER_BALANCE)
})

test('when it is looked next is part of what is captured', () => {
  const { core } = afterRestart(1)
  const copy = ControllerCore.restore(core.capture(), RANDOM)
  assert.deepEqual(copy.capture(), core.capture())
  assert.ok(copy.nextDeadlineMs() < Number.POSITIVE_INFINITY)
})
