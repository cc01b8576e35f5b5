/** UnregisterBroker: a broker that is not to come back is forgotten, as the controller decides. */
import { UnregisterBroker } from '../../../protocol/messages/unregister-broker.js'
import type { InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import type { Services } from '../services.js'
import { passOn } from './pass-on.js'

/** The request does not say how long it may take. */
const TIMEOUT_MS = 30_000

export const unregisterBroker = handler<
  Services,
  typeof UnregisterBroker.request.fields,
  typeof UnregisterBroker.response.fields
>(UnregisterBroker, {
  versions: [0, 0],
  servedBy: 'controller',
  listeners: ['broker', 'controller'],
  authorize: () => [{ operation: 'ALTER', resource: CLUSTER }],
  refuse: (_, errorCode) => failed(errorCode),
  handle: (request, services, call) => {
    passOn(services, 'UnregisterBroker', request, TIMEOUT_MS, call, (reply, errorCode) =>
      call.reply(reply ?? failed(errorCode)),
    )
  },
})

function failed(errorCode: number): InferInput<typeof UnregisterBroker.response> {
  return { throttleTimeMs: 0, errorCode, errorMessage: null }
}
