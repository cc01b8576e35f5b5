/**
 * Fetch: batches from an offset on, for consumers, followers and the metadata quorum; waits until there is enough.
 *
 * v3 a limit for the whole; v4 transactions; v5 log start offset; v7 sessions (KIP-227); v9 the leader epoch that the client knows (KIP-320); v11 racks
 * (KIP-392); v12 flexible, diverging epochs and snapshots (KIP-595); v13 topic ids; v15 the replica's state (KIP-903); v16 endpoints of new leaders (KIP-951);
 * v17 directory of the replica (KIP-853); v18 the high watermark that a follower knows (KIP-1166), of which Kafka's default, 2^63-1, is
 * `undefined` here.
 */
import { array, int8, int16, int32, int64, records, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const Fetch = message({
  name: 'Fetch',
  key: 1,
  versions: [0, 18],
  flexible: 12,
  request: {
    clusterId: string.nullable().default(null).tag(0).since(12).ignorable(),
    replicaId: int32.default(-1).until(14),
    replicaState: struct({
      replicaId: int32.default(-1),
      replicaEpoch: int64.default(-1),
    })
      .tag(1)
      .since(15),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: int32.default(2147483647).since(3).ignorable(),
    isolationLevel: int8.since(4).ignorable(),
    sessionId: int32.since(7).ignorable(),
    sessionEpoch: int32.default(-1).since(7).ignorable(),
    topics: array(
      struct({
        topic: string.until(12).ignorable(),
        topicId: uuid.since(13).ignorable(),
        partitions: array(
          struct({
            partition: int32,
            currentLeaderEpoch: int32.default(-1).since(9).ignorable(),
            fetchOffset: int64,
            lastFetchedEpoch: int32.default(-1).since(12),
            logStartOffset: int64.default(-1).since(5).ignorable(),
            partitionMaxBytes: int32,
            replicaDirectoryId: uuid.tag(0).since(17).ignorable(),
            highWatermark: int64.default(undefined).tag(1).since(18).ignorable(),
          }),
        ),
      }),
    ),
    forgottenTopicsData: array(
      struct({
        topic: string.until(12).ignorable(),
        topicId: uuid.since(13).ignorable(),
        partitions: array(int32),
      }),
    ).since(7),
    rackId: string.since(11).ignorable(),
  },
  response: {
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16.since(7).ignorable(),
    sessionId: int32.since(7),
    responses: array(
      struct({
        topic: string.until(12).ignorable(),
        topicId: uuid.since(13).ignorable(),
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            highWatermark: int64,
            lastStableOffset: int64.default(-1).since(4).ignorable(),
            logStartOffset: int64.default(-1).since(5).ignorable(),
            divergingEpoch: struct({
              epoch: int32.default(-1),
              endOffset: int64.default(-1),
            })
              .tag(0)
              .since(12),
            currentLeader: struct({
              leaderId: int32.default(-1),
              leaderEpoch: int32.default(-1),
            })
              .tag(1)
              .since(12),
            snapshotId: struct({
              endOffset: int64.default(-1),
              epoch: int32.default(-1),
            })
              .tag(2)
              .since(12),
            abortedTransactions: array(
              struct({
                producerId: int64,
                firstOffset: int64,
              }),
            )
              .nullable()
              .since(4)
              .ignorable(),
            preferredReadReplica: int32.default(-1).since(11),
            records: records.nullable(),
          }),
        ),
      }),
    ),
    nodeEndpoints: array(
      struct({
        nodeId: int32,
        host: string,
        port: int32,
        rack: string.nullable().default(null),
      }),
    )
      .tag(0)
      .since(16),
  },
})
