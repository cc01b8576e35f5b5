/** Heartbeat: while groups are still being loaded every member is taken for alive, as in Kafka: its session begins anew when they are. */
import { ErrorCode } from '../../../protocol/errors.js'
import { Heartbeat } from '../../../protocol/messages/heartbeat.js'
import { handler } from '../../server/handler.js'
import { group } from '../../server/stages.js'
import type { Services } from '../services.js'
import { askGroup, codeOf } from './ask-group.js'

export const heartbeat = handler<Services, typeof Heartbeat.request.fields, typeof Heartbeat.response.fields>(
  Heartbeat,
  {
    versions: [0, 4],
    servedBy: 'group coordinator',
    listeners: ['broker'],
    authorize: ({ groupId }) => [{ operation: 'READ', resource: group(groupId) }],
    refuse: () => ({ errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED }),
    handle: (request, services, call) => {
      if (request.groupId === '') return call.reply({ errorCode: ErrorCode.INVALID_GROUP_ID })
      askGroup(
        ...([services, call, 'Heartbeat', request.groupId, request] as const),
        (error) => ({ errorCode: error === 'COORDINATOR_LOAD_IN_PROGRESS' ? ErrorCode.NONE : codeOf(error) }),
        (response) => call.reply(response),
      )
    },
  },
)
