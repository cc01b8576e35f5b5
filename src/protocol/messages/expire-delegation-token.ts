/**
 * ExpireDelegationToken: a delegation token expires at another time, or at once (KIP-48).
 *
 * v2 flexible.
 */
import { bytes, int16, int32, int64 } from '../field.js'
import { message } from '../schema.js'

export const ExpireDelegationToken = message({
  name: 'ExpireDelegationToken',
  key: 40,
  versions: [0, 2],
  flexible: 2,
  request: {
    hmac: bytes,
    expiryTimePeriodMs: int64,
  },
  response: {
    errorCode: int16,
    expiryTimestampMs: int64,
    throttleTimeMs: int32,
  },
})
