/**
 * ReadShareGroupState: the state of share partitions, as the share coordinator keeps it (KIP-932).
 */
import { array, int8, int16, int32, int64, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const ReadShareGroupState = message({
  name: 'ReadShareGroupState',
  key: 84,
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
            leaderEpoch: int32,
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
            stateEpoch: int32,
            startOffset: int64,
            stateBatches: array(
              struct({
                firstOffset: int64,
                lastOffset: int64,
                deliveryState: int8,
                deliveryCount: int16,
              }),
            ),
          }),
        ),
      }),
    ),
  },
})
