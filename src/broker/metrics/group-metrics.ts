/**
 * What a monitor is told of the groups that this broker coordinates: how many there are in which state, what they do, and how far behind they are.
 *
 * The lag of a group in a partition is the high watermark less what it has committed. It is told where this broker coordinates the group and has a replica of
 * the partition: of one that it leads, exactly; of one that it follows, up to where its leader has told it that records are committed, a fetch ago at the
 * most. Of others it knows no end, and tells nothing.
 */
import type { GroupShard } from '../../coordinator/group/group-shard.js'
import type { Broker } from '../broker.js'
import { Partition } from '../partition.js'
import type { Exposition, Labels } from './exposition.js'

/** Offsets that are shown for themselves; further ones are only counted. */
export const MAX_LAGS = 10_000

/** Kafka's metrics have a gauge for each. */
const CLASSIC_STATES = ['PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead', 'Empty'] as const
const CONSUMER_STATES = ['Empty', 'Assigning', 'Reconciling', 'Stable', 'Dead'] as const

export function ofGroups(page: Exposition, broker: Broker): void {
  const { groups } = broker
  const { activity, runtime } = groups
  const shards = [...groups.shards()]
  const classic = new Map<string, number>()
  const consumer = new Map<string, number>()
  let count = 0
  for (const shard of shards) {
    for (const { type, state } of shard.groups) {
      const states = type === 'classic' ? classic : consumer
      states.set(state, (states.get(state) ?? 0) + 1)
      count++
    }
  }
  const gauge = (name: string, help: string, value: number): void =>
    page.gauge(`kafka_coordinator_group_groupmetadatamanager_${name}`, help, [[{}, value]])
  gauge('numgroups', 'Groups that are coordinated here.', count)
  const offsets = shards.reduce((sum, { offsets: { size } }) => sum + size, 0)
  gauge('numoffsets', 'Offsets that groups coordinated here have committed, and that are kept.', offsets)
  for (const state of CLASSIC_STATES) {
    gauge(`numgroups${state.toLowerCase()}`, `Classic groups in the state ${state}.`, classic.get(state) ?? 0)
  }
  page.gauge(
    'kafka_server_group_coordinator_metrics_consumer_group_count',
    'Groups of the consumer protocol (KIP-848), by state.',
    CONSUMER_STATES.map((state) => [{ state: state.toLowerCase() }, consumer.get(state) ?? 0]),
  )
  const { partitions, loading } = runtime.coordinated
  page.gauge(
    'kafka_server_group_coordinator_metrics_num_partitions',
    'Partitions of __consumer_offsets that are led from here, by whether they are loaded.',
    [
      [{ state: 'active' }, partitions.length - loading],
      [{ state: 'loading' }, loading],
    ],
  )
  page.histogram(
    'kafka_server_group_coordinator_metrics_partition_load_time',
    'Time that it took to load a partition of __consumer_offsets, in milliseconds.',
    [[{}, runtime.loads]],
  )
  const counter = (name: string, help: string, samples: readonly (readonly [Labels, number])[]): void =>
    page.counter(`kafka_server_group_coordinator_metrics_${name}_total`, help, samples)
  counter('offset_commit_count', 'Offsets that were committed.', [[{}, activity.commits]])
  counter('group_completed_rebalance_count', 'Rebalances of groups that ended with an assignment, by protocol.', [
    [{ protocol: 'classic' }, activity.rebalances.classic],
    [{ protocol: 'consumer' }, activity.rebalances.consumer],
  ])
  page.counter(
    'lograft_group_offsets_removed_total',
    'Offsets that were forgotten: expired, or deleted by themselves, with their group or with their topic.',
    [[{}, activity.removals]],
  )
  page.gauge('lograft_group_requests_waiting', 'Requests of groups that wait for their answer.', [
    [{}, runtime.waiting],
  ])
  ofLags(page, broker, shards)
}

function ofLags(page: Exposition, broker: Broker, shards: readonly GroupShard[]): void {
  const committed: [Labels, number][] = []
  const lags: [Labels, number][] = []
  let unknown = 0
  for (const { offsets } of shards) {
    for (const group of offsets.groupIds) {
      for (const [topic, partitions] of offsets.allOf(group)) {
        for (const [partition, { offset }] of partitions) {
          const end = committed.length < MAX_LAGS ? endOf(broker, topic, partition) : undefined
          if (end === undefined) {
            unknown++
            continue
          }
          const labels = { group, topic, partition }
          committed.push([labels, offset])
          lags.push([labels, Math.max(0, end - offset)])
        }
      }
    }
  }
  page.gauge('lograft_group_offset', 'The offset that a group has committed, by partition.', committed)
  page.gauge('lograft_group_lag', 'How many offsets a group has still to read, by partition.', lags)
  page.gauge('lograft_group_lag_unknown', 'Offsets of groups of which no lag is told.', [[{}, unknown]])
}

/** The high watermark, where this broker knows one. */
function endOf({ image, replicas }: Broker, topic: string, partition: number): number | undefined {
  const topicId = image.topicsByName.get(topic)?.topicId
  const hosted = topicId === undefined ? undefined : replicas.find(topicId, partition)
  if (!(hosted instanceof Partition)) return undefined
  return hosted.isLeader || hosted.following?.cutting === false ? hosted.highWatermark : undefined
}
