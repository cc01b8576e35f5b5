/** BrokerRegistration: a broker becomes known to the controller, which hears it over this connection from now on. */
import { BrokerRegistration } from '../../../protocol/messages/broker-registration.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import { decideHere } from '../controller/pass-on.js'
import type { Services } from '../services.js'
import { sessionOf } from './session.js'

export const brokerRegistration = handler<
  Services,
  typeof BrokerRegistration.request.fields,
  typeof BrokerRegistration.response.fields
>(BrokerRegistration, {
  versions: [0, 4],
  servedBy: 'controller',
  listeners: ['controller'],
  authorize: () => [{ operation: 'CLUSTER_ACTION', resource: CLUSTER }],
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode }),
  handle: (request, services, call) => {
    decideHere(services, 'BrokerRegistration', request, call, (reply, errorCode, endOffset) => {
      const { brokerEpoch = -1 } = reply ?? {}
      if (brokerEpoch !== -1) services.controller?.attend(sessionOf(request.brokerId, brokerEpoch, call))
      call.reply({ ...(reply ?? { throttleTimeMs: 0, errorCode }), endOffset })
    })
  },
})
