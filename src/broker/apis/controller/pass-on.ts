/**
 * Has the controller decide. A broker asks the active one, wherever that is, and answers when it knows itself what was decided, so that a client can
 * go by it at once. What comes to a controller as such, on its own listener or in another broker's Envelope, is decided by that one or not at all.
 */
import type { ControllerApi, ControllerReply, ControllerRequest } from '../../../controller/controller-core.js'
import { ErrorCode } from '../../../protocol/errors.js'
import type { Asker } from '../../controller/envelope.js'
import type { Call } from '../../server/handler.js'
import { principalText } from '../../server/stages.js'
import type { Services } from '../services.js'

/** `reply` undefined: there is none, and the code says why. */
export type Decided<Api extends ControllerApi> = (reply: ControllerReply<Api> | undefined, errorCode: number) => void

type Asking = Pick<Call<unknown>, 'principal' | 'remote' | 'listener' | 'forwarded'>

export function passOn<Api extends ControllerApi>(
  services: Services,
  api: Api,
  request: ControllerRequest<Api>,
  timeoutMs: number,
  call: Asking,
  done: Decided<Api>,
): void {
  if (isForThisController(call)) return decideHere(services, api, request, call, done)
  const { broker, channel } = services
  channel.send(api, request, askerOf(call), timeoutMs, (answer) => {
    if (answer === undefined) return done(undefined, ErrorCode.REQUEST_TIMED_OUT)
    const reply = (): void => done(answer.reply, ErrorCode.NONE)
    if (broker === undefined) reply()
    else broker.whenApplied(answer.endOffset, reply)
  })
}

/** Has this node's controller decide. */
export function decideHere<Api extends ControllerApi>(
  { broker, controller }: Services,
  api: Api,
  request: ControllerRequest<Api>,
  call: Pick<Call<unknown>, 'principal' | 'forwarded'>,
  done: (reply: ControllerReply<Api> | undefined, errorCode: number, endOffset: number) => void,
): void {
  const { forwarded } = call
  const notController = (): void => {
    if (forwarded === undefined) done(undefined, ErrorCode.NOT_CONTROLLER, -1)
    else forwarded.notController()
  }
  if (controller === undefined) return notController()
  controller.handle(api, request, principalText(call.principal), (answer) => {
    if (answer === 'not-controller') return notController()
    if (answer === 'unknown') return done(undefined, ErrorCode.REQUEST_TIMED_OUT, -1)
    const { reply, endOffset } = answer
    forwarded?.decidedAt(endOffset)
    if (broker === undefined || forwarded !== undefined) done(reply, ErrorCode.NONE, endOffset)
    else broker.whenApplied(endOffset, () => done(reply, ErrorCode.NONE, endOffset))
  })
}

export function isForThisController({ listener, forwarded }: Pick<Asking, 'listener' | 'forwarded'>): boolean {
  return forwarded !== undefined || listener.serves === 'controller'
}

export function askerOf({ principal, remote }: Pick<Asking, 'principal' | 'remote'>): Asker {
  return { principal, host: remote.host }
}
