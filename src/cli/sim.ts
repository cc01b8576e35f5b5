/** `lograft sim`: runs of the simulator: a seed that is to be seen again, or many that nobody has tried yet. */
import fs from 'node:fs'
import type { CommandModule } from 'yargs'
import type { FaultKind } from '../sim/disk-device.js'
import { FAULT_KINDS } from '../sim/faults.js'
import { FlightRecordError, type FlightReport, replayFlight } from '../sim/replay-flight.js'
import { runSeed, type ScenarioOptions, type SeedReport } from '../sim/scenario.js'
import { SimulationError } from '../sim/simulation.js'
import { Tally } from '../sim/tally.js'
import { fail, misuse } from './fail.js'

/** Findings of a seed that are printed. */
const SHOWN_FINDINGS = 20

interface SimOptions {
  readonly seed: string
  readonly seeds: number
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
      .example('$0 sim --seeds 20 --flush-policy os --strict', 'See the checker find losses'),
  handler: (options) => {
    const path = options['replay-flight']
    process.exitCode = (path === undefined ? run(options) : replay(path)) ? 0 : 1
  },
}

/** Whether all is well. */
function run(options: SimOptions): boolean {
  const { seed, seeds, twice } = options
  const { acks, faults, strict } = options
  const scenario: ScenarioOptions = {
    strict,
    ...(faults === undefined ? {} : { faults }),
    ...(options['flush-policy'] === undefined ? {} : { flushPolicy: options['flush-policy'] }),
    ...(acks === undefined ? {} : { acks: acks === '1' ? 1 : -1 }),
  }
  const first = Number(seed)
  if (!Number.isSafeInteger(seeds) || seeds < 1) misuse('--seeds must be a whole number from 1 on')
  if (seeds > 1 && !Number.isSafeInteger(first)) misuse(`--seeds counts up from a number, and --seed is ${seed}`)
  const tally = new Tally()
  let well = true
  for (let n = 0; n < seeds; n++) {
    const each = n === 0 ? seed : String(first + n)
    const report = tried(each, scenario, twice)
    if (report === undefined) well = false
    else {
      tally.add(report)
      if (seeds === 1 || report.findings.length > 0) print(report)
      if (report.findings.length > 0) well = false
    }
  }
  if (seeds > 1) process.stdout.write(`${tally.text()}\n`)
  return well
}

function tried(seed: string, scenario: ScenarioOptions, twice: boolean): SeedReport | undefined {
  try {
    const report = runSeed(seed, scenario)
    if (twice && runSeed(seed, scenario).hash !== report.hash) {
      process.stdout.write(`seed ${seed}: two runs had different hashes\n`)
      return undefined
    }
    return report
  } catch (error) {
    if (!(error instanceof SimulationError)) throw error
    process.stdout.write(`${error.trace.join('\n')}\n${error.message}\n`)
    return undefined
  }
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
