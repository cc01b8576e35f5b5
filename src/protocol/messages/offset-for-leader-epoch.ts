/**
 * OffsetForLeaderEpoch: where a leader epoch ends in the log of its leader: what stands behind that in another log is to be truncated (KIP-101).
 *
 * v1 the epoch that the end belongs to (KIP-279); v2 the epoch that the client knows, and throttle time (KIP-320); v3 the replica that asks
 * (KIP-392); v4 flexible.
 */
import { array, int16, int32, int64, string, struct } from '../field.js'
import { message } from '../schema.js'

export const OffsetForLeaderEpoch = message({
  name: 'OffsetForLeaderEpoch',
  key: 23,
  versions: [0, 4],
  flexible: 4,
  request: {
    replicaId: int32.default(-2).since(3).ignorable(),
    topics: array(
      struct({
        topic: string,
        partitions: array(
          struct({
            partition: int32,
            currentLeaderEpoch: int32.default(-1).since(2).ignorable(),
            leaderEpoch: int32,
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32.since(2).ignorable(),
    topics: array(
      struct({
        topic: string,
        partitions: array(
          struct({
            errorCode: int16,
            partition: int32,
            leaderEpoch: int32.default(-1).since(1).ignorable(),
            endOffset: int64.default(-1),
          }),
        ),
      }),
    ),
  },
})
