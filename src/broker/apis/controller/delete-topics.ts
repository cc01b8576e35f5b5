/** DeleteTopics: decided by the controller; answered when this node has closed what it hosted of them. */
import { wantedTopics } from '../../../controller/topic-deletion.js'
import { ErrorCode } from '../../../protocol/errors.js'
import { DeleteTopics } from '../../../protocol/messages/delete-topics.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { topic } from '../../server/stages.js'
import type { Services } from '../services.js'
import { passOn } from './pass-on.js'

type Request = Infer<typeof DeleteTopics.request>
type Response = InferInput<typeof DeleteTopics.response>

/** Before, clients do not know TOPIC_DELETION_DISABLED. */
const DISABLED_SINCE = 3

export const deleteTopics = handler<Services, typeof DeleteTopics.request.fields, typeof DeleteTopics.response.fields>(
  DeleteTopics,
  {
    versions: [0, 6],
    servedBy: 'controller',
    listeners: ['broker', 'controller'],
    authorize: (request) =>
      wantedTopics(request).flatMap(({ name }) =>
        name === null ? [] : [{ operation: 'DELETE', resource: topic(name) }],
      ),
    refuse: failed,
    handle: (request, services, call) => {
      passOn(services, 'DeleteTopics', request, request.timeoutMs, call, (reply, errorCode) => {
        if (reply === undefined) return call.reply(failed(request, errorCode))
        if (call.version >= DISABLED_SINCE) return call.reply(reply)
        const responses = reply.responses.map((each) =>
          each.errorCode === ErrorCode.TOPIC_DELETION_DISABLED
            ? { ...each, errorCode: ErrorCode.INVALID_REQUEST }
            : each,
        )
        call.reply({ ...reply, responses })
      })
    },
  },
)

function failed(request: Request, errorCode: number): Response {
  return { responses: wantedTopics(request).map(({ name, topicId }) => ({ name, topicId, errorCode })) }
}
