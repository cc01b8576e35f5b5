/**
 * ConsumerGroupHeartbeat: a member of a consumer group says what it has and wants, and is told what it is assigned (KIP-848).
 *
 * v1 subscriptions by regular expression, and ids that members choose themselves (KIP-1082).
 */
import { array, int16, int32, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const ConsumerGroupHeartbeat = message({
  name: 'ConsumerGroupHeartbeat',
  key: 68,
  versions: [0, 1],
  flexible: 0,
  request: {
    groupId: string,
    memberId: string,
    memberEpoch: int32,
    instanceId: string.nullable().default(null),
    rackId: string.nullable().default(null),
    rebalanceTimeoutMs: int32.default(-1),
    subscribedTopicNames: array(string).nullable().default(null),
    subscribedTopicRegex: string.nullable().default(null).since(1),
    serverAssignor: string.nullable().default(null),
    topicPartitions: array(
      struct({
        topicId: uuid,
        partitions: array(int32),
      }),
    )
      .nullable()
      .default(null),
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
