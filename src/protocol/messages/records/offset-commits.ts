/**
 * Committed offsets in `__consumer_offsets`. A key is preceded by an int16 that is its type, a value by one that is its version; keys are always of
 * version 0.
 */
import { int32, int64, string, uuid } from '../../field.js'
import { Schema } from '../../schema.js'

/** Type 0: as in Kafka before 0.8.2. Only read. */
export const LegacyOffsetCommitKey = new Schema({
  name: 'LegacyOffsetCommitKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    group: string,
    topic: string,
    partition: int32,
  },
})

export const LegacyOffsetCommitValue = new Schema({
  name: 'LegacyOffsetCommitValue',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    offset: int64,
    metadata: string,
    commitTimestamp: int64,
  },
})

/** Type 1. */
export const OffsetCommitKey = new Schema({
  name: 'OffsetCommitKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    group: string,
    topic: string,
    partition: int32,
  },
})

/** v1 a time when it expires, only there; v3 leader epoch; v4 flexible, topic id. */
export const OffsetCommitValue = new Schema({
  name: 'OffsetCommitValue',
  versions: [0, 4],
  flexible: 4,
  fields: {
    offset: int64,
    leaderEpoch: int32.default(-1).since(3).ignorable(),
    metadata: string,
    commitTimestamp: int64,
    expireTimestamp: int64.default(-1).since(1).until(1).ignorable(),
    topicId: uuid.tag(0).since(4).ignorable(),
  },
})
