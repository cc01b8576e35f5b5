/**
 * What a monitor is told of partitions: by a broker of those that it hosts and leads, and how many of them have fewer replicas in sync than they should; by
 * the active controller of all of them. Kafka's names and meanings; replicas that are being added are not missed.
 */
import type { MetadataImage } from '../../metadata/image.js'
import type { PartitionState } from '../../metadata/records.js'
import type { Broker } from '../broker.js'
import type { IsrProposals } from '../isr-proposals.js'
import type { ReplicaManager } from '../replica-manager.js'
import type { Exposition } from './exposition.js'

interface Led {
  readonly state: PartitionState
  /** In sync, as far as there are so many replicas. */
  readonly wanted: number
}

export function ofReplicas(
  page: Exposition,
  image: MetadataImage,
  nodeId: number,
  { partitions, offline }: ReplicaManager['hosted'],
): void {
  const gauge = (name: string, help: string, value: number): void =>
    page.gauge(`kafka_server_replicamanager_${name}`, help, [[{}, value]])
  const led: Led[] = partitions.flatMap(({ id: { topicId, partition }, settings }) => {
    const state = image.topicsById.get(topicId)?.partitions[partition]
    if (state?.leader !== nodeId) return []
    return [{ state, wanted: Math.min(settings['min.insync.replicas'], state.replicas.length) }]
  })
  const count = (holds: (each: Led) => boolean): number => led.filter(holds).length
  gauge('partitioncount', 'Partitions that are hosted here.', partitions.length + offline)
  gauge('leadercount', 'Partitions that are led from here.', led.length)
  gauge('offlinereplicacount', 'Partitions whose log here cannot be used.', offline)
  gauge(
    'underreplicatedpartitions',
    'Partitions led from here with fewer replicas in sync than they have.',
    count(({ state: { isr, replicas, addingReplicas } }) => isr.length < replicas.length - addingReplicas.length),
  )
  gauge(
    'underminisrpartitioncount',
    'Partitions led from here with fewer replicas in sync than min.insync.replicas asks for.',
    count(({ state, wanted }) => state.isr.length < wanted),
  )
  gauge(
    'atminisrpartitioncount',
    'Partitions led from here with just as many in sync as min.insync.replicas asks for.',
    count(({ state, wanted }) => state.isr.length === wanted),
  )
  gauge(
    'reassigningpartitions',
    'Partitions led from here whose replicas move.',
    count(({ state }) => state.addingReplicas.length > 0 || state.removingReplicas.length > 0),
  )
}

/** Kafka has nothing like it. */
export function ofComparisons(page: Exposition, { comparisons, rebuilds, repairs }: Broker): void {
  page.gauge(
    'lograft_replicas_differing_partitions',
    'Partitions led from here whose replicas differ in what is committed.',
    [[{}, comparisons.differing]],
  )
  const counter = (name: string, help: string, value: number): void =>
    page.counter(`lograft_replica_${name}_total`, help, [[{}, value]])
  counter('digest_alarms', 'How often replicas of a partition led from here were seen to differ.', comparisons.alarms)
  counter(
    'compared_bytes',
    'Bytes that leaders here have read to compare them with other replicas.',
    comparisons.comparedBytes,
  )
  counter(
    'rebuilds',
    'How often a replica here was thrown away from some offset on, to be fetched again.',
    rebuilds.rebuilt,
  )
  counter('mended_batches', 'Batches here that had rotted and were fetched again.', repairs.mended)
}

export function ofIsrChanges(page: Exposition, { shrinks, expands }: IsrProposals['accepted']): void {
  const counter = (name: string, help: string, value: number): void =>
    page.counter(`kafka_server_replicamanager_${name}_total`, help, [[{}, value]])
  counter('isrshrinks', 'How often a leader here had a replica taken out of those in sync.', shrinks)
  counter('isrexpands', 'How often a leader here had a replica taken into those in sync.', expands)
}

/** What the active controller says of the whole cluster; the others say 0. */
export function ofController(page: Exposition, { topicsById, brokers }: MetadataImage, active: boolean): void {
  const partitions = active ? [...topicsById.values()].flatMap((topic) => topic.partitions) : []
  const gauge = (name: string, help: string, value: number): void =>
    page.gauge(`kafka_controller_kafkacontroller_${name}`, help, [[{}, value]])
  gauge('activecontrollercount', 'Whether this node is the active controller.', active ? 1 : 0)
  gauge('globaltopiccount', 'Topics, if this is the active controller.', active ? topicsById.size : 0)
  gauge('globalpartitioncount', 'Partitions, if this is the active controller.', partitions.length)
  gauge(
    'offlinepartitionscount',
    'Partitions without a leader, if this is the active controller.',
    partitions.filter(({ leader }) => leader < 0).length,
  )
  gauge(
    'preferredreplicaimbalancecount',
    'Partitions that are not led by their first replica, if this is the active controller.',
    partitions.filter(({ leader, replicas }) => leader !== replicas[0]).length,
  )
  const fenced = [...brokers.values()].filter((broker) => broker.fenced).length
  gauge('fencedbrokercount', 'Brokers that are fenced, if this is the active controller.', active ? fenced : 0)
  const usable = brokers.size - fenced
  gauge('activebrokercount', 'Brokers that are not fenced, if this is the active controller.', active ? usable : 0)
}
