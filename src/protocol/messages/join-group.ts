/**
 * JoinGroup: a consumer asks to be a member of a classic group, and waits for the round of all members. The leader is told of everyone.
 *
 * v1 a rebalance timeout of its own; v2 throttle time; v4 a new member is first given its id (KIP-394); v5 static members (KIP-345); v6 flexible;
 * v7 protocol type (KIP-559); v8 the reason (KIP-800); v9 a leader that needs not assign (KIP-814).
 */
import { array, bool, bytes, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const JoinGroup = message({
  name: 'JoinGroup',
  key: 11,
  versions: [0, 9],
  flexible: 6,
  request: {
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: int32.default(-1).since(1).ignorable(),
    memberId: string,
    groupInstanceId: string.nullable().default(null).since(5),
    protocolType: string,
    protocols: array(
      struct({
        name: string,
        metadata: bytes,
      }),
    ),
    reason: string.nullable().default(null).since(8).ignorable(),
  },
  response: {
    throttleTimeMs: int32.since(2).ignorable(),
    errorCode: int16,
    generationId: int32.default(-1),
    protocolType: string.nullable().default(null).since(7).ignorable(),
    protocolName: string.nullable(7),
    leader: string,
    skipAssignment: bool.since(9),
    memberId: string,
    members: array(
      struct({
        memberId: string,
        groupInstanceId: string.nullable().default(null).since(5).ignorable(),
        metadata: bytes,
      }),
    ),
  },
})
