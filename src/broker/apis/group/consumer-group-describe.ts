/**
 * ConsumerGroupDescribe: state, members and assignments of consumer groups (KIP-848), each group answered for itself. Of a group that has a topic which the client
 * may not describe nothing is told.
 */
import { GROUP_VERSION } from '../../../metadata/release.js'
import { ErrorCode } from '../../../protocol/errors.js'
import { ConsumerGroupDescribe } from '../../../protocol/messages/consumer-group-describe.js'
import type { InferInput } from '../../../protocol/schema.js'
import { type Call, handler } from '../../server/handler.js'
import { eachForItself } from '../../server/stages.js'
import { brokerOf, type Services } from '../services.js'
import { groupOperations, mayOnGroup, mayOnTopic, sifted } from './allowed.js'
import { codeOf, groupsOf, requestOf } from './ask-group.js'

type DescribedGroup = InferInput<typeof ConsumerGroupDescribe.response>['groups'][number]

export const consumerGroupDescribe = handler<
  Services,
  typeof ConsumerGroupDescribe.request.fields,
  typeof ConsumerGroupDescribe.response.fields
>(ConsumerGroupDescribe, {
  versions: [0, 1],
  servedBy: 'group coordinator',
  listeners: ['broker'],
  // Each group for itself.
  authorize: eachForItself,
  refuse: ({ groupIds }, errorCode) => ({ throttleTimeMs: 0, groups: failed(groupIds, errorCode) }),
  handle: (request, services, call) => {
    const { groupIds, includeAuthorizedOperations } = request
    if ((brokerOf(services).image.features.get(GROUP_VERSION) ?? 0) < 1) {
      return call.reply({ throttleTimeMs: 0, groups: failed(groupIds, ErrorCode.UNSUPPORTED_VERSION) })
    }
    const [allowed, denied] = sifted(groupIds, (groupId) => mayOnGroup(call, 'DESCRIBE', groupId))
    const [named, unnamed] = sifted(allowed, (groupId) => groupId !== '')
    groupsOf(services).askEach(
      named,
      (groupId) => groupId,
      (ids) => requestOf('ConsumerGroupDescribe', { ...request, groupIds: [...ids] }, call),
      (answers) => {
        const groups = answers.flatMap(({ items, answer }) =>
          typeof answer === 'string' ? failed(items, codeOf(answer)) : answer.groups,
        )
        const told = groups.map((described) => ({
          ...(maySeeTopics(described, call) ? described : hidden(described)),
          ...(includeAuthorizedOperations &&
            described.errorCode === ErrorCode.NONE && {
              authorizedOperations: groupOperations(call, described.groupId),
            }),
        }))
        const refused = failed(denied, ErrorCode.GROUP_AUTHORIZATION_FAILED)
        call.reply({
          throttleTimeMs: 0,
          groups: [...refused, ...failed(unnamed, ErrorCode.INVALID_GROUP_ID), ...told],
        })
      },
    )
  },
})

function maySeeTopics({ members }: DescribedGroup, call: Call<unknown>): boolean {
  const names = new Set<string>()
  for (const { assignment, targetAssignment } of members) {
    for (const { topicPartitions } of [assignment, targetAssignment]) {
      for (const { topicName } of topicPartitions) names.add(topicName)
    }
  }
  return [...names].every((name) => mayOnTopic(call, 'DESCRIBE', name))
}

function hidden({ groupId }: DescribedGroup): DescribedGroup {
  const [group] = failed([groupId], ErrorCode.TOPIC_AUTHORIZATION_FAILED)
  return { ...group!, errorMessage: 'the group has topics that the client may not describe' }
}

function failed(groupIds: readonly string[], errorCode: number): DescribedGroup[] {
  return groupIds.map((groupId) => ({
    errorCode,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
  }))
}
