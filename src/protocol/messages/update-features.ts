/**
 * UpdateFeatures: sets the level at which features of the cluster are used (KIP-584).
 *
 * v1 upgrade types and trial runs (KIP-778); v2 one error for all.
 */
import { array, bool, int8, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const UpdateFeatures = message({
  name: 'UpdateFeatures',
  key: 57,
  versions: [0, 2],
  flexible: 0,
  request: {
    timeoutMs: int32.default(60000),
    featureUpdates: array(
      struct({
        feature: string,
        maxVersionLevel: int16,
        allowDowngrade: bool.until(0),
        upgradeType: int8.default(1).since(1),
      }),
    ),
    validateOnly: bool.since(1),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable(),
    results: array(
      struct({
        feature: string,
        errorCode: int16,
        errorMessage: string.nullable(),
      }),
    )
      .until(1)
      .ignorable(),
  },
})
