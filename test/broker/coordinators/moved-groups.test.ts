/** Coordinators of a cluster in the simulator: another broker goes on where one has died, with too few in sync nothing is taken, and what was compacted is loaded right. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FindCoordinator } from '../../../src/protocol/messages/find-coordinator.js'
import { SimulatedCluster } from '../cluster-rig.js'
import { cut, othersThan, replicaOf } from '../replicated.js'
import { type Sent, SimulatedBroker } from '../simulated-broker.js'
import { GroupClient, type Membership, nameOf, outcomeOf } from './group-client.js'

const SETTINGS = { 'offsets.topic.num.partitions': '3', 'log.dir.reserved.bytes': '0' }
const OFFSETS = '__consumer_offsets'

function coordinatorOf(cluster: SimulatedCluster, groupId: string, asked = cluster.brokers[0]!): number {
  for (let attempt = 0; attempt < 100; attempt++) {
    const client = cluster.client(asked)
    const { coordinators } = client.request(FindCoordinator, 6, { keyType: 0, coordinatorKeys: [groupId] })
    const { errorCode, nodeId } = coordinators[0]!
    if (errorCode === 0 && cluster.node(nodeId).node !== undefined) return nodeId
    cluster.pass(100)
  }
  assert.fail('nobody coordinates')
}

/** Asks the coordinator, and again while it says that it is not, or not yet. */
function persist<Answer>(cluster: SimulatedCluster, ask: (member: GroupClient) => Answer): Answer {
  for (let attempt = 0; attempt < 100; attempt++) {
    const at = cluster.node(coordinatorOf(cluster, 'g'))
    const answer = ask(new GroupClient(cluster.client(at)))
    if (!/COORDINATOR/.test(String(answer))) return answer
    cluster.pass(100)
  }
  assert.fail('no answer')
}

function commit(cluster: SimulatedCluster, offset: number, by?: Membership): string {
  return persist(cluster, (member) => {
    const sent = member.sendCommit({ topic: 't', offset }, by)
    cluster.until(() => sent.response !== undefined || sent.error !== undefined, 'an answer')
    return outcomeOf(sent.response!)
  })
}

test('offsets and members are kept when another broker coordinates, with three replicas by default', () => {
  const cluster = new SimulatedCluster('moved groups', { settings: SETTINGS })
  cluster.createTopic('t', cluster.brokers[0]!, 1, 3)
  const first = coordinatorOf(cluster, 'g')
  assert.deepEqual([cluster.topic(OFFSETS).partitions.length, cluster.partition(OFFSETS).replicas.length], [3, 3])
  const wait = (sent: Sent<unknown>): void => void cluster.until(() => sent.response !== undefined, 'an answer')
  const joined = persist(cluster, (member) => {
    const answer = member.sendJoin()
    wait(answer)
    return nameOf(answer.response!.errorCode) === 'MEMBER_ID_REQUIRED' ? answer.response!.memberId : 'NOT_COORDINATOR'
  })
  const member = new GroupClient(cluster.client(cluster.node(first)))
  const sent = member.sendJoin(joined)
  wait(sent)
  const { memberId, generationId } = sent.response!
  assert.equal(member.sync({ memberId, generationId }, { [memberId]: 'all of it' }), 'all of it')
  assert.equal(commit(cluster, 11, { memberId, generationId }), 'NONE')
  const waiting = new GroupClient(cluster.client(cluster.node(first)), 'g')

  cluster.kill(first)
  const second = coordinatorOf(cluster, 'g')
  assert.notEqual(second, first)
  assert.equal(
    persist(cluster, (each) => each.fetch('t')),
    11,
  )
  assert.equal(
    persist(cluster, (each) => each.heartbeat({ memberId, generationId })),
    'NONE',
  )
  assert.equal(commit(cluster, 12, { memberId, generationId }), 'NONE')
  assert.ok(!waiting.client.usable)

  // It comes back, and is not asked by those who know better.
  cluster.start(first)
  const stale = new GroupClient(cluster.client(cluster.node(first)))
  if (coordinatorOf(cluster, 'g') !== first) assert.equal(stale.fetch('t'), 'NOT_COORDINATOR')
  assert.equal(
    persist(cluster, (each) => each.fetch('t')),
    12,
  )
})

test('who was deposed, and can be reached by clients only, tells of no offset that is over', () => {
  const cluster = new SimulatedCluster('deposed coordinator', { settings: SETTINGS })
  cluster.createTopic('t', cluster.brokers[0]!, 1, 3)
  assert.equal(commit(cluster, 1), 'NONE')
  const first = coordinatorOf(cluster, 'g')
  const others = othersThan(cluster, first)
  const heal = cut(cluster, [first], others)
  const asked = cluster.node(others[0]!)
  cluster.until(() => cluster.topic(OFFSETS, asked).partitions.every(({ leader }) => leader !== first), 'others')
  const second = coordinatorOf(cluster, 'g', asked)
  const member = new GroupClient(cluster.client(cluster.node(second)))
  const sent = member.sendCommit({ topic: 't', offset: 2 })
  cluster.until(() => sent.response !== undefined, 'an answer')
  assert.equal(outcomeOf(sent.response!), 'NONE')
  assert.equal(member.fetch('t'), 2)
  const deposed = new GroupClient(cluster.client(cluster.node(first)))
  assert.equal(deposed.fetch('t'), 'NOT_COORDINATOR')
  heal()
  assert.equal(
    persist(cluster, (each) => each.fetch('t')),
    2,
  )
})

test('with too few in sync nothing is committed, and it is said so; what was appended and not committed is answered in time', () => {
  const settings = { ...SETTINGS, 'min.insync.replicas': '2', 'offsets.commit.timeout.ms': '700' }
  const cluster = new SimulatedCluster('groups in sync', { settings })
  cluster.createTopic('t', cluster.brokers[0]!, 1, 3)
  assert.equal(commit(cluster, 1), 'NONE')
  const coordinator = coordinatorOf(cluster, 'g')
  const others = cluster.brokers.map(({ id }) => id).filter((id) => id !== coordinator)
  const topic = { name: OFFSETS, topicId: cluster.topic(OFFSETS).topicId }
  const group = new GroupClient(cluster.client(cluster.node(coordinator)))
  const index = cluster.node(coordinator).node!.broker!.groups.partitionOf('g')
  const partition = replicaOf(cluster, topic, coordinator, index)
  // Nobody has noticed yet that one is gone: what is appended waits for it.
  cluster.node(others[0]!).crash()
  const slow = group.sendCommit({ topic: 't', offset: 2 })
  const tookMs = cluster.until(() => slow.response !== undefined || slow.error !== undefined, 'an answer')
  if (outcomeOf(slow.response!) !== 'NONE') {
    assert.equal(outcomeOf(slow.response!), 'COORDINATOR_NOT_AVAILABLE')
    assert.ok(tookMs >= 700 && tookMs < 1200, `${tookMs} ms`)
  }
  cluster.until(() => partition.leading?.isr.length === 2, 'one is out of sync')
  assert.equal(commit(cluster, 3), 'NONE')
})

test('what was compacted is loaded as it was', () => {
  const broker = new SimulatedBroker('compacted groups', {
    ...SETTINGS,
    'offsets.topic.num.partitions': '1',
    'log.cleaner.backoff.ms': '500',
    'log.cleaner.min.cleanable.ratio': '0',
    // A topic of its own has a segment of a megabyte at the least, which is many commits.
    'log.segment.bytes': '1048576',
    'offsets.topic.segment.bytes': '1048576',
  })
  broker.createTopic('t', 3)
  const group = new GroupClient(broker.client())
  broker.until(() => nameOf(group.find().errorCode) === 'NONE' && group.fetch('t') === -1, 'a coordinator')
  const last: Sent<unknown>[] = []
  for (let n = 0; n < 400; n++) {
    for (let partition = 0; partition < 3; partition++) {
      last.push(group.sendCommit({ topic: 't', partition, offset: n, metadata: 'm'.repeat(3000) }))
    }
    if (n % 20 === 0) broker.until(() => last.at(-1)!.response !== undefined, 'commits')
  }
  broker.until(() => last.at(-1)!.response !== undefined, 'commits')
  const [partition] = broker.world.partitions.filter(({ id }) => id.topic === OFFSETS)
  const sizeBefore = partition!.log.sizeBytes
  assert.ok(partition!.log.segments.length > 2, `${partition!.log.segments.length} segments`)
  broker.pass(60_000)
  assert.ok(broker.world.node!.broker!.replicas.cleaner.metrics.cleanings > 0)
  assert.ok(partition!.log.sizeBytes < sizeBefore / 2, `${partition!.log.sizeBytes} of ${sizeBefore}`)
  broker.world.crash()
  broker.until(() => !broker.world.serving, 'it is gone')
  broker.until(() => broker.world.serving, 'it is back')
  const after = new GroupClient(broker.client())
  broker.until(() => after.fetch('t') === 399, 'offsets')
  assert.deepEqual([after.fetch('t', 1), after.fetch('t', 2)], [399, 399])
})
