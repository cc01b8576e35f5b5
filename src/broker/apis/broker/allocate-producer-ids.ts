/** AllocateProducerIds: a block of ids for a broker, decided by the controller. */
import { AllocateProducerIds } from '../../../protocol/messages/allocate-producer-ids.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import { decideHere } from '../controller/pass-on.js'
import type { Services } from '../services.js'

export const allocateProducerIds = handler<
  Services,
  typeof AllocateProducerIds.request.fields,
  typeof AllocateProducerIds.response.fields
>(AllocateProducerIds, {
  versions: [0, 0],
  servedBy: 'controller',
  listeners: ['controller'],
  authorize: () => [{ operation: 'CLUSTER_ACTION', resource: CLUSTER }],
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, producerIdStart: -1, producerIdLen: 0 }),
  handle: (request, services, call) => {
    decideHere(services, 'AllocateProducerIds', request, call, (reply, errorCode, endOffset) => {
      call.reply({ ...(reply ?? { throttleTimeMs: 0, errorCode, producerIdStart: -1, producerIdLen: 0 }), endOffset })
    })
  },
})
