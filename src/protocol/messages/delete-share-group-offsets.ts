/**
 * DeleteShareGroupOffsets: share groups forget where they were in topics (KIP-932).
 */
import { array, int16, int32, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const DeleteShareGroupOffsets = message({
  name: 'DeleteShareGroupOffsets',
  key: 92,
  versions: [0, 0],
  flexible: 0,
  request: {
    groupId: string,
    topics: array(
      struct({
        topicName: string,
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
        errorCode: int16,
        errorMessage: string.nullable().default(null),
      }),
    ),
  },
})
