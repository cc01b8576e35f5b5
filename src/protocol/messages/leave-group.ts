/**
 * LeaveGroup: members leave a classic group.
 *
 * v1 throttle time; v3 several members, also static ones (KIP-345); v4 flexible; v5 the reason (KIP-800).
 */
import { array, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const LeaveGroup = message({
  name: 'LeaveGroup',
  key: 13,
  versions: [0, 5],
  flexible: 4,
  request: {
    groupId: string,
    memberId: string.until(2),
    members: array(
      struct({
        memberId: string,
        groupInstanceId: string.nullable().default(null),
        reason: string.nullable().default(null).since(5).ignorable(),
      }),
    ).since(3),
  },
  response: {
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16,
    members: array(
      struct({
        memberId: string,
        groupInstanceId: string.nullable(),
        errorCode: int16,
      }),
    ).since(3),
  },
})
