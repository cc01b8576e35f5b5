/**
 * DescribeShareGroupOffsets: where share groups begin to read (KIP-932).
 *
 * v1 how far they are behind.
 */
import { array, int16, int32, int64, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const DescribeShareGroupOffsets = message({
  name: 'DescribeShareGroupOffsets',
  key: 90,
  versions: [0, 1],
  flexible: 0,
  request: {
    groups: array(
      struct({
        groupId: string,
        topics: array(
          struct({
            topicName: string,
            partitions: array(int32),
          }),
        ).nullable(),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    groups: array(
      struct({
        groupId: string,
        topics: array(
          struct({
            topicName: string,
            topicId: uuid,
            partitions: array(
              struct({
                partitionIndex: int32,
                startOffset: int64,
                leaderEpoch: int32,
                lag: int64.default(-1).since(1).ignorable(),
                errorCode: int16,
                errorMessage: string.nullable().default(null),
              }),
            ),
          }),
        ),
        errorCode: int16,
        errorMessage: string.nullable().default(null),
      }),
    ),
  },
})
