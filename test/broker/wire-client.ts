/**
 * A client of the wire for tests: one real socket, frames written as a test wants them, answers taken in the order in which they come. It
 * forgives nothing: an answer with another correlation id, or with bytes left over, fails the test.
 */
import assert from 'node:assert/strict'
import net from 'node:net'
import { Reader } from '../../src/base/bytes/reader.js'
import { Writer } from '../../src/base/bytes/writer.js'
import type { Address } from '../../src/io/network.js'
import type { Fields } from '../../src/protocol/field.js'
import { decodeResponse, encodeRequest } from '../../src/protocol/frame.js'
import type { InOfMessage, Message, OutOfMessage } from '../../src/protocol/schema.js'

const LENGTH_BYTES = 4
/** The longest that anything in these tests may take. */
const PATIENCE_MS = 10_000

/** The whole frame, with its length. */
export function requestFrame<Request extends Fields>(
  message: Message<Request, Fields>,
  version: number,
  correlationId: number,
  body: InOfMessage<Request>,
  clientId: string | null = 'test',
): Buffer {
  const writer = new Writer()
  encodeRequest(writer, message, { version, correlationId, clientId, body })
  return Buffer.concat(writer.chunks())
}

/** A frame of a header v1 and any body, well-formed or not. */
export function rawFrame(apiKey: number, version: number, correlationId: number, body: Uint8Array): Buffer {
  const header = Buffer.alloc(LENGTH_BYTES + 8 + 3)
  header.writeInt32BE(header.length - LENGTH_BYTES + body.length)
  header.writeInt16BE(apiKey, 4)
  header.writeInt16BE(version, 6)
  header.writeInt32BE(correlationId, 8)
  header.writeInt16BE(1, 12)
  header.write('x', 14)
  return Buffer.concat([header, body])
}

interface Waiting {
  readonly got: (frame: Buffer) => void
  readonly gone: (error: Error) => void
}

export class WireClient {
  readonly socket: net.Socket
  /** When the other side has closed. */
  readonly closed: Promise<void>
  isClosed = false
  bytesReceived = 0
  #received: Buffer = Buffer.alloc(0)
  readonly #frames: Buffer[] = []
  readonly #waiting: Waiting[] = []
  #nextCorrelationId = 1

  private constructor(socket: net.Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => this.#data(bytes))
    socket.on('error', () => {})
    this.closed = within(
      new Promise<void>((resolve) =>
        socket.on('close', () => {
          this.isClosed = true
          for (const { gone } of this.#waiting.splice(0)) gone(new Error('the connection was closed'))
          resolve()
        }),
      ),
      'the connection to be closed',
    )
    // Most tests never ask.
    this.closed.catch(() => {})
  }

  static connect({ host, port }: Address): Promise<WireClient> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host, port, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new WireClient(socket))
      })
    })
  }

  /** Frames that have come and that nobody has asked for. */
  get unread(): number {
    return this.#frames.length
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  /** The next frame, without its length. */
  frame(): Promise<Buffer> {
    const frame = this.#frames.shift()
    if (frame !== undefined) return Promise.resolve(frame)
    if (this.isClosed) return Promise.reject(new Error('the connection is closed'))
    return within(new Promise((got, gone) => this.#waiting.push({ got, gone })), 'an answer')
  }

  /** Asks, and waits for the answer. */
  async request<Request extends Fields, Response extends Fields>(
    message: Message<Request, Response>,
    version: number,
    body: InOfMessage<Request>,
  ): Promise<OutOfMessage<Response>> {
    return this.answerTo(message, version, this.send(message, version, body))
  }

  /** Asks; returns the correlation id. */
  send<Request extends Fields, Response extends Fields>(
    message: Message<Request, Response>,
    version: number,
    body: InOfMessage<Request>,
  ): number {
    const correlationId = this.#nextCorrelationId++
    this.write(requestFrame(message, version, correlationId, body))
    return correlationId
  }

  /** The next frame, which must be the answer to this request. */
  async answerTo<Request extends Fields, Response extends Fields>(
    message: Message<Request, Response>,
    version: number,
    correlationId: number,
  ): Promise<OutOfMessage<Response>> {
    const answer = decodeResponse(message, version, new Reader(await this.frame()))
    assert.equal(answer.correlationId, correlationId, `an answer to ${message.name} v${version}`)
    return answer.body
  }

  close(): void {
    this.socket.destroy()
  }

  #data(bytes: Buffer): void {
    this.bytesReceived += bytes.length
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    while (this.#received.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + this.#received.readInt32BE()
      if (this.#received.length < end) return
      const frame = this.#received.subarray(LENGTH_BYTES, end)
      this.#received = this.#received.subarray(end)
      const waiting = this.#waiting.shift()
      if (waiting === undefined) this.#frames.push(frame)
      else waiting.got(frame)
    }
  }
}

/** Fails when it takes too long: a test must not hang. */
export function within<T>(promise: Promise<T>, what: string, patienceMs = PATIENCE_MS): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${patienceMs} ms are over without ${what}`)), patienceMs)
    timer.unref()
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** Waits, turn by turn of the event loop, until it is so. */
export async function until(condition: () => boolean, what: string, patienceMs = PATIENCE_MS): Promise<void> {
  const deadlineMs = performance.now() + patienceMs
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`${patienceMs} ms are over without ${what}`)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}
