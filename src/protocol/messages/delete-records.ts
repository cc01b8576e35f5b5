/**
 * DeleteRecords: all records of partitions before an offset are no longer wanted (KIP-107).
 *
 * v2 flexible.
 */
import { array, int16, int32, int64, string, struct } from '../field.js'
import { message } from '../schema.js'

export const DeleteRecords = message({
  name: 'DeleteRecords',
  key: 21,
  versions: [0, 2],
  flexible: 2,
  request: {
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            offset: int64,
          }),
        ),
      }),
    ),
    timeoutMs: int32,
  },
  response: {
    throttleTimeMs: int32,
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            lowWatermark: int64,
            errorCode: int16,
          }),
        ),
      }),
    ),
  },
})
