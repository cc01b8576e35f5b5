/** SyncGroup: the answer comes when the leader of the group has handed in what everybody is assigned. */
import { ErrorCode } from '../../../protocol/errors.js'
import { SyncGroup } from '../../../protocol/messages/sync-group.js'
import type { InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { group } from '../../server/stages.js'
import type { Services } from '../services.js'
import { askGroup, codeOf, owned } from './ask-group.js'

type Response = InferInput<typeof SyncGroup.response>

/** From then on a member says which protocol it takes the group to have. */
const PROTOCOL_SINCE = 5
const NOTHING = new Uint8Array(0)

export const syncGroup = handler<Services, typeof SyncGroup.request.fields, typeof SyncGroup.response.fields>(
  SyncGroup,
  {
    versions: [0, 5],
    servedBy: 'group coordinator',
    listeners: ['broker'],
    authorize: ({ groupId }) => [{ operation: 'READ', resource: group(groupId) }],
    refuse: () => failed(ErrorCode.GROUP_AUTHORIZATION_FAILED),
    handle: (request, services, call) => {
      const { groupId, protocolType, protocolName } = request
      if (groupId === '') return call.reply(failed(ErrorCode.INVALID_GROUP_ID))
      if (call.version >= PROTOCOL_SINCE && (protocolType === null || protocolName === null)) {
        return call.reply(failed(ErrorCode.INCONSISTENT_GROUP_PROTOCOL))
      }
      const assignments = request.assignments.map((each) => ({ ...each, assignment: owned(each.assignment) }))
      askGroup(
        ...([services, call, 'SyncGroup', groupId, { ...request, assignments }] as const),
        (error) => failed(codeOf(error)),
        (response) => call.reply(response),
      )
    },
  },
)

function failed(errorCode: number): Response {
  return { errorCode, assignment: NOTHING }
}
