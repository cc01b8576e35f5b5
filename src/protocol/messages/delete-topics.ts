/**
 * DeleteTopics: topics to delete, by name or by id.
 *
 * v1 throttle time; v4 flexible; v5 messages (KIP-599); v6 topic ids (KIP-516).
 */
import { array, int16, int32, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const DeleteTopics = message({
  name: 'DeleteTopics',
  key: 20,
  versions: [0, 6],
  flexible: 4,
  request: {
    topics: array(
      struct({
        name: string.nullable().default(null),
        topicId: uuid,
      }),
    ).since(6),
    topicNames: array(string).until(5).ignorable(),
    timeoutMs: int32,
  },
  response: {
    throttleTimeMs: int32.since(1).ignorable(),
    responses: array(
      struct({
        name: string.nullable(6),
        topicId: uuid.since(6).ignorable(),
        errorCode: int16,
        errorMessage: string.nullable().default(null).since(5).ignorable(),
      }),
    ),
  },
})
