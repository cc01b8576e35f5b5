/**
 * ShareGroupHeartbeat: a member of a share group says what it wants, and is told what it is assigned (KIP-932).
 *
 * v0 was only for early access.
 */
import { array, int16, int32, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const ShareGroupHeartbeat = message({
  name: 'ShareGroupHeartbeat',
  key: 76,
  versions: [1, 1],
  flexible: 0,
  request: {
    groupId: string,
    memberId: string,
    memberEpoch: int32,
    rackId: string.nullable().default(null),
    subscribedTopicNames: array(string).nullable().default(null),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable().default(null),
    memberId: string.nullable().default(null),
    memberEpoch: int32,
    heartbeatIntervalMs: int32,
    assignment: struct({
      topicPartitions: array(
        struct({
          topicId: uuid,
          partitions: array(int32),
        }),
      ),
    })
      .nullable()
      .default(null),
  },
})
