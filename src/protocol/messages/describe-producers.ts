/**
 * DescribeProducers: the producers that a partition's leader knows of (KIP-664).
 */
import { array, int16, int32, int64, string, struct } from '../field.js'
import { message } from '../schema.js'

export const DescribeProducers = message({
  name: 'DescribeProducers',
  key: 61,
  versions: [0, 0],
  flexible: 0,
  request: {
    topics: array(
      struct({
        name: string,
        partitionIndexes: array(int32),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            errorMessage: string.nullable().default(null),
            activeProducers: array(
              struct({
                producerId: int64,
                producerEpoch: int32,
                lastSequence: int32.default(-1),
                lastTimestamp: int64.default(-1),
                coordinatorEpoch: int32,
                currentTxnStartOffset: int64.default(-1),
              }),
            ),
          }),
        ),
      }),
    ),
  },
})
