/**
 * The simulation suite of replication: `node dist/test/seeds/replication.js [--profile NAME]... [--seeds N | --part N] [--twice N] [--first N] [--hunt] [--ledger FILE]`.
 *
 * Every profile that writes records to clusters, or those that are named, with so many seeds as stand here or as are asked for. No seed may fail; those that run
 * twice, which are the first, must have one hash; together they must have acknowledged and broken enough to mean something. Where a condition is taken away, the
 * loss must be seen. `--part N` runs an N-th of each, as the gate does. `--hunt` goes on behind the seeds that the ledger names, and writes down what it has tried.
 */
import { notAllowed, optionsOnly, wholeNumber } from '../../jepsen/command-line.js'
import { CLUSTER_FAULTS } from '../../src/sim/fault-script.js'
import { isNMinusOne, N_MINUS_ONE, N_MINUS_ONE_NAMES } from '../../src/sim/n-minus-one.js'
import type { Profile, SimulationResult } from '../../src/sim/run-seeds.js'
import { Ledger } from './ledger.js'
import { Suite } from './suite.js'

/** Seeds of the profile with all faults, of each N-1 profile, and of each without a condition. */
const SEEDS = 1500
const SEEDS_N_MINUS_ONE = 500
const SEEDS_CONTROL = 50
/** Of a part there are at least so many: of fewer nothing can be said. */
const FEWEST_SEEDS = 10
/** Floors that all seeds of a profile together must reach. */
const MEDIAN_ACKNOWLEDGED = 500
const SEEDS_WITH_ELECTION = 0.6
const SEEDS_WITH_CHECK = 0.01
const SEEDS_WITH_LOSS = 0.9
const SEEDS_WITHIN_LAG = 0.3
/** Few clusters have a controller that holds no records. */
const RARE: readonly string[] = ['disk-replaced']
const INVARIANTS = [
  'one cluster id',
  'two name one leader for an epoch',
  'committed batches are equal',
  'no fenced broker is in sync with others',
  'what is promised is judged',
  'ends of logs are compared',
  'replicas have the same bytes',
  'a leader is well-formed',
  'a follower is well-formed',
  'the high watermark moves with all that count',
  'the leader counts all who may lead',
  'committed records are equal',
  'who may lead has all that is committed',
  'a new leader has what is committed of a partition',
]

/** What somebody does who looks after the cluster, where faults of all kinds strike it. */
const CARE = [
  'a leadership is given back',
  'a partition is to move',
  'so many must be in sync',
  'the front of a log is deleted',
  'a reader finds that the front is gone',
  'only what was to be deleted is',
  'a broker is given an empty disk',
]

const OWN_PROFILES: readonly Profile[] = ['replication', ...N_MINUS_ONE_NAMES]

const USAGE = `npm run test:seeds:replication -- [--profile NAME]... [--seeds COUNT | --part NUMBER] [--twice COUNT] [--first SEED] [--hunt] [--ledger FILE]

Seeds of the simulator, each a cluster under a load of records; of each profile

  --profile NAME  may stand several times. Default: all of
                  ${OWN_PROFILES.join(', ')}
  --seeds COUNT   Default: ${SEEDS} of replication, ${SEEDS_N_MINUS_ONE} of others, ${SEEDS_CONTROL} of those in which something must be lost
  --part NUMBER   the n-th part of them, but ${FEWEST_SEEDS} at the least. Default: 1, all of them
  --twice COUNT   so many, from the first on, run twice, and must have one hash. Default: 20
  --first SEED    a number; others count up from it. Default: 1
  --hunt          go on behind the seeds that the ledger names, not from --first, and write down what was tried
  --ledger FILE   of a hunt. Default: test/seeds/ledger.tsv`

const values = optionsOnly(USAGE, {
  profile: { type: 'string', multiple: true, default: [...OWN_PROFILES] },
  seeds: { type: 'string' },
  part: { type: 'string', default: '1' },
  twice: { type: 'string', default: '20' },
  first: { type: 'string', default: '1' },
  hunt: { type: 'boolean', default: false },
  ledger: { type: 'string', default: 'test/seeds/ledger.tsv' },
})
const profiles = values.profile.map(profileOf)
const wanted = values.seeds === undefined ? undefined : wholeNumber('seeds', values.seeds, 1)
const part = wholeNumber('part', values.part, 1)
const twice = wholeNumber('twice', values.twice, 0)
const first = wholeNumber('first', values.first, 0)
const ledger = values.hunt ? new Ledger(values.ledger) : undefined
const failures: string[] = []

function profileOf(name: string): Profile {
  const profile = OWN_PROFILES.find((each) => each === name)
  return profile ?? notAllowed('profile', name, `one of ${OWN_PROFILES.join(', ')}`)
}

function isControl(profile: Profile): boolean {
  return isNMinusOne(profile) && N_MINUS_ONE[profile].lost !== 'nothing'
}

function seedsOf(profile: Profile): number {
  if (wanted !== undefined) return wanted
  const ofOthers = isNMinusOne(profile) ? SEEDS_N_MINUS_ONE : SEEDS
  const all = isControl(profile) ? SEEDS_CONTROL : ofOthers
  return Math.max(FEWEST_SEEDS, Math.ceil(all / part))
}

function judge(profile: Profile, suite: Suite, result: SimulationResult, seeds: number): void {
  const { faults, checks, failed, seedsWithCheck } = result
  suite.atLeast('the median of acknowledged records', result.medianAcknowledged, MEDIAN_ACKNOWLEDGED)
  suite.atLeast('the share of seeds with an election', suite.elections / seeds, SEEDS_WITH_ELECTION)
  if (isControl(profile)) {
    suite.atLeast('the share of seeds in which the loss is seen', 1 - failed.length / seeds, SEEDS_WITH_LOSS)
    return
  }
  const tried = profile === 'replication' ? [...INVARIANTS, ...CARE] : INVARIANTS
  for (const invariant of tried) {
    const share = (seedsWithCheck[invariant] ?? 0) / seeds
    suite.atLeast(`the share of seeds in which was tried: ${invariant}`, share, SEEDS_WITH_CHECK)
  }
  if (isNMinusOne(profile)) {
    const within = (checks['all fail within one lag time'] ?? 0) / seeds
    suite.atLeast('the share of seeds in which all fail within one lag time', within, SEEDS_WITHIN_LAG)
    const { stages } = N_MINUS_ONE[profile]
    if (!stages.some(({ after }) => after === 'goes on')) return
    const share = (seedsWithCheck['records acknowledged after the last failure'] ?? 0) / seeds
    suite.atLeast('the share of seeds with records acknowledged after the last failure', share, 1)
    return
  }
  for (const kind of CLUSTER_FAULTS) {
    if (!RARE.includes(kind)) suite.atLeast(`how often struck: ${kind}`, faults[kind] ?? 0, seeds / 100)
  }
}

for (const profile of profiles) {
  const suite = new Suite({
    profile,
    ledger,
    twice,
    isControl: isControl(profile),
    judge: (those, result, seeds) => judge(profile, those, result, seeds),
  })
  await suite.run(ledger?.nextOf(profile) ?? first, seedsOf(profile))
  failures.push(...suite.failures)
}
process.stdout.write(failures.length === 0 ? '\nall well\n' : `\n${failures.join('\n')}\n`)
process.exitCode = failures.length === 0 ? 0 : 1
