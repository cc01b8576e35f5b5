/** JoinGroup: the answer comes when the round of the group is over. Who is gone by then is still a member, as in Kafka; its answer goes nowhere. */
import { ErrorCode } from '../../../protocol/errors.js'
import { JoinGroup } from '../../../protocol/messages/join-group.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { group } from '../../server/stages.js'
import type { Services } from '../services.js'
import { askGroup, codeOf, owned } from './ask-group.js'

type Request = Infer<typeof JoinGroup.request>
type Response = InferInput<typeof JoinGroup.response>

/** Before, a name that is not there is empty. */
const NULL_PROTOCOL_SINCE = 7
/** Before, a round takes as long as the session. */
const REBALANCE_TIMEOUT_SINCE = 1

export const joinGroup = handler<Services, typeof JoinGroup.request.fields, typeof JoinGroup.response.fields>(
  JoinGroup,
  {
    versions: [0, 9],
    servedBy: 'group coordinator',
    listeners: ['broker'],
    authorize: ({ groupId }) => [{ operation: 'READ', resource: group(groupId) }],
    refuse: (request) => failed(request, ErrorCode.GROUP_AUTHORIZATION_FAILED),
    handle: (request, services, call) => {
      if (request.groupId === '') return call.reply(failed(request, ErrorCode.INVALID_GROUP_ID))
      const { version } = call
      const body = {
        ...request,
        rebalanceTimeoutMs: version < REBALANCE_TIMEOUT_SINCE ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
        protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: owned(metadata) })),
      }
      const no = (error: Parameters<typeof codeOf>[0]): Response => failed(request, codeOf(error))
      askGroup(services, call, 'JoinGroup', request.groupId, body, no, (response) => {
        const isNamed = version >= NULL_PROTOCOL_SINCE || response.protocolName !== null
        call.reply(isNamed ? response : { ...response, protocolName: '' })
      })
    },
  },
)

function failed({ memberId }: Request, errorCode: number): Response {
  return { errorCode, generationId: -1, protocolName: '', leader: '', memberId, members: [] }
}
