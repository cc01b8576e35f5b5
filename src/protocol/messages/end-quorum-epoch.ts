/**
 * EndQuorumEpoch: a leader of the metadata quorum resigns, and says who should follow (KIP-595).
 *
 * v1 flexible, directories of candidates, and endpoints (KIP-853).
 */
import { array, int16, int32, string, struct, uint16, uuid } from '../field.js'
import { message } from '../schema.js'

export const EndQuorumEpoch = message({
  name: 'EndQuorumEpoch',
  key: 54,
  versions: [0, 1],
  flexible: 1,
  request: {
    clusterId: string.nullable().default(null),
    topics: array(
      struct({
        topicName: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            leaderId: int32,
            leaderEpoch: int32,
            preferredSuccessors: array(int32).until(0).ignorable(),
            preferredCandidates: array(
              struct({
                candidateId: int32,
                candidateDirectoryId: uuid,
              }),
            )
              .since(1)
              .ignorable(),
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
