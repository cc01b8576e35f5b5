/**
 * The way of a request through the node, whole for every API:
 *
 *     frame ─▶ decode ─▶ authenticate ─▶ quota ─▶ authorize ─▶ dispatch ─▶ reply, in order
 *       │         │           │            │           └─ the API's own response with the error
 *       │         │           │            └─ the connection is not read for a while
 *       └─────────┴───────────┴─ the connection ends behind what was asked before, as in Kafka: what was meant cannot be known
 */

import { Reader } from '../../base/bytes/reader.js'
import type { Histogram } from '../../base/histogram.js'
import type { Timer } from '../../io/clock.js'
import type { Address, Connection, ConnectionHandlers } from '../../io/network.js'
import type { Ports } from '../../io/ports.js'
import { ErrorCode } from '../../protocol/errors.js'
import { decodeClientId, decodeRequestPrefix } from '../../protocol/frame.js'
import type { Frame, FrameOwner } from '../../protocol/frame-assembler.js'
import { ApiVersions } from '../../protocol/messages/api-versions.js'
import type { RequestMetrics } from '../metrics/request-metrics.js'
import { type ConnectionOwner, ServerConnection, type Slot } from './connection.js'
import type { ConnectionLimits } from './connection-limits.js'
import { type Call, type Handler, isServedOn } from './handler.js'
import type { RequestMemory } from './request-memory.js'
import type { Authentication, ListenerContext, Need, Principal, Stages } from './stages.js'
import { isOfSasl, Strangers, strangerOf } from './strangers.js'

export interface PipelineOptions<Services> {
  readonly handlers: readonly Handler<Services>[]
  readonly services: Services
  readonly stages: Stages
  readonly listener: ListenerContext
  readonly maxFrameBytes: number
  /** These two are one for all listeners of a node. */
  readonly memory: RequestMemory
  readonly limits: ConnectionLimits
  /** After this long without anything a connection is closed; below 0: never. */
  readonly maxIdleMs: number
  readonly requests: RequestMetrics
}

/** What is larger is not kept until clients are served. */
const LARGEST_EARLY_BYTES = 64 * 1024

/** A request that came too early, and lets the connection go on. */
interface Early {
  readonly bytes: Buffer
  readonly release: () => void
}

/** Idle connections are looked for this often in the time that they may be idle. */
const IDLE_CHECKS = 8

const NOBODY: ConnectionHandlers = { data() {}, drained() {}, closed() {} }

export class Pipeline<Services> implements ConnectionOwner {
  readonly #ports: Ports
  readonly #options: PipelineOptions<Services>
  readonly #handlers = new Map<number, Handler<Services>>()
  readonly #connections = new Map<ServerConnection, Authentication>()
  readonly #times = new Map<Handler<Services>, Histogram>()
  readonly #reader = new Reader(new Uint8Array(0))
  readonly #strangers: Strangers
  #serves: 'nobody' | 'controllers' | 'all' = 'nobody'
  readonly #early = new Map<ServerConnection, Early>()
  #idleTimer: Timer | undefined

  constructor(ports: Ports, options: PipelineOptions<Services>) {
    this.#ports = ports
    this.#options = options
    this.#strangers = new Strangers(ports.clock, ports.logger, options.listener.name)
    for (const handler of options.handlers) {
      if (!isServedOn(handler, options.listener)) continue
      this.#handlers.set(handler.message.key, handler)
      this.#times.set(handler, options.requests.of(handler.message.name))
    }
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Takes a connection, or closes it where there are too many; it is read once the node serves. */
  accept(socket: Connection): ConnectionHandlers {
    const { stages, listener, maxFrameBytes, memory, limits } = this.#options
    const verdict = limits.open(socket.remote.host, this.#ports.clock.monotonicMs())
    if (typeof verdict === 'string') {
      this.#ports.logger.warn({ remote: socket.remote, reason: verdict }, 'connection refused')
      socket.destroy()
      return NOBODY
    }
    const connection = new ServerConnection(this.#ports, socket, this, maxFrameBytes, memory)
    this.#connections.set(connection, stages.authenticator.begin(listener))
    if (this.#serves === 'nobody') socket.pause()
    else if (verdict.delayMs > 0) connection.pauseFor(verdict.delayMs)
    return connection
  }

  /** From now on what controllers ask is served; what clients ask has to wait. */
  serveControllers(): void {
    if (this.#serves !== 'nobody') return
    this.#serves = 'controllers'
    for (const connection of this.#connections.keys()) connection.socket.resume()
  }

  /** From now on requests are served. */
  serve(): void {
    if (this.#serves === 'all') return
    const isResumed = this.#serves === 'controllers'
    this.#serves = 'all'
    const early = [...this.#early]
    this.#early.clear()
    for (const [connection, { bytes, release }] of early) {
      this.receive(connection, { bytes, start: 0, end: bytes.length, owner: undefined })
      release()
    }
    if (!isResumed) for (const connection of this.#connections.keys()) connection.socket.resume()
    if (this.#options.maxIdleMs >= 0) this.#closeIdle()
  }

  /** Ends all connections. */
  close(): void {
    this.#idleTimer?.cancel()
    for (const connection of [...this.#connections.keys()]) connection.close('the node stops')
  }

  badLength(connection: ServerConnection, length: number): void {
    this.#strangers.closed(strangerOf(length), connection.socket.remote, { sizeBytes: length })
  }

  closed(connection: ServerConnection): void {
    this.#early.delete(connection)
    if (this.#connections.delete(connection)) this.#options.limits.closed(connection.socket.remote.host)
  }

  #closeIdle(): void {
    const { maxIdleMs } = this.#options
    this.#idleTimer = this.#ports.clock.timer(Math.max(1, maxIdleMs / IDLE_CHECKS), () => {
      const nowMs = this.#ports.clock.monotonicMs()
      for (const connection of [...this.#connections.keys()]) {
        if (connection.idleAt(nowMs, maxIdleMs)) connection.close('it was idle for too long')
      }
      this.#closeIdle()
    })
  }

  receive(connection: ServerConnection, frame: Frame): void {
    const { owner } = frame
    try {
      this.#start(connection, frame)
    } finally {
      owner?.release()
    }
  }

  /** The connection goes on with this when clients are served. */
  #keep(connection: ServerConnection, { bytes, start, end }: Frame): void {
    if (end - start > LARGEST_EARLY_BYTES) return connection.endAfterAnswers('clients are not served yet')
    this.#early.set(connection, { bytes: Buffer.from(bytes.subarray(start, end)), release: connection.hold() })
  }

  #start(connection: ServerConnection, frame: Frame): void {
    const { services, stages, listener } = this.#options
    const { owner } = frame
    const reader = this.#reader
    reader.reset(frame.bytes, frame.start, frame.end)
    const { apiKey, apiVersion: version, correlationId } = decodeRequestPrefix(reader)
    const handler = this.#handlers.get(apiKey)
    if (handler === undefined) {
      if (isOfSasl(apiKey)) this.#strangers.closed('SASL', connection.socket.remote)
      return connection.endAfterAnswers(`API key ${apiKey} is not served here`)
    }
    const { message } = handler
    if (version < handler.versions[0] || version > handler.versions[1]) {
      if (apiKey === ApiVersions.key)
        return answerUnknownVersion(connection, handler, correlationId, this.#times.get(handler)!)
      return connection.endAfterAnswers(`${message.name} v${version} is not served`)
    }
    const clientId = decodeClientId(message, version, reader)
    const request = message.request.decode(version, reader)
    if (this.#serves === 'controllers' && !isEarly(handler, request)) return this.#keep(connection, frame)

    const principal = this.#connections.get(connection)?.principal
    if (principal === undefined) return connection.endAfterAnswers('not authenticated')
    const throttleMs = stages.quotas.charge(principal, clientId, listener, frame.end - frame.start)
    if (throttleMs > 0) connection.pauseFor(throttleMs)
    const slot = connection.open(message, version, correlationId, handler.alone === true, this.#times.get(handler)!)
    if (!stages.authorizer.allows(principal, listener, handler.authorize(request))) {
      const refusal = handler.refuse(request, ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
      return refusal === undefined ? slot.end('not allowed') : slot.fill(refusal as object)
    }
    handler.handle(
      request,
      services,
      new ServedCall(connection, slot, version, clientId, principal, listener, owner, stages),
    )
  }
}

function isEarly<Services>({ listeners, early }: Handler<Services>, request: unknown): boolean {
  return !listeners.includes('broker') || early?.(request) === true
}

/** One is made for every request: a class, because an object with a closure for each method costs several microseconds. */
class ServedCall implements Call<unknown> {
  readonly version: number
  readonly clientId: string | null
  readonly principal: Principal
  readonly listener: ListenerContext
  readonly owner: FrameOwner | undefined
  readonly #connection: ServerConnection
  readonly #slot: Slot
  readonly #stages: Stages

  constructor(
    connection: ServerConnection,
    slot: Slot,
    version: number,
    clientId: string | null,
    principal: Principal,
    listener: ListenerContext,
    owner: FrameOwner | undefined,
    stages: Stages,
  ) {
    this.version = version
    this.clientId = clientId
    this.principal = principal
    this.listener = listener
    this.owner = owner
    this.#connection = connection
    this.#slot = slot
    this.#stages = stages
  }

  get local(): Address {
    return this.#connection.socket.local
  }

  get remote(): Address {
    return this.#connection.socket.remote
  }

  get connection(): object {
    return this.#connection.identity
  }

  whenGone(action: () => void): void {
    this.#slot.whenGone(action)
  }

  whenClosed(action: () => void): void {
    this.#connection.whenClosed(action)
  }

  allows(principal: Principal, needs: readonly Need[]): boolean {
    return this.#stages.authorizer.allows(principal, this.listener, needs)
  }

  hold(): () => void {
    return this.#connection.hold()
  }

  reply(response: unknown, sent?: () => void): void {
    this.#slot.fill(response as object, sent)
  }

  noReply(): void {
    this.#slot.drop()
  }

  close(reason: string): void {
    this.#slot.end(reason)
  }
}

/** ApiVersions itself must be answered in any version: in the oldest, with the versions of this one API (KIP-511). */
function answerUnknownVersion<Services>(
  connection: ServerConnection,
  { message, versions: [minVersion, maxVersion] }: Handler<Services>,
  correlationId: number,
  times: Histogram,
): void {
  const slot = connection.open(message, 0, correlationId, false, times)
  slot.fill({
    errorCode: ErrorCode.UNSUPPORTED_VERSION,
    apiKeys: [{ apiKey: message.key, minVersion, maxVersion }],
  })
}
