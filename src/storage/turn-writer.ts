/**
 * Has each log written once in a turn of the event loop, with one system call, however many requests brought something for it.
 */
import type { BufferPool } from '../base/buffer-pool.js'
import type { Clock } from '../io/clock.js'
import { Gather } from './gather.js'

export interface TurnWritable {
  /** Writes what was gathered. */
  writeTurn(): void
}

export class TurnWriter {
  /** Of all batches appended so far. */
  bytesAppended = 0
  readonly #clock: Clock
  readonly #buffers: BufferPool
  #logs = new Set<TurnWritable>()

  constructor(clock: Clock, buffers: BufferPool) {
    this.#clock = clock
    this.#buffers = buffers
  }

  /** For the appends of one log. */
  gather(): Gather {
    return new Gather(this.#buffers)
  }

  /** Has `writeTurn` called at the end of this turn. */
  schedule(log: TurnWritable): void {
    if (this.#logs.size === 0) this.#clock.defer(this.#run)
    this.#logs.add(log)
  }

  readonly #run = (): void => {
    const logs = this.#logs
    this.#logs = new Set()
    for (const log of logs) log.writeTurn()
  }
}
