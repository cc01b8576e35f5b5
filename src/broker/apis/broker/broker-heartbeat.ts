/** BrokerHeartbeat: a broker is alive, and is told whether it may be used. */
import { BrokerHeartbeat } from '../../../protocol/messages/broker-heartbeat.js'
import type { InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import { decideHere } from '../controller/pass-on.js'
import type { Services } from '../services.js'
import { sessionOf } from './session.js'

export const brokerHeartbeat = handler<
  Services,
  typeof BrokerHeartbeat.request.fields,
  typeof BrokerHeartbeat.response.fields
>(BrokerHeartbeat, {
  versions: [0, 2],
  servedBy: 'controller',
  listeners: ['controller'],
  authorize: () => [{ operation: 'CLUSTER_ACTION', resource: CLUSTER }],
  refuse: (_, errorCode) => failed(errorCode),
  handle: (request, services, call) => {
    const { brokerId, brokerEpoch } = request
    services.controller?.attend(sessionOf(brokerId, brokerEpoch, call))
    decideHere(services, 'BrokerHeartbeat', request, call, (reply, errorCode, endOffset) => {
      call.reply({ ...(reply ?? failed(errorCode)), endOffset })
    })
  },
})

function failed(errorCode: number): InferInput<typeof BrokerHeartbeat.response> {
  return { throttleTimeMs: 0, errorCode, isCaughtUp: false, isFenced: true, shouldShutDown: false }
}
