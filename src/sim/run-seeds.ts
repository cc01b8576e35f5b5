/**
 * Many runs of the simulator, one after the other, and what they have shown together, as plain data: what `lograft sim --json` prints, and what
 * programs call as `lograft/sim`.
 */
import { type ClusterReport, type ClusterScenarioOptions, runClusterSeed } from './cluster-scenario.js'
import { type GroupScenarioOptions, runGroupSeed } from './group-scenario.js'
import { isNMinusOne, N_MINUS_ONE, N_MINUS_ONE_NAMES, type NMinusOneName } from './n-minus-one.js'
import { runNMinusOneSeed } from './n-minus-one-scenario.js'
import type { ReplicationReport } from './replicated-cluster.js'
import { type ReplicationScenarioOptions, runReplicationSeed } from './replication-scenario.js'
import { runSeed, type ScenarioOptions, type SeedReport } from './scenario.js'
import { SimulationError } from './simulation.js'

/**
 * `one`: a node under a load of records; `quorum`: a cluster under changes of its metadata; `replication`: a cluster under a load of records; `groups`: the same, with
 * groups of consumers; and those that let all replicas but one fail, by name.
 */
export const PROFILES = ['one', 'quorum', 'replication', 'groups', ...N_MINUS_ONE_NAMES] as const
export type Profile = (typeof PROFILES)[number]

export type SimulationOptions = {
  /** The first seed. Several are counted up from a number. */
  readonly from: string | number
  readonly seeds: number
  /** Each is run again, and must have the same hash. */
  readonly twice?: boolean
  /** Milliseconds since any moment; without it nothing is said about real time. */
  readonly nowMs?: () => number
  /** Told of each run when it is over. */
  readonly ran?: (outcome: SeedOutcome) => void
} & (
  | { readonly profile: 'one'; readonly scenario?: ScenarioOptions }
  | { readonly profile: 'quorum'; readonly scenario?: ClusterScenarioOptions }
  | { readonly profile: 'replication'; readonly scenario?: ReplicationScenarioOptions }
  | { readonly profile: 'groups'; readonly scenario?: GroupScenarioOptions }
  | { readonly profile: NMinusOneName }
)

export type Report = SeedReport | ClusterReport | ReplicationReport

export interface SeedOutcome {
  readonly seed: string | number
  readonly profile: Profile
  /** Why it failed, in a sentence; undefined: it is well. */
  readonly failure: string | undefined
  /** The latest events before it failed inside. */
  readonly trace: readonly string[]
  /** Undefined: it did not come to its end. */
  readonly report: Report | undefined
}

export interface Spread {
  readonly median: number
  readonly longest: number
}

export interface SimulationResult {
  readonly seeds: number
  readonly failed: readonly (string | number)[]
  readonly acknowledged: number
  readonly medianAcknowledged: number
  /** How often each kind of fault has struck. */
  readonly faults: Readonly<Record<string, number>>
  readonly virtualSeconds: number
  readonly realSeconds: number | undefined
  /** Of a single seed. */
  readonly hash: string | undefined
  /** How often each invariant was tried in earnest, and in how many of the seeds. */
  readonly checks: Readonly<Record<string, number>>
  readonly seedsWithCheck: Readonly<Record<string, number>>
  readonly events: number
  readonly medianEvents: number
  readonly medianVirtualSeconds: number
  /** Of clusters: seeds in which the leader changed, and how long the core and then all took to converge, in virtual ms. */
  readonly seedsWithLeaderChange: number
  readonly convergedMs: Spread | undefined
  readonly healedMs: Spread | undefined
}

export function runSeeds(options: SimulationOptions): SimulationResult {
  const { nowMs, ran } = options
  const beganMs = nowMs?.()
  const totals = new Totals()
  for (let n = 0; n < options.seeds; n++) {
    const seed = n === 0 ? options.from : Number(options.from) + n
    const outcome = runOne(seed, options)
    totals.add(outcome)
    ran?.(outcome)
  }
  const realMs = nowMs === undefined || beganMs === undefined ? undefined : nowMs() - beganMs
  return totals.result(realMs)
}

function runOne(seed: string | number, options: SimulationOptions): SeedOutcome {
  const { profile } = options
  const run = (): Report => ('scenario' in options ? withScenario(seed, options) : reportOf(profile, seed))
  try {
    const report = run()
    let failure = failureOf(profile, report)
    if (options.twice === true) {
      const again = run().hash
      if (again !== report.hash) failure = `two runs had different hashes, ${report.hash} and ${again}`
    }
    return { seed, profile, failure, trace: [], report }
  } catch (error) {
    if (!(error instanceof SimulationError)) throw error
    return { seed, profile, failure: error.message, trace: error.trace, report: undefined }
  }
}

/** A run as the profile has it. */
export function reportOf(profile: Profile, seed: string | number): Report {
  switch (profile) {
    case 'one':
      return runSeed(seed)
    case 'quorum':
      return runClusterSeed(seed)
    case 'replication':
      return runReplicationSeed(seed)
    case 'groups':
      return runGroupSeed(seed)
    default:
      return runNMinusOneSeed(profile, seed)
  }
}

function withScenario(
  seed: string | number,
  options: Extract<SimulationOptions, { readonly scenario?: object }>,
): Report {
  switch (options.profile) {
    case 'one':
      return runSeed(seed, options.scenario)
    case 'quorum':
      return runClusterSeed(seed, options.scenario)
    case 'replication':
      return runReplicationSeed(seed, options.scenario)
    case 'groups':
      return runGroupSeed(seed, options.scenario)
    default:
      return options satisfies never
  }
}

/** Undefined: all is as it should be. Where something has to be lost, it must be seen. */
export function failureOf(profile: Profile, { findings }: Report): string | undefined {
  const [finding] = findings
  if (isNMinusOne(profile) && N_MINUS_ONE[profile].lost !== 'nothing') {
    return findings.some(({ anomaly }) => anomaly === 'lost-write') ? undefined : 'nothing was lost that could be seen'
  }
  if (finding === undefined) return undefined
  return `${findings.length} findings, the first: ${finding.anomaly}, ${finding.key}: ${finding.detail}`
}

/** Adds runs up. Those that did not come to their end count as seeds that failed, and nothing else. */
export class Totals {
  #seeds = 0
  readonly #failed: (string | number)[] = []
  readonly #acknowledged: number[] = []
  readonly #faults: Record<string, number> = {}
  readonly #checks: Record<string, number> = {}
  readonly #seedsWithCheck: Record<string, number> = {}
  readonly #events: number[] = []
  readonly #virtualMs: number[] = []
  #withLeaderChange = 0
  readonly #convergedMs: number[] = []
  readonly #healedMs: number[] = []
  #hash: string | undefined

  add({ seed, failure, report }: Pick<SeedOutcome, 'seed' | 'failure' | 'report'>): void {
    this.#seeds++
    if (failure !== undefined) this.#failed.push(seed)
    if (report === undefined) return
    this.#hash = report.hash
    this.#acknowledged.push(report.acknowledged)
    this.#events.push(report.events)
    this.#virtualMs.push(report.virtualMs)
    for (const [kind, count] of Object.entries(report.faults)) {
      this.#faults[kind] = (this.#faults[kind] ?? 0) + (typeof count === 'number' ? count : (count?.total ?? 0))
    }
    for (const [name, count] of Object.entries(report.checks)) {
      this.#checks[name] = (this.#checks[name] ?? 0) + count
      if (count > 0) this.#seedsWithCheck[name] = (this.#seedsWithCheck[name] ?? 0) + 1
    }
    if (!('convergedMs' in report)) return
    if (report.leaderChanges > 0) this.#withLeaderChange++
    this.#convergedMs.push(report.convergedMs)
    this.#healedMs.push(report.healedMs)
  }

  result(realMs: number | undefined): SimulationResult {
    return {
      seeds: this.#seeds,
      failed: this.#failed,
      acknowledged: sum(this.#acknowledged),
      medianAcknowledged: spread(this.#acknowledged)?.median ?? 0,
      faults: this.#faults,
      virtualSeconds: sum(this.#virtualMs) / 1000,
      realSeconds: realMs === undefined ? undefined : realMs / 1000,
      hash: this.#seeds === 1 ? this.#hash : undefined,
      checks: this.#checks,
      seedsWithCheck: this.#seedsWithCheck,
      events: sum(this.#events),
      medianEvents: spread(this.#events)?.median ?? 0,
      medianVirtualSeconds: (spread(this.#virtualMs)?.median ?? 0) / 1000,
      seedsWithLeaderChange: this.#withLeaderChange,
      convergedMs: spread(this.#convergedMs),
      healedMs: spread(this.#healedMs),
    }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0)
}

function spread(values: readonly number[]): Spread | undefined {
  const sorted = [...values].sort((a, b) => a - b)
  if (sorted.length === 0) return undefined
  return { median: sorted[sorted.length >> 1]!, longest: sorted.at(-1)! }
}
