/**
 * The records of `__consumer_offsets` as Kafka publishes them: a key is an int16 that says what it is and the key's fields, a value an int16 version and the
 * value's fields; without a value what the key names is gone.
 */
import { DecodeError, Reader } from '../../base/bytes/reader.js'
import { Writer } from '../../base/bytes/writer.js'
import type { Fields } from '../../protocol/field.js'
import * as classicGroup from '../../protocol/messages/records/classic-group.js'
import * as consumerGroup from '../../protocol/messages/records/consumer-group.js'
import * as offsetCommits from '../../protocol/messages/records/offset-commits.js'
import type { Infer, Schema } from '../../protocol/schema.js'
import { UnknownVersionError } from '../shard.js'

/**
 * The types that are written here: the number in the key, and the version of the value. As in Kafka 4 that is the last one before tagged fields, but for
 * offsets, which have a tagged field: the id of the topic.
 */
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

/** A time to expire at (OffsetCommit versions 2 to 4) stands in version 1 alone. */
const OFFSET_THAT_EXPIRES_VERSION = 1

/** As before Kafka 0.8.2. */
const LEGACY_OFFSET_COMMIT_TYPE = 0

const BY_NUMBER = new Map<number, GroupRecordType>(
  (Object.keys(GROUP_RECORDS) as GroupRecordType[]).map((type) => [GROUP_RECORDS[type].type, type]),
)

/** A record to append. */
export function encodeGroupRecord(record: GroupRecord): RecordBytes {
  const { type, key, value } = GROUP_RECORDS[record.type]
  const version = valueVersion(record)
  return {
    key: prefixed(type, key as Schema<Fields>, 0, record.key),
    value: record.value === null ? null : prefixed(version, value as Schema<Fields>, version, record.value),
  }
}

function valueVersion(record: GroupRecord): number {
  if (record.type !== 'OffsetCommit' || record.value === null) return GROUP_RECORDS[record.type].valueVersion
  return record.value.expireTimestamp === -1 ? GROUP_RECORDS.OffsetCommit.valueVersion : OFFSET_THAT_EXPIRES_VERSION
}

/** Where everything is encoded before it is copied: a writer of its own for each record costs more than the record. */
const writer = new Writer()

function prefixed(prefix: number, schema: Schema<Fields>, version: number, fields: object): Uint8Array {
  writer.reset()
  writer.int16(prefix)
  schema.encode(version, writer, fields as never)
  return Buffer.concat(writer.chunks())
}

/**
 * What stands in the log. Undefined: of a type that is not known here, which is passed over. Throws `DecodeError`, and `UnknownVersionError`: Kafka 4 reads what it can
 * of a later version, and fails the load if that does not go well.
 */
export function decodeGroupRecord({ key, value }: RecordBytes): GroupRecord | undefined {
  const keyReader = new Reader(key)
  const number = keyReader.int16()
  if (number === LEGACY_OFFSET_COMMIT_TYPE) return decodeLegacyOffset(keyReader, value)
  const type = BY_NUMBER.get(number)
  if (type === undefined) return undefined
  const schemas = GROUP_RECORDS[type]
  const keyFields = wholly(schemas.key as Schema<Fields>, 0, keyReader)
  if (value === null) return { type, key: keyFields, value: null } as unknown as GroupRecord
  const reader = new Reader(value)
  const version = knownVersion(schemas.value as Schema<Fields>, reader)
  return {
    type,
    key: keyFields,
    value: wholly(schemas.value as Schema<Fields>, version, reader),
  } as unknown as GroupRecord
}

function decodeLegacyOffset(keyReader: Reader, bytes: Uint8Array | null): GroupRecord | undefined {
  const key = wholly(offsetCommits.LegacyOffsetCommitKey, 0, keyReader)
  if (bytes === null) return { type: 'OffsetCommit', key, value: null }
  const reader = new Reader(bytes)
  // The value was the same from version 0 on, whatever the key.
  const version = knownVersion(offsetCommits.OffsetCommitValue, reader)
  return { type: 'OffsetCommit', key, value: wholly(offsetCommits.OffsetCommitValue, version, reader) }
}

function knownVersion<F extends Fields>(schema: Schema<F>, reader: Reader): number {
  const version = reader.int16()
  if (schema.knows(version)) return version
  const [first, last] = schema.versions
  throw new UnknownVersionError(`${schema.name} has version ${version}, and here ${first} to ${last} are known`)
}

function wholly<F extends Fields>(schema: Schema<F>, version: number, reader: Reader): Infer<Schema<F>> {
  const fields = schema.decode(version, reader)
  if (reader.remaining > 0) throw new DecodeError(`${reader.remaining} bytes follow the ${schema.name}`)
  return fields as Infer<Schema<F>>
}
