/**
 * CreateAcls: new access rules (KIP-140).
 *
 * v1 pattern types (KIP-290); v2 flexible; v3 users as a resource (KIP-373).
 */
import { array, int8, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const CreateAcls = message({
  name: 'CreateAcls',
  key: 30,
  versions: [0, 3],
  flexible: 2,
  request: {
    creations: array(
      struct({
        resourceType: int8,
        resourceName: string,
        resourcePatternType: int8.default(3).since(1),
        principal: string,
        host: string,
        operation: int8,
        permissionType: int8,
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    results: array(
      struct({
        errorCode: int16,
        errorMessage: string.nullable(),
      }),
    ),
  },
})
