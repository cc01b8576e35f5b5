/**
 * MetadataImage: what the cluster knows at one offset of the metadata log. Immutable; the next one is made by a MetadataDelta and shares
 * what has not changed. Everybody who asks about topics, brokers or configurations asks an image.
 */
import { type Uuid, ZERO_UUID } from '../base/uuid.js'
import type { Endpoint, FeatureRange, PartitionState } from './records.js'

export interface MetadataImage {
  /** The offset of the last record in it; -1: none. */
  readonly offset: number
  /** Finalised levels by name. */
  readonly features: ReadonlyMap<string, number>
  readonly brokers: ReadonlyMap<number, BrokerImage>
  readonly topicsById: ReadonlyMap<Uuid, TopicImage>
  readonly topicsByName: ReadonlyMap<string, TopicImage>
  /** By `configKey(type, name)`: what was set, as text. */
  readonly configs: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** The first producer id that no broker was given. */
  readonly nextProducerId: number
}

export interface BrokerImage {
  readonly brokerId: number
  readonly incarnationId: Uuid
  readonly brokerEpoch: number
  readonly endpoints: readonly Endpoint[]
  readonly features: readonly FeatureRange[]
  readonly rack: string | undefined
  readonly logDirs: readonly Uuid[]
  readonly fenced: boolean
  readonly inControlledShutdown: boolean
}

/** Whether a replica's directory can be used, as far as its broker has said which can. */
export function hasDirectory({ replicas, directories }: PartitionState, { brokerId, logDirs }: BrokerImage): boolean {
  const directory = directories[replicas.indexOf(brokerId)] ?? ZERO_UUID
  return directory === ZERO_UUID || logDirs.includes(directory)
}

/** Whether a replica can lead, if it is in sync: a broker that is about to stop still serves, and gets no new lead. */
export function canLead(image: MetadataImage, partition: PartitionState, brokerId: number): boolean {
  return isReplicaUsable(image, partition, brokerId) && image.brokers.get(brokerId)?.inControlledShutdown === false
}

/** Whether a replica is there at all. */
export function isReplicaUsable(image: MetadataImage, partition: PartitionState, brokerId: number): boolean {
  const broker = image.brokers.get(brokerId)
  return broker?.fenced === false && hasDirectory(partition, broker)
}

export interface TopicImage {
  readonly topicId: Uuid
  readonly name: string
  /** By partition number, without gaps. */
  readonly partitions: readonly PartitionState[]
}

const NO_CONFIGS: ReadonlyMap<string, string> = new Map()

export const EMPTY_IMAGE: MetadataImage = {
  offset: -1,
  features: new Map(),
  brokers: new Map(),
  topicsById: new Map(),
  topicsByName: new Map(),
  configs: new Map(),
  nextProducerId: 0,
}

export function configKey(resourceType: number, resourceName: string): string {
  return `${resourceType}/${resourceName}`
}

/** What was set for one resource; empty where nothing was. */
export function configsOf(
  image: MetadataImage,
  resourceType: number,
  resourceName: string,
): ReadonlyMap<string, string> {
  return image.configs.get(configKey(resourceType, resourceName)) ?? NO_CONFIGS
}
