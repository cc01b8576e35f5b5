/**
 * Segments in tiered storage, in `__remote_log_metadata` (KIP-405). A record is preceded by three varints: 1, its key and its version.
 */
import { array, bool, bytes, int8, int32, int64, string, struct, uuid } from '../../field.js'
import { Schema } from '../../schema.js'

/** Key 0: a segment is going to be copied. */
export const RemoteLogSegmentMetadataRecord = new Schema({
  name: 'RemoteLogSegmentMetadataRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    remoteLogSegmentId: struct({
      topicIdPartition: struct({
        name: string,
        id: uuid,
        partition: int32,
      }),
      id: uuid,
    }),
    startOffset: int64,
    endOffset: int64,
    brokerId: int32,
    maxTimestampMs: int64,
    eventTimestampMs: int64,
    segmentLeaderEpochs: array(
      struct({
        leaderEpoch: int32,
        offset: int64,
      }),
    ),
    segmentSizeInBytes: int32,
    customMetadata: bytes.nullable().default(null),
    remoteLogSegmentState: int8,
    txnIndexEmpty: bool.tag(0),
  },
})

/** Key 1: the state of a segment has changed. */
export const RemoteLogSegmentMetadataUpdateRecord = new Schema({
  name: 'RemoteLogSegmentMetadataUpdateRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    remoteLogSegmentId: struct({
      topicIdPartition: struct({
        name: string,
        id: uuid,
        partition: int32,
      }),
      id: uuid,
    }),
    brokerId: int32,
    eventTimestampMs: int64,
    customMetadata: bytes.nullable().default(null),
    remoteLogSegmentState: int8,
  },
})

/** Key 2: the state of a partition's deletion has changed. */
export const RemotePartitionDeleteMetadataRecord = new Schema({
  name: 'RemotePartitionDeleteMetadataRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    topicIdPartition: struct({
      name: string,
      id: uuid,
      partition: int32,
    }),
    brokerId: int32,
    eventTimestampMs: int64,
    remotePartitionDeleteState: int8,
  },
})

/** Key 3: a segment in a snapshot. */
export const RemoteLogSegmentMetadataSnapshotRecord = new Schema({
  name: 'RemoteLogSegmentMetadataSnapshotRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    segmentId: uuid,
    startOffset: int64,
    endOffset: int64,
    brokerId: int32,
    maxTimestampMs: int64,
    eventTimestampMs: int64,
    segmentLeaderEpochs: array(
      struct({
        leaderEpoch: int32,
        offset: int64,
      }),
    ),
    segmentSizeInBytes: int32,
    customMetadata: bytes.nullable().default(null),
    remoteLogSegmentState: int8,
    txnIndexEmpty: bool.tag(0),
  },
})
