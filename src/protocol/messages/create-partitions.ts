/**
 * CreatePartitions: topics get more partitions (KIP-195).
 *
 * v2 flexible; v3 an error for clients beyond their quota (KIP-599).
 */
import { array, bool, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const CreatePartitions = message({
  name: 'CreatePartitions',
  key: 37,
  versions: [0, 3],
  flexible: 2,
  request: {
    topics: array(
      struct({
        name: string,
        count: int32,
        assignments: array(
          struct({
            brokerIds: array(int32),
          }),
        ).nullable(),
      }),
    ),
    timeoutMs: int32,
    validateOnly: bool,
  },
  response: {
    throttleTimeMs: int32,
    results: array(
      struct({
        name: string,
        errorCode: int16,
        errorMessage: string.nullable().default(null),
      }),
    ),
  },
})
