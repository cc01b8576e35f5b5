/**
 * One profile of a suite: its seeds in chunks, as many at a time as there are processors, with a line of progress and a row of the ledger for each chunk; then floors
 * that all seeds together must reach. Those that run twice, which are the first, must have one hash.
 */
import type { ReplicationReport } from '../../src/sim/replicated-cluster.js'
import { failureOf, type Profile, type SimulationResult, Totals } from '../../src/sim/run-seeds.js'
import type { Ledger } from './ledger.js'
import { runJobs } from './pool.js'

/** So many are one row of the ledger, and one line of progress. */
const CHUNK = 50

export interface SuiteOptions {
  readonly profile: Profile
  readonly ledger: Ledger | undefined
  /** Seeds run twice, from the first on. */
  readonly twice: number
  /** Something is to be lost, and it must be seen: a seed that shows nothing is no failure by itself. */
  readonly isControl: boolean
  /** Told of each run that came to its end. */
  readonly ran?: (report: ReplicationReport) => void
  /** Looks at all seeds together. */
  readonly judge: (suite: Suite, result: SimulationResult, seeds: number) => void
}

export class Suite {
  /** What is wrong, in sentences. */
  readonly failures: string[] = []
  readonly #options: SuiteOptions
  readonly #totals = new Totals()
  /** Seeds in which somebody else came to lead a partition. */
  elections = 0
  #ran = 0

  constructor(options: SuiteOptions) {
    this.#options = options
  }

  async run(first: number, seeds: number): Promise<void> {
    const { profile, judge } = this.#options
    const startedAtMs = performance.now()
    for (let from = first; from < first + seeds; from += CHUNK) {
      await this.#runChunk(from, Math.min(CHUNK, first + seeds - from), first + this.#options.twice)
      const { failed, medianAcknowledged, virtualSeconds } = this.#totals.result(undefined)
      const tookS = (performance.now() - startedAtMs) / 1000
      process.stdout.write(
        `${profile}: ${this.#ran} of ${seeds} seeds, ${failed.length} failed, ${medianAcknowledged} acknowledged in the median, ${virtualSeconds.toFixed(0)} s of virtual time in ${tookS.toFixed(0)} s\n`,
      )
    }
    const result = this.#totals.result(undefined)
    process.stdout.write(`${JSON.stringify({ profile, first, ...result }, undefined, 1)}\n`)
    this.atLeast('the number of seeds', this.#ran, seeds)
    judge(this, result, seeds)
  }

  /** Of `judge`: a floor. */
  atLeast(what: string, found: number, floor: number): void {
    if (found >= floor) return
    this.failures.push(`${this.#options.profile}: ${what} is ${found}, and must be at least ${floor}`)
  }

  /** Seeds below `twiceBelow` are run twice. */
  async #runChunk(first: number, seeds: number, twiceBelow: number): Promise<void> {
    const { profile, ledger, isControl, ran } = this.#options
    const chunk = new Totals()
    let next = first
    await runJobs(
      () => {
        if (next === first + seeds) return undefined
        const seed = next++
        return { seed: String(seed), profile, options: {}, twice: seed < twiceBelow }
      },
      ({ seed, replication, failure }) => {
        const why = failure ?? (replication && failureOf(profile, replication))
        if (why !== undefined && (!isControl || replication === undefined || failure !== undefined)) {
          this.failures.push(`${profile}: seed ${seed}: ${why}`)
        }
        const outcome = { seed, failure: why, report: replication }
        chunk.add(outcome)
        this.#totals.add(outcome)
        this.#ran++
        if ((replication?.elections ?? 0) > 0) this.elections++
        if (replication !== undefined) ran?.(replication)
      },
    )
    const { failed, medianAcknowledged: acknowledged, virtualSeconds } = chunk.result(undefined)
    ledger?.add({ profile, first, seeds, failed, acknowledged, virtualSeconds })
  }
}
