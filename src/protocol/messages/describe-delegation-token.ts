/**
 * DescribeDelegationToken: the delegation tokens of owners (KIP-48).
 *
 * v2 flexible; v3 who asked for the token (KIP-373).
 */
import { array, bytes, int16, int32, int64, string, struct } from '../field.js'
import { message } from '../schema.js'

export const DescribeDelegationToken = message({
  name: 'DescribeDelegationToken',
  key: 41,
  versions: [0, 3],
  flexible: 2,
  request: {
    owners: array(
      struct({
        principalType: string,
        principalName: string,
      }),
    ).nullable(),
  },
  response: {
    errorCode: int16,
    tokens: array(
      struct({
        principalType: string,
        principalName: string,
        tokenRequesterPrincipalType: string.since(3),
        tokenRequesterPrincipalName: string.since(3),
        issueTimestamp: int64,
        expiryTimestamp: int64,
        maxTimestamp: int64,
        tokenId: string,
        hmac: bytes,
        renewers: array(
          struct({
            principalType: string,
            principalName: string,
          }),
        ),
      }),
    ),
    throttleTimeMs: int32,
  },
})
