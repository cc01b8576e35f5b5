/**
 * RequestMemory: the bytes of requests over all connections of a node, from the first piece that comes until their handlers let go
 * (`queued.max.request.bytes`). Nothing is refused: who would need more is not read for a while.
 *
 * Small frames always get on, or many slow senders of large ones would shut out everybody. Of the large ones the eldest has a claim to all that it
 * still needs: so one gets whole however many compete, and then the next. A sender that has this claim and lets it lie, while others wait, loses its connection.
 */
import type { BufferPool } from '../../base/buffer-pool.js'
import type { Clock, Timer } from '../../io/clock.js'
import type { FrameBuffers } from '../../protocol/frame-assembler.js'

/** How often the eldest is looked at while others wait, and what it has to have sent meanwhile. */
const PROGRESS_INTERVAL_MS = 10_000
const PROGRESS_BYTES = 64 * 1024

/** A connection on which a large frame is coming in. */
export interface LargeFrame {
  /** Of the buffer that it lies in. */
  readonly heldBytes: number
  readonly filledBytes: number
  readonly frameBytes: number
  /** It does not come on because this node does not read. */
  readonly heldUp: boolean
  /** Asks again for what it was not given. */
  retry(): void
  /** The others have waited long enough. */
  giveUp(reason: string): void
}

export class RequestMemory implements FrameBuffers {
  readonly #pool: BufferPool
  readonly #clock: Clock
  readonly #limitBytes: number
  #bytes = 0
  /** Of frames that are whole: these go by themselves. */
  readonly #whole = new Set<Buffer>()
  #wholeBytes = 0
  /** The eldest first. */
  readonly #large = new Set<LargeFrame>()
  readonly #waiting = new Set<LargeFrame>()
  #retrying = false
  #timer: Timer | undefined
  #watched: { readonly frame: LargeFrame; readonly filledBytes: number } | undefined

  constructor(pool: BufferPool, clock: Clock, limitBytes: number) {
    this.#pool = pool
    this.#clock = clock
    this.#limitBytes = limitBytes
  }

  /** In use now. */
  get bytes(): number {
    return this.#bytes
  }

  /** Connections that are not read because of the limit. */
  get waiting(): number {
    return this.#waiting.size
  }

  take(sizeBytes: number): Buffer {
    const buffer = this.#pool.take(sizeBytes)
    this.#bytes += buffer.length
    return buffer
  }

  give(buffer: Buffer): void {
    this.#bytes -= buffer.length
    if (this.#whole.delete(buffer)) this.#wholeBytes -= buffer.length
    this.#pool.give(buffer)
    this.#wake()
  }

  whole(buffer: Buffer): void {
    this.#whole.add(buffer)
    this.#wholeBytes += buffer.length
  }

  /** Whether the frame's buffer may become this large now; if not, `retry` comes when there may be room. */
  mayGrow(frame: LargeFrame, sizeBytes: number): boolean {
    this.#large.add(frame)
    if (this.#fits(frame, sizeBytes)) {
      this.#waiting.delete(frame)
      return true
    }
    this.#waiting.add(frame)
    this.#watch()
    return false
  }

  /** The frame is whole, or will never be. */
  done(frame: LargeFrame): void {
    if (!this.#large.delete(frame)) return
    this.#waiting.delete(frame)
    this.#wake()
  }

  #fits(frame: LargeFrame, sizeBytes: number): boolean {
    const bytes = this.#bytes + sizeBytes - frame.heldBytes
    const eldest = this.#eldest!
    if (frame !== eldest) return bytes + Math.max(0, eldest.frameBytes - eldest.heldBytes) <= this.#limitBytes
    // What others have begun does not go away by waiting.
    return bytes <= this.#limitBytes || this.#wholeBytes === 0 || this.#wholeBytes + sizeBytes <= this.#limitBytes
  }

  get #eldest(): LargeFrame | undefined {
    return this.#large.values().next().value
  }

  #wake(): void {
    if (this.#waiting.size === 0 || this.#retrying) return
    this.#retrying = true
    this.#clock.defer(() => {
      this.#retrying = false
      const eldest = this.#eldest
      if (eldest !== undefined && this.#waiting.has(eldest)) eldest.retry()
      for (const frame of [...this.#waiting]) {
        frame.retry()
        if (this.#waiting.has(frame)) return
      }
    })
  }

  #watch(): void {
    if (this.#timer !== undefined) return
    const frame = this.#eldest!
    this.#watched = { frame, filledBytes: frame.filledBytes }
    this.#timer = this.#clock.timer(PROGRESS_INTERVAL_MS, () => {
      this.#timer = undefined
      if (this.#waiting.size === 0) return
      const watched = this.#watched!
      const lies = watched.frame === this.#eldest && !this.#waiting.has(watched.frame)
      if (lies && watched.frame.filledBytes - watched.filledBytes < PROGRESS_BYTES) {
        this.#dethrone(watched.frame)
      }
      if (this.#waiting.size > 0) this.#watch()
    })
  }

  #dethrone(frame: LargeFrame): void {
    if (!frame.heldUp) return frame.giveUp('a large request does not come on, and others wait for its memory')
    this.#large.delete(frame)
    this.#large.add(frame)
    this.#wake()
  }
}
