/** Runs seeds for the pool: one message in, one message out. */
import { runSeed, type ScenarioOptions } from '../../src/sim/scenario.js'
import type { SeedSummary } from '../../src/sim/tally.js'

export interface Job {
  readonly seed: string
  readonly options: ScenarioOptions
  /** Run it again and compare the hashes. */
  readonly twice: boolean
}

export interface JobResult {
  readonly seed: string
  readonly summary: SeedSummary | undefined
  /** What went wrong, other than findings. */
  readonly failure: string | undefined
}

process.on('message', ({ seed, options, twice }: Job) => {
  process.send!(run(seed, options, twice))
})

function run(seed: string, options: ScenarioOptions, twice: boolean): JobResult {
  try {
    const { history: _, ...summary } = runSeed(seed, options)
    const again = twice ? runSeed(seed, options).hash : summary.hash
    const failure = again === summary.hash ? undefined : `hash ${summary.hash}, the second time ${again}`
    return { seed, summary, failure }
  } catch (error) {
    return { seed, summary: undefined, failure: (error as Error).stack ?? String(error) }
  }
}
