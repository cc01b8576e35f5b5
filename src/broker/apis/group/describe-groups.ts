/** DescribeGroups: state and members of classic groups, each answered for itself. */
import { ErrorCode } from '../../../protocol/errors.js'
import { DescribeGroups } from '../../../protocol/messages/describe-groups.js'
import type { InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { eachForItself } from '../../server/stages.js'
import type { Services } from '../services.js'
import { groupOperations, mayOnGroup, sifted } from './allowed.js'
import { codeOf, groupsOf, requestOf } from './ask-group.js'

type DescribedGroup = InferInput<typeof DescribeGroups.response>['groups'][number]

const MESSAGES_SINCE = 6

export const describeGroups = handler<
  Services,
  typeof DescribeGroups.request.fields,
  typeof DescribeGroups.response.fields
>(DescribeGroups, {
  versions: [0, 6],
  servedBy: 'group coordinator',
  listeners: ['broker'],
  // Each group for itself.
  authorize: eachForItself,
  refuse: ({ groups }, errorCode) => ({ groups: failed(groups, errorCode) }),
  handle: (request, services, call) => {
    const [allowed, denied] = sifted(request.groups, (groupId) => mayOnGroup(call, 'DESCRIBE', groupId))
    groupsOf(services).askEach(
      allowed,
      (groupId) => groupId,
      (groups) => requestOf('DescribeGroups', { ...request, groups: [...groups] }, call),
      (answers) => {
        const groups = answers.flatMap(({ items, answer }) =>
          typeof answer === 'string' ? failed(items, codeOf(answer)) : answer.groups,
        )
        const { includeAuthorizedOperations } = request
        call.reply({
          groups: [...failed(denied, ErrorCode.GROUP_AUTHORIZATION_FAILED), ...groups].map(
            ({ errorMessage = null, ...described }) => ({
              ...described,
              ...(call.version >= MESSAGES_SINCE && { errorMessage }),
              ...(includeAuthorizedOperations &&
                described.errorCode === ErrorCode.NONE && {
                  authorizedOperations: groupOperations(call, described.groupId),
                }),
            }),
          ),
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
    protocolType: '',
    protocolData: '',
    members: [],
  }))
}
