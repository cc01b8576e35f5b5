/**
 * ClientConnection: the calling side of one connection. Requests go out in the order of the calls, answers come back in that order, each within its
 * time or the connection is given up: what follows on it could not be told apart any more.
 *
 * Not here: trying again, finding out whom to ask.
 */
import { BufferPool } from '../base/buffer-pool.js'
import { DecodeError, Reader } from '../base/bytes/reader.js'
import { Writer } from '../base/bytes/writer.js'
import type { Clock, Timer } from '../io/clock.js'
import type { Address, Connection, ConnectionHandlers, Network, NetworkError } from '../io/network.js'
import type { Fields } from '../protocol/field.js'
import { decodeResponse, encodeRequest } from '../protocol/frame.js'
import { type Frame, FrameAssembler } from '../protocol/frame-assembler.js'
import { ApiVersions } from '../protocol/messages/api-versions.js'
import type { InOfMessage, Message, OutOfMessage, VersionRange } from '../protocol/schema.js'

/** The largest response that is taken. */
const MAX_RESPONSE_BYTES = 256 * 1024 * 1024

/** `failed`: it was never sent. `lost`: it may have been executed, and the answer did not come. `wrong`: what came cannot be read. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly kind: 'failed' | 'lost' | 'wrong'

  constructor(kind: RpcError['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

export interface ClientOptions {
  readonly clock: Clock
  readonly network: Network
  readonly address: Address
  readonly clientId: string
  /** For requests that name no time of their own. */
  readonly requestTimeoutMs: number
  /** Called once when the connection is of no more use. */
  readonly closed?: (error: RpcError) => void
}

type Done<Response extends Fields> = (error: RpcError | undefined, response: OutOfMessage<Response> | undefined) => void

interface Pending {
  readonly message: Message
  readonly version: number
  readonly correlationId: number
  readonly timer: Timer
  readonly done: Done<Fields>
}

export class ClientConnection implements ConnectionHandlers {
  readonly #options: ClientOptions
  readonly #socket: Connection
  readonly #assembler = new FrameAssembler(MAX_RESPONSE_BYTES, new BufferPool(1024 * 1024))
  readonly #pending: Pending[] = []
  #served: ReadonlyMap<number, VersionRange> | undefined
  #nextCorrelationId = 0
  #error: RpcError | undefined

  constructor(options: ClientOptions) {
    this.#options = options
    this.#socket = options.network.connect(options.address, this)
  }

  get usable(): boolean {
    return this.#error === undefined
  }

  /** Requests without an answer yet. */
  get inFlight(): number {
    return this.#pending.length
  }

  /** Asks what the server serves; needed before `call`. */
  negotiate(done: (error: RpcError | undefined) => void): void {
    const body = { clientSoftwareName: 'lograft', clientSoftwareVersion: '1' }
    this.send(ApiVersions, 3, body, (error, response) => {
      if (response === undefined) return done(error)
      this.#served = new Map(
        response.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, [minVersion, maxVersion] as const]),
      )
      done(undefined)
    })
  }

  /** The newest version that both sides know; undefined: there is none. */
  versionOf(message: Message): number | undefined {
    const served = this.#served?.get(message.key)
    if (served === undefined) return undefined
    const version = Math.min(served[1], message.versions[1])
    return version >= served[0] && version >= message.versions[0] ? version : undefined
  }

  /** Sends in the newest version that both sides know. */
  call<Request extends Fields, Response extends Fields>(
    message: Message<Request, Response>,
    body: InOfMessage<Request>,
    done: Done<Response>,
    timeoutMs?: number,
  ): void {
    const version = this.versionOf(message as unknown as Message)
    if (version === undefined) {
      const reason = this.#error?.message ?? `${message.name} is not served in a version known here`
      return done(new RpcError('failed', reason), undefined)
    }
    this.send(message, version, body, done, timeoutMs)
  }

  /** Slices in the response are only valid during `done`. */
  send<Request extends Fields, Response extends Fields>(
    message: Message<Request, Response>,
    version: number,
    body: InOfMessage<Request>,
    done: Done<Response>,
    timeoutMs = this.#options.requestTimeoutMs,
  ): void {
    if (this.#error !== undefined) return done(new RpcError('failed', this.#error.message), undefined)
    const correlationId = this.#write(message, version, body)
    const timer = this.#options.clock.timer(timeoutMs, () =>
      this.#fail(new RpcError('lost', `no answer to ${message.name} within ${timeoutMs} ms`)),
    )
    const pending = { message, version, correlationId, timer, done }
    this.#pending.push(pending as unknown as Pending)
  }

  /** For what has no answer: Produce with acks=0. */
  sendOneWay<Request extends Fields>(
    message: Message<Request, Fields>,
    version: number,
    body: InOfMessage<Request>,
  ): void {
    if (this.#error === undefined) this.#write(message, version, body)
  }

  close(): void {
    this.#fail(new RpcError('lost', 'closed here'))
  }

  data(bytes: Uint8Array): void {
    let failure: RpcError | undefined
    const badLength = this.#assembler.feed(bytes, (frame) => {
      failure = this.#receive(frame)
      frame.owner?.release()
      return failure === undefined && this.#error === undefined
    })
    if (badLength !== undefined) failure = new RpcError('wrong', `a frame of ${badLength} bytes`)
    if (failure !== undefined) this.#fail(failure)
  }

  drained(): void {}

  closed(error: NetworkError | undefined): void {
    this.#fail(new RpcError('lost', error?.message ?? 'the other side closed the connection'))
  }

  #write<Request extends Fields>(
    message: Message<Request, Fields>,
    version: number,
    body: InOfMessage<Request>,
  ): number {
    const correlationId = this.#nextCorrelationId
    this.#nextCorrelationId = (correlationId + 1) % 0x7fff_ffff
    const writer = new Writer()
    encodeRequest(writer, message, { version, correlationId, clientId: this.#options.clientId, body })
    this.#socket.write(writer.chunks())
    return correlationId
  }

  #receive({ bytes, start, end }: Frame): RpcError | undefined {
    const pending = this.#pending.shift()
    if (pending === undefined) return new RpcError('wrong', 'an answer that nobody asked for')
    pending.timer.cancel()
    let answer: ReturnType<typeof decodeResponse<Fields>> | undefined
    let problem: string
    try {
      answer = decodeResponse(pending.message, pending.version, new Reader(bytes, start, end))
      problem = `an answer to request ${answer.correlationId}, not to ${pending.correlationId}`
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      problem = error.message
    }
    if (answer?.correlationId === pending.correlationId) {
      pending.done(undefined, answer.body)
      return undefined
    }
    const failure = new RpcError('wrong', problem)
    pending.done(failure, undefined)
    return failure
  }

  #fail(error: RpcError): void {
    if (this.#error !== undefined) return
    this.#error = error
    this.#assembler.discard()
    this.#socket.destroy()
    // What cannot be read was not their answer.
    const loss = error.kind === 'wrong' ? new RpcError('lost', error.message) : error
    for (const { timer, done } of this.#pending.splice(0)) {
      timer.cancel()
      done(loss, undefined)
    }
    this.#options.closed?.(error)
  }
}
