/**
 * ListGroups: the groups that a broker coordinates.
 *
 * v1 throttle time; v3 flexible; v4 by state (KIP-518); v5 by type (KIP-848).
 */
import { array, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const ListGroups = message({
  name: 'ListGroups',
  key: 16,
  versions: [0, 5],
  flexible: 3,
  request: {
    statesFilter: array(string).since(4),
    typesFilter: array(string).since(5),
  },
  response: {
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16,
    groups: array(
      struct({
        groupId: string,
        protocolType: string,
        groupState: string.since(4).ignorable(),
        groupType: string.since(5).ignorable(),
      }),
    ),
  },
})
