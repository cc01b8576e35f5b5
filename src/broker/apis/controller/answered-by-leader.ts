/**
 * What only the leader of the quorum can answer, and is not the controller's decision: a broker that is asked passes it on, in the version in which
 * it came, and answers what the leader says. On a controller's own listener this node answers for itself.
 */
import { ErrorCode } from '../../../protocol/errors.js'
import type { Fields } from '../../../protocol/field.js'
import type { InOfMessage, Message, OutOfMessage } from '../../../protocol/schema.js'
import { type Handler, type HandlerOptions, handler } from '../../server/handler.js'
import type { Services } from '../services.js'
import { askerOf, isForThisController } from './pass-on.js'

/** For requests that do not say how long they may take. */
const TIMEOUT_MS = 30_000

export function answeredByLeader<Request extends Fields, Response extends Fields>(
  message: Message<Request, Response>,
  options: HandlerOptions<Services, OutOfMessage<Request>, InOfMessage<Response>>,
): Handler<Services> {
  return handler<Services, Request, Response>(message, {
    ...options,
    handle: (request, services, call) => {
      const here = (): void => options.handle(request, services, call)
      if (isForThisController(call)) return here()
      const { timeoutMs = TIMEOUT_MS } = request as { readonly timeoutMs?: number }
      const forwarded = { version: call.version, request: request as InOfMessage<Request>, asker: askerOf(call) }
      services.channel.forward(message, forwarded, timeoutMs, here, (response) => {
        if (response !== undefined) return call.reply(response as unknown as InOfMessage<Response>)
        const refusal = options.refuse(request, ErrorCode.REQUEST_TIMED_OUT)
        if (refusal === undefined) call.noReply()
        else call.reply(refusal)
      })
    },
  })
}
