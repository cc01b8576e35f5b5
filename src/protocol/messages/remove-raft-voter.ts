/**
 * RemoveRaftVoter: a voter leaves the metadata quorum (KIP-853).
 */
import { int16, int32, string, uuid } from '../field.js'
import { message } from '../schema.js'

export const RemoveRaftVoter = message({
  name: 'RemoveRaftVoter',
  key: 81,
  versions: [0, 0],
  flexible: 0,
  request: {
    clusterId: string.nullable(),
    voterId: int32,
    voterDirectoryId: uuid,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable().ignorable(),
  },
})
