/**
 * ElectLeaders: partitions elect their preferred leader (KIP-183).
 *
 * v1 or any leader, at the price of records (KIP-460); v2 flexible.
 */
import { array, int8, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const ElectLeaders = message({
  name: 'ElectLeaders',
  key: 43,
  versions: [0, 2],
  flexible: 2,
  request: {
    electionType: int8.since(1),
    topicPartitions: array(
      struct({
        topic: string,
        partitions: array(int32),
      }),
    ).nullable(),
    timeoutMs: int32.default(60000),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16.since(1),
    replicaElectionResults: array(
      struct({
        topic: string,
        partitionResult: array(
          struct({
            partitionId: int32,
            errorCode: int16,
            errorMessage: string.nullable(),
          }),
        ),
      }),
    ),
  },
})
