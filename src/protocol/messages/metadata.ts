/**
 * Metadata: brokers, topics, partitions and who leads them.
 *
 * v0 takes an empty list for all topics, v1 and later null; v4 auto-creation is the client's choice; v5 offline replicas; v7 leader epochs; v8
 * authorized operations; v9 flexible; v10 topic ids; v12 topics by id (KIP-516); v13 an error for the whole (KIP-1102).
 */
import { array, bool, int16, int32, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const Metadata = message({
  name: 'Metadata',
  key: 3,
  versions: [0, 13],
  flexible: 9,
  request: {
    topics: array(
      struct({
        topicId: uuid.since(10).ignorable(),
        name: string.nullable(10),
      }),
    ).nullable(1),
    allowAutoTopicCreation: bool.default(true).since(4),
    includeClusterAuthorizedOperations: bool.since(8).until(10),
    includeTopicAuthorizedOperations: bool.since(8),
  },
  response: {
    throttleTimeMs: int32.since(3).ignorable(),
    brokers: array(
      struct({
        nodeId: int32,
        host: string,
        port: int32,
        rack: string.nullable().default(null).since(1).ignorable(),
      }),
    ),
    clusterId: string.nullable().default(null).since(2).ignorable(),
    controllerId: int32.default(-1).since(1).ignorable(),
    topics: array(
      struct({
        errorCode: int16,
        name: string.nullable(12),
        topicId: uuid.since(10).ignorable(),
        isInternal: bool.since(1).ignorable(),
        partitions: array(
          struct({
            errorCode: int16,
            partitionIndex: int32,
            leaderId: int32,
            leaderEpoch: int32.default(-1).since(7).ignorable(),
            replicaNodes: array(int32),
            isrNodes: array(int32),
            offlineReplicas: array(int32).since(5).ignorable(),
          }),
        ),
        topicAuthorizedOperations: int32.default(-2147483648).since(8),
      }),
    ),
    clusterAuthorizedOperations: int32.default(-2147483648).since(8).until(10),
    errorCode: int16.since(13).ignorable(),
  },
})
