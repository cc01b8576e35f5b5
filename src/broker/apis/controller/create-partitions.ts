/** CreatePartitions: decided by the controller; answered when this node has opened what it hosts of them. */
import { CreatePartitions } from '../../../protocol/messages/create-partitions.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { topic } from '../../server/stages.js'
import type { Services } from '../services.js'
import { passOn } from './pass-on.js'

type Request = Infer<typeof CreatePartitions.request>
type Response = InferInput<typeof CreatePartitions.response>

export const createPartitions = handler<
  Services,
  typeof CreatePartitions.request.fields,
  typeof CreatePartitions.response.fields
>(CreatePartitions, {
  versions: [0, 3],
  servedBy: 'controller',
  listeners: ['broker', 'controller'],
  authorize: ({ topics }) => topics.map(({ name }) => ({ operation: 'ALTER', resource: topic(name) })),
  refuse: failed,
  handle: (request, services, call) => {
    passOn(services, 'CreatePartitions', request, request.timeoutMs, call, (reply, errorCode) =>
      call.reply(reply ?? failed(request, errorCode)),
    )
  },
})

function failed({ topics }: Request, errorCode: number): Response {
  return { throttleTimeMs: 0, results: topics.map(({ name }) => ({ name, errorCode })) }
}
