/**
 * The simulation suite of clusters: `node dist/test/seeds/quorum.js [--seeds N] [--twice N] [--first N]`. No seed may fail, those that run twice, which
 * are the first, must have one hash; together they must have lasted, changed and broken enough to mean something.
 */
import { optionsOnly, wholeNumber } from '../../jepsen/command-line.js'
import { CLUSTER_FAULTS } from '../../src/sim/fault-script.js'
import { Totals } from '../../src/sim/run-seeds.js'
import { runJobs } from './pool.js'

/** Floors that all seeds together must reach. */
const MEDIAN_VIRTUAL_SECONDS = 60
const MEDIAN_EVENTS = 20_000
const SEEDS_WITH_LEADER_CHANGE = 0.8
const SEEDS_WITH_CHECK = 0.01
const TIMES_REAL_TIME = 100
/** Each is looked at; whether it was tried in earnest is counted where there was something to see. */
const INVARIANTS = [
  'one cluster id',
  'two name one leader for an epoch',
  'a new leader has what is committed',
  'committed batches are equal',
  'committed is durable',
  'who is no controller observes',
  'metadata is a prefix of one log',
  'a broker that serves is registered',
  'a fenced broker leads nothing',
  'no fenced broker is in sync with others',
  'histories are linearizable',
  'a log behind a snapshot is looked at',
  'answers about the quorum',
]

const USAGE = `npm run test:seeds:quorum -- [--seeds COUNT] [--twice COUNT] [--first SEED]

Seeds of the simulator, each a cluster under changes of its metadata.

  --seeds COUNT   Default: 2000
  --twice COUNT   so many of them, from the first on, run twice, and must have one hash. Default: 200
  --first SEED    a number; others count up from it. Default: 1`

const values = optionsOnly(USAGE, {
  seeds: { type: 'string', default: '2000' },
  twice: { type: 'string', default: '200' },
  first: { type: 'string', default: '1' },
})
const first = wholeNumber('first', values.first, 0)
const seeds = wholeNumber('seeds', values.seeds, 1)
const twice = wholeNumber('twice', values.twice, 0)
const failures: string[] = []
const totals = new Totals()
const startedAtMs = performance.now()
let ofSeveral = 0
let ofSeveralWithChange = 0
let unjudged = 0
let next = first
await runJobs(
  () => {
    if (next === first + seeds) return undefined
    const seed = next++
    return { seed: String(seed), profile: 'quorum', options: {}, twice: seed < first + twice }
  },
  ({ seed, cluster, failure }) => {
    const [finding] = cluster?.findings ?? []
    const why = failure ?? (finding && `${finding.anomaly}: ${finding.key}: ${finding.detail}`)
    if (why !== undefined) failures.push(`seed ${seed}: ${why}`)
    totals.add({ seed, failure: why, report: cluster })
    if (cluster === undefined) return
    unjudged += cluster.unjudged
    if (cluster.nodes < 2) return
    ofSeveral++
    if (cluster.leaderChanges > 0) ofSeveralWithChange++
  },
)
const realMs = performance.now() - startedAtMs
const result = totals.result(realMs)

function atLeast(what: string, found: number, floor: number): void {
  if (!(found >= floor)) failures.push(`${what} is ${found}, and must be at least ${floor}`)
}

atLeast('the number of seeds', result.seeds, seeds)
atLeast('the median of virtual seconds', result.medianVirtualSeconds, MEDIAN_VIRTUAL_SECONDS)
atLeast('the median of events', result.medianEvents, MEDIAN_EVENTS)
atLeast(
  'the share of seeds of several nodes with a change of leader',
  ofSeveralWithChange / ofSeveral,
  SEEDS_WITH_LEADER_CHANGE,
)
for (const invariant of INVARIANTS) {
  const share = (result.seedsWithCheck[invariant] ?? 0) / result.seeds
  atLeast(`the share of seeds in which was tried: ${invariant}`, share, SEEDS_WITH_CHECK)
}
for (const kind of CLUSTER_FAULTS) atLeast(`how often struck: ${kind}`, result.faults[kind] ?? 0, seeds / 100)

const timesReal = (result.virtualSeconds * 1000) / realMs
const { convergedMs, healedMs } = result
const lines = [
  JSON.stringify(result, undefined, 1),
  `${timesReal.toFixed(0)} times real time on all processors together${timesReal < TIMES_REAL_TIME ? ', which is slow' : ''}`,
  `the leader changed in ${ofSeveralWithChange} of ${ofSeveral} clusters of several nodes; ${unjudged} histories could not be judged`,
  `the core converged after ${convergedMs?.median.toFixed(0)} ms (at the longest ${convergedMs?.longest.toFixed(0)}), all after another ${healedMs?.median.toFixed(0)} ms (${healedMs?.longest.toFixed(0)})`,
  failures.length === 0 ? 'all well' : failures.join('\n'),
]
process.stdout.write(`${lines.join('\n')}\n`)
process.exitCode = failures.length === 0 ? 0 : 1
