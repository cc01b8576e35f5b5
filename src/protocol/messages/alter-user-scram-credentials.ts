/**
 * AlterUserScramCredentials: sets and deletes SCRAM credentials (KIP-554).
 */
import { array, bytes, int8, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const AlterUserScramCredentials = message({
  name: 'AlterUserScramCredentials',
  key: 51,
  versions: [0, 0],
  flexible: 0,
  request: {
    deletions: array(
      struct({
        name: string,
        mechanism: int8,
      }),
    ),
    upsertions: array(
      struct({
        name: string,
        mechanism: int8,
        iterations: int32,
        salt: bytes,
        saltedPassword: bytes,
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    results: array(
      struct({
        user: string,
        errorCode: int16,
        errorMessage: string.nullable(),
      }),
    ),
  },
})
