/**
 * DescribeRebalances: lograft's own: why groups have rebalanced, as far as their coordinator remembers: the last rounds of each, what began them, and what they cost.
 *
 * Times are wall times of the coordinator; a duration of -1 says that it has not come so far, or never did.
 */
import { array, int16, int32, int64, string, struct } from '../field.js'
import { message } from '../schema.js'

export const DescribeRebalances = message({
  name: 'DescribeRebalances',
  key: 20002,
  versions: [0, 0],
  flexible: 0,
  request: {
    groupIds: array(string),
  },
  response: {
    groups: array(
      struct({
        errorCode: int16,
        groupId: string,
        groupType: string.default(''),
        groupState: string.default(''),
        members: int32.default(0),
        /** The newest last. */
        rounds: array(
          struct({
            groupType: string,
            /** Generation or group epoch that it led to. */
            generation: int32,
            startedAtMs: int64,
            /** Until all had joined, or were not waited for any more. */
            joinMs: int64.default(-1),
            /** Until the assignment was there. */
            totalMs: int64.default(-1),
            members: int32,
            outcome: string,
            causes: array(
              struct({
                reason: string,
                atMs: int64,
                /** Empty: nobody in particular. */
                memberId: string,
                groupInstanceId: string.nullable().default(null),
                clientId: string,
                clientHost: string,
                /** What the client says itself (KIP-800). */
                clientReason: string.nullable().default(null),
              }),
            ),
            /** How many causes are not listed. */
            moreCauses: int32.default(0),
          }),
        ),
      }),
    ),
  },
})
