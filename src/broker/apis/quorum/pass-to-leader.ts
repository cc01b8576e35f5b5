/** What a client asks a broker about the quorum is answered by the leader, to which the broker passes it on (KIP-590, KIP-919). */
import type { Fields } from '../../../protocol/field.js'
import type { InOfMessage, Message, OutOfMessage } from '../../../protocol/schema.js'
import type { Call } from '../../server/handler.js'
import { askerOf, isForThisController } from '../controller/pass-on.js'
import type { Services } from '../services.js'

/** False: this node is to answer, as the leader or because it was asked as one. Undefined in `done`: no answer came in time. */
export function passToLeader<Request extends Fields, Response extends Fields>(
  message: Message<Request, Response>,
  request: InOfMessage<Request>,
  timeoutMs: number,
  services: Services,
  call: Pick<Call<unknown>, 'principal' | 'remote' | 'listener' | 'forwarded'>,
  done: (response: OutOfMessage<Response> | undefined) => void,
): boolean {
  const { quorum, channel } = services
  if (isForThisController(call) || quorum.role === 'leader') return false
  channel.forward(message, request, askerOf(call), timeoutMs, done)
  return true
}
