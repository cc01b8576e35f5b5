/**
 * CreateTopics: new topics, by numbers or by assignment.
 *
 * v1 validate only and messages; v2 throttle time; v4 broker's defaults for numbers of -1; v5 flexible, answers with what was created (KIP-525); v7 topic ids.
 */
import { array, bool, int8, int16, int32, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const CreateTopics = message({
  name: 'CreateTopics',
  key: 19,
  versions: [0, 7],
  flexible: 5,
  request: {
    topics: array(
      struct({
        name: string,
        numPartitions: int32,
        replicationFactor: int16,
        assignments: array(
          struct({
            partitionIndex: int32,
            brokerIds: array(int32),
          }),
        ),
        configs: array(
          struct({
            name: string,
            value: string.nullable(),
          }),
        ),
      }),
    ),
    timeoutMs: int32.default(60000),
    validateOnly: bool.since(1),
  },
  response: {
    throttleTimeMs: int32.since(2).ignorable(),
    topics: array(
      struct({
        name: string,
        topicId: uuid.since(7).ignorable(),
        errorCode: int16,
        errorMessage: string.nullable().since(1).ignorable(),
        topicConfigErrorCode: int16.tag(0).since(5).ignorable(),
        numPartitions: int32.default(-1).since(5).ignorable(),
        replicationFactor: int16.default(-1).since(5).ignorable(),
        configs: array(
          struct({
            name: string,
            value: string.nullable(),
            readOnly: bool,
            configSource: int8.default(-1).ignorable(),
            isSensitive: bool,
          }),
        )
          .nullable()
          .since(5)
          .ignorable(),
      }),
    ),
  },
})
