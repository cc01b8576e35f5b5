/**
 * Vote: a candidate asks a voter of the metadata quorum for its vote (KIP-595).
 *
 * v1 directories of voters, and endpoints of the leader (KIP-853); v2 a vote that is only tried (KIP-996).
 */
import { array, bool, int16, int32, int64, string, struct, uint16, uuid } from '../field.js'
import { message } from '../schema.js'

export const Vote = message({
  name: 'Vote',
  key: 52,
  versions: [0, 2],
  flexible: 0,
  request: {
    clusterId: string.nullable().default(null),
    voterId: int32.default(-1).since(1).ignorable(),
    topics: array(
      struct({
        topicName: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            replicaEpoch: int32,
            replicaId: int32,
            replicaDirectoryId: uuid.since(1).ignorable(),
            voterDirectoryId: uuid.since(1).ignorable(),
            lastOffsetEpoch: int32,
            lastOffset: int64,
            preVote: bool.since(2),
          }),
        ),
      }),
    ),
  },
  response: {
    errorCode: int16,
    topics: array(
      struct({
        topicName: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            leaderId: int32,
            leaderEpoch: int32,
            voteGranted: bool,
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
