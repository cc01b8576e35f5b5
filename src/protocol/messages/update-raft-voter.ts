/**
 * UpdateRaftVoter: a voter of the metadata quorum has other endpoints or versions (KIP-853).
 */
import { array, int16, int32, string, struct, uint16, uuid } from '../field.js'
import { message } from '../schema.js'

export const UpdateRaftVoter = message({
  name: 'UpdateRaftVoter',
  key: 82,
  versions: [0, 0],
  flexible: 0,
  request: {
    clusterId: string.nullable(),
    currentLeaderEpoch: int32,
    voterId: int32,
    voterDirectoryId: uuid,
    listeners: array(
      struct({
        name: string,
        host: string,
        port: uint16,
      }),
    ),
    kRaftVersionFeature: struct({
      minSupportedVersion: int16,
      maxSupportedVersion: int16,
    }),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    currentLeader: struct({
      leaderId: int32.default(-1),
      leaderEpoch: int32.default(-1),
      host: string,
      port: int32,
    }).tag(0),
  },
})
