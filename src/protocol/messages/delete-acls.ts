/**
 * DeleteAcls: deletes the access rules that filters match, and answers with them (KIP-140).
 *
 * v1 pattern types (KIP-290); v2 flexible; v3 users as a resource (KIP-373).
 */
import { array, int8, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const DeleteAcls = message({
  name: 'DeleteAcls',
  key: 31,
  versions: [0, 3],
  flexible: 2,
  request: {
    filters: array(
      struct({
        resourceTypeFilter: int8,
        resourceNameFilter: string.nullable(),
        patternTypeFilter: int8.default(3).since(1),
        principalFilter: string.nullable(),
        hostFilter: string.nullable(),
        operation: int8,
        permissionType: int8,
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    filterResults: array(
      struct({
        errorCode: int16,
        errorMessage: string.nullable(),
        matchingAcls: array(
          struct({
            errorCode: int16,
            errorMessage: string.nullable(),
            resourceType: int8,
            resourceName: string,
            patternType: int8.default(3).since(1),
            principal: string,
            host: string,
            operation: int8,
            permissionType: int8,
          }),
        ),
      }),
    ),
  },
})
