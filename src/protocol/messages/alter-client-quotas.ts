/**
 * AlterClientQuotas: sets and removes quotas (KIP-546).
 *
 * v1 flexible.
 */
import { array, bool, float64, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const AlterClientQuotas = message({
  name: 'AlterClientQuotas',
  key: 49,
  versions: [0, 1],
  flexible: 1,
  request: {
    entries: array(
      struct({
        entity: array(
          struct({
            entityType: string,
            entityName: string.nullable(),
          }),
        ),
        ops: array(
          struct({
            key: string,
            value: float64,
            remove: bool,
          }),
        ),
      }),
    ),
    validateOnly: bool,
  },
  response: {
    throttleTimeMs: int32,
    entries: array(
      struct({
        errorCode: int16,
        errorMessage: string.nullable(),
        entity: array(
          struct({
            entityType: string,
            entityName: string.nullable(),
          }),
        ),
      }),
    ),
  },
})
