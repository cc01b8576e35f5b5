/**
 * OffsetFetch: the offsets that groups have committed.
 *
 * v0 asked for those in ZooKeeper; v2 null for all topics, and an error for the whole; v3 throttle time; v5 leader epochs; v6 flexible; v7 only
 * offsets that no open transaction may change (KIP-447); v8 several groups; v9 member and epoch (KIP-848); v10 topic ids.
 */
import { array, bool, int16, int32, int64, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const OffsetFetch = message({
  name: 'OffsetFetch',
  key: 9,
  versions: [0, 10],
  flexible: 6,
  request: {
    groupId: string.until(7),
    topics: array(
      struct({
        name: string,
        partitionIndexes: array(int32),
      }),
    )
      .nullable(2)
      .until(7),
    groups: array(
      struct({
        groupId: string,
        memberId: string.nullable().default(null).since(9).ignorable(),
        memberEpoch: int32.default(-1).since(9).ignorable(),
        topics: array(
          struct({
            name: string.until(9).ignorable(),
            topicId: uuid.since(10).ignorable(),
            partitionIndexes: array(int32),
          }),
        ).nullable(),
      }),
    ).since(8),
    requireStable: bool.since(7),
  },
  response: {
    throttleTimeMs: int32.since(3).ignorable(),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: int32.default(-1).since(5).ignorable(),
            metadata: string.nullable(),
            errorCode: int16,
          }),
        ),
      }),
    ).until(7),
    errorCode: int16.since(2).until(7).ignorable(),
    groups: array(
      struct({
        groupId: string,
        topics: array(
          struct({
            name: string.until(9).ignorable(),
            topicId: uuid.since(10).ignorable(),
            partitions: array(
              struct({
                partitionIndex: int32,
                committedOffset: int64,
                committedLeaderEpoch: int32.default(-1).ignorable(),
                metadata: string.nullable(),
                errorCode: int16,
              }),
            ),
          }),
        ),
        errorCode: int16,
      }),
    ).since(8),
  },
})
