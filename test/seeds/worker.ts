/** Runs seeds for the pool: one message in, one message out. */
import type { ClusterReport } from '../../src/sim/cluster-scenario.js'
import type { ReplicationReport } from '../../src/sim/replicated-cluster.js'
import { type Profile, reportOf } from '../../src/sim/run-seeds.js'
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
  /** Of a cluster under a load of records. */
  readonly replication: ReplicationReport | undefined
  /** What went wrong, other than findings. */
  readonly failure: string | undefined
}

const NOTHING = { summary: undefined, cluster: undefined, replication: undefined } as const

process.on('message', (job: Job) => {
  process.send!(run(job))
})

function run({ seed, profile, options, twice }: Job): JobResult {
  try {
    const runOnce = () => (profile === undefined ? runSeed(seed, options) : reportOf(profile, seed))
    const report = runOnce()
    const again = twice ? runOnce().hash : report.hash
    const failure = again === report.hash ? undefined : `hash ${report.hash}, the second time ${again}`
    const result = { seed, ...NOTHING, failure }
    if ('elections' in report) return { ...result, replication: report }
    if ('convergedMs' in report) return { ...result, cluster: report }
    const { history: _, ...summary } = report
    return { ...result, summary }
  } catch (error) {
    return { seed, ...NOTHING, failure: (error as Error).stack ?? String(error) }
  }
}
