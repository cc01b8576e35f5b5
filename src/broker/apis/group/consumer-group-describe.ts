/** ConsumerGroupDescribe: state, members and assignments of consumer groups (KIP-848), each group answered for itself. */
import { GROUP_VERSION } from '../../../metadata/release.js'
import { ErrorCode } from '../../../protocol/errors.js'
import { ConsumerGroupDescribe } from '../../../protocol/messages/consumer-group-describe.js'
import type { InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { group } from '../../server/stages.js'
import { ALL_GROUP_OPERATIONS, brokerOf, type Services } from '../services.js'
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
  authorize: ({ groupIds }) => groupIds.map((name) => ({ operation: 'DESCRIBE', resource: group(name) })),
  refuse: ({ groupIds }, errorCode) => ({ throttleTimeMs: 0, groups: failed(groupIds, errorCode) }),
  handle: (request, services, call) => {
    const { groupIds, includeAuthorizedOperations } = request
    if ((brokerOf(services).image.features.get(GROUP_VERSION) ?? 0) < 1) {
      return call.reply({ throttleTimeMs: 0, groups: failed(groupIds, ErrorCode.UNSUPPORTED_VERSION) })
    }
    const named = groupIds.filter((groupId) => groupId !== '')
    const unnamed = groupIds.filter((groupId) => groupId === '')
    groupsOf(services).askEach(
      named,
      (groupId) => groupId,
      (ids) => requestOf('ConsumerGroupDescribe', { ...request, groupIds: [...ids] }, call),
      (answers) => {
        const groups = answers.flatMap(({ items, answer }) =>
          typeof answer === 'string' ? failed(items, codeOf(answer)) : answer.groups,
        )
        call.reply({
          throttleTimeMs: 0,
          groups: [...failed(unnamed, ErrorCode.INVALID_GROUP_ID), ...groups].map((described) => ({
            ...described,
            ...(includeAuthorizedOperations &&
              described.errorCode === ErrorCode.NONE && { authorizedOperations: ALL_GROUP_OPERATIONS }),
          })),
        })
      },
    )
  },
})

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
