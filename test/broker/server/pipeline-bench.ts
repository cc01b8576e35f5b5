/** A pipeline between a clock and a socket that a test moves by hand, with handlers and stages that say what they are asked. */
import { BufferPool } from '../../../src/base/buffer-pool.js'
import { Reader } from '../../../src/base/bytes/reader.js'
import { RequestMetrics } from '../../../src/broker/metrics/request-metrics.js'
import { ConnectionLimits, type ConnectionLimitsOptions } from '../../../src/broker/server/connection-limits.js'
import { type Call, type Handler, type HandlerOptions, handler } from '../../../src/broker/server/handler.js'
import { Pipeline } from '../../../src/broker/server/pipeline.js'
import { RequestMemory } from '../../../src/broker/server/request-memory.js'
import type { ListenerContext, Need, Principal, Stages } from '../../../src/broker/server/stages.js'
import type { Address, Connection, ConnectionHandlers } from '../../../src/io/network.js'
import { decodeResponse } from '../../../src/protocol/frame.js'
import { InitProducerId } from '../../../src/protocol/messages/init-producer-id.js'
import type { InOfMessage, OutOfMessage } from '../../../src/protocol/schema.js'
import { FakeClock } from '../../fake-clock.js'
import { MemoryLogger, nodePorts } from '../../node-ports.js'
import { requestFrame } from '../wire-client.js'

export type Request = OutOfMessage<typeof InitProducerId.request.fields>
export type Response = InOfMessage<typeof InitProducerId.response.fields>
type Options = HandlerOptions<object, Request, Response>

/** The far end of a connection: what the server writes is kept, and taken only when the test says so. */
export class FakeSocket implements Connection {
  readonly local = { host: '127.0.0.1', port: 9092 }
  readonly remote: Address
  readonly written: Buffer[] = []
  handlers: ConnectionHandlers | undefined
  paused = false
  ended = false
  destroyed = false
  /** Whether the system takes what is written at once. */
  reads = true
  pendingBytes = 0
  #untaken: (() => void)[] = []

  constructor(host: string) {
    this.remote = { host, port: 40_000 }
  }

  write(chunks: readonly Uint8Array[], taken?: () => void): void {
    const bytes = Buffer.concat(chunks)
    this.written.push(bytes)
    if (this.reads) return taken?.()
    this.pendingBytes += bytes.length
    if (taken !== undefined) this.#untaken.push(taken)
  }

  /** The client reads everything that there is. */
  read(): void {
    this.pendingBytes = 0
    for (const taken of this.#untaken.splice(0)) taken()
    this.handlers!.drained()
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  end(): void {
    this.ended = true
  }

  destroy(): void {
    this.destroyed = true
    for (const taken of this.#untaken.splice(0)) taken()
  }

  /** The answers so far: correlation id and producer id. */
  get answers(): (readonly [correlationId: number, producerId: number])[] {
    const bytes = Buffer.concat(this.written)
    const answers: (readonly [number, number])[] = []
    for (let at = 0; at < bytes.length; ) {
      const end = at + 4 + bytes.readInt32BE(at)
      const { correlationId, body } = decodeResponse(InitProducerId, 1, new Reader(bytes, at + 4, end))
      answers.push([correlationId, body.producerId])
      at = end
    }
    return answers
  }
}

export interface BenchOptions {
  readonly stages?: Partial<Stages>
  readonly listener?: ListenerContext
  readonly handler?: Partial<Options>
  readonly maxFrameBytes?: number
  readonly queuedBytes?: number
  readonly limits?: Partial<ConnectionLimitsOptions>
  readonly maxIdleMs?: number
  /** False: it does not serve yet. */
  readonly serves?: boolean
}

export class Bench {
  readonly clock = new FakeClock()
  readonly logger = new MemoryLogger()
  readonly buffers = new BufferPool()
  /** What was asked of stages and handler, in order. */
  readonly log: string[] = []
  /** The calls that the handler got. */
  readonly calls: Call<Response>[] = []
  readonly pipeline: Pipeline<object>
  readonly memory: RequestMemory
  readonly limits: ConnectionLimits
  readonly requests = new RequestMetrics()

  constructor(options: BenchOptions = {}) {
    const { listener = { name: 'PLAINTEXT', serves: 'broker' } } = options
    const served: Handler<object> = handler<
      object,
      typeof InitProducerId.request.fields,
      typeof InitProducerId.response.fields
    >(InitProducerId, {
      versions: [0, 5],
      servedBy: 'any broker',
      listeners: ['broker'],
      authorize: ({ transactionalId }): readonly Need[] => {
        this.log.push('authorize')
        return [{ operation: 'WRITE', resource: { type: 'TOPIC', name: transactionalId ?? 'none' } }]
      },
      refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, producerId: -1, producerEpoch: -1 }),
      handle: (_, __, call) => {
        this.log.push('handle')
        this.calls.push(call)
      },
      ...options.handler,
    })
    const { log } = this
    const stages: Stages = {
      authenticator: {
        begin: ({ name, serves }) => {
          log.push(`begin ${name} ${serves}`)
          return { principal: USER }
        },
      },
      quotas: {
        charge: ({ type, name }, clientId, { name: at }, bytes) => {
          log.push(`charge ${type}:${name} ${clientId} ${at} ${bytes}`)
          return 0
        },
      },
      authorizer: {
        allows: ({ type, name }, { name: at }, needs) => {
          log.push(`allows ${type}:${name} ${at} ${JSON.stringify(needs)}`)
          return true
        },
      },
      ...options.stages,
    }
    this.memory = new RequestMemory(this.buffers, this.clock, options.queuedBytes ?? Number.POSITIVE_INFINITY)
    const limits: ConnectionLimitsOptions = {
      max: 1000,
      maxPerIp: 1000,
      perIpOverrides: new Map(),
      maxPerSecond: Number.POSITIVE_INFINITY,
      ...options.limits,
    }
    this.limits = new ConnectionLimits(() => limits)
    const ports = { ...nodePorts(), clock: this.clock, logger: this.logger }
    this.pipeline = new Pipeline(ports, {
      handlers: [served],
      services: {},
      stages,
      listener,
      maxFrameBytes: options.maxFrameBytes ?? 1_000_000,
      memory: this.memory,
      limits: this.limits,
      maxIdleMs: options.maxIdleMs ?? -1,
      requests: this.requests,
    })
    if (options.serves !== false) this.pipeline.serve()
  }

  connect(host = '127.0.0.1'): FakeSocket {
    const socket = new FakeSocket(host)
    socket.handlers = this.pipeline.accept(socket)
    return socket
  }

  /** Answers the n-th call with this producer id, and ends the turn. */
  reply(index: number, producerId: number, sent?: () => void): void {
    this.calls[index]!.reply({ throttleTimeMs: 0, errorCode: 0, producerId, producerEpoch: 0 }, sent)
    this.clock.drain()
  }
}

const USER: Principal = { type: 'User', name: 'alice' }

/** A request as the handler of the bench takes it. */
export function frame(correlationId: number, transactionalId = 'tx', clientId: string | null = 'me'): Buffer {
  return requestFrame(InitProducerId, 1, correlationId, { transactionalId, transactionTimeoutMs: 0 }, clientId)
}

/** Bytes as a socket hands them out: only lent, and rubbish afterwards. */
export function receive(socket: FakeSocket, ...pieces: readonly Uint8Array[]): void {
  const lent = Buffer.concat(pieces)
  socket.handlers!.data(lent)
  lent.fill(0xee)
}
