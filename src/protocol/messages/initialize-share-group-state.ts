/**
 * InitializeShareGroupState: share partitions begin to have a state, kept by the share coordinator (KIP-932).
 */
import { array, int16, int32, int64, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const InitializeShareGroupState = message({
  name: 'InitializeShareGroupState',
  key: 83,
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
            stateEpoch: int32,
            startOffset: int64,
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
