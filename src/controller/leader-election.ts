/**
 * Who leads a partition and who is in sync when a broker comes or goes. Only replicas of the ISR are elected. Who goes leaves the ISR, so that the
 * others need not wait for it, unless nobody else of it could lead: then there is no leader (-1) and the ISR stays as it is, because those
 * replicas are the ones that hold what was committed.
 */
import type { Uuid } from '../base/uuid.js'
import { type BrokerImage, canLead, hasDirectory, isReplicaUsable, type MetadataImage } from '../metadata/image.js'
import type { Cause, MetadataRecord, PartitionState } from '../metadata/records.js'

type Changes = Pick<Extract<MetadataRecord, { type: 'partitionChange' }>, 'leader' | 'isr'>

/** The records by which a broker that goes away loses its leaderships and its places among those in sync. */
export function whenBrokerLeaves(image: MetadataImage, brokerId: number, cause: Cause): MetadataRecord[] {
  return changes(image, cause, (partition) => without(image, partition, brokerId))
}

/** The records by which a broker loses the same for replicas in directories that it has no more. */
export function whenDirectoriesAreLost(
  image: MetadataImage,
  broker: BrokerImage,
  logDirs: readonly Uuid[],
  cause: Cause,
): MetadataRecord[] {
  return changes(image, cause, (partition) =>
    hasDirectory(partition, { ...broker, logDirs }) ? undefined : without(image, partition, broker.brokerId),
  )
}

/** The records by which partitions without a leader get one now that this broker can be used. */
export function whenBrokerIsUsable(image: MetadataImage, brokerId: number, cause: Cause): MetadataRecord[] {
  return changes(image, cause, (partition) => {
    if (partition.leader !== -1 || !partition.isr.includes(brokerId)) return undefined
    const broker = image.brokers.get(brokerId)
    const hasIts = broker !== undefined && hasDirectory(partition, broker)
    const leader = elect(partition, (id) => (id === brokerId ? hasIts : canLead(image, partition, id)))
    if (leader === -1) return undefined
    // The others of the ISR have not come back.
    const isr = partition.isr.filter((id) => (id === brokerId ? hasIts : isReplicaUsable(image, partition, id)))
    return isr.length < partition.isr.length ? { leader, isr } : { leader }
  })
}

/** The first replica, in order of assignment, that is in sync and alive; -1: none. */
export function elect(
  partition: Pick<PartitionState, 'replicas' | 'isr'>,
  alive: (brokerId: number) => boolean,
): number {
  return partition.replicas.find((id) => partition.isr.includes(id) && alive(id)) ?? -1
}

/** What changes when this replica goes; undefined: nothing. */
function without(image: MetadataImage, partition: PartitionState, brokerId: number): Changes | undefined {
  const { leader, isr } = partition
  if (leader === -1 || !isr.includes(brokerId)) return undefined
  const isrLeft = isr.filter((id) => id !== brokerId)
  if (leader !== brokerId) return { isr: isrLeft }
  const next = elect(partition, (id) => id !== brokerId && canLead(image, partition, id))
  return next === -1 ? { leader: -1 } : { leader: next, isr: isrLeft }
}

function changes(
  image: MetadataImage,
  cause: Cause,
  change: (partition: PartitionState) => Changes | undefined,
): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const topic of image.topicsById.values()) {
    topic.partitions.forEach((partition, partitionId) => {
      const changed = change(partition)
      if (changed === undefined) return
      records.push({ type: 'partitionChange', topicId: topic.topicId, partitionId, ...changed, cause })
    })
  }
  return records
}
