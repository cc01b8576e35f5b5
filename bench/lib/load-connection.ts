/**
 * LoadConnection: keeps a number of requests on their way over one raw connection and looks at each answer: length, correlation id, error code.
 * Lean, so that the server is the limit and not this: all connections read into one buffer, bytes are made before, nothing is allocated per
 * request. One look at the clock serves all answers that came with one read.
 */
import net from 'node:net'
import type { LoadMeter } from './load-meter.js'
import type { AnswerLayout } from './load-requests.js'
import type { RequestSource } from './request-source.js'

const READ_BUFFER_BYTES = 256 * 1024
const LENGTH_BYTES = 4

const buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)
const bufferView = new DataView(buffer.buffer)

export interface LoadConnectionOptions {
  readonly port: number
  readonly inFlight: number
  readonly source: RequestSource
  readonly layout: AnswerLayout
  readonly meter: LoadMeter
  readonly connected: () => void
  /** All is answered after `stop`. */
  readonly drained: () => void
  readonly failed: (message: string) => void
}

export class LoadConnection {
  readonly #options: LoadConnectionOptions
  readonly #source: RequestSource
  readonly #layout: AnswerLayout
  readonly #meter: LoadMeter
  readonly #socket: net.Socket
  /** When each request on its way was sent, as a ring. */
  readonly #sentAtMs: Float64Array
  #oldest = 0
  #onItsWay = 0
  /** The beginning of an answer that comes in pieces. */
  readonly #head: Buffer
  readonly #headView: DataView
  #headFilled = 0
  /** Bytes of the current answer that are not looked at. */
  #skip = 0
  #stopped = false
  #closed = false

  constructor(options: LoadConnectionOptions) {
    const { port, inFlight, source, layout, meter, connected, failed } = options
    this.#options = options
    this.#source = source
    this.#layout = layout
    this.#meter = meter
    this.#sentAtMs = new Float64Array(inFlight)
    this.#head = Buffer.alloc(layout.headBytes)
    this.#headView = new DataView(this.#head.buffer, this.#head.byteOffset, this.#head.length)
    this.#socket = net.connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer, callback: (length) => this.#received(length) },
    })
    this.#socket.on('connect', connected)
    this.#socket.on('error', (error) => failed(error.message))
    this.#socket.on('close', () => {
      if (!this.#closed) failed('the server closed a connection')
    })
  }

  start(): void {
    this.#send(this.#options.inFlight, performance.now())
  }

  /** Sends nothing more; `drained` comes when all is answered. */
  stop(): void {
    this.#stopped = true
    if (this.#onItsWay === 0) this.#options.drained()
  }

  close(): void {
    this.#closed = true
    this.#socket.destroy()
  }

  #send(count: number, nowMs: number): void {
    const { inFlight } = this.#options
    while (count > 0) {
      const bytes = this.#source.take(count)
      const requests = bytes.length / this.#source.requestBytes
      for (let sent = 0; sent < requests; sent++) this.#sentAtMs[(this.#oldest + this.#onItsWay++) % inFlight] = nowMs
      count -= requests
      this.#meter.sentBytes += bytes.length
      this.#socket.write(bytes)
    }
  }

  #received(length: number): boolean {
    const nowMs = performance.now()
    const { headBytes } = this.#layout
    let answers = 0
    this.#meter.receivedBytes += length
    for (let at = 0; at < length; ) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, length - at)
        this.#skip -= skipped
        at += skipped
        if (this.#skip > 0) break
      } else if (this.#headFilled === 0 && length - at >= headBytes) {
        this.#skip = this.#look(buffer, bufferView, at)
        at += headBytes
      } else {
        const copied = Math.min(headBytes - this.#headFilled, length - at)
        buffer.copy(this.#head, this.#headFilled, at, at + copied)
        this.#headFilled += copied
        at += copied
        if (this.#headFilled < headBytes) break
        this.#headFilled = 0
        this.#skip = this.#look(this.#head, this.#headView, 0)
      }
      if (this.#skip < 0) return false
      if (this.#skip === 0) {
        this.#answered(nowMs)
        answers++
      }
    }
    if (answers === 0) return true
    if (!this.#stopped) this.#send(answers, nowMs)
    else if (this.#onItsWay === 0) this.#options.drained()
    return true
  }

  /** Returns how many bytes follow the head; -1: the answer is wrong. */
  #look(bytes: Buffer, view: DataView, at: number): number {
    const { errorCodeAt, recordsAt, headBytes } = this.#layout
    const length = view.getInt32(at)
    const id = view.getInt32(at + LENGTH_BYTES)
    const errorCode = view.getInt16(at + errorCodeAt)
    const rest = LENGTH_BYTES + length - headBytes
    if (id !== this.#source.expectedId() || errorCode !== 0 || rest < 0) {
      const expected = this.#source.expectedId()
      this.#options.failed(`answer ${id} of ${length} bytes with error ${errorCode}, where answer ${expected} was due`)
      return -1
    }
    // A compact length is one more than what it says.
    this.#source.answered(recordsAt === undefined ? 0 : uvarintAt(bytes, at + recordsAt) - 1)
    return rest
  }

  #answered(nowMs: number): void {
    const sentAtMs = this.#sentAtMs[this.#oldest]!
    this.#oldest = this.#oldest + 1 === this.#sentAtMs.length ? 0 : this.#oldest + 1
    this.#onItsWay--
    this.#meter.answer(nowMs - sentAtMs)
  }
}

function uvarintAt(bytes: Buffer, at: number): number {
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = bytes[at++]!
    value += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  return value
}
