/** Has the controller decide, and answers when this node knows itself what was decided, so that a client can go by it at once. */
import type { ControllerApi, ControllerReply, ControllerRequest } from '../../../controller/controller-core.js'
import type { Call } from '../../server/handler.js'
import { principalText } from '../../server/stages.js'
import type { Services } from '../services.js'

/** `reply` undefined: no controller has answered in time. */
export function passOn<Api extends ControllerApi>(
  { broker, channel }: Services,
  api: Api,
  request: ControllerRequest<Api> & { readonly timeoutMs: number },
  call: Pick<Call<unknown>, 'principal'>,
  done: (reply: ControllerReply<Api> | undefined) => void,
): void {
  channel.send(api, request, principalText(call.principal), request.timeoutMs, (answer) => {
    if (answer === undefined) return done(undefined)
    const { reply, endOffset } = answer
    if (broker === undefined) done(reply)
    else broker.whenApplied(endOffset, () => done(reply))
  })
}
