/** What a monitor is told of the partitions of a cluster, while brokers go and come and replicas move; and that leaderships go back by themselves. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ofController, ofIsrChanges, ofReplicas } from '../../src/broker/metrics/cluster-metrics.js'
import { Exposition } from '../../src/broker/metrics/exposition.js'
import { AlterPartitionReassignments } from '../../src/protocol/messages/alter-partition-reassignments.js'
import { IncrementalAlterConfigs } from '../../src/protocol/messages/incremental-alter-configs.js'
import { SimulatedCluster } from './cluster-rig.js'
import { batchOf, Produce, produceRequest } from './requests.js'

/** The sums over all nodes that run, of what each says, without the beginning of the name. */
function told(cluster: SimulatedCluster): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {}
  for (const { id, node } of cluster.brokers) {
    const page = new Exposition()
    ofReplicas(page, node!.broker!.image, id, node!.broker!.replicas.hosted)
    ofIsrChanges(page, node!.broker!.isrChanges)
    ofController(page, node!.broker!.image, cluster.world.leader?.id === id)
    for (const line of page.text().trimEnd().split('\n')) {
      const [, name, value] = /^kafka_[a-z]+_[a-z]+_(\S+) (\d+)$/.exec(line) ?? []
      if (name !== undefined) sums[name] = (sums[name] ?? 0) + Number(value)
    }
  }
  return sums
}

function subset(all: Readonly<Record<string, number>>, wanted: Readonly<Record<string, number>>) {
  return Object.fromEntries(Object.keys(wanted).map((name) => [name, all[name]]))
}

function shows(cluster: SimulatedCluster, wanted: Readonly<Record<string, number>>): void {
  assert.deepEqual(subset(told(cluster), wanted), wanted)
}

test('partitions that lack replicas, a leader or their first leader are counted, and those that move are not missing any', () => {
  const cluster = new SimulatedCluster('counted', { settings: { 'auto.leader.rebalance.enable': 'false' } })
  cluster.createTopic('t', cluster.node(1), 6, 2)
  const configs = [{ name: 'min.insync.replicas', configOperation: 0, value: '2' }]
  const resources = [{ resourceType: 2, resourceName: 't', configs }]
  cluster.client(cluster.node(1)).request(IncrementalAlterConfigs, 1, { resources, validateOnly: false })
  cluster.createTopic('one', cluster.node(1), 3, 1)
  const healthy = {
    activecontrollercount: 1,
    activebrokercount: 3,
    fencedbrokercount: 0,
    globaltopiccount: 2,
    globalpartitioncount: 9,
    partitioncount: 15,
    leadercount: 9,
    offlinereplicacount: 0,
    offlinepartitionscount: 0,
    preferredreplicaimbalancecount: 0,
    underreplicatedpartitions: 0,
    underminisrpartitioncount: 0,
    atminisrpartitioncount: 9,
    reassigningpartitions: 0,
    isrshrinks_total: 0,
    isrexpands_total: 0,
  }
  shows(cluster, healthy)
  const victim = cluster.brokers.find((node) => node !== cluster.world.leader)!
  victim.crash()
  cluster.untilKnown(({ brokers }) => brokers.get(victim.id)!.fenced)
  shows(cluster, {
    activebrokercount: 2,
    fencedbrokercount: 1,
    // One of the topic without other replicas, two that others lead now.
    offlinepartitionscount: 1,
    preferredreplicaimbalancecount: 3,
    leadercount: 8,
    underreplicatedpartitions: 4,
    underminisrpartitioncount: 4,
    atminisrpartitioncount: 4,
  })
  cluster.start(victim.id)
  cluster.untilKnown(({ topicsByName }) => topicsByName.get('t')!.partitions.every(({ isr }) => isr.length === 2))
  // Who was fenced was taken out by the controller, and back by the leaders of four partitions.
  shows(cluster, { ...healthy, preferredreplicaimbalancecount: 2, isrexpands_total: 4 })

  const third = cluster.node([1, 2, 3].find((id) => !cluster.partition('t').replicas.includes(id))!)
  const { replicas } = cluster.partition('t')
  third.crash()
  cluster.untilKnown(({ brokers }) => brokers.get(third.id)!.fenced)
  const before = told(cluster)
  const topics = [{ name: 't', partitions: [{ partitionIndex: 0, replicas: [...replicas, third.id] }] }]
  cluster.client(cluster.brokers[0]!).request(AlterPartitionReassignments, 1, { topics })
  cluster.untilKnown(({ topicsByName }) => topicsByName.get('t')!.partitions[0]!.addingReplicas.length === 1)
  shows(cluster, { reassigningpartitions: 1, underreplicatedpartitions: before['underreplicatedpartitions']! })
})

test('leaderships go back to first replicas by themselves when a broker is back, in the time that the settings say', () => {
  const settings = { 'leader.imbalance.check.interval.seconds': '5' }
  const cluster = new SimulatedCluster('balanced', { settings })
  cluster.createTopic('t', cluster.node(1), 6, 3)
  const imbalance = { preferredreplicaimbalancecount: 2 }
  const victim = cluster.brokers.find((node) => node !== cluster.world.leader)!
  victim.crash()
  cluster.untilKnown(({ brokers }) => brokers.get(victim.id)!.fenced)
  cluster.pass(20_000)
  shows(cluster, imbalance)
  cluster.start(victim.id)
  cluster.untilKnown(({ topicsByName }) => topicsByName.get('t')!.partitions.every(({ isr }) => isr.length === 3))
  const tookMs = cluster.untilKnown(({ topicsByName }) =>
    topicsByName.get('t')!.partitions.every(({ leader, replicas }) => leader === replicas[0]),
  )
  assert.ok(tookMs < 6000, `${tookMs} ms`)
  shows(cluster, { preferredreplicaimbalancecount: 0, leadercount: 6 })
  // Where it is switched off nothing goes back.
  const off = new SimulatedCluster('not balanced', {
    settings: { ...settings, 'auto.leader.rebalance.enable': 'false' },
  })
  off.createTopic('t', off.node(1), 6, 3)
  const other = off.brokers.find((node) => node !== off.world.leader)!
  other.crash()
  off.untilKnown(({ brokers }) => brokers.get(other.id)!.fenced)
  off.start(other.id)
  off.untilKnown(({ topicsByName }) => topicsByName.get('t')!.partitions.every(({ isr }) => isr.length === 3))
  off.pass(30_000)
  shows(off, imbalance)
})

test('leaders that take out who lags are counted', () => {
  const cluster = new SimulatedCluster('lagging', {
    roles: ['controller', 'broker', 'broker', 'broker'],
    settings: { 'replica.lag.time.max.ms': '1000' },
  })
  const topic = { name: 't', topicId: cluster.createTopic('t', cluster.brokers[0]!, 1, 3) }
  const { leader, replicas } = cluster.partition('t')
  const lagging = replicas.find((id) => id !== leader)!
  const [from, to] = [leader, lagging].map((id) => cluster.node(id).address.host)
  const heal = cluster.network.rules.add({ applies: (a, b) => a === from && b === to, cuts: true })
  cluster.client(cluster.node(leader)).request(Produce, 12, produceRequest(topic, batchOf(['x'])))
  cluster.untilKnown(() => !cluster.partition('t').isr.includes(lagging))
  cluster.pass(100)
  shows(cluster, { isrshrinks_total: 1, isrexpands_total: 0, underreplicatedpartitions: 1 })
  heal()
  cluster.untilKnown(() => cluster.partition('t').isr.includes(lagging))
  cluster.pass(100)
  shows(cluster, { isrshrinks_total: 1, isrexpands_total: 1, underreplicatedpartitions: 0 })
})
