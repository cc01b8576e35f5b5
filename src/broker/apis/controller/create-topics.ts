/** CreateTopics: decided by the controller; answered when this node knows the topics itself, so that a client can use them at once. */
import { CreateTopics } from '../../../protocol/messages/create-topics.js'
import type { InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { topic } from '../../server/stages.js'
import type { Services } from '../services.js'
import { passOn } from './pass-on.js'

type Response = InferInput<typeof CreateTopics.response>

export const createTopics = handler<Services, typeof CreateTopics.request.fields, typeof CreateTopics.response.fields>(
  CreateTopics,
  {
    versions: [0, 7],
    servedBy: 'controller',
    listeners: ['broker', 'controller'],
    authorize: ({ topics }) => topics.map(({ name }) => ({ operation: 'CREATE', resource: topic(name) })),
    refuse: ({ topics }, errorCode) => failed(topics, errorCode),
    handle: (request, services, call) => {
      passOn(services, 'CreateTopics', request, request.timeoutMs, call, (reply, errorCode) =>
        call.reply(reply ?? failed(request.topics, errorCode)),
      )
    },
  },
)

function failed(topics: readonly { readonly name: string }[], errorCode: number): Response {
  return { topics: topics.map(({ name }) => ({ name, errorCode, errorMessage: null, configs: null })) }
}
