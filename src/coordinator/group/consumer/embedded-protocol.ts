/** What members of the classic protocol tell each other within JoinGroup and SyncGroup if they are consumers: subscriptions and assignments, with their version in front. */
import { DecodeError, Reader } from '../../../base/bytes/reader.js'
import { Writer } from '../../../base/bytes/writer.js'
import type { MetadataImage } from '../../../metadata/image.js'
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
} from '../../../protocol/messages/records/consumer-protocol.js'
import type { Infer } from '../../../protocol/schema.js'
import { type PartitionSet, partitionSet, topicPartitions } from './partition-sets.js'

export const CONSUMER_PROTOCOL = 'consumer'

const NEWEST_VERSION = 3

export type Subscription = Infer<typeof ConsumerProtocolSubscription>

/** Undefined: it is none. Later versions begin as those that are known. */
export function decodeSubscription(metadata: Uint8Array): Subscription | undefined {
  return decoded(metadata, (version, reader) => ConsumerProtocolSubscription.decode(version, reader))
}

/** Of topics that there are. Nothing at all is an assignment of nothing; undefined: it is none. */
export function decodeAssignment(assignment: Uint8Array, image: MetadataImage): PartitionSet | undefined {
  if (assignment.length === 0) return new Map()
  const fields = decoded(assignment, (version, reader) => ConsumerProtocolAssignment.decode(version, reader))
  return fields === undefined ? undefined : byTopicId(fields.assignedPartitions, image)
}

export function byTopicId(
  topics: Iterable<{ readonly topic: string; readonly partitions: readonly number[] }>,
  image: MetadataImage,
): PartitionSet {
  const known: { topicId: string; partitions: readonly number[] }[] = []
  for (const { topic, partitions } of topics) {
    const { topicId } = image.topicsByName.get(topic) ?? {}
    if (topicId !== undefined) known.push({ topicId, partitions })
  }
  return partitionSet(known)
}

/** In the version in which the member has told its subscription. */
export function encodeAssignment(set: PartitionSet, metadata: Uint8Array, image: MetadataImage): Uint8Array {
  const version = versionOf(metadata) ?? 0
  const assignedPartitions: { topic: string; partitions: number[] }[] = []
  for (const { topicId, partitions } of topicPartitions(set)) {
    const topic = image.topicsById.get(topicId)
    if (topic !== undefined) assignedPartitions.push({ topic: topic.name, partitions })
  }
  const writer = new Writer()
  writer.int16(version)
  ConsumerProtocolAssignment.encode(version, writer, { assignedPartitions, userData: null })
  return writer.toBuffer()
}

function versionOf(bytes: Uint8Array): number | undefined {
  if (bytes.length < 2) return undefined
  const version = new Reader(bytes).int16()
  return version < 0 ? undefined : Math.min(version, NEWEST_VERSION)
}

function decoded<Fields>(bytes: Uint8Array, decode: (version: number, reader: Reader) => Fields): Fields | undefined {
  const version = versionOf(bytes)
  if (version === undefined) return undefined
  try {
    return decode(version, new Reader(bytes, 2))
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
