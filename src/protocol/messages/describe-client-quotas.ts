/**
 * DescribeClientQuotas: the quotas that a filter matches (KIP-546).
 *
 * v1 flexible.
 */
import { array, bool, float64, int8, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const DescribeClientQuotas = message({
  name: 'DescribeClientQuotas',
  key: 48,
  versions: [0, 1],
  flexible: 1,
  request: {
    components: array(
      struct({
        entityType: string,
        matchType: int8,
        match: string.nullable(),
      }),
    ),
    strict: bool,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable(),
    entries: array(
      struct({
        entity: array(
          struct({
            entityType: string,
            entityName: string.nullable(),
          }),
        ),
        values: array(
          struct({
            key: string,
            value: float64,
          }),
        ),
      }),
    ).nullable(),
  },
})
