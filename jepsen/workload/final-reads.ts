/**
 * The last reading: when everything is healed, each reader takes a fresh client, assigns every key from the beginning and polls until it has come to the highest offset that anybody was told of each. One that gets no further
 * begins anew with another client, until the time is up: a client may be stuck where the cluster is not, and that must not look like a loss.
 */
import type { BedTime } from '../beds/bed.js'
import type { Key, Operation } from '../history/operation.js'
import type { Worker } from './worker.js'

export interface FinalReadsOptions {
  /** The highest offset that is known of each key. */
  readonly targets: ReadonlyMap<Key, number>
  readonly time: BedTime
  readonly limitMs: number
  /** Also what each of so many groups has committed: a reader for each. */
  readonly groups: number
}

export interface FinalReads {
  readonly isComplete: boolean
  readonly keys: number
  readonly tookMs: number
  /** What no reader has read up to, with where the best of them has come to; -1: nowhere. */
  readonly missing: readonly { readonly key: Key; readonly target: number; readonly reached: number }[]
  /** Readers that have not come to the end of every key, by driver, with the cycles of all. */
  readonly late: readonly string[]
  readonly cycles: number
}

/** A cycle without a record more. */
const STUCK_MS = 10_000
const POLL_MS = 1000
const PAUSE_MS = 500
/** Of one question for committed offsets. */
const MOST_KEYS = 50

export async function finalReads(readers: readonly Worker[], options: FinalReadsOptions): Promise<FinalReads> {
  const { targets, time, groups } = options
  const beginMs = time.nowMs()
  const done = await Promise.all(readers.map((worker) => new FinalReader(worker, options).run()))
  const reached = (key: Key): number => Math.max(-1, ...done.map((each) => each.reached.get(key) ?? -1))
  const keys = [...targets.keys()].sort((a, b) => a - b)
  const missing = keys
    .map((key) => ({ key, target: targets.get(key)!, reached: reached(key) }))
    .filter((each) => each.reached < each.target)
  await Promise.all(readers.slice(0, groups).map((worker) => readCommitted(worker, keys)))
  return {
    isComplete: done.every(({ isComplete }) => isComplete),
    keys: keys.length,
    tookMs: time.nowMs() - beginMs,
    missing,
    late: done.flatMap(({ isComplete }, n) => (isComplete ? [] : [readers[n]!.driver.name])),
    cycles: done.reduce((sum, each) => sum + each.cycles, 0),
  }
}

class FinalReader {
  readonly reached = new Map<Key, number>()
  cycles = 0
  readonly #worker: Worker
  readonly #options: FinalReadsOptions
  readonly #deadlineMs: number

  constructor(worker: Worker, options: FinalReadsOptions) {
    this.#worker = worker
    this.#options = options
    this.#deadlineMs = options.time.nowMs() + options.limitMs
  }

  get isComplete(): boolean {
    for (const [key, target] of this.#options.targets) if ((this.reached.get(key) ?? -1) < target) return false
    return true
  }

  async run(): Promise<this> {
    while (!this.isComplete && this.#options.time.nowMs() < this.#deadlineMs) {
      this.cycles++
      await this.#cycle()
    }
    return this
  }

  async #cycle(): Promise<void> {
    const { targets, time } = this.#options
    // Each reader by itself: it begins at the beginning.
    this.reached.clear()
    const keys = [...targets.keys()].sort((a, b) => a - b)
    await this.#worker.perform({ f: 'crash' })
    const { type } = await this.#worker.perform({ f: 'assign', keys, fromBeginning: true })
    if (type !== 'ok') return time.wait(PAUSE_MS)
    const { process } = this.#worker
    let progressMs = time.nowMs()
    while (!this.isComplete && time.nowMs() < Math.min(this.#deadlineMs, progressMs + STUCK_MS)) {
      const polled = await this.#worker.perform({ f: 'poll', polls: 1, limitMs: POLL_MS })
      if (this.#worker.process !== process) return
      if (this.#took(polled)) progressMs = time.nowMs()
    }
  }

  #took(polled: Operation): boolean {
    if (polled.type !== 'ok' || polled.f !== 'poll') return false
    let hasMore = false
    for (const part of polled.value) {
      if (part[0] !== 'poll') continue
      for (const [key, records] of Object.entries(part[1] ?? {})) {
        const last = records.at(-1)![0]
        if (last <= (this.reached.get(Number(key)) ?? -1)) continue
        this.reached.set(Number(key), last)
        hasMore = true
      }
    }
    return hasMore
  }
}

async function readCommitted(worker: Worker, keys: readonly Key[]): Promise<void> {
  for (let from = 0; from < keys.length; from += MOST_KEYS) {
    await worker.perform({ f: 'committed', keys: keys.slice(from, from + MOST_KEYS) })
  }
}
