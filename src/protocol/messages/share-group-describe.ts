/**
 * ShareGroupDescribe: state and members of share groups (KIP-932).
 *
 * v0 was only for early access.
 */
import { array, bool, int16, int32, string, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const ShareGroupDescribe = message({
  name: 'ShareGroupDescribe',
  key: 77,
  versions: [1, 1],
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
            rackId: string.nullable().default(null),
            memberEpoch: int32,
            clientId: string,
            clientHost: string,
            subscribedTopicNames: array(string),
            assignment: struct({
              topicPartitions: array(
                struct({
                  topicId: uuid,
                  topicName: string,
                  partitions: array(int32),
                }),
              ),
            }),
          }),
        ),
        authorizedOperations: int32.default(-2147483648),
      }),
    ),
  },
})
