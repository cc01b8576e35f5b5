/**
 * RenewDelegationToken: a delegation token expires later (KIP-48).
 *
 * v2 flexible.
 */
import { bytes, int16, int32, int64 } from '../field.js'
import { message } from '../schema.js'

export const RenewDelegationToken = message({
  name: 'RenewDelegationToken',
  key: 39,
  versions: [0, 2],
  flexible: 2,
  request: {
    hmac: bytes,
    renewPeriodMs: int64,
  },
  response: {
    errorCode: int16,
    expiryTimestampMs: int64,
    throttleTimeMs: int32,
  },
})
