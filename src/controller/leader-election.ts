/**
 * Who leads a partition when a broker comes or goes. Only replicas of the ISR are elected; a partition whose ISR is all away has
 * no leader (-1) and keeps its ISR, because those replicas are the ones that hold what was committed.
 */
import type { Uuid } from '../base/uuid.js'
import { type BrokerImage, hasDirectory, isReplicaUsable, type MetadataImage } from '../metadata/image.js'
import type { Cause, MetadataRecord, PartitionState } from '../metadata/records.js'

/** The records by which a broker that went away loses its leaderships. */
export function whenBrokerLeaves(image: MetadataImage, brokerId: number, cause: Cause): MetadataRecord[] {
  return changes(image, cause, (partition) => {
    if (partition.leader !== brokerId) return undefined
    const alive = (id: number): boolean => id !== brokerId && isReplicaUsable(image, partition, id)
    return elect(partition, alive)
  })
}

/** The records by which a broker loses the leaderships of replicas in directories that it has no more. */
export function whenDirectoriesAreLost(
  image: MetadataImage,
  broker: BrokerImage,
  logDirs: readonly Uuid[],
  cause: Cause,
): MetadataRecord[] {
  return changes(image, cause, (partition) => {
    if (partition.leader !== broker.brokerId || hasDirectory(partition, { ...broker, logDirs })) return undefined
    return elect(partition, (id) => id !== broker.brokerId && isReplicaUsable(image, partition, id))
  })
}

/** The records by which partitions without a leader get one now that this broker can be used. */
export function whenBrokerIsUsable(image: MetadataImage, brokerId: number, cause: Cause): MetadataRecord[] {
  return changes(image, cause, (partition) => {
    if (partition.leader !== -1 || !partition.isr.includes(brokerId)) return undefined
    const broker = image.brokers.get(brokerId)
    const hasIts = broker !== undefined && hasDirectory(partition, broker)
    const alive = (id: number): boolean => (id === brokerId ? hasIts : isReplicaUsable(image, partition, id))
    return elect(partition, alive)
  })
}

/** The first replica, in order of assignment, that is in sync and alive; -1: none. */
export function elect(
  partition: Pick<PartitionState, 'replicas' | 'isr'>,
  alive: (brokerId: number) => boolean,
): number {
  return partition.replicas.find((id) => partition.isr.includes(id) && alive(id)) ?? -1
}

function changes(
  image: MetadataImage,
  cause: Cause,
  newLeader: (partition: PartitionState) => number | undefined,
): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const topic of image.topicsById.values()) {
    topic.partitions.forEach((partition, partitionId) => {
      const leader = newLeader(partition)
      if (leader === undefined || leader === partition.leader) return
      records.push({ type: 'partitionChange', topicId: topic.topicId, partitionId, leader, cause })
    })
  }
  return records
}
