/**
 * AlterShareGroupOffsets: share groups without members begin to read elsewhere (KIP-932).
 */
import { array, int16, int32, int64, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const AlterShareGroupOffsets = message({
  name: 'AlterShareGroupOffsets',
  key: 91,
  versions: [0, 0],
  flexible: 0,
  request: {
    groupId: string,
    topics: array(
      struct({
        topicName: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            startOffset: int64,
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable().default(null),
    responses: array(
      struct({
        topicName: string,
        topicId: uuid,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            errorMessage: string.nullable().default(null),
          }),
        ),
      }),
    ),
  },
})
