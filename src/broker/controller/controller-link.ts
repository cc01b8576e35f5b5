/**
 * ControllerLink: one connection to the active controller on another node. Requests go out in the order of the calls, so many at a time; what comes
 * while the connection is being made, or while too many are in flight, waits. It is of no more use once it has ended.
 */
import { DecodeError } from '../../base/bytes/reader.js'
import type { Clock } from '../../io/clock.js'
import type { Address, Network } from '../../io/network.js'
import { ErrorCode } from '../../protocol/errors.js'
import type { Fields } from '../../protocol/field.js'
import { Envelope } from '../../protocol/messages/envelope.js'
import type { InOfMessage, Message, OutOfMessage } from '../../protocol/schema.js'
import { ClientConnection, type RpcError } from '../../rpc/client-connection.js'
import { type Asker, unwrapResponse, wrapRequest } from './envelope.js'

/** As Kafka's `controller.socket.timeout.ms`: a controller that is silent for so long is given up. */
const REQUEST_TIMEOUT_MS = 30_000
const MAX_IN_FLIGHT = 100
/** Those that wait for a place in flight; past it they are refused. */
const MAX_QUEUED = 10_000

/** `not-controller`: it was not done. `unknown`: it may have been. `refused`: it was not, and will not be if it is asked again. */
export type LinkFailure = 'not-controller' | 'unknown' | 'refused'
export type LinkDone<Response> = (
  answer: { readonly response: Response; readonly endOffset: number } | LinkFailure,
) => void

export interface ForwardedRequest<Request> {
  /** Undefined: the newest that both sides know. */
  readonly version: number | undefined
  readonly request: Request
  readonly asker: Asker
}

interface Queued {
  start(connection: ClientConnection): void
  fail(): void
}

export class ControllerLink {
  readonly #connection: ClientConnection
  #queue: Queued[] = []
  #ready = false
  #ended = false

  /** `ended` is called once; `served`: whether it ever could be used. */
  constructor(
    ports: { readonly clock: Clock; readonly network: Network },
    address: Address,
    clientId: string,
    ended: (served: boolean) => void,
  ) {
    const { clock, network } = ports
    this.#connection = new ClientConnection({
      clock,
      network,
      address,
      clientId,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      closed: () => {
        this.#ended = true
        for (const queued of this.#queue.splice(0)) queued.fail()
        ended(this.#ready)
      },
    })
    this.#connection.negotiate((error) => {
      if (error !== undefined) return
      this.#ready = true
      this.#next()
    })
  }

  /** Asks the controller itself, as a broker does for its own sake. */
  ask<Request extends Fields, Response extends Fields>(
    message: Message<Request, Response>,
    request: InOfMessage<Request>,
    done: LinkDone<OutOfMessage<Response>>,
  ): void {
    this.#enqueue({
      fail: () => done('not-controller'),
      start: (connection) =>
        connection.call(message, request, (error, response) => {
          this.#next()
          if (response === undefined) return done(failureOf(error))
          const { errorCode, endOffset } = response as { readonly errorCode?: number; readonly endOffset?: number }
          if (errorCode === ErrorCode.NOT_CONTROLLER) done('not-controller')
          else if (errorCode === ErrorCode.REQUEST_TIMED_OUT) done('unknown')
          else done({ response, endOffset: endOffset ?? -1 })
        }),
    })
  }

  /** Asks for somebody else (KIP-590). */
  forward<Request extends Fields, Response extends Fields>(
    message: Message<Request, Response>,
    { version: wanted, request, asker }: ForwardedRequest<InOfMessage<Request>>,
    done: LinkDone<OutOfMessage<Response>>,
  ): void {
    this.#enqueue({
      fail: () => done('not-controller'),
      start: (connection) => {
        const version = wanted ?? connection.versionOf(message as unknown as Message)
        if (version === undefined) {
          this.#next()
          return done('refused')
        }
        connection.call(Envelope, wrapRequest(message, version, request, asker), (error, envelope) => {
          this.#next()
          if (envelope === undefined) return done(failureOf(error))
          const { errorCode, responseData, endOffset } = envelope
          if (errorCode === ErrorCode.NOT_CONTROLLER) return done('not-controller')
          if (errorCode !== ErrorCode.NONE || responseData === null) return done('refused')
          let response: OutOfMessage<Response>
          try {
            response = unwrapResponse(message, version, responseData)
          } catch (decodeError) {
            if (!(decodeError instanceof DecodeError)) throw decodeError
            return done('unknown')
          }
          done({ response, endOffset })
        })
      },
    })
  }

  close(): void {
    this.#connection.close()
  }

  #enqueue(queued: Queued): void {
    if (this.#ended || this.#queue.length >= MAX_QUEUED) return queued.fail()
    this.#queue.push(queued)
    this.#next()
  }

  #next(): void {
    while (this.#ready && !this.#ended && this.#queue.length > 0 && this.#connection.inFlight < MAX_IN_FLIGHT) {
      this.#queue.shift()!.start(this.#connection)
    }
  }
}

function failureOf(error: RpcError | undefined): LinkFailure {
  return error?.kind === 'failed' ? 'not-controller' : 'unknown'
}
