/**
 * AlterReplicaLogDirs: replicas of a broker move to other log directories of it (KIP-113).
 *
 * v2 flexible.
 */
import { array, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const AlterReplicaLogDirs = message({
  name: 'AlterReplicaLogDirs',
  key: 34,
  versions: [0, 2],
  flexible: 2,
  request: {
    dirs: array(
      struct({
        path: string,
        topics: array(
          struct({
            name: string,
            partitions: array(int32),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    results: array(
      struct({
        topicName: string,
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
