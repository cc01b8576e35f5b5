/**
 * OffsetDelete: committed offsets of a group are forgotten (KIP-496). Never flexible.
 */
import { array, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const OffsetDelete = message({
  name: 'OffsetDelete',
  key: 47,
  versions: [0, 0],
  flexible: 'never',
  request: {
    groupId: string,
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
          }),
        ),
      }),
    ),
  },
  response: {
    errorCode: int16,
    throttleTimeMs: int32.ignorable(),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
          }),
        ),
      }),
    ),
  },
})
