/**
 * How long the checkers take for a long history, and how much memory: `node dist/bench/check-history.js [--kind log|transactions] [--operations N] [--keys N]
 * [--checker log|workload] [--unknown SHARE] [--planted ANOMALY] [--seed N]`. The history is generated, with one planted anomaly, which must be found. Peak memory is that of the process, with
 * the history in it, so that this is a command of its own and not one of the benchmarks.
 */
import { parseArgs } from 'node:util'
import { checkLog } from '../src/check/check-log.js'
import { checkWorkload } from '../src/check/check-workload.js'
import { clientOperations } from '../src/check/client-history.js'
import { generateLog, PLANTED_IN_LOG } from '../test/check/generated-log.js'
import { generateTransactions, PLANTED_IN_TRANSACTIONS } from '../test/check/generated-transactions.js'

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: 'log' },
    checker: { type: 'string', default: 'log' },
    operations: { type: 'string', default: '1000000' },
    keys: { type: 'string', default: '8' },
    unknown: { type: 'string', default: '0.02' },
    planted: { type: 'string', default: 'lost-write' },
    seed: { type: 'string', default: '1' },
  },
})

function fail(text: string): never {
  process.stderr.write(`${text}\n`)
  process.exit(2)
}

/** What was generated or found, the seconds that it took, also of all processors, and the most memory that the process has had so far. */
function timed<Result>(what: string, run: () => Result): Result {
  const startedAtMs = performance.now()
  const cpuBefore = process.cpuUsage()
  const result = run()
  const seconds = (performance.now() - startedAtMs) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  const cpu = (user + system) / 1e6
  const peakMb = process.resourceUsage().maxRSS / 1024
  process.stdout.write(
    `${what.padEnd(16)} ${seconds.toFixed(1).padStart(6)} s   cpu ${cpu.toFixed(1).padStart(6)} s   peak ${peakMb.toFixed(0).padStart(5)} MB\n`,
  )
  return result
}

const options = {
  seed: Number(values.seed),
  operations: Number(values.operations),
  keys: Number(values.keys),
  unknown: Number(values.unknown),
}
let found = true
const judge = (name: string, counts: ReadonlyMap<string, number>): void => {
  process.stdout.write(
    `${name} found ${[...counts].map(([anomaly, count]) => `${anomaly} ${count}`).join(', ') || 'nothing'}\n`,
  )
  found &&= counts.has(values.planted)
}

if (values.kind === 'log') {
  const planted = PLANTED_IN_LOG.find((each) => each === values.planted)
  if (planted === undefined) fail(`--planted is one of ${PLANTED_IN_LOG.join(', ')}`)
  const history = timed('generated', () => generateLog({ ...options, planted }))
  if (values.checker === 'log') {
    const { findings, acknowledged, unknown } = timed('checkLog', () => checkLog(history))
    process.stdout.write(`${history.length} entries, ${acknowledged} acknowledged, ${unknown} unknown\n`)
    const counts = new Map<string, number>()
    for (const { anomaly } of findings) counts.set(anomaly, (counts.get(anomaly) ?? 0) + 1)
    judge('checkLog', counts)
  } else {
    const operations = timed('converted', () => clientOperations(history.splice(0)))
    judge('checkWorkload', timed('checkWorkload', () => checkWorkload(operations)).counts)
  }
} else if (values.kind === 'transactions') {
  const planted = PLANTED_IN_TRANSACTIONS.find((each) => each === values.planted)
  if (planted === undefined) fail(`--planted is one of ${PLANTED_IN_TRANSACTIONS.join(', ')}`)
  const history = timed('generated', () => generateTransactions({ ...options, planted }))
  const { counts, acknowledged, unknown } = timed('checkWorkload', () => checkWorkload(history))
  process.stdout.write(`${history.length} entries, ${acknowledged} acknowledged, ${unknown} unknown\n`)
  judge('checkWorkload', counts)
} else fail('--kind is log or transactions')

if (!found) {
  process.stdout.write(`${values.planted} was planted and not found\n`)
  process.exitCode = 1
}
