/**
 * DescribeTopicPartitions: topics and partitions, a page at a time, with their eligible leaders (KIP-966).
 */
import { array, bool, int16, int32, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const DescribeTopicPartitions = message({
  name: 'DescribeTopicPartitions',
  key: 75,
  versions: [0, 0],
  flexible: 0,
  request: {
    topics: array(
      struct({
        name: string,
      }),
    ),
    responsePartitionLimit: int32.default(2000),
    cursor: struct({
      topicName: string,
      partitionIndex: int32,
    })
      .nullable()
      .default(null),
  },
  response: {
    throttleTimeMs: int32.ignorable(),
    topics: array(
      struct({
        errorCode: int16,
        name: string.nullable(),
        topicId: uuid.ignorable(),
        isInternal: bool.ignorable(),
        partitions: array(
          struct({
            errorCode: int16,
            partitionIndex: int32,
            leaderId: int32,
            leaderEpoch: int32.default(-1).ignorable(),
            replicaNodes: array(int32),
            isrNodes: array(int32),
            eligibleLeaderReplicas: array(int32).nullable().default(null),
            lastKnownElr: array(int32).nullable().default(null),
            offlineReplicas: array(int32).ignorable(),
          }),
        ),
        topicAuthorizedOperations: int32.default(-2147483648),
      }),
    ),
    nextCursor: struct({
      topicName: string,
      partitionIndex: int32,
    })
      .nullable()
      .default(null),
  },
})
