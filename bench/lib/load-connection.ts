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
  readonly #socket: net.Socket
  /** When each request on its way was sent, as a ring. */
  readonly #sentAtMs: Float64Array
  #oldest = 0
  #onItsWay = 0
  /** The beginning of an answer that comes in pieces. */
  readonly #partial: Buffer
  readonly #partialView: DataView
  #filled = 0
  #stopped = false
  #closed = false

  constructor(options: LoadConnectionOptions) {
    const { port, inFlight, layout, connected, failed } = options
    this.#options = options
    this.#sentAtMs = new Float64Array(inFlight)
    this.#partial = Buffer.allocUnsafeSlow(layout.answerBytes)
    this.#partialView = new DataView(this.#partial.buffer)
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
    for (let sent = 0; sent < count; sent++) this.#sentAtMs[(this.#oldest + this.#onItsWay++) % inFlight] = nowMs
    this.#socket.write(this.#options.source.take(count))
  }

  #received(length: number): boolean {
    const nowMs = performance.now()
    const { answerBytes } = this.#options.layout
    let answers = 0
    for (let at = 0; at < length; ) {
      let good: boolean
      if (this.#filled === 0 && length - at >= answerBytes) {
        good = this.#check(bufferView, at)
        at += answerBytes
      } else {
        const copied = Math.min(answerBytes - this.#filled, length - at)
        buffer.copy(this.#partial, this.#filled, at, at + copied)
        this.#filled += copied
        at += copied
        if (this.#filled < answerBytes) break
        this.#filled = 0
        good = this.#check(this.#partialView, 0)
      }
      if (!good) return false
      this.#answered(nowMs)
      answers++
    }
    if (answers === 0) return true
    if (!this.#stopped) this.#send(answers, nowMs)
    else if (this.#onItsWay === 0) this.#options.drained()
    return true
  }

  #check(view: DataView, at: number): boolean {
    const { layout, source, failed } = this.#options
    const length = view.getInt32(at)
    const id = view.getInt32(at + LENGTH_BYTES)
    const errorCode = view.getInt16(at + layout.errorCodeAt)
    const expected = source.nextId()
    if (id === expected && errorCode === 0 && length === layout.answerBytes - LENGTH_BYTES) return true
    failed(`answer ${id} of ${length} bytes with error ${errorCode}, where answer ${expected} was due`)
    return false
  }

  #answered(nowMs: number): void {
    const sentAtMs = this.#sentAtMs[this.#oldest]!
    this.#oldest = this.#oldest + 1 === this.#sentAtMs.length ? 0 : this.#oldest + 1
    this.#onItsWay--
    this.#options.meter.answer(nowMs - sentAtMs)
  }
}
