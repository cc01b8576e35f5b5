/**
 * Scrubber: reads closed segments, which nobody may have looked at for long, round and round, so slowly that nobody feels it, and has mended what has rotted: as long as
 * there is another replica that has it. The end of each log is left out: it was written not long ago.
 */
import type { Clock, Timer } from '../io/clock.js'
import { BatchIterator } from '../records/reader.js'
import { DamagedBatchError } from '../storage/log-damaged-error.js'
import type { Partition } from './partition.js'

export interface ScrubberOptions {
  /** `log.scrub.bytes.per.second`; 0: not at all. */
  readonly bytesPerSecond: () => number
  readonly partitions: () => readonly Partition[]
  /** A second has passed: for others that read at their own pace. */
  readonly ticked?: () => void
}

const TICK_MS = 1000
/** What takes less time than this to be read is not read more often. */
const SHORTEST_ROUND_MS = 3_600_000
/** So much is read at once. */
const PIECE_BYTES = 256 * 1024

export class Scrubber {
  readonly #clock: Clock
  readonly #options: ScrubberOptions
  #timer: Timer
  /** Those that have still to be read in this round; the first is under way. */
  #left: Partition[] = []
  #offset = 0
  /** May be read until the next tick; below 0: more was, because batches come whole. */
  #budget = 0
  #reading = false
  #roundBeganMs = Number.NEGATIVE_INFINITY
  #stopped = false
  /** Since the start. */
  readBytes = 0

  constructor(clock: Clock, options: ScrubberOptions) {
    this.#clock = clock
    this.#options = options
    this.#timer = this.#nextTick()
  }

  stop(): void {
    this.#stopped = true
    this.#timer.cancel()
  }

  #nextTick(): Timer {
    return this.#clock.timer(TICK_MS, () => {
      this.#timer = this.#nextTick()
      const bytes = this.#options.bytesPerSecond()
      this.#budget = Math.min(this.#budget + bytes, bytes)
      if (bytes > 0) this.#beginRound()
      if (!this.#reading) this.#readOn()
      this.#options.ticked?.()
    })
  }

  #beginRound(): void {
    const nowMs = this.#clock.monotonicMs()
    if (this.#left.length > 0 || nowMs < this.#roundBeganMs + SHORTEST_ROUND_MS) return
    this.#left = [...this.#options.partitions()]
    if (this.#left.length > 0) this.#roundBeganMs = nowMs
  }

  /** Where there is something to be read of the first that is left; undefined: nothing is. */
  #next(): { readonly partition: Partition; readonly offset: number; readonly upToOffset: number } | undefined {
    for (;;) {
      const [partition] = this.#left
      if (partition === undefined) return undefined
      const { log, highWatermark } = partition
      const upToOffset = Math.min(log.segments.at(-1)!.baseOffset, highWatermark)
      const offset = Math.max(this.#offset, log.startOffset)
      if (!log.closed && !log.failed && offset < upToOffset) return { partition, offset, upToOffset }
      this.#left.shift()
      this.#offset = 0
    }
  }

  #readOn(): void {
    if (this.#stopped || this.#budget <= 0) return
    const next = this.#next()
    if (next === undefined) return
    const { partition, offset, upToOffset } = next
    const { log } = partition
    this.#reading = true
    const maxBytes = Math.min(PIECE_BYTES, this.#budget)
    log.read({ offset, upToOffset, maxBytes, wholeFirstBatch: true }, (error, read) => {
      this.#reading = false
      const bytes = read?.bytes.length ?? 0
      this.#budget -= Math.max(1, bytes)
      this.readBytes += bytes
      if (error instanceof DamagedBatchError) {
        partition.rotted(error.offset)
        // The rest of this segment is looked at in the next round.
        this.#offset = log.segments.find(({ baseOffset }) => baseOffset > offset)?.baseOffset ?? upToOffset
      } else if (read === undefined) this.#offset = upToOffset
      else this.#offset = nextOffsetOf(read.bytes) ?? upToOffset
      read?.release()
      // Not deeper and deeper where the disk answers at once.
      this.#clock.defer(() => this.#readOn())
    })
  }
}

/** Behind the last whole batch; undefined: there is none. */
function nextOffsetOf(bytes: Uint8Array): number | undefined {
  const batches = new BatchIterator(bytes)
  let nextOffset: number | undefined
  while (batches.next() === 'batch') nextOffset = batches.batch.nextOffset
  return nextOffset
}
