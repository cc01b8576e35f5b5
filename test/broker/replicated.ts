/** Topics with several replicas in a cluster, as a test writes to them and looks at them. */
import assert from 'node:assert/strict'
import { Partition } from '../../src/broker/partition.js'
import { errorByCode } from '../../src/protocol/errors.js'
import { UpdateFeatures } from '../../src/protocol/messages/update-features.js'
import type { SimulatedCluster } from './cluster-rig.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, valuesIn } from './requests.js'

export const nameOf = (errorCode: number): string => errorByCode(errorCode).name

export interface Topic {
  readonly name: string
  readonly topicId: string
}

export function replicaOf(cluster: SimulatedCluster, { topicId }: Topic, id: number, index = 0): Partition {
  const hosted = cluster.node(id).node!.broker!.replicas.find(topicId, index)
  assert.ok(hosted instanceof Partition, `node ${id} has the partition`)
  return hosted
}

export function newTopic(
  cluster: SimulatedCluster,
  name: string,
  partitions = 1,
  replicas = 3,
  configs: Readonly<Record<string, string>> = {},
): Topic {
  return { name, topicId: cluster.createTopic(name, cluster.brokers[0]!, partitions, replicas, configs) }
}

/** Nothing comes through between these nodes and those; clients reach all. */
export function cut(cluster: SimulatedCluster, some: readonly number[], others: readonly number[]): () => void {
  const hosts = (ids: readonly number[]): Set<string> => new Set(ids.map((id) => cluster.node(id).address.host))
  const [these, those] = [hosts(some), hosts(others)]
  const applies = (from: string, to: string): boolean =>
    (these.has(from) && those.has(to)) || (those.has(from) && these.has(to))
  return cluster.network.rules.add({ applies, cuts: true })
}

export function othersThan(cluster: SimulatedCluster, id: number): number[] {
  return cluster.brokers.map((each) => each.id).filter((each) => each !== id)
}

/** From now on who was in sync with too few stays eligible (KIP-966); this broker is asked. */
export function keepEligible(cluster: SimulatedCluster, at: number): void {
  const raise = { feature: 'eligible.leader.replicas.version', maxVersionLevel: 1, upgradeType: 1 }
  const request = { timeoutMs: 5000, featureUpdates: [raise], validateOnly: false }
  assert.equal(cluster.client(cluster.node(at)).request(UpdateFeatures, 1, request).errorCode, 0)
}

/** Asks whoever leads, and again while nobody can do it yet. Returns the base offset. */
export function produce(
  cluster: SimulatedCluster,
  topic: Topic,
  values: readonly string[],
  partition = 0,
  options: Parameters<typeof batchOf>[1] = {},
): number {
  for (let attempt = 0; attempt < 100; attempt++) {
    const { leader } = cluster.partition(topic.name, partition)
    if (leader > 0 && cluster.node(leader).node !== undefined) {
      const request = produceRequest(topic, batchOf(values, options), { timeoutMs: 5000, partition })
      const { responses } = cluster.client(cluster.node(leader)).request(Produce, 12, request)
      const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
      if (errorCode === 0) return baseOffset
      assert.match(nameOf(errorCode), /NOT_LEADER_OR_FOLLOWER|NOT_ENOUGH_REPLICAS/)
    }
    cluster.pass(100)
  }
  assert.fail('nobody takes it')
}

export function valuesAt(cluster: SimulatedCluster, topic: Topic): string[] {
  const { leader } = cluster.partition(topic.name)
  const { responses } = cluster.client(cluster.node(leader)).request(Fetch, 17, fetchRequest(topic, 0))
  return valuesIn(responses[0]!.partitions[0]!.records)
}

/** Whether the metadata says that just these are in sync. */
export function inSync(cluster: SimulatedCluster, { name }: Topic, ids: readonly number[], index = 0): boolean {
  const { isr } = cluster.partition(name, index)
  return isr.length === ids.length && ids.every((id) => isr.includes(id))
}

/** Their logs and what they know to be committed are the same. */
export function agree(cluster: SimulatedCluster, topic: Topic, ids: readonly number[], index = 0): boolean {
  const replicas = ids.map((id) => replicaOf(cluster, topic, id, index))
  const texts = replicas.map(({ log, highWatermark }) =>
    JSON.stringify([log.startOffset, log.logEndOffset, highWatermark, log.state.digest.toText()]),
  )
  return replicas.every(({ log, highWatermark }) => highWatermark === log.nextOffset) && new Set(texts).size === 1
}
