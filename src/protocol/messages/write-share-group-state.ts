/**
 * WriteShareGroupState: changes to the state of share partitions (KIP-932).
 *
 * v1 how many records are done with behind the start offset.
 */
import { array, int8, int16, int32, int64, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const WriteShareGroupState = message({
  name: 'WriteShareGroupState',
  key: 85,
  versions: [0, 1],
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
            leaderEpoch: int32,
            startOffset: int64,
            deliveryCompleteCount: int32.default(-1).since(1).ignorable(),
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
