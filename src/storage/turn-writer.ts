/**
 * Gathers the appends of one turn of the event loop, so that each log is written once, with one system call, however many requests brought
 * something for it. Small batches are copied into recycled slabs meanwhile: the bytes of a request are only lent.
 */
import type { BufferPool } from '../base/buffer-pool.js'
import type { Clock } from '../io/clock.js'

const SLAB_BYTES = 256 * 1024

export interface TurnWritable {
  /** Writes what was gathered; calls `written` once, when its bytes are no longer looked at. */
  writeTurn(written: () => void): void
}

export class TurnWriter {
  /** Of all batches appended so far. */
  bytesAppended = 0
  readonly #clock: Clock
  readonly #buffers: BufferPool
  #turn: Turn

  constructor(clock: Clock, buffers: BufferPool) {
    this.#clock = clock
    this.#buffers = buffers
    this.#turn = new Turn(buffers)
  }

  /** Has `writeTurn` called at the end of this turn. */
  schedule(log: TurnWritable): void {
    const { logs } = this.#turn
    if (logs.size === 0) this.#clock.defer(this.#run)
    logs.add(log)
  }

  /** A copy that lives until the writes of this turn are done. */
  copy(bytes: Uint8Array): Buffer {
    return this.#turn.copy(bytes)
  }

  /** Keeps the copies of this turn alive until the returned function is called, for a write that cannot wait for its end. */
  hold(): () => void {
    return this.#turn.hold()
  }

  readonly #run = (): void => {
    const turn = this.#turn
    this.#turn = new Turn(this.#buffers)
    for (const log of turn.logs) log.writeTurn(turn.hold())
    turn.end()
  }
}

class Turn {
  readonly logs = new Set<TurnWritable>()
  readonly #buffers: BufferPool
  readonly #slabs: Buffer[] = []
  #used = SLAB_BYTES
  /** The turn itself is the first. */
  #holds = 1

  constructor(buffers: BufferPool) {
    this.#buffers = buffers
  }

  copy(bytes: Uint8Array): Buffer {
    let slab = this.#slabs[this.#slabs.length - 1]
    if (slab === undefined || this.#used + bytes.length > slab.length) {
      slab = this.#buffers.take(Math.max(bytes.length, SLAB_BYTES))
      this.#slabs.push(slab)
      this.#used = 0
    }
    const copied = slab.subarray(this.#used, this.#used + bytes.length)
    copied.set(bytes)
    this.#used += bytes.length
    return copied
  }

  /** When the last hold is let go nobody looks at the slabs any more. */
  hold(): () => void {
    this.#holds++
    return () => this.#letGo()
  }

  /** Nothing more is copied. */
  end(): void {
    this.#letGo()
  }

  #letGo(): void {
    this.#holds--
    if (this.#holds === 0) for (const slab of this.#slabs) this.#buffers.give(slab)
  }
}
