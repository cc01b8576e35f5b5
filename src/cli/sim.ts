/** `lograft sim`: runs of the simulator: a seed that is to be seen again, or many that nobody has tried yet. */
import fs from 'node:fs'
import type { CommandModule } from 'yargs'
import { NodeClock } from '../io/node/clock.js'
import type { FaultKind } from '../sim/disk-device.js'
import { FAULT_KINDS } from '../sim/faults.js'
import {
  type ClusterReport,
  PROFILES,
  type Profile,
  type ReplicationReport,
  runSeeds,
  type ScenarioOptions,
  type SeedOutcome,
  type SeedReport,
  type SimulationResult,
} from '../sim/index.js'
import { isNMinusOne } from '../sim/n-minus-one.js'
import { FlightRecordError, type FlightReport, replayFlight } from '../sim/replay-flight.js'
import { Tally } from '../sim/tally.js'
import { fail, misuse } from './fail.js'

/** Findings of a seed that are printed. */
const SHOWN_FINDINGS = 20
const MOST_NODES = 7

interface SimOptions {
  readonly seed: string
  readonly from: string | undefined
  readonly seeds: number
  readonly profile: Profile | undefined
  readonly nodes: number | undefined
  readonly json: boolean
  readonly twice: boolean
  readonly faults: readonly FaultKind[] | undefined
  readonly 'flush-policy': 'commit' | 'os' | undefined
  readonly acks: '1' | 'all' | undefined
  readonly strict: boolean
  readonly 'replay-flight': string | undefined
}

export const simCommand: CommandModule<object, SimOptions> = {
  command: 'sim',
  describe: 'Run the broker in a simulated world with faults, and judge what it acknowledged',
  builder: (yargs) =>
    yargs
      .option('seed', { type: 'string', requiresArg: true, default: '1', describe: 'What everything is drawn from' })
      .option('seeds', {
        type: 'number',
        requiresArg: true,
        default: 1,
        describe: 'How many seeds to run, counting up from --seed',
      })
      .option('from', { type: 'string', requiresArg: true, describe: 'The same as --seed' })
      .option('profile', {
        choices: PROFILES,
        requiresArg: true,
        describe:
          'one: a node under a load of records; quorum: a cluster under changes of its metadata; replication: a cluster under a load of records; groups: the same with groups of consumers; the others: all replicas of a log but one fail. Default: by --nodes',
      })
      .option('nodes', {
        type: 'number',
        requiresArg: true,
        describe: 'How many nodes; default: one, and with --profile quorum drawn from the seed',
      })
      .option('json', {
        type: 'boolean',
        default: false,
        describe: 'Print failures and, in the last line, the totals as JSON',
      })
      .option('twice', { type: 'boolean', default: false, describe: 'Run each twice: the hashes must be equal' })
      .option('faults', {
        array: true,
        choices: FAULT_KINDS,
        requiresArg: true,
        describe: 'Which faults there are; default: all',
      })
      .option('flush-policy', {
        choices: ['commit', 'os'] as const,
        requiresArg: true,
        describe: 'Of all topics; default: some of each',
      })
      .option('acks', {
        type: 'string',
        choices: ['1', 'all'] as const,
        requiresArg: true,
        describe: 'Of all producers; default: some of each',
      })
      .option('strict', {
        type: 'boolean',
        default: false,
        describe: 'Judge as if nothing acknowledged may ever be lost, whatever the settings promise',
      })
      .option('replay-flight', {
        type: 'string',
        requiresArg: true,
        describe: 'Instead: feed a flight record, which a node leaves behind when it fails, to its cores again',
      })
      .example('$0 sim --seed 42', 'The run of seed 42, always the same')
      .example('$0 sim --seed 1 --seeds 500', 'Five hundred runs')
      .example('$0 sim --from 1 --seeds 100 --nodes 3', 'A hundred clusters of three')
      .example('$0 sim --seeds 20 --flush-policy os --strict', 'See the checker find losses'),
  handler: (options) => {
    const path = options['replay-flight']
    process.exitCode = (path === undefined ? run(options) : replay(path)) ? 0 : 1
  },
}

/** Whether all is well. */
function run(options: SimOptions): boolean {
  const { seeds, twice, json } = options
  const from = options.from ?? options.seed
  const first = Number(from)
  if (!Number.isSafeInteger(seeds) || seeds < 1) misuse('--seeds must be a whole number from 1 on')
  if (seeds > 1 && !Number.isSafeInteger(first)) misuse(`--seeds counts up from a number, and --seed is ${from}`)
  const nodes = nodesOf(options)
  const profile = options.profile ?? ((nodes ?? 1) > 1 ? 'quorum' : 'one')
  if (profile === 'one' && nodes !== undefined && nodes > 1)
    misuse(`--profile one has one node, and --nodes is ${nodes}`)
  if (isNMinusOne(profile) && nodes !== undefined) misuse(`--profile ${profile} says how many nodes there are`)
  const tally = new Tally()
  const ran = (outcome: SeedOutcome): void => {
    const { report } = outcome
    if (json) {
      if (outcome.failure !== undefined) printFailure(outcome, options)
    } else if (report === undefined) {
      process.stdout.write(`${outcome.trace.join('\n')}\n${outcome.failure}\n`)
    } else if ('convergedMs' in report) {
      if (seeds === 1 || outcome.failure !== undefined) printCluster(report, profile)
    } else {
      tally.add(report)
      if (seeds === 1 || report.findings.length > 0) print(report)
    }
    if (!json && outcome.failure !== undefined) {
      if (report !== undefined && report.findings.length === 0)
        process.stdout.write(`seed ${outcome.seed}: ${outcome.failure}\n`)
      process.stdout.write(`again: ${again(outcome, options)}\n`)
    }
  }
  const clock = new NodeClock()
  const common = {
    from: Number.isSafeInteger(first) ? first : from,
    seeds,
    twice,
    ran,
    nowMs: () => clock.monotonicMs(),
  }
  const ofCluster = nodes === undefined ? {} : { nodes }
  let result: SimulationResult
  if (profile === 'one') result = runSeeds({ ...common, profile, scenario: scenarioOf(options) })
  else if (profile === 'quorum') result = runSeeds({ ...common, profile, scenario: ofCluster })
  else if (profile === 'replication') result = runSeeds({ ...common, profile, scenario: ofCluster })
  else if (profile === 'groups') result = runSeeds({ ...common, profile, scenario: ofCluster })
  else result = runSeeds({ ...common, profile })
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`)
  else if (seeds > 1) process.stdout.write(profile === 'one' ? `${tally.text()}\n` : clusterText(result, profile))
  return result.failed.length === 0
}

function nodesOf({ nodes }: SimOptions): number | undefined {
  if (nodes === undefined) return undefined
  if (Number.isSafeInteger(nodes) && nodes >= 1 && nodes <= MOST_NODES) return nodes
  return misuse(`--nodes must be a whole number from 1 to ${MOST_NODES}`)
}

function scenarioOf(options: SimOptions): ScenarioOptions {
  const { acks, faults, strict } = options
  return {
    strict,
    ...(faults === undefined ? {} : { faults }),
    ...(options['flush-policy'] === undefined ? {} : { flushPolicy: options['flush-policy'] }),
    ...(acks === undefined ? {} : { acks: acks === '1' ? 1 : -1 }),
  }
}

/** The command that runs a seed again. */
function again({ seed, profile }: SeedOutcome, options: SimOptions): string {
  const { nodes, faults, acks, strict, twice } = options
  const policy = options['flush-policy']
  return [
    `lograft sim --from ${seed}`,
    ...(profile === 'one' ? [] : [`--profile ${profile}`]),
    ...(nodes === undefined ? [] : [`--nodes ${nodes}`]),
    ...(faults === undefined ? [] : [`--faults ${faults.join(' ')}`]),
    ...(policy === undefined ? [] : [`--flush-policy ${policy}`]),
    ...(acks === undefined ? [] : [`--acks ${acks}`]),
    ...(strict ? ['--strict'] : []),
    ...(twice ? ['--twice'] : []),
  ].join(' ')
}

function printFailure(outcome: SeedOutcome, options: SimOptions): void {
  const { seed, failure } = outcome
  process.stdout.write(`${JSON.stringify({ seed, failure, again: again(outcome, options) })}\n`)
}

function printCluster(report: ClusterReport | ReplicationReport, profile: Profile): void {
  const { seed, hash, nodes, acknowledged, unknown, starts, events, virtualMs, leaderChanges, faults, findings } =
    report
  const struck = Object.entries(faults).map(([kind, total]) => `${kind} ${total}`)
  const lines = [
    `seed ${seed}: ${nodes} nodes, ${acknowledged} ${unitOf(profile)} acknowledged, ${unknown} unknown, ${starts} starts, ${leaderChanges} changes of leader, ${events} events in ${virtualMs.toFixed(0)} ms`,
    `  hash ${hash}`,
    `  the core converged after ${report.convergedMs.toFixed(0)} ms, all after another ${report.healedMs.toFixed(0)} ms`,
    `  faults: ${struck.length === 0 ? 'none' : struck.join(', ')}`,
    ...findings.slice(0, SHOWN_FINDINGS).map(({ anomaly, key, detail }) => `  ${anomaly}: ${key}: ${detail}`),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

function unitOf(profile: Profile): string {
  return profile === 'quorum' ? 'changes' : 'records'
}

function clusterText(result: SimulationResult, profile: Profile): string {
  const { seeds, events, virtualSeconds, realSeconds, acknowledged, faults, checks, convergedMs, healedMs } = result
  const table = (counts: Readonly<Record<string, number>>): string[] =>
    Object.entries(counts)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `  ${String(count).padStart(10)}  ${name}`)
  const lines = [
    `${seeds} seeds, ${events} events, ${virtualSeconds.toFixed(0)} s of virtual time in ${realSeconds?.toFixed(0)} s`,
    `${acknowledged} ${unitOf(profile)} acknowledged, ${result.medianAcknowledged} in the median; the leader changed in ${result.seedsWithLeaderChange} seeds`,
    `the core converged after ${convergedMs?.median.toFixed(0)} ms (at the longest ${convergedMs?.longest.toFixed(0)}), all after another ${healedMs?.median.toFixed(0)} ms (${healedMs?.longest.toFixed(0)})`,
    'faults',
    ...table(faults),
    'invariants, tried in earnest',
    ...table(checks),
    `seeds that failed: ${result.failed.length === 0 ? 'none' : result.failed.join(' ')}`,
  ]
  return `${lines.join('\n')}\n`
}

function print(report: SeedReport): void {
  const { seed, hash, findings, acknowledged, unknown, events, virtualMs, starts, faults } = report
  const struck = Object.entries(faults).map(([kind, { total, inFlight }]) => `${kind} ${total} (${inFlight})`)
  const lines = [
    `seed ${seed}: ${acknowledged} records acknowledged, ${unknown} unknown, ${starts} starts, ${events} events in ${virtualMs.toFixed(0)} ms`,
    `  hash ${hash}`,
    `  faults, in brackets at appends in flight: ${struck.length === 0 ? 'none' : struck.join(', ')}`,
    ...findings.slice(0, SHOWN_FINDINGS).map(({ anomaly, key, detail }) => `  ${anomaly} in ${key}: ${detail}`),
    ...(findings.length > SHOWN_FINDINGS ? [`  and ${findings.length - SHOWN_FINDINGS} more`] : []),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** Whether all cores came to the states that were recorded. */
function replay(path: string): boolean {
  let report: FlightReport
  try {
    report = replayFlight(fs.readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof FlightRecordError) fail(`${path}: ${error.message}`)
    return fail(`cannot read the flight record: ${(error as Error).message}`)
  }
  const { cores, inputs, states, mismatches, thrown } = report
  const lines = [
    `${cores} cores, ${inputs} inputs, ${states} states compared`,
    ...thrown.map(({ core, line, input, error }) => `reproduced: ${core}, line ${line}, ${input}: ${error.stack}`),
    ...mismatches.map(({ core, line, detail }) => `different: ${core}, line ${line}: ${detail}`),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  return mismatches.length === 0
}
