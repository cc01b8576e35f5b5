/**
 * The simulation suite of consumer groups: `node dist/test/seeds/groups.js [--seeds N | --part N] [--twice N] [--first N] [--hunt] [--ledger FILE]`.
 *
 * No seed may fail; together they must have committed, moved, fenced and broken enough to mean something. `--part N` runs an N-th of them, as the gate does; `--hunt`
 * goes on behind the seeds that the ledger names, and writes down what it has tried.
 */
import { optionsOnly, wholeNumber } from '../../jepsen/command-line.js'
import { CLUSTER_FAULTS } from '../../src/sim/fault-script.js'
import { Ledger } from './ledger.js'
import { Suite } from './suite.js'

const SEEDS = 2000
/** Of a part there are at least so many: of fewer nothing can be said. */
const FEWEST_SEEDS = 10
/** Floors that all seeds together must reach. */
const MEDIAN_COMMITS = 100
const MEDIAN_ACKNOWLEDGED = 300
const SEEDS_WITH_ELECTION = 0.6
/** What groups went through: in so many of the seeds at least. */
const SHARES: Readonly<Record<string, number>> = {
  'commits of offsets are acknowledged': 1,
  'committed offsets are fetched': 0.95,
  'who has a partition is judged': 1,
  'a member begins behind what was read': 0.9,
  'records are to be read by a group': 1,
  'a commit of an old generation is refused': 0.2,
  'a member is told that it is none': 0.3,
  'a member is killed': 0.5,
  'a member leaves': 0.5,
  'a member stands still': 0.4,
  'a member says nothing for a while': 0.5,
  'a member wants something else': 0.5,
  'a member is gone without a word': 0.4,
  'all members go': 0.2,
  'a static member comes back': 0.3,
  'a static member has what it had': 0.4,
  'others take over': 0.5,
  'a static member is replaced while it runs': 0.2,
  'a coordinator moves': 0.5,
  'offsets are set back': 0.05,
  'an offset is deleted': 0.02,
  'a group is deleted': 0.5,
  'groups are described': 0.9,
  'groups are listed': 0.3,
  'a topic has grown': 0.3,
  'a loaded shard is as its log says': 1,
  'a core speaks the next protocol': 0.3,
  'a core speaks the classic protocol': 0.1,
  'a member wants what an expression matches': 0.1,
  'groups of the next protocol are described': 0.25,
  'what holds of a group of KIP-848 is looked at': 0.3,
  'a member has lost what it had': 0.1,
  'a commit comes late': 0.2,
  'a commit of an old member epoch is refused': 0.1,
  'a group is upgraded': 0.1,
  'a group is downgraded': 0.05,
}
/**
 * Too rare to be looked for in a part. A load takes a few milliseconds; what was counted here before were mostly brokers whose log was out of service, and who should not have said that they load.
 */
const SHARES_OF_MANY: Readonly<Record<string, number>> = { 'a coordinator loads': 0.005 }
const MANY_SEEDS = 400
/** Few clusters have a controller that holds no records. */
const RARE: readonly string[] = ['disk-replaced']

const USAGE = `npm run test:seeds:groups -- [--seeds COUNT | --part NUMBER] [--twice COUNT] [--first SEED] [--hunt] [--ledger FILE]

Seeds of the simulator, each a cluster with groups of consumers.

  --seeds COUNT   Default: ${SEEDS}
  --part NUMBER   the n-th part of them, but ${FEWEST_SEEDS} at the least. Default: 1, all of them
  --twice COUNT   so many, from the first on, run twice, and must have one hash. Default: 20
  --first SEED    a number; others count up from it. Default: 1
  --hunt          go on behind the seeds that the ledger names, not from --first, and write down what was tried
  --ledger FILE   of a hunt. Default: test/seeds/ledger.tsv`

const values = optionsOnly(USAGE, {
  seeds: { type: 'string' },
  part: { type: 'string', default: '1' },
  twice: { type: 'string', default: '20' },
  first: { type: 'string', default: '1' },
  hunt: { type: 'boolean', default: false },
  ledger: { type: 'string', default: 'test/seeds/ledger.tsv' },
})
const part = wholeNumber('part', values.part, 1)
const twice = wholeNumber('twice', values.twice, 0)
const first = wholeNumber('first', values.first, 0)
const wanted =
  values.seeds === undefined ? Math.max(FEWEST_SEEDS, Math.ceil(SEEDS / part)) : wholeNumber('seeds', values.seeds, 1)
const ledger = values.hunt ? new Ledger(values.ledger) : undefined
const commits: number[] = []
const suite = new Suite({
  profile: 'groups',
  ledger,
  twice,
  isControl: false,
  ran: ({ checks }) => commits.push(checks['commits of offsets are acknowledged'] ?? 0),
  judge: (those, { faults, medianAcknowledged, seedsWithCheck }, seeds) => {
    const ordered = commits.toSorted((a, b) => a - b)
    those.atLeast('the median of commits', ordered[ordered.length >> 1] ?? 0, MEDIAN_COMMITS)
    those.atLeast('the median of acknowledged records', medianAcknowledged, MEDIAN_ACKNOWLEDGED)
    those.atLeast('the share of seeds with an election', those.elections / seeds, SEEDS_WITH_ELECTION)
    const shares = seeds < MANY_SEEDS ? SHARES : { ...SHARES, ...SHARES_OF_MANY }
    for (const [what, floor] of Object.entries(shares)) {
      those.atLeast(`the share of seeds with: ${what}`, (seedsWithCheck[what] ?? 0) / seeds, floor)
    }
    for (const kind of CLUSTER_FAULTS) {
      if (!RARE.includes(kind)) those.atLeast(`how often struck: ${kind}`, faults[kind] ?? 0, seeds / 100)
    }
  },
})
await suite.run(ledger?.nextOf('groups') ?? first, wanted)
const { failures } = suite
process.stdout.write(failures.length === 0 ? '\nall well\n' : `\n${failures.join('\n')}\n`)
process.exitCode = failures.length === 0 ? 0 : 1
