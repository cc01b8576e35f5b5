/** ConsumerGroupHeartbeat: a member of a consumer group (KIP-848) says what it has, and is told what it is assigned. Only where the cluster has `group.version` 1. */
import { GROUP_VERSION } from '../../../metadata/release.js'
import { ErrorCode } from '../../../protocol/errors.js'
import { ConsumerGroupHeartbeat } from '../../../protocol/messages/consumer-group-heartbeat.js'
import type { InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { group } from '../../server/stages.js'
import { brokerOf, type Services } from '../services.js'
import { mayOnTopic } from './allowed.js'
import { askGroup, codeOf } from './ask-group.js'

type Response = InferInput<typeof ConsumerGroupHeartbeat.response>

export const consumerGroupHeartbeat = handler<
  Services,
  typeof ConsumerGroupHeartbeat.request.fields,
  typeof ConsumerGroupHeartbeat.response.fields
>(ConsumerGroupHeartbeat, {
  versions: [0, 1],
  servedBy: 'group coordinator',
  listeners: ['broker'],
  authorize: ({ groupId }) => [{ operation: 'READ', resource: group(groupId) }],
  refuse: () => failed(ErrorCode.GROUP_AUTHORIZATION_FAILED),
  handle: (request, services, call) => {
    if ((brokerOf(services).image.features.get(GROUP_VERSION) ?? 0) < 1) {
      return call.reply(failed(ErrorCode.UNSUPPORTED_VERSION))
    }
    if (request.subscribedTopicNames?.some((name) => !mayOnTopic(call, 'DESCRIBE', name))) {
      return call.reply(failed(ErrorCode.TOPIC_AUTHORIZATION_FAILED))
    }
    if (request.groupId === '') return call.reply(failed(ErrorCode.INVALID_REQUEST, 'the group id is empty'))
    askGroup(
      ...([services, call, 'ConsumerGroupHeartbeat', request.groupId, request] as const),
      (error) => failed(codeOf(error)),
      (response) => call.reply(response),
    )
  },
})

function failed(errorCode: number, errorMessage: string | null = null): Response {
  return { throttleTimeMs: 0, errorCode, errorMessage, memberEpoch: 0, heartbeatIntervalMs: 0 }
}
