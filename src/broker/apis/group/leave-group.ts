/** LeaveGroup: before version 3 it is about one member, and its error is that of the response; the group is always asked as from then on. */
import { ErrorCode } from '../../../protocol/errors.js'
import { LeaveGroup } from '../../../protocol/messages/leave-group.js'
import { handler } from '../../server/handler.js'
import { group } from '../../server/stages.js'
import type { Services } from '../services.js'
import { askGroup, codeOf } from './ask-group.js'

const SEVERAL_SINCE = 3

export const leaveGroup = handler<Services, typeof LeaveGroup.request.fields, typeof LeaveGroup.response.fields>(
  LeaveGroup,
  {
    versions: [0, 5],
    servedBy: 'group coordinator',
    listeners: ['broker'],
    authorize: ({ groupId }) => [{ operation: 'READ', resource: group(groupId) }],
    refuse: () => ({ errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED, members: [] }),
    handle: (request, services, call) => {
      if (request.groupId === '') return call.reply({ errorCode: ErrorCode.INVALID_GROUP_ID, members: [] })
      const isOne = call.version < SEVERAL_SINCE
      const one = { memberId: request.memberId, groupInstanceId: null, reason: null }
      askGroup(
        ...([services, call, 'LeaveGroup', request.groupId, isOne ? { ...request, members: [one] } : request] as const),
        (error) => ({ errorCode: codeOf(error), members: [] }),
        ({ errorCode, members }) => {
          if (!isOne) return call.reply({ errorCode, members })
          const ofMember = members?.[0]?.errorCode ?? ErrorCode.NONE
          call.reply({ errorCode: errorCode === ErrorCode.NONE ? ofMember : errorCode, members: [] })
        },
      )
    },
  },
)
