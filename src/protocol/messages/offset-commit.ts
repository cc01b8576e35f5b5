/**
 * OffsetCommit: a consumer stores how far it has read, as a member of its group or by itself.
 *
 * v1 generation and member, and only there a time for each partition; v2 to v4 a retention time; v3 throttle time; v6 leader epochs (KIP-320); v7
 * static members (KIP-345); v8 flexible; v9 members of the new protocol (KIP-848); v10 topic ids.
 */
import { array, int16, int32, int64, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const OffsetCommit = message({
  name: 'OffsetCommit',
  key: 8,
  versions: [0, 10],
  flexible: 8,
  request: {
    groupId: string,
    generationIdOrMemberEpoch: int32.default(-1).since(1).ignorable(),
    memberId: string.since(1).ignorable(),
    groupInstanceId: string.nullable().default(null).since(7),
    retentionTimeMs: int64.default(-1).since(2).until(4).ignorable(),
    topics: array(
      struct({
        name: string.until(9).ignorable(),
        topicId: uuid.since(10).ignorable(),
        partitions: array(
          struct({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: int32.default(-1).since(6).ignorable(),
            commitTimestamp: int64.default(-1).since(1).until(1),
            committedMetadata: string.nullable(),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32.since(3).ignorable(),
    topics: array(
      struct({
        name: string.until(9).ignorable(),
        topicId: uuid.since(10).ignorable(),
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
          }),
        ),
      }),
    ),
  },
})
