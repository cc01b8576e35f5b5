/**
 * Envelope: what a client has asked another broker for, unwrapped and done by this node's controller for the principal that asked (KIP-590). Only
 * requests that a controller serves are taken.
 */
import { DecodeError, Reader } from '../../../base/bytes/reader.js'
import { EncodeError } from '../../../base/bytes/writer.js'
import type { Address } from '../../../io/network.js'
import { ErrorCode } from '../../../protocol/errors.js'
import { decodeClientId, decodeRequestPrefix } from '../../../protocol/frame.js'
import { Envelope } from '../../../protocol/messages/envelope.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import { hostText, readPrincipal, wrapResponse } from '../../controller/envelope.js'
import { type Call, type Forwarded, type Handler, handler } from '../../server/handler.js'
import { CLUSTER, type ListenerContext, type Need, type Principal } from '../../server/stages.js'
import type { Services } from '../services.js'

type Request = Infer<typeof Envelope.request>
type Response = InferInput<typeof Envelope.response>

export function envelope(handlers: () => readonly Handler<Services>[]): Handler<Services> {
  return handler<Services, typeof Envelope.request.fields, typeof Envelope.response.fields>(Envelope, {
    versions: [0, 0],
    servedBy: 'controller',
    listeners: ['controller'],
    authorize: () => [{ operation: 'CLUSTER_ACTION', resource: CLUSTER }],
    refuse: (_, errorCode) => ({ errorCode }),
    handle: (request, services, call) => {
      if (services.controller?.active !== true) return call.reply({ errorCode: ErrorCode.NOT_CONTROLLER })
      const opened = open(request, handlers(), call)
      if (typeof opened === 'number') return call.reply({ errorCode: opened })
      const { inner, body, forwarded } = opened
      if (call.allows(forwarded.principal, inner.authorize(body))) return inner.handle(body, services, forwarded)
      const refusal = inner.refuse(body, ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
      if (refusal === undefined) forwarded.noReply()
      else forwarded.reply(refusal as object)
    },
  })
}

interface Opened {
  readonly inner: Handler<Services>
  readonly body: unknown
  readonly forwarded: ForwardedCall
}

/** What is inside, or the code that says why it cannot be done. */
function open(request: Request, handlers: readonly Handler<Services>[], call: Call<Response>): Opened | number {
  let principal: Principal
  try {
    if (request.requestPrincipal === null) return ErrorCode.PRINCIPAL_DESERIALIZATION_FAILURE
    principal = readPrincipal(request.requestPrincipal)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return ErrorCode.PRINCIPAL_DESERIALIZATION_FAILURE
  }
  const host = hostText(request.clientHostAddress)
  if (host === undefined) return ErrorCode.INVALID_REQUEST
  try {
    // What the handler keeps of it must outlive this call.
    const reader = new Reader(Buffer.from(request.requestData))
    const { apiKey, apiVersion: version, correlationId } = decodeRequestPrefix(reader)
    const inner = handlers.find(({ message }) => message.key === apiKey)
    if (inner === undefined || !isForwardable(inner)) return ErrorCode.INVALID_REQUEST
    if (version < inner.versions[0] || version > inner.versions[1]) return ErrorCode.UNSUPPORTED_VERSION
    const clientId = decodeClientId(inner.message, version, reader)
    const body = inner.message.request.decode(version, reader)
    const forwarded = new ForwardedCall(call, inner, { version, correlationId, clientId, principal, host })
    return { inner, body, forwarded }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return ErrorCode.INVALID_REQUEST
  }
}

/** Brokers' own requests are no client's, and an Envelope is in no Envelope. */
function isForwardable({ servedBy, listeners }: Handler<Services>): boolean {
  return servedBy === 'controller' && listeners.includes('broker') && listeners.includes('controller')
}

interface Inside {
  readonly version: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly principal: Principal
  readonly host: string
}

/** The request inside, on its way; its answer goes into that of the Envelope. */
class ForwardedCall implements Call<unknown>, Forwarded {
  readonly version: number
  readonly clientId: string | null
  readonly principal: Principal
  readonly remote: Address
  readonly owner = undefined
  readonly #outer: Call<Response>
  readonly #inner: Handler<Services>
  readonly #correlationId: number
  #endOffset = -1

  constructor(outer: Call<Response>, inner: Handler<Services>, inside: Inside) {
    this.version = inside.version
    this.clientId = inside.clientId
    this.principal = inside.principal
    this.remote = { host: inside.host, port: 0 }
    this.#outer = outer
    this.#inner = inner
    this.#correlationId = inside.correlationId
  }

  get forwarded(): Forwarded {
    return this
  }

  get listener(): ListenerContext {
    return this.#outer.listener
  }

  get local(): Address {
    return this.#outer.local
  }

  get connection(): object {
    return this.#outer.connection
  }

  decidedAt(endOffset: number): void {
    this.#endOffset = endOffset
  }

  notController(): void {
    this.#outer.reply({ errorCode: ErrorCode.NOT_CONTROLLER })
  }

  hold(): () => void {
    return this.#outer.hold()
  }

  whenGone(action: () => void): void {
    this.#outer.whenGone(action)
  }

  whenClosed(action: () => void): void {
    this.#outer.whenClosed(action)
  }

  allows(principal: Principal, needs: readonly Need[]): boolean {
    return this.#outer.allows(principal, needs)
  }

  reply(response: unknown, sent?: () => void): void {
    let responseData: Buffer
    try {
      responseData = wrapResponse(this.#inner.message, this.version, this.#correlationId, response as never)
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error
      sent?.()
      return this.#outer.reply({ errorCode: ErrorCode.UNKNOWN_SERVER_ERROR })
    }
    this.#outer.reply({ responseData, errorCode: ErrorCode.NONE, endOffset: this.#endOffset }, sent)
  }

  noReply(): void {
    this.#outer.reply({ errorCode: ErrorCode.NONE })
  }

  close(reason: string): void {
    this.#outer.close(reason)
  }
}
