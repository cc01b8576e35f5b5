/** What the connections of a load have done, and how busy both sides were while it was measured. */
import { Histogram } from './histogram.js'
import type { LoadResult } from './load-job.js'
import { type ProcessorTime, processorTime } from './process-usage.js'

interface Moment {
  readonly atMs: number
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly generator: ProcessorTime | undefined
  readonly server: ProcessorTime | undefined
}

export class LoadMeter {
  sentBytes = 0
  receivedBytes = 0
  readonly #serverPid: number
  readonly #mostAnswers: number
  readonly #enough: () => void
  readonly #durations = new Histogram()
  #answersInAll = 0
  #measuring = false
  #began: Moment | undefined

  /** `enough` is called when so many answers have come within the measurement. */
  constructor(serverPid: number, mostAnswers: number, enough: () => void) {
    this.#serverPid = serverPid
    this.#mostAnswers = mostAnswers
    this.#enough = enough
  }

  answer(durationMs: number): void {
    this.#answersInAll++
    if (!this.#measuring) return
    this.#durations.record(durationMs)
    if (this.#durations.total === this.#mostAnswers) this.#enough()
  }

  begin(): void {
    this.#durations.clear()
    this.#began = this.#now()
    this.#measuring = true
  }

  /** What was measured; `answersInAll` is filled in later by `LoadMeter.answersInAll`. */
  end(): Omit<LoadResult, 'answersInAll'> {
    this.#measuring = false
    const began = this.#began!
    const ended = this.#now()
    const elapsedMs = ended.atMs - began.atMs
    const busy = (who: 'generator' | 'server', what: keyof ProcessorTime): number =>
      ((ended[who]?.[what] ?? Number.NaN) - (began[who]?.[what] ?? Number.NaN)) / elapsedMs
    return {
      answers: this.#durations.total,
      elapsedMs,
      sentBytes: ended.sentBytes - began.sentBytes,
      receivedBytes: ended.receivedBytes - began.receivedBytes,
      p50Us: this.#durations.quantileUs(0.5),
      p99Us: this.#durations.quantileUs(0.99),
      generatorBusy: busy('generator', 'allMs'),
      serverBusy: busy('server', 'allMs'),
      serverLoopBusy: busy('server', 'loopMs'),
    }
  }

  get answersInAll(): number {
    return this.#answersInAll
  }

  #now(): Moment {
    const { sentBytes, receivedBytes } = this
    const generator = processorTime(process.pid)
    const server = processorTime(this.#serverPid)
    return { atMs: performance.now(), sentBytes, receivedBytes, generator, server }
  }
}
