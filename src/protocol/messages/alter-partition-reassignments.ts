/**
 * AlterPartitionReassignments: partitions move to other replicas, or stop to (KIP-455).
 *
 * v1 whether their number may change (KIP-860).
 */
import { array, bool, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const AlterPartitionReassignments = message({
  name: 'AlterPartitionReassignments',
  key: 45,
  versions: [0, 1],
  flexible: 0,
  request: {
    timeoutMs: int32.default(60000),
    allowReplicationFactorChange: bool.default(true).since(1),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            replicas: array(int32).nullable().default(null),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    allowReplicationFactorChange: bool.default(true).since(1).ignorable(),
    errorCode: int16,
    errorMessage: string.nullable(),
    responses: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            errorMessage: string.nullable(),
          }),
        ),
      }),
    ),
  },
})
