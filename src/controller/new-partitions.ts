/** Partitions as they begin: by numbers or by assignment, and the records that make them. Used where topics are created and where they grow. */
import type { BrokerImage, MetadataImage } from '../metadata/image.js'
import type { Cause, MetadataRecord } from '../metadata/records.js'
import type { DecisionContext } from './context.js'
import { elect, onlyDirectory } from './moving-replicas.js'
import { placeReplicas } from './placement.js'
import { Refusal } from './refusal.js'

/** What one request may write: a decision is one batch, and a batch is bounded. As many as Kafka's controller allows a request. */
export const MAX_RECORDS_PER_REQUEST = 10_000

/** What a request may still add to the cluster: records of a decision, and partitions. */
export interface Room {
  readonly records: number
  readonly partitions: number
}

export function roomFor({ image, settings }: DecisionContext): Room {
  return {
    records: MAX_RECORDS_PER_REQUEST,
    partitions: settings['cluster.max.partitions'] - partitionsIn(image),
  }
}

export function roomAfter({ records, partitions }: Room, taken: Room): Room {
  return { records: records - taken.records, partitions: partitions - taken.partitions }
}

/** Of all topics. */
export function partitionsIn({ topicsById }: MetadataImage): number {
  let count = 0
  for (const { partitions } of topicsById.values()) count += partitions.length
  return count
}

/** Why there is no room for so many more partitions. */
export function checkRoom({ settings }: DecisionContext, count: number, room: Room): Refusal | undefined {
  if (count > room.records) {
    return new Refusal('POLICY_VIOLATION', `${count} partitions are too many for one request: ask for fewer at a time`)
  }
  if (count <= room.partitions) return undefined
  const limit = settings['cluster.max.partitions']
  const sentence = `${count} more partitions would bring the cluster above the ${limit} that cluster.max.partitions allows`
  return new Refusal('POLICY_VIOLATION', sentence)
}

/** Lists of replicas for so many new partitions, the preferred leader first. */
export function placeNewPartitions(
  { image, random }: DecisionContext,
  partitions: number,
  replicationFactor: number,
): number[][] | Refusal {
  const registered = [...image.brokers.values()]
  const refuse = (reason: string): Refusal =>
    new Refusal(
      'INVALID_REPLICATION_FACTOR',
      `Unable to replicate the partition ${replicationFactor} time(s): ${reason}`,
    )
  if (!registered.some((broker) => isActive(broker))) {
    return refuse('All brokers are currently fenced or in controlled shutdown.')
  }
  // Who is about to stop gets nothing new.
  const usable = registered.filter(({ inControlledShutdown }) => !inControlledShutdown)
  if (replicationFactor > usable.length) {
    return refuse(
      `The target replication factor of ${replicationFactor} cannot be reached because only ${usable.length} broker(s) are registered.`,
    )
  }
  return placeReplicas(usable, partitions, replicationFactor, random)
}

/** New partitions begin with these in sync. */
function isActive(broker: BrokerImage | undefined): boolean {
  return broker?.fenced === false && !broker.inControlledShutdown
}

/** Why a partition cannot have these replicas, of which there have to be `replicationFactor`. */
export function checkAssignment(
  { brokers }: MetadataImage,
  partition: number,
  brokerIds: readonly number[],
  replicationFactor: number,
): Refusal | undefined {
  const refuse = (message: string): Refusal => new Refusal('INVALID_REPLICA_ASSIGNMENT', message)
  if (brokerIds.length === 0 || new Set(brokerIds).size < brokerIds.length) {
    return refuse(`partition ${partition} needs replicas on different brokers`)
  }
  if (brokerIds.length !== replicationFactor) {
    return refuse(`all partitions need the same number of replicas: ${partition} is given ${brokerIds.length}`)
  }
  const unknown = brokerIds.find((id) => !brokers.has(id))
  if (unknown !== undefined) return refuse(`there is no broker ${unknown}`)
  if (!brokerIds.some((id) => isActive(brokers.get(id)))) {
    return refuse(`no broker of partition ${partition} is available`)
  }
  return undefined
}

export function newPartition(
  image: MetadataImage,
  topicId: string,
  partitionId: number,
  replicas: readonly number[],
  cause: Cause,
): MetadataRecord {
  const isr = replicas.filter((id) => isActive(image.brokers.get(id)))
  return {
    type: 'partition',
    topicId,
    partitionId,
    replicas,
    directories: replicas.map((id) => onlyDirectory(image, id)),
    isr,
    removingReplicas: [],
    addingReplicas: [],
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    leader: elect({ replicas, isr }, (id) => isr.includes(id)),
    leaderRecoveryState: 0,
    leaderEpoch: 0,
    partitionEpoch: 0,
    cause,
  }
}
