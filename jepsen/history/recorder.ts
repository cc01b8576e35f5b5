/**
 * Recorder: gives each operation its place and its time, and writes it down as a line of `history.jsonl`. It holds some lines back, for so long and so many, and nothing else: a run may be as long as the
 * disk has room. Who listens is told of each operation after it has its place.
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import type { BedTime } from '../beds/bed.js'
import type { Operation, Unplaced } from './operation.js'

const MOST_HELD_BYTES = 64 * 1024
const MOST_HELD_MS = 1000
const NANOSECONDS = 1_000_000

export class Recorder {
  readonly #file: number
  readonly #time: BedTime
  #beginMs: number
  readonly #listeners: ((operation: Operation) => void)[] = []
  #held = ''
  #heldSinceMs = 0
  #index = 0
  #isClosed = false

  /** Begins the file anew. Throws what the file system says. */
  constructor(path: string, time: BedTime) {
    this.#file = openSync(path, 'w')
    this.#time = time
    this.#beginMs = time.nowMs()
  }

  /** Time counts from here: before anything is recorded. */
  begin(): void {
    this.#beginMs = this.#time.nowMs()
  }

  /** Of the run: what its operations are timed by. */
  get nowMs(): number {
    return this.#time.nowMs() - this.#beginMs
  }

  listen(listener: (operation: Operation) => void): void {
    this.#listeners.push(listener)
  }

  record(unplaced: Unplaced): Operation {
    const nowMs = this.nowMs
    // Jepsen's fields in the order in which it prints them.
    const { type, process, f, value, ...rest } = unplaced
    const index = this.#index++
    const operation = { index, type, process, f, value, time: Math.round(nowMs * NANOSECONDS), ...rest } as Operation
    if (this.#held === '') this.#heldSinceMs = nowMs
    this.#held += `${JSON.stringify(operation)}\n`
    if (this.#held.length >= MOST_HELD_BYTES || nowMs - this.#heldSinceMs >= MOST_HELD_MS) this.#write()
    for (const listener of this.#listeners) listener(operation)
    return operation
  }

  /** Everything is on the disk then; nothing can be recorded any more. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#write()
    fsyncSync(this.#file)
    closeSync(this.#file)
  }

  #write(): void {
    const bytes = Buffer.from(this.#held)
    this.#held = ''
    for (let written = 0; written < bytes.length; ) written += writeSync(this.#file, bytes, written)
  }
}
