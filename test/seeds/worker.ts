/** Runs seeds for the pool: one message in, one message out. */
import { type ClusterReport, runClusterSeed } from '../../src/sim/cluster-scenario.js'
import type { Profile } from '../../src/sim/run-seeds.js'
import { runSeed, type ScenarioOptions } from '../../src/sim/scenario.js'
import type { SeedSummary } from '../../src/sim/tally.js'

export interface Job {
  readonly seed: string
  readonly profile?: Profile
  /** Of a node. */
  readonly options: ScenarioOptions
  /** Run it again and compare the hashes. */
  readonly twice: boolean
}

export interface JobResult {
  readonly seed: string
  /** Of a node. */
  readonly summary: SeedSummary | undefined
  /** Of a cluster. */
  readonly cluster: ClusterReport | undefined
  /** What went wrong, other than findings. */
  readonly failure: string | undefined
}

process.on('message', (job: Job) => {
  process.send!(run(job))
})

function run({ seed, profile, options, twice }: Job): JobResult {
  try {
    const isCluster = profile === 'quorum'
    const runOnce = () => (isCluster ? runClusterSeed(seed) : runSeed(seed, options))
    const report = runOnce()
    const again = twice ? runOnce().hash : report.hash
    const failure = again === report.hash ? undefined : `hash ${report.hash}, the second time ${again}`
    if ('convergedMs' in report) return { seed, summary: undefined, cluster: report, failure }
    const { history: _, ...summary } = report
    return { seed, summary, cluster: undefined, failure }
  } catch (error) {
    return { seed, summary: undefined, cluster: undefined, failure: (error as Error).stack ?? String(error) }
  }
}
