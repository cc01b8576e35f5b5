/**
 * InitProducerId: an id for an idempotent producer (KIP-98). A producer without a transactional id gets a new one each time.
 *
 * Left out: transactional ids; they are refused with INVALID_REQUEST.
 */
import { ErrorCode } from '../../../protocol/errors.js'
import { InitProducerId } from '../../../protocol/messages/init-producer-id.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import { brokerOf, type Services } from '../services.js'

export const initProducerId = handler<
  Services,
  typeof InitProducerId.request.fields,
  typeof InitProducerId.response.fields
>(InitProducerId, {
  versions: [0, 5],
  servedBy: 'any broker',
  listeners: ['broker'],
  authorize: () => [{ operation: 'IDEMPOTENT_WRITE', resource: CLUSTER }],
  refuse: (_, errorCode) => failed(errorCode),
  handle: ({ transactionalId }, services, call) => {
    if (transactionalId !== null) return call.reply(failed(ErrorCode.INVALID_REQUEST))
    brokerOf(services).producerIds.take((producerId) => {
      if (producerId === undefined) return call.reply(failed(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS))
      call.reply({ throttleTimeMs: 0, errorCode: ErrorCode.NONE, producerId, producerEpoch: 0 })
    })
  },
})

function failed(errorCode: number) {
  return { throttleTimeMs: 0, errorCode, producerId: -1, producerEpoch: -1 }
}
