/**
 * LogCursor: reads the batches of a partition's log where they lie on a simulated disk, each once, as the log grows. It stands between two batches; who knows
 * that the log was cut in front of it begins anew.
 */
import type { BatchView } from '../records/batch.js'
import { BatchIterator } from '../records/reader.js'
import { SimulatedDirectory } from './disk-directory.js'
import { SimulatedFile } from './disk-file.js'
import type { Machine } from './machine.js'

const NAME_DIGITS = 20

export class LogCursor {
  readonly #machine: Machine
  readonly #directory: string
  readonly #durable: boolean
  #baseOffset = -1
  #position = 0
  /** Where the batch before it ended; -1: there was none. */
  #offset = -1

  /** `durable`: as a loss of power would leave it at least. */
  constructor(machine: Machine, directory: string, durable = false) {
    this.#machine = machine
    this.#directory = directory
    this.#durable = durable
  }

  get offset(): number {
    return this.#offset
  }

  /** The offset with which the file begins in which it stands; -1: it has not found any. */
  get beginsAt(): number {
    return this.#baseOffset
  }

  /** The batches from here on that end at `endOffset` or before; one without a successor in its file is followed by the next file. */
  *batchesUpTo(endOffset: number): Iterable<BatchView> {
    const folder = this.#machine.find(this.#directory)
    if (!(folder instanceof SimulatedDirectory)) return
    for (;;) {
      const file = this.#file(folder)
      if (file === undefined) return
      const bytes = this.#durable ? file.durableContent : file.content
      const batches = new BatchIterator(bytes, Math.min(this.#position, bytes.length))
      let step = batches.next()
      for (; step === 'batch'; step = batches.next()) {
        const { batch } = batches
        if (batch.nextOffset > endOffset) return
        // Another log's, or what a crash has left.
        if (this.#offset >= 0 && batch.baseOffset !== this.#offset) return
        this.#offset = batch.nextOffset
        this.#position = batches.position
        yield batch
      }
      if (step !== 'end' || this.#offset >= endOffset || !this.#toNextFile(folder)) return
    }
  }

  #file(folder: SimulatedDirectory): SimulatedFile | undefined {
    if (this.#baseOffset >= 0) {
      const file = folder.get(nameOf(this.#baseOffset))
      if (file instanceof SimulatedFile) return file
      // It was deleted with the front of the log; where none is behind it, the log has begun anew.
      this.#offset = -1
    }
    const found = baseOffsetsOf(folder)
    const first = found.find((baseOffset) => baseOffset > this.#baseOffset) ?? found[0]
    if (first === undefined) return undefined
    this.#baseOffset = first
    this.#position = 0
    const file = folder.get(nameOf(first))
    return file instanceof SimulatedFile ? file : undefined
  }

  /** Only one that begins where the one before has ended. */
  #toNextFile(folder: SimulatedDirectory): boolean {
    const next = this.#offset
    if (next <= this.#baseOffset || !(folder.get(nameOf(next)) instanceof SimulatedFile)) return false
    this.#baseOffset = next
    this.#position = 0
    return true
  }
}

function nameOf(baseOffset: number): string {
  return `${String(baseOffset).padStart(NAME_DIGITS, '0')}.log`
}

function baseOffsetsOf(folder: SimulatedDirectory): number[] {
  return folder.names
    .filter((name) => name.endsWith('.log'))
    .map((name) => Number.parseInt(name, 10))
    .sort((a, b) => a - b)
}
