/**
 * How long the checkers take for a long history, and how much memory: a history from the simulator, as `record-history` writes it:
 * `node dist/bench/check-history.js --file FILE [--planted ANOMALY] [--seed N]`, judged as the simulator judges its own; or one that is generated here:
 * `node dist/bench/check-history.js [--kind log|transactions] [--operations N] [--keys N] [--unknown SHARE] [--planted ANOMALY] [--seed N]`.
 *
 * What is planted must be found, and nothing where nothing is (`--planted nothing`). Peak memory is that of the process, with the history in it, so that this is
 * a command of its own and not one of the benchmarks.
 */
import { statSync } from 'node:fs'
import { notAllowed, numberWithin, optionsOnly, refuse, wholeNumber } from '../jepsen/command-line.js'
import type { Finding } from '../src/check/anomalies.js'
import { checkWorkloadColumns } from '../src/check/check-workload.js'
import type { HistoryColumns } from '../src/check/history-columns.js'
import { type IsKept, judgesOf } from '../src/check/judge-history.js'
import { columnsOf, columnsOfClients } from '../src/check/to-columns.js'
import { generateLog, PLANTED_IN_LOG } from '../test/check/generated-log.js'
import { generateTransactions, PLANTED_IN_TRANSACTIONS } from '../test/check/generated-transactions.js'
import { PLANTED_IN_COLUMNS, plant } from '../test/check/planted.js'
import { readHistory } from './lib/history-file.js'

const KINDS = ['log', 'transactions']
const USAGE = `node dist/bench/check-history.js --file FILE [--planted ANOMALY] [--seed NUMBER]
node dist/bench/check-history.js [--kind log|transactions] [--operations COUNT] [--keys COUNT] [--unknown SHARE] [--planted ANOMALY] [--seed NUMBER]

How long the checkers take for a history, and how much memory: one that record-history has written, or one that is generated.

  --file FILE          what record-history has written
  --kind KIND          of what is generated: ${KINDS.join(', ')}. Default: log
  --operations COUNT   of what is generated. Default: 1000000
  --keys COUNT         of what is generated. Default: 8
  --unknown SHARE      of its operations, from 0 to 1, of which nobody knows what became. Default: 0.02
  --planted ANOMALY    what must be found then. Default: lost-write
                         in a file: ${PLANTED_IN_COLUMNS.join(', ')}
                         in a log: ${PLANTED_IN_LOG.join(', ')}
                         in transactions: ${PLANTED_IN_TRANSACTIONS.join(', ')}
                         nothing: nothing is planted, and nothing may be found
  --seed NUMBER        what is drawn follows from it. Default: 1`

const values = optionsOnly(USAGE, {
  file: { type: 'string' },
  kind: { type: 'string', default: 'log' },
  operations: { type: 'string', default: '1000000' },
  keys: { type: 'string', default: '8' },
  unknown: { type: 'string', default: '0.02' },
  planted: { type: 'string', default: 'lost-write' },
  seed: { type: 'string', default: '1' },
})
if (values.file !== undefined && (statSync(values.file, { throwIfNoEntry: false })?.isDirectory() ?? true)) {
  refuse(`--file ${values.file}: there is no such file`)
}
if (!KINDS.includes(values.kind)) notAllowed('kind', values.kind, `one of ${KINDS.join(', ')}`)

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

/** Undefined: nothing. */
function plantedOf<Name extends string>(names: readonly Name[]): Name | undefined {
  if (values.planted === 'nothing') return undefined
  const found = names.find((each) => each === values.planted)
  return found ?? notAllowed('planted', values.planted, `nothing, or one of ${names.join(', ')}`)
}

const options = {
  seed: wholeNumber('seed', values.seed, 0),
  operations: wholeNumber('operations', values.operations, 1),
  keys: wholeNumber('keys', values.keys, 1),
  unknown: numberWithin('unknown', values.unknown, 0, 1),
}
const found = new Map<string, number>()
/** The first of what was planted. */
let told: Finding | undefined
function take(findings: readonly Finding[]): void {
  for (const each of findings) {
    found.set(each.anomaly, (found.get(each.anomaly) ?? 0) + 1)
    if (each.anomaly === values.planted) told ??= each
  }
}

/** As the simulator judges its own. */
function judge(history: HistoryColumns, listed: Parameters<typeof judgesOf>[1], isKept: IsKept): void {
  const judges = judgesOf(history, listed, isKept)
  const { findings, acknowledged, unknown, keys } = timed('checkLog', judges.log)
  take(findings)
  const ends = timed('ends of logs', judges.ends)
  take(ends.findings)
  take(timed('checkWorkload', judges.workload))
  const rows = history.kind.length
  const share = ((100 * unknown) / rows).toFixed(2)
  process.stdout.write(
    `${rows} operations over ${keys} keys, ${history.numbers.length} records sent and polled, ${acknowledged} sends acknowledged, ${unknown} unknown (${share} %), ${ends.listed} answers about ends\n`,
  )
}

const KEEPS_ALL: IsKept = () => true
/** A record that was acknowledged by one replica, or by none, may be lost. */
const KEEPS_WHAT_ALL_HAVE: IsKept = (_, acks) => acks !== 0 && acks !== 1

const beganMs = performance.now()
if (values.file !== undefined) {
  const { file } = values
  const planted = plantedOf(PLANTED_IN_COLUMNS)
  const { history, listed, about } = timed('read', () => readHistory(file))
  process.stdout.write(`${JSON.stringify(about)}\n`)
  const altered = planted === undefined ? history : timed('planted', () => plant(history, planted, options.seed))
  judge(altered, listed, KEEPS_WHAT_ALL_HAVE)
} else if (values.kind === 'log') {
  const planted = plantedOf(PLANTED_IN_LOG)
  judge(
    timed('generated', () => columnsOf(generateLog({ ...options, planted }))),
    [],
    KEEPS_ALL,
  )
} else {
  const planted = plantedOf(PLANTED_IN_TRANSACTIONS)
  const history = timed('generated', () => columnsOfClients(generateTransactions({ ...options, planted })))
  const { findings, acknowledged, unknown } = timed('checkWorkload', () => checkWorkloadColumns(history))
  process.stdout.write(`${history.kind.length} entries, ${acknowledged} acknowledged, ${unknown} unknown\n`)
  take(findings)
}

const seconds = ((performance.now() - beganMs) / 1000).toFixed(1)
const list = [...found].map(([anomaly, count]) => `${anomaly} ${count}`).join(', ')
process.stdout.write(
  `${seconds} s in all, peak ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB; found ${list || 'nothing'}\n`,
)
if (told !== undefined) process.stdout.write(`${told.anomaly} ${told.key}: ${told.detail}\n`)
const isRight = values.planted === 'nothing' ? found.size === 0 : told !== undefined
if (!isRight) {
  process.stdout.write(`${values.planted} was planted, and that was not found\n`)
  process.exitCode = 1
}
