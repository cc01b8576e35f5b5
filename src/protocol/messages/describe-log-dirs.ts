/**
 * DescribeLogDirs: log directories of a broker, and the replicas in them with their sizes (KIP-113).
 *
 * v2 flexible; v3 an error for the whole; v4 size of the volume (KIP-827); v5 cordoned directories (KIP-1066).
 */
import { array, bool, int16, int32, int64, string, struct } from '../field.js'
import { message } from '../schema.js'

export const DescribeLogDirs = message({
  name: 'DescribeLogDirs',
  key: 35,
  versions: [0, 5],
  flexible: 2,
  request: {
    topics: array(
      struct({
        topic: string,
        partitions: array(int32),
      }),
    ).nullable(),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16.since(3).ignorable(),
    results: array(
      struct({
        errorCode: int16,
        logDir: string,
        topics: array(
          struct({
            name: string,
            partitions: array(
              struct({
                partitionIndex: int32,
                partitionSize: int64,
                offsetLag: int64,
                isFutureKey: bool,
              }),
            ),
          }),
        ),
        totalBytes: int64.default(-1).since(4).ignorable(),
        usableBytes: int64.default(-1).since(4).ignorable(),
        isCordoned: bool.since(5).ignorable(),
      }),
    ),
  },
})
