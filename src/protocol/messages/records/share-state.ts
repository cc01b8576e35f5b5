/**
 * States of share partitions in `__share_group_state` (KIP-932). A key is preceded by an int16 that is its type, a value by one that is its
 * version.
 */
import { array, int8, int16, int32, int64, string, struct, uuid } from '../../field.js'
import { Schema } from '../../schema.js'

/** Type 0: the whole state; what was written before is no longer needed. */
export const ShareSnapshotKey = new Schema({
  name: 'ShareSnapshotKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
    topicId: uuid,
    partition: int32,
  },
})

export const ShareSnapshotValue = new Schema({
  name: 'ShareSnapshotValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    snapshotEpoch: int32,
    stateEpoch: int32,
    leaderEpoch: int32,
    startOffset: int64,
    deliveryCompleteCount: int32.default(-1).tag(0),
    createTimestamp: int64,
    writeTimestamp: int64,
    stateBatches: array(
      struct({
        firstOffset: int64,
        lastOffset: int64,
        deliveryState: int8,
        deliveryCount: int16,
      }),
    ),
  },
})

/** Type 1: a change to the state since the snapshot. */
export const ShareUpdateKey = new Schema({
  name: 'ShareUpdateKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
    topicId: uuid,
    partition: int32,
  },
})

export const ShareUpdateValue = new Schema({
  name: 'ShareUpdateValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    snapshotEpoch: int32,
    leaderEpoch: int32,
    startOffset: int64,
    deliveryCompleteCount: int32.default(-1).tag(0),
    stateBatches: array(
      struct({
        firstOffset: int64,
        lastOffset: int64,
        deliveryState: int8,
        deliveryCount: int16,
      }),
    ),
  },
})
