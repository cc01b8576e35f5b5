/**
 * AlterConfigs: sets all settings of a resource at once: those that are not named go back to their defaults (KIP-133).
 *
 * v2 flexible.
 */
import { array, bool, int8, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const AlterConfigs = message({
  name: 'AlterConfigs',
  key: 33,
  versions: [0, 2],
  flexible: 2,
  request: {
    resources: array(
      struct({
        resourceType: int8,
        resourceName: string,
        configs: array(
          struct({
            name: string,
            value: string.nullable(),
          }),
        ),
      }),
    ),
    validateOnly: bool,
  },
  response: {
    throttleTimeMs: int32,
    responses: array(
      struct({
        errorCode: int16,
        errorMessage: string.nullable(),
        resourceType: int8,
        resourceName: string,
      }),
    ),
  },
})
