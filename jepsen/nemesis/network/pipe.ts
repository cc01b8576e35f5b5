/** What one end of a proxied connection sends to the other: whole frames, in order, each when the link lets it through. */
import type { Socket } from 'node:net'

/** How a link is at this moment. */
export interface Way {
  isCut(): boolean
  /** Until the first byte arrives, and from then until the last. */
  delaysMs(bytes: number): { readonly latencyMs: number; readonly transmissionMs: number }
  /** Something has to wait. */
  waits(bytes: number): void
}

type Piece = { readonly bytes: Buffer; dueMs: number } | { readonly ends: 'end' | 'reset'; dueMs: number }

/** Of what waits, in bytes: more is left with who sends it. */
const MOST_WAITING = 1024 * 1024

export class Pipe {
  readonly #source: Socket
  readonly #sink: Socket
  readonly #way: Way
  readonly #queue: Piece[] = []
  #waitingBytes = 0
  #lastDueMs = 0
  #timer: NodeJS.Timeout | undefined
  #isFull = false

  constructor(source: Socket, sink: Socket, way: Way) {
    this.#source = source
    this.#sink = sink
    this.#way = way
    sink.on('drain', () => this.#flow())
  }

  push(bytes: Buffer): void {
    const nowMs = performance.now()
    const { latencyMs, transmissionMs } = this.#way.delaysMs(bytes.length)
    const dueMs = Math.max(this.#lastDueMs, nowMs + latencyMs) + transmissionMs
    this.#lastDueMs = dueMs
    if (dueMs > nowMs || this.#way.isCut()) this.#way.waits(bytes.length)
    this.#queue.push({ bytes, dueMs })
    this.#waitingBytes += bytes.length
    this.#move()
    this.#flow()
  }

  /** After all that waits. */
  finish(ends: 'end' | 'reset'): void {
    this.#queue.push({ ends, dueMs: this.#lastDueMs })
    this.#move()
  }

  /** The link has changed: what is not delayed any more goes on at once. */
  changed(): void {
    const { latencyMs, transmissionMs } = this.#way.delaysMs(1)
    if (latencyMs + transmissionMs === 0) {
      this.#lastDueMs = 0
      for (const piece of this.#queue) piece.dueMs = 0
    }
    this.#move()
    this.#flow()
  }

  discard(): void {
    clearTimeout(this.#timer)
    this.#queue.length = 0
    this.#waitingBytes = 0
  }

  #move(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#queue.length > 0 && !this.#way.isCut()) {
      const piece = this.#queue[0]!
      const waitMs = piece.dueMs - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => {
          this.#move()
          this.#flow()
        }, waitMs)
        return
      }
      this.#queue.shift()
      this.#pass(piece)
    }
  }

  #pass(piece: Piece): void {
    if ('bytes' in piece) {
      this.#waitingBytes -= piece.bytes.length
      if (this.#sink.writable) this.#sink.write(piece.bytes)
    } else if (piece.ends === 'end') this.#sink.end()
    else this.#sink.resetAndDestroy()
  }

  #flow(): void {
    const isFull = this.#waitingBytes > MOST_WAITING || this.#sink.writableNeedDrain
    if (isFull === this.#isFull) return
    this.#isFull = isFull
    if (isFull) this.#source.pause()
    else this.#source.resume()
  }
}
