/** Brokers that come, go, fall silent, lose their connection and stop: as the controller decides it, and what becomes of what they lead. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_GIVEN_AWAY_AT_ONCE } from '../../src/controller/brokers.js'
import { COME_BACK_MS, ControllerCore } from '../../src/controller/controller-core.js'
import { Cluster, diskOf, nameOf, RANDOM, SECOND, SESSION_MS, TOPIC_ID } from './cluster.js'

test('guard 1: the answer to a registration is of the incarnation that asked, never of the one before', () => {
  const cluster = new Cluster()
  cluster.topics([[1, 2]])
  const before = cluster.epochs.get(1)!
  const { leaderEpoch } = cluster.partition()
  const again = cluster.register(1)
  assert.equal(again.brokerEpoch, before)
  const restarted = cluster.register(1, { incarnationId: SECOND })
  assert.ok(restarted.brokerEpoch! > before)
  assert.equal(cluster.core.image.brokers.get(1)!.incarnationId, SECOND)
  assert.equal(cluster.isFenced(1), true)
  assert.ok(cluster.partition().leaderEpoch > leaderEpoch, 'it goes on in no leader epoch of before')
  assert.deepEqual(cluster.leaderAndIsr(), [2, 2])
})

test('what an earlier incarnation still says is refused, and keeps nobody alive', () => {
  const cluster = new Cluster()
  const before = cluster.epochs.get(1)!
  cluster.join(1, { incarnationId: SECOND })
  assert.equal(nameOf(cluster.heartbeat(1, { brokerEpoch: before })), 'STALE_BROKER_EPOCH')
  assert.equal(nameOf(cluster.ask('AllocateProducerIds', { brokerId: 1, brokerEpoch: before })), 'STALE_BROKER_EPOCH')
  const assign = { brokerId: 1, brokerEpoch: before, directories: [] }
  assert.equal(nameOf(cluster.ask('AssignReplicasToDirs', assign)), 'STALE_BROKER_EPOCH')
  assert.equal(cluster.closed(1, before), undefined)
  cluster.nowMs += SESSION_MS - 1
  cluster.heartbeat(2)
  cluster.heartbeat(3)
  cluster.heartbeat(1, { brokerEpoch: before })
  cluster.nowMs += 1
  cluster.expire()
  assert.deepEqual(
    [1, 2, 3].map((id) => cluster.isFenced(id)),
    [true, false, false],
  )
  assert.equal(nameOf(cluster.heartbeat(9, { brokerEpoch: 1 })), 'BROKER_ID_NOT_REGISTERED')
})

test('of two with one id the second is refused while the first lives, fenced or not, and taken when it is gone', () => {
  const cluster = new Cluster()
  const other = { incarnationId: SECOND, logDirs: [diskOf(1, true)] }
  assert.equal(nameOf(cluster.register(1, other)), 'DUPLICATE_BROKER_REGISTRATION')
  cluster.pass(SESSION_MS, [1])
  assert.equal(cluster.isFenced(1), true)
  assert.equal(nameOf(cluster.register(1, other)), 'NONE')
  // It is starting, and fenced; another start from another disk must wait.
  const third = { incarnationId: TOPIC_ID, logDirs: [diskOf(1)] }
  assert.equal(nameOf(cluster.register(1, third)), 'DUPLICATE_BROKER_REGISTRATION')
  assert.equal(cluster.closed(1), undefined)
  assert.equal(nameOf(cluster.register(1, third)), 'NONE')
})

test('a registration is refused for another cluster, without a directory, with the directory of another broker, or with features too old', () => {
  const cluster = new Cluster()
  const refusal = (changes: Parameters<Cluster['register']>[1]): string => nameOf(cluster.register(4, changes))
  assert.equal(refusal({ clusterId: 'd' }), 'INCONSISTENT_CLUSTER_ID')
  assert.equal(refusal({ logDirs: [] }), 'INVALID_REGISTRATION')
  assert.equal(refusal({ logDirs: [diskOf(2)] }), 'INVALID_REGISTRATION')
  assert.equal(refusal({ features: [] }), 'UNSUPPORTED_VERSION')
  const old = [{ name: 'lograft.version', minSupportedVersion: 1, maxSupportedVersion: 1 }]
  assert.equal(refusal({ features: old }), 'UNSUPPORTED_VERSION')
  assert.equal(cluster.core.image.brokers.has(4), false)
})

test('silence for the session timeout fences; a new controller grants all that are in use a full session', () => {
  const cluster = new Cluster()
  cluster.pass(SESSION_MS - 100, [2])
  cluster.takeOver()
  cluster.pass(SESSION_MS - 100, [2])
  assert.equal(cluster.isFenced(2), false)
  cluster.pass(100, [2])
  assert.deepEqual(
    [1, 2, 3].map((id) => cluster.isFenced(id)),
    [false, true, false],
  )
  assert.equal(cluster.causes.at(-1)!.reason, 'BROKER_SILENT')
})

test('a closed connection alone fences nobody: who is heard of again in time stays', () => {
  const cluster = new Cluster()
  const endpoint = cluster.closed(2)
  assert.deepEqual([endpoint!.host, endpoint!.port], ['b2', 9092])
  assert.equal(cluster.core.nextDeadlineMs(), cluster.nowMs + COME_BACK_MS)
  cluster.nowMs += COME_BACK_MS - 1
  cluster.heartbeat(2)
  cluster.nowMs += 10
  cluster.expire()
  // The probe that ended late says nothing about who is back.
  cluster.refused(2, { agoMs: 100 })
  assert.equal(cluster.isFenced(2), false)
})

test('whose listener refuses is fenced at once, with the cause', () => {
  const cluster = new Cluster()
  cluster.topics([[2, 1, 3]])
  cluster.closed(2)
  cluster.nowMs += 3
  cluster.refused(2, { brokerEpoch: cluster.epochs.get(2)! - 1, agoMs: 3 })
  assert.equal(cluster.isFenced(2), false)
  cluster.refused(2, { agoMs: 3 })
  assert.equal(cluster.isFenced(2), true)
  assert.deepEqual(cluster.causes.at(-1), {
    reason: 'BROKER_SESSION_CLOSED',
    evidence: { probe: 'refused', closedMs: '3' },
  })
  assert.deepEqual(cluster.leaderAndIsr(), [1, 1, 3])
  const records = cluster.causes.length
  cluster.refused(2)
  assert.equal(cluster.causes.length, records)
})

test('who is not back in time is fenced; time in which the controller itself stood still does not count', () => {
  const cluster = new Cluster()
  cluster.closed(2)
  cluster.core.stalled(3000)
  cluster.nowMs += 3000 + COME_BACK_MS - 1
  cluster.expire()
  assert.equal(cluster.isFenced(2), false)
  cluster.nowMs += 1
  cluster.expire()
  assert.deepEqual(
    [1, 2, 3].map((id) => cluster.isFenced(id)),
    [false, true, false],
  )
  assert.equal(cluster.causes.at(-1)!.evidence['probe'], 'silent')
})

test('the same core comes of what was captured, closed connections with it', () => {
  const cluster = new Cluster()
  cluster.closed(3)
  const copy = ControllerCore.restore(cluster.core.capture(), RANDOM)
  assert.deepEqual(copy.capture(), cluster.core.capture())
  assert.equal(copy.nextDeadlineMs(), cluster.core.nextDeadlineMs())
})

test('who wants to stop and leads more than is moved at once is let go when all of it is moved', () => {
  const cluster = new Cluster([1, 2])
  const partitions = 2.5 * MAX_GIVEN_AWAY_AT_ONCE
  const topic = { name: 'many', numPartitions: partitions, replicationFactor: 2, assignments: [], configs: [] }
  cluster.ask('CreateTopics', { topics: [topic], timeoutMs: 1000, validateOnly: false })
  const inSync = (): number =>
    cluster.core.image.topicsByName.get('many')!.partitions.filter(({ isr }) => isr.includes(1)).length
  const left: number[] = []
  while (!cluster.heartbeat(1, { wantShutDown: true }).shouldShutDown) left.push(inSync())
  assert.deepEqual(left, [1.5 * MAX_GIVEN_AWAY_AT_ONCE, 0.5 * MAX_GIVEN_AWAY_AT_ONCE, 0])
  assert.ok(cluster.core.image.topicsByName.get('many')!.partitions.every(({ leader }) => leader === 2))
  assert.equal(cluster.isFenced(1), true)
})

test('who wants to stop loses its leaderships first, and is let go when that is committed', () => {
  const cluster = new Cluster()
  cluster.topics([[1, 2], [2, 1], [1]])
  const first = cluster.heartbeat(1, { wantShutDown: true })
  assert.deepEqual([first.shouldShutDown, first.isFenced], [false, false])
  assert.equal(cluster.core.image.brokers.get(1)!.inControlledShutdown, true)
  assert.deepEqual(
    [0, 1, 2].map((index) => cluster.leaderAndIsr(index)),
    [
      [2, 2],
      [2, 2],
      [-1, 1],
    ],
  )
  const second = cluster.heartbeat(1, { wantShutDown: true })
  assert.deepEqual([second.shouldShutDown, second.isFenced], [true, true])
  assert.equal(cluster.isFenced(1), true)
  assert.equal(cluster.causes.at(-1)!.reason, 'BROKER_SHUTS_DOWN')
  assert.equal(cluster.heartbeat(1, { wantShutDown: true }).shouldShutDown, true)
  // It comes back, and takes up what nobody else could lead.
  cluster.join(1, { incarnationId: SECOND })
  assert.deepEqual(
    [0, 1, 2].map((index) => cluster.leaderAndIsr(index)),
    [
      [2, 2],
      [2, 2],
      [1, 1],
    ],
  )
})

test('who is about to stop gets neither leaderships nor new replicas', () => {
  const cluster = new Cluster()
  cluster.topics([
    [2, 1],
    [2, 1, 3],
  ])
  cluster.heartbeat(1, { wantShutDown: true })
  cluster.closed(2)
  cluster.refused(2)
  assert.deepEqual(
    [0, 1].map((index) => cluster.leaderAndIsr(index)),
    [
      [-1, 2],
      [3, 3],
    ],
  )
  const topic = { name: 'new', numPartitions: 4, replicationFactor: 2, assignments: [], configs: [] }
  cluster.ask('CreateTopics', { topics: [topic], timeoutMs: 1000, validateOnly: false })
  const { partitions } = cluster.core.image.topicsByName.get('new')!
  assert.ok(partitions.every(({ replicas }) => !replicas.includes(1)))
  assert.ok(partitions.every(({ isr, leader }) => leader === 3 && isr.length === 1))
  const three = { ...topic, name: 'three', replicationFactor: 3 }
  const { topics } = cluster.ask('CreateTopics', { topics: [three], timeoutMs: 1000, validateOnly: false })
  assert.equal(nameOf(topics[0]!), 'INVALID_REPLICATION_FACTOR')
  assert.match(topics[0]!.errorMessage!, /cannot be reached because only 2 broker\(s\) are registered/)
})

test('the last of the ISR stays in it, and leads again when it comes back: nobody else does', () => {
  const cluster = new Cluster()
  cluster.topics([[1, 2, 3]])
  for (const id of [1, 2, 3]) {
    cluster.closed(id)
    cluster.refused(id)
  }
  assert.deepEqual(cluster.leaderAndIsr(), [-1, 3])
  cluster.join(1, { incarnationId: SECOND })
  cluster.join(2, { incarnationId: SECOND })
  assert.deepEqual(cluster.leaderAndIsr(), [-1, 3])
  const { leaderEpoch } = cluster.partition()
  cluster.join(3, { incarnationId: SECOND })
  assert.deepEqual(cluster.leaderAndIsr(), [3, 3])
  assert.equal(cluster.partition().leaderEpoch, leaderEpoch + 1)
})

test('a follower that goes leaves the ISR without a new leader epoch', () => {
  const cluster = new Cluster()
  cluster.topics([[1, 2, 3]])
  const { leaderEpoch, partitionEpoch } = cluster.partition()
  cluster.closed(3)
  cluster.refused(3)
  assert.deepEqual(cluster.leaderAndIsr(), [1, 1, 2])
  assert.deepEqual(
    [cluster.partition().leaderEpoch, cluster.partition().partitionEpoch],
    [leaderEpoch, partitionEpoch + 1],
  )
})

test('without a broker that could lead nothing is created', () => {
  const cluster = new Cluster([1])
  cluster.closed(1)
  cluster.refused(1)
  const topic = { name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const { topics } = cluster.ask('CreateTopics', { topics: [topic], timeoutMs: 1000, validateOnly: false })
  assert.match(topics[0]!.errorMessage!, /All brokers are currently fenced or in controlled shutdown/)
})

test('a new controller looks for those that do not turn to it, and fences whose listener refuses', () => {
  const cluster = new Cluster()
  cluster.topics([[3, 1]])
  cluster.nowMs += 1000
  cluster.takeOver()
  const tookOverMs = cluster.nowMs
  cluster.nowMs += COME_BACK_MS
  cluster.heartbeat(1)
  assert.deepEqual(
    cluster.core.silentSince(tookOverMs).map(({ brokerId }) => brokerId),
    [2, 3],
  )
  cluster.nowMs += 5
  cluster.heartbeat(2)
  // One of the two was heard of while it was probed.
  cluster.refused(2, { agoMs: 5 })
  cluster.refused(3, { agoMs: 5 })
  assert.deepEqual(
    [1, 2, 3].map((id) => cluster.isFenced(id)),
    [false, false, true],
  )
  assert.deepEqual(cluster.leaderAndIsr(), [1, 1])
})

test('a broker that is forgotten is in no ISR unless it is the last, keeps its replicas, and may come back as a new one', () => {
  const cluster = new Cluster()
  cluster.topics([[2, 1, 3], [2]])
  assert.equal(nameOf(cluster.ask('UnregisterBroker', { brokerId: 9 })), 'BROKER_ID_NOT_REGISTERED')
  const inUse = cluster.ask('UnregisterBroker', { brokerId: 2 })
  assert.deepEqual([nameOf(inUse), inUse.errorMessage], ['INVALID_REQUEST', 'broker 2 is in use: stop it first'])
  assert.equal(cluster.isFenced(2), false)
  cluster.heartbeat(2, { wantFence: true })
  assert.equal(nameOf(cluster.ask('UnregisterBroker', { brokerId: 2 })), 'NONE')
  assert.equal(cluster.core.image.brokers.has(2), false)
  assert.deepEqual(cluster.causes.at(-1), { reason: 'BROKER_UNREGISTERED', evidence: { principal: 'User:a' } })
  assert.deepEqual(
    [0, 1].map((index) => cluster.leaderAndIsr(index)),
    [
      [1, 1, 3],
      [-1, 2],
    ],
  )
  assert.deepEqual(cluster.partition().replicas, [2, 1, 3])
  assert.equal(nameOf(cluster.heartbeat(2)), 'BROKER_ID_NOT_REGISTERED')
  cluster.core.capture()
  cluster.join(2, { incarnationId: SECOND, logDirs: [diskOf(2, true)] })
  assert.equal(cluster.partition(1).leader, -1, 'it has another disk')
})

test('brokers are forgotten from level 3 on', () => {
  const cluster = new Cluster([1], 2)
  const reply = cluster.ask('UnregisterBroker', { brokerId: 1 })
  assert.equal(nameOf(reply), 'UNSUPPORTED_VERSION')
  assert.match(reply.errorMessage!, /from level 3 of lograft.version on, and the cluster is at 2/)
})

test('whatever brokers do: leaders are in sync and in use, an ISR is never empty and never grows by itself, epochs only rise', () => {
  const step = fc.record({
    brokerId: fc.integer({ min: 1, max: 4 }),
    what: fc.constantFrom('restart', 'heartbeat', 'close', 'refuse', 'stop', 'silence', 'takeOver', 'fence', 'stale'),
    ms: fc.integer({ min: 0, max: 4000 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cluster = new Cluster([1, 2, 3, 4])
      cluster.topics([[1, 2, 3], [2, 3, 4], [3], [4, 1], [1, 4, 2]])
      let incarnation = 0
      for (const { brokerId, what, ms } of steps) {
        const before = [0, 1, 2, 3, 4].map((index) => cluster.partition(index))
        cluster.nowMs += ms
        cluster.expire()
        if (what === 'restart')
          cluster.register(brokerId, { incarnationId: `CCCCCCCCCCCCCCCCCC${1000 + incarnation++}` })
        else if (what === 'heartbeat') cluster.heartbeat(brokerId)
        else if (what === 'close') cluster.closed(brokerId)
        else if (what === 'refuse') cluster.refused(brokerId)
        else if (what === 'stop') cluster.heartbeat(brokerId, { wantShutDown: true })
        else if (what === 'fence') cluster.heartbeat(brokerId, { wantFence: true })
        else if (what === 'stale') {
          const reply = cluster.heartbeat(brokerId, { brokerEpoch: cluster.epochs.get(brokerId)! - 1 })
          assert.equal(nameOf(reply), 'STALE_BROKER_EPOCH')
        } else if (what === 'takeOver') cluster.takeOver()
        for (const [index, old] of before.entries()) {
          const { leader, isr, leaderEpoch, partitionEpoch, replicas } = cluster.partition(index)
          assert.ok(isr.length > 0 && isr.every((id) => old.isr.includes(id) && replicas.includes(id)))
          assert.ok(leader === -1 || (isr.includes(leader) && !cluster.isFenced(leader)), `${leader} of ${isr}`)
          // Somebody of the ISR that could lead leads.
          const able = isr.filter((id) => {
            const { fenced, inControlledShutdown } = cluster.core.image.brokers.get(id)!
            return !fenced && !inControlledShutdown
          })
          if (leader === -1) assert.deepEqual(able, [])
          assert.ok(leaderEpoch >= old.leaderEpoch && partitionEpoch >= old.partitionEpoch)
          if (leader !== old.leader) assert.ok(leaderEpoch > old.leaderEpoch)
        }
      }
    }),
  )
})
