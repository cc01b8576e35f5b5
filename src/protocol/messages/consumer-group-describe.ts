/**
 * ConsumerGroupDescribe: state, members and assignments of consumer groups (KIP-848).
 *
 * v1 whether a member speaks the classic protocol (KIP-1099).
 */
import { array, bool, int8, int16, int32, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

const assignment = struct({
  topicPartitions: array(
    struct({
      topicId: uuid,
      topicName: string,
      partitions: array(int32),
    }),
  ),
})

export const ConsumerGroupDescribe = message({
  name: 'ConsumerGroupDescribe',
  key: 69,
  versions: [0, 1],
  flexible: 0,
  request: {
    groupIds: array(string),
    includeAuthorizedOperations: bool,
  },
  response: {
    throttleTimeMs: int32,
    groups: array(
      struct({
        errorCode: int16,
        errorMessage: string.nullable().default(null),
        groupId: string,
        groupState: string,
        groupEpoch: int32,
        assignmentEpoch: int32,
        assignorName: string,
        members: array(
          struct({
            memberId: string,
            instanceId: string.nullable().default(null),
            rackId: string.nullable().default(null),
            memberEpoch: int32,
            clientId: string,
            clientHost: string,
            subscribedTopicNames: array(string),
            subscribedTopicRegex: string.nullable().default(null),
            assignment,
            targetAssignment: assignment,
            memberType: int8.default(-1).since(1).ignorable(),
          }),
        ),
        authorizedOperations: int32.default(-2147483648),
      }),
    ),
  },
})
