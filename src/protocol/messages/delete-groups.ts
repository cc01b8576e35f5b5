/**
 * DeleteGroups: groups without members are deleted with their offsets (KIP-229).
 *
 * v2 flexible; v3 messages.
 */
import { array, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const DeleteGroups = message({
  name: 'DeleteGroups',
  key: 42,
  versions: [0, 3],
  flexible: 2,
  request: {
    groupsNames: array(string),
  },
  response: {
    throttleTimeMs: int32,
    results: array(
      struct({
        groupId: string,
        errorCode: int16,
        errorMessage: string.nullable().default(null).since(3).ignorable(),
      }),
    ),
  },
})
