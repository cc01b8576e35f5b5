/** What the active controller's log says of partitions that lose their last leader, and of leaders that were not in sync. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tellOfElections } from '../../src/broker/controller/elections-told.js'
import { EMPTY_IMAGE, type MetadataImage } from '../../src/metadata/image.js'
import type { Cause, MetadataRecord, PartitionState } from '../../src/metadata/records.js'
import { MemoryLogger } from '../node-ports.js'
import { SimulatedCluster } from './cluster-rig.js'
import { inSync, newTopic, produce } from './replicated.js'

const SHAPE = { roles: ['controller', 'controller', 'controller', 'broker', 'broker'] } as const

/** Broker 4 dies, then 5, then 4 comes back. The lines; the trace itself is short. */
function alone(seed: string, unclean: 'true' | 'false'): string[] {
  const cluster = new SimulatedCluster(seed, SHAPE)
  const topic = newTopic(cluster, 'alone', 1, 2, { 'unclean.leader.election.enable': unclean })
  produce(cluster, topic, ['a'])
  cluster.until(() => inSync(cluster, topic, [4, 5]), 'both are in sync')
  cluster.kill(4)
  cluster.until(() => inSync(cluster, topic, [5]), 'one is in sync')
  assert.deepEqual(told(cluster), [])
  cluster.kill(5)
  const leader = () => cluster.leader.node!.quorum!.image!.topicsByName.get('alone')!.partitions[0]!.leader
  cluster.until(() => leader() === -1, 'nobody leads')
  const first = told(cluster)
  cluster.start(4)
  if (unclean === 'true') cluster.until(() => leader() === 4, 'who was not in sync leads')
  else cluster.pass(100)
  return [...new Set([...first, ...told(cluster)])]
}

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAw'
const CAUSE: Cause = { reason: 'BROKER_CAUGHT_UP', evidence: {} }

function imageWith(leader: number): MetadataImage {
  const state: PartitionState = {
    replicas: [4],
    directories: ['BBBBBBBBBBBBBBBBBBBBBB'],
    isr: [4],
    removingReplicas: [],
    addingReplicas: [],
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    leader,
    leaderRecoveryState: 0,
    leaderEpoch: 3,
    partitionEpoch: 5,
  }
  const topic = { topicId: TOPIC_ID, name: 'alone', partitions: [state] }
  return { ...EMPTY_IMAGE, topicsById: new Map([[TOPIC_ID, topic]]), topicsByName: new Map([['alone', topic]]) }
}

/** What a decision makes it say: level and sentence. */
function said(leader: number, records: readonly MetadataRecord[]): string[] {
  const logger = new MemoryLogger()
  tellOfElections(logger, imageWith(leader), records)
  return logger.lines.map(({ level, fields, message }) => `${level} ${message} ${JSON.stringify(fields)}`)
}

function told({ simulation }: SimulatedCluster): string[] {
  return simulation.trace.filter((line) => /NoReplicaOnlineException|acknowledged records may be lost/.test(line))
}

test('a partition that nobody can lead is told by the name that operators look for, and again when a broker is back that cannot lead it', () => {
  const lines = alone('leaderless', 'false')
  assert.equal(lines.length, 2, lines.join('\n'))
  for (const line of lines) assert.match(line, /NoReplicaOnlineException.*alone-0/)
})

test('a broker that stops in order and comes back is no news', () => {
  const cluster = new SimulatedCluster('in order', SHAPE)
  const topic = newTopic(cluster, 'alone', 1, 1)
  produce(cluster, topic, ['a'])
  const { leader: id } = cluster.partition('alone')
  const before = told(cluster)
  cluster.node(id).stop()
  cluster.until(() => cluster.node(id).node === undefined, 'it stops')
  cluster.start(id)
  produce(cluster, topic, ['b'])
  assert.deepEqual(told(cluster), before)
})

test('a broker that is back does not lead a partition of which only something else changes: that is told, too', () => {
  const back: MetadataRecord = {
    type: 'brokerRegistrationChange',
    brokerId: 4,
    brokerEpoch: 9,
    fenced: false,
    cause: CAUSE,
  }
  const partition = { type: 'partitionChange', topicId: TOPIC_ID, partitionId: 0, cause: CAUSE } as const
  for (const change of [{ lastKnownElr: [] }, { leader: -1 }]) {
    const lines = said(-1, [back, { ...partition, ...change }])
    assert.equal(lines.length, 1)
    assert.match(lines[0]!, /^warn NoReplicaOnlineException.*alone-0"/)
  }
  assert.deepEqual(said(-1, [back, { ...partition, leader: 4 }]), [])
})

test('a partition whose broker is away for a moment is no cause for alarm, and told once', () => {
  for (const reason of ['BROKER_SHUTS_DOWN', 'BROKER_REGISTERED', 'BROKER_RESTARTED'] as const) {
    const cause: Cause = { reason, evidence: {} }
    const change = { type: 'partitionChange', topicId: TOPIC_ID, partitionId: 0, leader: -1, cause } as const
    const lines = said(4, [change])
    assert.equal(lines.length, 1)
    assert.match(lines[0]!, /^info nobody leads until a broker is back .*alone-0/)
    assert.deepEqual(said(-1, [change]), [])
  }
})

test('a leader that was not in sync is told, with what that means', () => {
  const lines = alone('unclean', 'true')
  assert.equal(lines.length, 2, lines.join('\n'))
  assert.match(lines[1]!, /alone-0 \(broker 4\)/)
})
