/**
 * DeleteShareGroupState: the state of share partitions is no longer wanted (KIP-932).
 */
import { array, int16, int32, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const DeleteShareGroupState = message({
  name: 'DeleteShareGroupState',
  key: 86,
  versions: [0, 0],
  flexible: 0,
  request: {
    groupId: string,
    topics: array(
      struct({
        topicId: uuid,
        partitions: array(
          struct({
            partition: int32,
          }),
        ),
      }),
    ),
  },
  response: {
    results: array(
      struct({
        topicId: uuid,
        partitions: array(
          struct({
            partition: int32,
            errorCode: int16,
            errorMessage: string.nullable().default(null),
          }),
        ),
      }),
    ),
  },
})
