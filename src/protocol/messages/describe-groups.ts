/**
 * DescribeGroups: state and members of classic groups.
 *
 * v1 throttle time; v3 authorized operations (KIP-430); v4 static members (KIP-345); v5 flexible; v6 messages, and an error for a group that is not
 * there (KIP-1043).
 */
import { array, bool, bytes, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const DescribeGroups = message({
  name: 'DescribeGroups',
  key: 15,
  versions: [0, 6],
  flexible: 5,
  request: {
    groups: array(string),
    includeAuthorizedOperations: bool.since(3),
  },
  response: {
    throttleTimeMs: int32.since(1).ignorable(),
    groups: array(
      struct({
        errorCode: int16,
        errorMessage: string.nullable().default(null).since(6),
        groupId: string,
        groupState: string,
        protocolType: string,
        protocolData: string,
        members: array(
          struct({
            memberId: string,
            groupInstanceId: string.nullable().default(null).since(4).ignorable(),
            clientId: string,
            clientHost: string,
            memberMetadata: bytes,
            memberAssignment: bytes,
          }),
        ),
        authorizedOperations: int32.default(-2147483648).since(3),
      }),
    ),
  },
})
