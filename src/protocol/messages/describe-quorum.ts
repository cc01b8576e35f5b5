/**
 * DescribeQuorum: how the metadata quorum stands (KIP-595, KIP-836).
 *
 * v1 times of the last fetch; v2 directories, endpoints and messages (KIP-853).
 */
import { array, int16, int32, int64, string, struct, uint16, uuid } from '../field.js'
import { message } from '../schema.js'

export const DescribeQuorum = message({
  name: 'DescribeQuorum',
  key: 55,
  versions: [0, 2],
  flexible: 0,
  request: {
    topics: array(
      struct({
        topicName: string,
        partitions: array(
          struct({
            partitionIndex: int32,
          }),
        ),
      }),
    ),
  },
  response: {
    errorCode: int16,
    errorMessage: string.nullable().since(2).ignorable(),
    topics: array(
      struct({
        topicName: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            errorMessage: string.nullable().since(2).ignorable(),
            leaderId: int32,
            leaderEpoch: int32,
            highWatermark: int64,
            currentVoters: array(
              struct({
                replicaId: int32,
                replicaDirectoryId: uuid.since(2),
                logEndOffset: int64,
                lastFetchTimestamp: int64.default(-1).since(1).ignorable(),
                lastCaughtUpTimestamp: int64.default(-1).since(1).ignorable(),
              }),
            ),
            observers: array(
              struct({
                replicaId: int32,
                replicaDirectoryId: uuid.since(2),
                logEndOffset: int64,
                lastFetchTimestamp: int64.default(-1).since(1).ignorable(),
                lastCaughtUpTimestamp: int64.default(-1).since(1).ignorable(),
              }),
            ),
          }),
        ),
      }),
    ),
    nodes: array(
      struct({
        nodeId: int32,
        listeners: array(
          struct({
            name: string,
            host: string,
            port: uint16,
          }),
        ),
      }),
    ).since(2),
  },
})
