/**
 * DescribeUserScramCredentials: which SCRAM credentials users have (KIP-554).
 */
import { array, int8, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const DescribeUserScramCredentials = message({
  name: 'DescribeUserScramCredentials',
  key: 50,
  versions: [0, 0],
  flexible: 0,
  request: {
    users: array(
      struct({
        name: string,
      }),
    ).nullable(),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable(),
    results: array(
      struct({
        user: string,
        errorCode: int16,
        errorMessage: string.nullable(),
        credentialInfos: array(
          struct({
            mechanism: int8,
            iterations: int32,
          }),
        ),
      }),
    ),
  },
})
