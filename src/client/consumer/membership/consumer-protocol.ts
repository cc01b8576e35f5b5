/**
 * What members of a classic group tell each other, as bytes: an int16 version, then the fields. Written in version 3 as Kafka's consumers do; read in every
 * version, and one that is not known yet as the newest that is, because later versions only add at the end.
 */
import { DecodeError, Reader } from '../../../base/bytes/reader.js'
import { Writer } from '../../../base/bytes/writer.js'
import type { Fields } from '../../../protocol/field.js'
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
} from '../../../protocol/messages/records/consumer-protocol.js'
import type { InferInput, Schema } from '../../../protocol/schema.js'
import { byTopic, flattened, type TopicPartition } from './topic-partition.js'

/** The protocol type of groups whose members speak this. */
export const CONSUMER_PROTOCOL_TYPE = 'consumer'

export interface Subscription {
  readonly topics: readonly string[]
  /** The assignor's own. */
  readonly userData: Uint8Array | null
  readonly ownedPartitions: readonly TopicPartition[]
  /** In which the member got them; -1: unknown. */
  readonly generationId: number
  readonly rackId: string | null
}

export function encodeSubscription(subscription: Subscription): Uint8Array {
  const { topics, userData, ownedPartitions, generationId, rackId } = subscription
  const fields = { topics: [...topics], userData, ownedPartitions: byTopic(ownedPartitions), generationId, rackId }
  return encode(ConsumerProtocolSubscription, fields)
}

/** Throws `DecodeError`. Nothing of it is a view on `bytes`. */
export function decodeSubscription(bytes: Uint8Array): Subscription {
  const { reader, version } = opened(bytes, ConsumerProtocolSubscription)
  const { topics, userData, ownedPartitions, generationId, rackId } = ConsumerProtocolSubscription.decode(
    version,
    reader,
  )
  return {
    topics,
    userData: userData === null ? null : Uint8Array.prototype.slice.call(userData),
    ownedPartitions: flattened(ownedPartitions),
    generationId,
    rackId,
  }
}

export function encodeAssignment(partitions: readonly TopicPartition[]): Uint8Array {
  return encode(ConsumerProtocolAssignment, { assignedPartitions: byTopic(partitions), userData: null })
}

/** Throws `DecodeError`. Without bytes there is nothing for the member. */
export function decodeAssignment(bytes: Uint8Array): TopicPartition[] {
  if (bytes.length === 0) return []
  const { reader, version } = opened(bytes, ConsumerProtocolAssignment)
  return flattened(ConsumerProtocolAssignment.decode(version, reader).assignedPartitions)
}

function encode<F extends Fields>(schema: Schema<F>, fields: InferInput<Schema<F>>): Uint8Array {
  const writer = new Writer()
  const version = schema.versions[1]
  writer.int16(version)
  schema.encode(version, writer, fields)
  return writer.toBuffer()
}

function opened(bytes: Uint8Array, schema: { readonly versions: readonly [number, number] }) {
  const reader = new Reader(bytes)
  const version = reader.int16()
  if (version < 0) throw new DecodeError(`version ${version} of the consumer protocol is none`)
  return { reader, version: Math.min(version, schema.versions[1]) }
}
