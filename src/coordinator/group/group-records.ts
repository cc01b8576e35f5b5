/**
 * The records of `__consumer_offsets` as Kafka publishes them: a key is an int16 that says what it is and the key's fields, a value an int16 version and the
 * value's fields; without a value what the key names is gone.
 */
import { Writer } from '../../base/bytes/writer.js'
import type { Fields } from '../../protocol/field.js'
import * as classicGroup from '../../protocol/messages/records/classic-group.js'
import * as consumerGroup from '../../protocol/messages/records/consumer-group.js'
import * as offsetCommits from '../../protocol/messages/records/offset-commits.js'
import type { Infer, Schema } from '../../protocol/schema.js'

/** The types that are written here: the number in the key, and the version of the value. */
export const GROUP_RECORDS = {
  OffsetCommit: {
    type: 1,
    key: offsetCommits.OffsetCommitKey,
    value: offsetCommits.OffsetCommitValue,
    valueVersion: 4,
  },
  GroupMetadata: {
    type: 2,
    key: classicGroup.GroupMetadataKey,
    value: classicGroup.GroupMetadataValue,
    valueVersion: 3,
  },
  ConsumerGroupMetadata: {
    type: 3,
    key: consumerGroup.ConsumerGroupMetadataKey,
    value: consumerGroup.ConsumerGroupMetadataValue,
    valueVersion: 0,
  },
  ConsumerGroupPartitionMetadata: {
    type: 4,
    key: consumerGroup.ConsumerGroupPartitionMetadataKey,
    value: consumerGroup.ConsumerGroupPartitionMetadataValue,
    valueVersion: 0,
  },
  ConsumerGroupMemberMetadata: {
    type: 5,
    key: consumerGroup.ConsumerGroupMemberMetadataKey,
    value: consumerGroup.ConsumerGroupMemberMetadataValue,
    valueVersion: 0,
  },
  ConsumerGroupTargetAssignmentMetadata: {
    type: 6,
    key: consumerGroup.ConsumerGroupTargetAssignmentMetadataKey,
    value: consumerGroup.ConsumerGroupTargetAssignmentMetadataValue,
    valueVersion: 0,
  },
  ConsumerGroupTargetAssignmentMember: {
    type: 7,
    key: consumerGroup.ConsumerGroupTargetAssignmentMemberKey,
    value: consumerGroup.ConsumerGroupTargetAssignmentMemberValue,
    valueVersion: 0,
  },
  ConsumerGroupCurrentMemberAssignment: {
    type: 8,
    key: consumerGroup.ConsumerGroupCurrentMemberAssignmentKey,
    value: consumerGroup.ConsumerGroupCurrentMemberAssignmentValue,
    valueVersion: 0,
  },
  ConsumerGroupRegularExpression: {
    type: 16,
    key: consumerGroup.ConsumerGroupRegularExpressionKey,
    value: consumerGroup.ConsumerGroupRegularExpressionValue,
    valueVersion: 0,
  },
} as const

export type GroupRecordType = keyof typeof GROUP_RECORDS

export interface GroupRecordOf<Type extends GroupRecordType> {
  readonly type: Type
  readonly key: Infer<(typeof GROUP_RECORDS)[Type]['key']>
  /** Null: a tombstone. */
  readonly value: Infer<(typeof GROUP_RECORDS)[Type]['value']> | null
}

export type GroupRecord = { [Type in GroupRecordType]: GroupRecordOf<Type> }[GroupRecordType]

/** Key and value as they stand in a record. */
export interface RecordBytes {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/** A record to append. */
export function encodeGroupRecord(record: GroupRecord): RecordBytes {
  const { type, key, value, valueVersion } = GROUP_RECORDS[record.type]
  return {
    key: prefixed(type, key as Schema<Fields>, 0, record.key),
    value: record.value === null ? null : prefixed(valueVersion, value as Schema<Fields>, valueVersion, record.value),
  }
}

function prefixed(prefix: number, schema: Schema<Fields>, version: number, fields: object): Uint8Array {
  const writer = new Writer()
  writer.int16(prefix)
  schema.encode(version, writer, fields as never)
  return writer.toBuffer()
}
