/**
 * FetchSnapshot: a piece of a snapshot of the metadata log (KIP-630).
 *
 * v1 directory of the replica, and endpoints of the leader (KIP-853).
 */
import { array, int16, int32, int64, records, string, struct, uint16, uuid } from '../field.js'
import { message } from '../schema.js'

export const FetchSnapshot = message({
  name: 'FetchSnapshot',
  key: 59,
  versions: [0, 1],
  flexible: 0,
  request: {
    clusterId: string.nullable().default(null).tag(0),
    replicaId: int32.default(-1),
    maxBytes: int32.default(2147483647),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partition: int32,
            currentLeaderEpoch: int32,
            snapshotId: struct({
              endOffset: int64,
              epoch: int32,
            }),
            position: int64,
            replicaDirectoryId: uuid.tag(0).since(1).ignorable(),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32.ignorable(),
    errorCode: int16,
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            index: int32,
            errorCode: int16,
            snapshotId: struct({
              endOffset: int64,
              epoch: int32,
            }),
            currentLeader: struct({
              leaderId: int32,
              leaderEpoch: int32,
            }).tag(0),
            size: int64,
            position: int64,
            unalignedRecords: records,
          }),
        ),
      }),
    ),
    nodeEndpoints: array(
      struct({
        nodeId: int32,
        host: string,
        port: uint16,
      }),
    )
      .tag(0)
      .since(1),
  },
})
