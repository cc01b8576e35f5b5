/**
 * CreateDelegationToken: a token with which others may act for a principal (KIP-48).
 *
 * v2 flexible; v3 for another owner (KIP-373).
 */
import { array, bytes, int16, int32, int64, string, struct } from '../field.js'
import { message } from '../schema.js'

export const CreateDelegationToken = message({
  name: 'CreateDelegationToken',
  key: 38,
  versions: [0, 3],
  flexible: 2,
  request: {
    ownerPrincipalType: string.nullable().since(3),
    ownerPrincipalName: string.nullable().since(3),
    renewers: array(
      struct({
        principalType: string,
        principalName: string,
      }),
    ),
    maxLifetimeMs: int64,
  },
  response: {
    errorCode: int16,
    principalType: string,
    principalName: string,
    tokenRequesterPrincipalType: string.since(3),
    tokenRequesterPrincipalName: string.since(3),
    issueTimestampMs: int64,
    expiryTimestampMs: int64,
    maxTimestampMs: int64,
    tokenId: string,
    hmac: bytes,
    throttleTimeMs: int32,
  },
})
