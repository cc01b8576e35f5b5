/** The connection over which a broker speaks to the controller: that it ends is a hint. */
import type { BrokerSession } from '../../controller/controller.js'
import type { Call } from '../../server/handler.js'

export function sessionOf(
  brokerId: number,
  brokerEpoch: number,
  call: Pick<Call<unknown>, 'connection' | 'whenClosed'>,
): BrokerSession {
  return { brokerId, brokerEpoch, connection: call.connection, whenClosed: (action) => call.whenClosed(action) }
}
