/**
 * IncrementalAlterConfigs: sets, deletes, or appends to and subtracts from single settings (KIP-339).
 *
 * v1 flexible.
 */
import { array, bool, int8, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const IncrementalAlterConfigs = message({
  name: 'IncrementalAlterConfigs',
  key: 44,
  versions: [0, 1],
  flexible: 1,
  request: {
    resources: array(
      struct({
        resourceType: int8,
        resourceName: string,
        configs: array(
          struct({
            name: string,
            configOperation: int8,
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
