/**
 * ListOffsets: the offset at a time, or at one of the special times -1 latest, -2 earliest, -3 largest timestamp, -4 earliest local, -5 latest tiered,
 * -6 earliest pending upload.
 *
 * v0 a list of offsets; v1 one offset with its timestamp; v2 isolation level; v4 leader epochs; v6 flexible; v7 largest timestamp (KIP-734); v8 earliest
 * local (KIP-405); v9 latest tiered (KIP-1005); v10 a time limit (KIP-1075); v11 earliest pending upload (KIP-1023).
 */
import { array, int8, int16, int32, int64, string, struct } from '../field.js'
import { message } from '../schema.js'

export const ListOffsets = message({
  name: 'ListOffsets',
  key: 2,
  versions: [0, 11],
  flexible: 6,
  request: {
    replicaId: int32,
    isolationLevel: int8.since(2),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            currentLeaderEpoch: int32.default(-1).since(4).ignorable(),
            timestamp: int64,
            maxNumOffsets: int32.default(1).until(0),
          }),
        ),
      }),
    ),
    timeoutMs: int32.since(10).ignorable(),
  },
  response: {
    throttleTimeMs: int32.since(2).ignorable(),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            oldStyleOffsets: array(int64).until(0),
            timestamp: int64.default(-1).since(1),
            offset: int64.default(-1).since(1),
            leaderEpoch: int32.default(-1).since(4),
          }),
        ),
      }),
    ),
  },
})
