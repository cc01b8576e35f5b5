/**
 * SyncGroup: the leader of a classic group hands in the assignment, and every member gets its part.
 *
 * v1 throttle time; v3 static members (KIP-345); v4 flexible; v5 protocol type and name (KIP-559).
 */
import { array, bytes, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const SyncGroup = message({
  name: 'SyncGroup',
  key: 14,
  versions: [0, 5],
  flexible: 4,
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: string.nullable().default(null).since(3),
    protocolType: string.nullable().default(null).since(5).ignorable(),
    protocolName: string.nullable().default(null).since(5).ignorable(),
    assignments: array(
      struct({
        memberId: string,
        assignment: bytes,
      }),
    ),
  },
  response: {
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16,
    protocolType: string.nullable().default(null).since(5).ignorable(),
    protocolName: string.nullable().default(null).since(5).ignorable(),
    assignment: bytes,
  },
})
