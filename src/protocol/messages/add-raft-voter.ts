/**
 * AddRaftVoter: the metadata quorum gets another voter (KIP-853).
 *
 * v1 whether the answer waits for the commit.
 */
import { array, bool, int16, int32, string, struct, uint16, uuid } from '../field.js'
import { message } from '../schema.js'

export const AddRaftVoter = message({
  name: 'AddRaftVoter',
  key: 80,
  versions: [0, 1],
  flexible: 0,
  request: {
    clusterId: string.nullable(),
    timeoutMs: int32,
    voterId: int32,
    voterDirectoryId: uuid,
    listeners: array(
      struct({
        name: string,
        host: string,
        port: uint16,
      }),
    ),
    ackWhenCommitted: bool.default(true).since(1),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable().ignorable(),
  },
})
