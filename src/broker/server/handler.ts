/**
 * How an API is served: one declaration, from which dispatch, ApiVersions, authorization and documentation are read. What it must say the
 * compiler asks for; a handler that does not say what it needs to be allowed does not compile.
 */
import type { Address } from '../../io/network.js'
import type { Fields } from '../../protocol/field.js'
import type { FrameOwner } from '../../protocol/frame-assembler.js'
import type { InOfMessage, Message, OutOfMessage, VersionRange } from '../../protocol/schema.js'
import type { ListenerContext, Need, Principal } from './stages.js'

/** What the broker that has passed a request on is told besides the answer. */
export interface Forwarded {
  /** The answer was made from the metadata log up to here (exclusive). */
  decidedAt(endOffset: number): void
  /** This node's controller is not the active one: there is no answer. */
  notController(): void
}

/** One request on its way. */
export interface Call<Response> {
  readonly version: number
  readonly clientId: string | null
  readonly principal: Principal
  readonly listener: ListenerContext
  /** The address by which the client reached this node. */
  readonly local: Address
  /** The address from which it came. */
  readonly remote: Address
  /** Present where another broker has passed the request on in an Envelope: it is decided here or not at all. */
  readonly forwarded?: Forwarded
  /** The same object for all requests of a connection. */
  readonly connection: object
  /** Who keeps the bytes that the request's `bytes` and `records` point into; absent: they are only lent for the call of `handle`. */
  readonly owner: FrameOwner | undefined
  /** Nothing further of the connection is started until the function that is returned is called: what this request does has to come first. */
  hold(): () => void
  /** Calls back if the connection ends before this is answered. */
  whenGone(action: () => void): void
  /** Calls back when the connection ends, whatever was answered. */
  whenClosed(action: () => void): void
  /** Whether somebody, who need not be the principal of this call, may do all of it on this listener. */
  allows(principal: Principal, needs: readonly Need[]): boolean
  /** Answers, now or later, once. `sent` is called when the response's bytes are no longer looked at. */
  reply(response: Response, sent?: () => void): void
  /** Ends the request without an answer, as the protocol wants it for acks=0. */
  noReply(): void
  /** Ends the connection behind the answers to what was asked before: what this request did cannot be answered. */
  close(reason: string): void
}

export interface HandlerOptions<Services, Request, Response> {
  /** What ApiVersions advertises and dispatch lets pass. */
  readonly versions: VersionRange
  /** Who answers; for documentation. */
  readonly servedBy: 'any node' | 'any broker' | 'partition leader' | 'group coordinator' | 'controller'
  /** On which listeners. */
  readonly listeners: readonly ListenerContext['serves'][]
  /** Whether it is served before clients are; what is only for controllers always is. */
  readonly early?: (request: Request) => boolean
  /** ApiVersions does not tell of it: nobody but lograft asks for it. */
  readonly untold?: true
  /** The connection's other requests wait until this one is answered: its answer is large, or late. */
  readonly alone?: true
  /** What the principal must be allowed; `() => []` for what anybody may ask, and `eachForItself` where `handle` asks by group or topic. */
  readonly authorize: (request: Request) => readonly Need[]
  /** The response that says this error; undefined where the client expects none: then the connection ends. */
  readonly refuse: (request: Request, errorCode: number) => Response | undefined
  readonly handle: (request: Request, services: Services, call: Call<Response>) => void
}

/** A handler as dispatch sees it: of some message. */
export interface Handler<Services> extends HandlerOptions<Services, unknown, unknown> {
  readonly message: Message
}

/** Whether a listener has it. */
export function isServedOn(
  { listeners }: Pick<Handler<never>, 'listeners'>,
  { serves, both = false }: Pick<ListenerContext, 'serves' | 'both'>,
): boolean {
  return listeners.includes(serves) || (both && listeners.includes('controller'))
}

export function handler<Services, Request extends Fields, Response extends Fields>(
  message: Message<Request, Response>,
  options: HandlerOptions<Services, OutOfMessage<Request>, InOfMessage<Response>>,
): Handler<Services> {
  return { ...options, message } as unknown as Handler<Services>
}
