/** UpdateFeatures: decided by the controller. Up to v1 the errors are told feature by feature, then once for the whole request. */
import { ALL_OR_NOTHING_SINCE } from '../../../controller/features.js'
import { ErrorCode } from '../../../protocol/errors.js'
import { UpdateFeatures } from '../../../protocol/messages/update-features.js'
import type { InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import type { Services } from '../services.js'
import { passOn } from './pass-on.js'

type Response = InferInput<typeof UpdateFeatures.response>

export const updateFeatures = handler<
  Services,
  typeof UpdateFeatures.request.fields,
  typeof UpdateFeatures.response.fields
>(UpdateFeatures, {
  versions: [0, 2],
  servedBy: 'controller',
  listeners: ['broker', 'controller'],
  authorize: () => [{ operation: 'ALTER', resource: CLUSTER }],
  refuse: (_, errorCode) => failed(errorCode),
  handle: (request, services, call) => {
    passOn(services, 'UpdateFeatures', request, request.timeoutMs, call, (reply, errorCode) => {
      if (reply === undefined) return call.reply(failed(errorCode))
      call.reply(
        call.version >= ALL_OR_NOTHING_SINCE ? reply : { ...reply, errorCode: ErrorCode.NONE, errorMessage: null },
      )
    })
  },
})

function failed(errorCode: number): Response {
  return { throttleTimeMs: 0, errorCode, errorMessage: null }
}
