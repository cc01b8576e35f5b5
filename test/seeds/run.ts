/**
 * The simulation suite: `node dist/test/seeds/run.js [--seeds N] [--twice N] [--first N]`. No seed may have a finding, those that run twice, which are
 * the first, must have one hash; together they must have acknowledged and broken enough to mean something. Then the controls: promises that hold only under conditions are kept under
 * them, and where a promise is not made the checker sees the loss.
 */
import { optionsOnly, wholeNumber } from '../../jepsen/command-line.js'
import { FAULT_KINDS } from '../../src/sim/faults.js'
import type { ScenarioOptions } from '../../src/sim/scenario.js'
import { Tally } from '../../src/sim/tally.js'
import { runJobs } from './pool.js'

/** Floors that all seeds together must reach. */
const MEDIAN_ACKNOWLEDGED = 200
const SEEDS_IN_FLIGHT = 0.05
/** Each is looked at once in a seed at the least. */
const INVARIANTS = [
  'committed is flushed',
  'high watermark rises',
  'digest is that of the bytes',
  'flushed is on the device',
]
/** Of each control. */
const CONTROL_SEEDS = 25
/** Share of the seeds in which the checker must see the loss that `os` allows. */
const SEEDS_WITH_LOSS = 0.25

const USAGE = `npm run test:seeds -- [--seeds COUNT] [--twice COUNT] [--first SEED]

Seeds of the simulator, each a node under a load of records, and then the controls.

  --seeds COUNT   Default: 1000
  --twice COUNT   so many of them, from the first on, run twice, and must have one hash. Default: 250
  --first SEED    a number; others count up from it. Default: 1`

const values = optionsOnly(USAGE, {
  seeds: { type: 'string', default: '1000' },
  twice: { type: 'string', default: '250' },
  first: { type: 'string', default: '1' },
})
const first = wholeNumber('first', values.first, 0)
const seeds = wholeNumber('seeds', values.seeds, 1)
const twice = wholeNumber('twice', values.twice, 0)
const failures: string[] = []

async function runSeeds(
  name: string,
  first: number,
  seeds: number,
  options: ScenarioOptions,
  /** How many of them, from the first, run twice. */
  twice: number,
): Promise<Tally> {
  const startedAtMs = performance.now()
  const tally = new Tally()
  let next = first
  await runJobs(
    () => {
      if (next === first + seeds) return undefined
      const seed = next++
      return { seed: String(seed), options, twice: seed < first + twice }
    },
    ({ seed, summary, failure }) => {
      if (summary !== undefined) tally.add(summary)
      if (failure !== undefined) failures.push(`${name}: seed ${seed}: ${failure}`)
    },
  )
  process.stdout.write(`\n${name} (${((performance.now() - startedAtMs) / 1000).toFixed(0)} s)\n${tally.text()}\n`)
  return tally
}

function findsNothing(name: string, tally: Tally): void {
  for (const { seed, findings } of tally.found) {
    const { anomaly, key, detail } = findings[0]!
    failures.push(`${name}: seed ${seed}: ${findings.length} findings, the first: ${anomaly} in ${key}: ${detail}`)
  }
}

function atLeast(name: string, what: string, found: number, floor: number): void {
  if (!(found >= floor)) failures.push(`${name}: ${what} is ${found}, and must be at least ${floor}`)
}

const everything = 'all faults'
const all = await runSeeds(everything, first, seeds, {}, twice)
findsNothing(everything, all)
atLeast(everything, 'the number of seeds', all.seeds, seeds)
atLeast(everything, 'the median of acknowledged records', all.medianAcknowledged, MEDIAN_ACKNOWLEDGED)
for (const kind of FAULT_KINDS) {
  atLeast(everything, `the share of seeds with ${kind} in flight`, all.fault(kind).seedsInFlight, SEEDS_IN_FLIGHT)
}
for (const invariant of INVARIANTS) {
  atLeast(everything, `how often was looked at: ${invariant}`, all.checks.get(invariant) ?? 0, seeds)
}

const durable = 'commit, acks=all: nothing is ever lost'
findsNothing(
  durable,
  await runSeeds(durable, first, CONTROL_SEEDS, { flushPolicy: 'commit', acks: -1, strict: true }, 0),
)

for (const flushPolicy of ['commit', 'os'] as const) {
  const crashes = `${flushPolicy}, acks=1, process crashes only: nothing is lost`
  const options = { flushPolicy, acks: 1, faults: ['process-crash'], strict: true } as const
  const tally = await runSeeds(crashes, first, CONTROL_SEEDS, options, 0)
  findsNothing(crashes, tally)
  atLeast(crashes, 'the share of seeds with crashes in flight', tally.fault('process-crash').seedsInFlight, 0.5)
}

const careless = 'os, power loss, judged as if it were commit: the loss is seen'
const options = { flushPolicy: 'os', acks: -1, faults: ['power-loss'], strict: true } as const
const lossy = await runSeeds(careless, first, CONTROL_SEEDS, options, 0)
const lost = lossy.found.filter(({ findings }) => findings.some(({ anomaly }) => anomaly === 'lost-write')).length
atLeast(careless, 'the share of seeds with a lost write', lost / CONTROL_SEEDS, SEEDS_WITH_LOSS)

process.stdout.write(failures.length === 0 ? '\nall well\n' : `\n${failures.join('\n')}\n`)
process.exitCode = failures.length === 0 ? 0 : 1
