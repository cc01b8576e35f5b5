/**
 * Heartbeat: a member of a classic group says that it is alive.
 *
 * v1 throttle time; v3 static members (KIP-345); v4 flexible.
 */
import { int16, int32, string } from '../field.js'
import { message } from '../schema.js'

export const Heartbeat = message({
  name: 'Heartbeat',
  key: 12,
  versions: [0, 4],
  flexible: 4,
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: string.nullable().default(null).since(3),
  },
  response: {
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16,
  },
})
