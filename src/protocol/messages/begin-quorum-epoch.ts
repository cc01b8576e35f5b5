/**
 * BeginQuorumEpoch: a new leader of the metadata quorum makes itself known to the voters (KIP-595).
 *
 * v1 flexible, directories of voters, and endpoints (KIP-853).
 */
import { array, int16, int32, string, struct, uint16, uuid } from '../field.js'
import { message } from '../schema.js'

export const BeginQuorumEpoch = message({
  name: 'BeginQuorumEpoch',
  key: 53,
  versions: [0, 1],
  flexible: 1,
  request: {
    clusterId: string.nullable().default(null),
    voterId: int32.default(-1).since(1).ignorable(),
    topics: array(
      struct({
        topicName: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            voterDirectoryId: uuid.since(1).ignorable(),
            leaderId: int32,
            leaderEpoch: int32,
          }),
        ),
      }),
    ),
    leaderEndpoints: array(
      struct({
        name: string,
        host: string,
        port: uint16,
      }),
    )
      .since(1)
      .ignorable(),
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
