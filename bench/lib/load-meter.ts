/** What the connections of a load have done, and how busy both sides were while it was measured. */
import { Histogram } from './histogram.js'
import type { LoadResult } from './load-job.js'
import { type ProcessorTime, processorTime } from './process-usage.js'

interface Moment {
  readonly atMs: number
  readonly generator: ProcessorTime | undefined
  readonly server: ProcessorTime | undefined
}

export class LoadMeter {
  readonly #serverPid: number
  readonly #durations = new Histogram()
  #answersInAll = 0
  #began: Moment | undefined
  #ended: Moment | undefined

  constructor(serverPid: number) {
    this.#serverPid = serverPid
  }

  answer(durationMs: number): void {
    this.#answersInAll++
    if (this.#began !== undefined && this.#ended === undefined) this.#durations.record(durationMs)
  }

  begin(): void {
    this.#began = this.#now()
  }

  end(): void {
    this.#ended = this.#now()
  }

  /** After `begin` and `end`. */
  result(): LoadResult {
    const began = this.#began!
    const ended = this.#ended!
    const elapsedMs = ended.atMs - began.atMs
    const busy = (who: 'generator' | 'server', what: keyof ProcessorTime): number =>
      ((ended[who]?.[what] ?? Number.NaN) - (began[who]?.[what] ?? Number.NaN)) / elapsedMs
    return {
      answers: this.#durations.total,
      elapsedMs,
      answersInAll: this.#answersInAll,
      p50Us: this.#durations.quantileUs(0.5),
      p99Us: this.#durations.quantileUs(0.99),
      generatorBusy: busy('generator', 'allMs'),
      serverBusy: busy('server', 'allMs'),
      serverLoopBusy: busy('server', 'loopMs'),
    }
  }

  #now(): Moment {
    return {
      atMs: performance.now(),
      generator: processorTime(process.pid),
      server: processorTime(this.#serverPid),
    }
  }
}
