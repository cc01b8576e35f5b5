#!/usr/bin/env node
/** `npm run jepsen -- ...`: one run of the suite, and what there is on this machine. Exit 0: valid; 1: an anomaly, or a node that ended unasked; 2: it could not be judged, or not be done. */
import { join } from 'node:path'
import yargs from 'yargs'
import { SimulatedBed } from './beds/simulated.js'
import { refuse } from './command-line.js'
import { DRIVERS } from './drivers/drivers.js'
import type { Judgement } from './history/judge.js'
import { probeAll } from './nemesis/backends.js'
import { KafkaProxy } from './nemesis/network/proxy.js'
import { PLAN_KINDS } from './nemesis/plan.js'
import { backendsOf, ofRun, Refused, runSuite, type SuiteOptions, type SuiteOutcome } from './suite.js'
import { tryFaults } from './try-faults.js'

const EXIT_CODES = { valid: 0, invalid: 1, unknown: 2 } as const
const MOST_TOLD = 20
const WORKERS_PER_NODE = 15
const RATE = 1000
/** Everything is done in one process there, and time is its own. */
const SIMULATED = { workersPerNode: 4, rate: 100 }
const REST_MS = 2000

const words = process.argv.slice(2)

/** What the options are; yargs has no type for the question. */
interface Declared {
  readonly array: readonly string[]
  readonly number: readonly string[]
  readonly string: readonly string[]
}

const parser = yargs(words)
  .scriptName('npm run jepsen --')
  .usage('$0 [options]\n\nRuns clients against a cluster while faults come and go, and judges what they were told.')
  .command('list', 'Drivers and faults (of --bed), with what works on this machine')
  .command('faults', 'Tries faults one by one, without judging: what works on this machine')
  .option('try', { type: 'string', describe: 'Of faults: names, with commas. Default: all' })
  .option('backend', { type: 'string', describe: 'Of faults: only by these means, with commas: see list' })
  .option('bed', {
    choices: ['lograft', 'kafka', 'address', 'simulated'] as const,
    default: 'lograft' as const,
    describe: 'Nodes of lograft, of Apache Kafka, a cluster that runs already, or a simulated one',
  })
  .option('bootstrap', { type: 'string', describe: 'Of a cluster that runs already: host:port,host:port' })
  .option('nodes', { type: 'number', default: 3, describe: 'How many' })
  .option('controllers', { type: 'number', default: 0, describe: 'So many apart; 0: nodes are both' })
  .option('main', { type: 'string', describe: 'main.js of another build of lograft' })
  .option('node-setting', { type: 'string', array: true, default: [], describe: 'Of nodes: key=value' })
  .option('topic-setting', { type: 'string', array: true, default: [], describe: 'Of topics of keys: key=value' })
  .option('feature', { type: 'string', array: true, default: [], describe: 'Level of a feature: name=level' })
  .option('time', { type: 'number', default: 60, describe: 'Seconds of load; reading everything comes then' })
  .option('faults', { type: 'string', default: '', describe: 'Names, with commas: see list' })
  .option('plan', {
    choices: PLAN_KINDS,
    describe: 'The first fault again and again, each alone by turns, or mixtures that change. Default: alone for one',
  })
  .option('interval', { type: 'number', describe: 'Seconds between beginnings of a fault, mean' })
  .option('driver', { type: 'string', default: 'lograft', describe: 'Names, with commas; workers take turns' })
  .option('seed', { type: 'string', describe: 'What everything is drawn from. Default: the time' })
  .option('out', { type: 'string', describe: 'Directory for history, verdict and logs. Default: jepsen-SEED' })
  .option('rate', {
    type: 'number',
    describe: 'Operations a second, as far as clients keep up. Default: 1000, simulated 100',
  })
  .option('workers', {
    type: 'number',
    describe: `Clients at a time. Default: ${WORKERS_PER_NODE} for each node, simulated ${SIMULATED.workersPerNode}`,
  })
  .option('keys', { type: 'number', default: 10, describe: 'Partitions in use at a time' })
  .option('writes-per-key', { type: 'number', default: 1024, describe: 'At most; then another takes its place' })
  .option('consume', { choices: ['assign', 'subscribe', 'both'] as const, default: 'both' as const })
  .option('group-protocol', { choices: ['classic', 'consumer'] as const, default: 'classic' as const })
  .option('acks', { type: 'string', choices: ['all', '1', '0'] as const, default: 'all' as const })
  .option('idempotence', { type: 'boolean', default: true, describe: 'Only with --acks all' })
  .option('isolation', {
    choices: ['read_committed', 'read_uncommitted'] as const,
    default: 'read_committed' as const,
  })
  .option('crash-clients', { type: 'number', default: 30, describe: 'Seconds that a client lives, mean; 0: for ever' })
  .option('metadata', { type: 'boolean', default: true, describe: 'Topics come, go and change beside the records' })
  .option('operations', { type: 'number', describe: 'Successful operations that are enough. Default: 1000' })
  .option('recovery-limit', { type: 'number', default: 15, describe: 'Seconds from healing to the first success' })
  .option('final-reads-limit', { type: 'number', default: 200, describe: 'Seconds' })
  .option('keep-data', { type: 'boolean', default: false, describe: 'Of nodes, also where the verdict is good' })
  .option('json', { type: 'boolean', default: false, describe: 'Print the outcome as JSON, progress on stderr' })
  .example('$0 --nodes 3 --time 120 --faults "kill leader"', 'A fault alone')
  .example('$0 --nodes 5 --faults "kill one,pause one,reassign"', 'Mixtures that change')
  .example('$0 --bed kafka --driver java', 'Apache Kafka, with its own client')
  .example('$0 --bed address --bootstrap host:9092', 'A cluster of yours')
  .strict()
  .wrap(110)
  .version(false)
  .help()
  .check((given) => {
    const { array, number, string } = declared
    const twice = [...string, ...number].find((key) => Array.isArray(given[key]) && !array.includes(key))
    if (twice !== undefined) throw new Error(`--${twice} is given more than once`)
    const wrong = number.find((key) => given[key] !== undefined && !(Number(given[key]) >= 0))
    if (wrong !== undefined) throw new Error(`--${wrong} must be a number from 0 on`)
    return true
  })
  // yargs gives no message with an error that a command threw.
  .fail((message, error) => (message ? refuse(message.trim().replace(/\s*\n\s*/g, ' ')) : Promise.reject(error)))

const declared = (parser as unknown as { getOptions(): Declared }).getOptions()
parser.requiresArg([...declared.string, ...declared.number])

const options = await parser.parseAsync()

if (options._[0] === 'list') await list()
else if (options._[0] === 'faults') await faults()
else await runOnce()

async function faults(): Promise<void> {
  const { bed, nodes, seed = String(Date.now()), out } = options
  if (bed !== 'lograft' && bed !== 'kafka') refuse('faults are tried on nodes of lograft or Apache Kafka')
  const wanted = options.try === undefined ? undefined : names(options.try)
  const backends = options.backend === undefined ? undefined : names(options.backend)
  const directory = out ?? join(process.cwd(), `jepsen-${seed}`)
  const tried = { faults: wanted, backends, bed, nodes, seed, directory }
  const { worked, of } = await tryFaults(tried, (line) => process.stdout.write(`${line}\n`))
  process.stdout.write(`${worked} of ${of} did as they should\n`)
  process.exit(of > 0 && worked === of ? EXIT_CODES.valid : EXIT_CODES.unknown)
}

async function runOnce(): Promise<void> {
  const say = (line: string): void => {
    process[options.json ? 'stderr' : 'stdout'].write(`${line}\n`)
  }
  try {
    const outcome = await runSuite(suiteOptions(), say)
    if (options.json) process.stdout.write(`${JSON.stringify(outcome)}\n`)
    else for (const line of told(outcome)) say(line)
    process.exitCode = EXIT_CODES[outcome.judgement.verdict]
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = EXIT_CODES.unknown
  }
  // A client that hangs must not keep what is done.
  process.exit()
}

function suiteOptions(): SuiteOptions {
  const seed = options.seed ?? String(Date.now())
  const faults = names(options.faults)
  const acks = options.acks === 'all' ? -1 : options.acks === '1' ? 1 : 0
  const { bootstrap, main, interval, operations } = options
  const isSimulated = options.bed === 'simulated'
  return {
    bed: options.bed,
    ...(bootstrap === undefined ? {} : { bootstrap }),
    ...(main === undefined ? {} : { main }),
    ...(interval === undefined ? {} : { intervalMs: interval * 1000 }),
    ...(operations === undefined ? {} : { operations }),
    nodes: options.nodes,
    controllers: options.controllers,
    nodeSettings: pairs(options['node-setting']),
    topicSettings: pairs(options['topic-setting']),
    features: Object.fromEntries(Object.entries(pairs(options.feature)).map(([name, level]) => [name, Number(level)])),
    drivers: names(options.driver),
    faults,
    plan: options.plan ?? (faults.length === 1 ? 'alone' : 'mixtures'),
    seed,
    prefix: `j${seed.replace(/[^A-Za-z0-9]/g, '').slice(0, 20)}`,
    command: ['npm run jepsen --', ...words.map(quoted), ...(options.seed === undefined ? ['--seed', seed] : [])].join(
      ' ',
    ),
    directory: options.out ?? join(process.cwd(), `jepsen-${seed}`),
    timeMs: options.time * 1000,
    workers: options.workers ?? (isSimulated ? SIMULATED.workersPerNode : WORKERS_PER_NODE) * options.nodes,
    rate: options.rate ?? (isSimulated ? SIMULATED.rate : RATE),
    keys: options.keys,
    writesPerKey: options['writes-per-key'],
    consume: options.consume,
    groupProtocol: options['group-protocol'],
    acks,
    idempotent: options.idempotence && acks === -1,
    isolation: options.isolation,
    crashEveryMs: options['crash-clients'] * 1000,
    metadata: options.metadata,
    restMs: REST_MS,
    recoveryLimitMs: options['recovery-limit'] * 1000,
    finalReadsLimitMs: options['final-reads-limit'] * 1000,
    keepsData: options['keep-data'],
  }
}

function names(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

function pairs(items: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    items.map((item) => {
      const cut = item.indexOf('=')
      if (cut < 1) throw new Refused(`${item} must be key=value`)
      return [item.slice(0, cut), item.slice(cut + 1)]
    }),
  )
}

function quoted(word: string): string {
  return /^[\w.,:=/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

function told({ judgement, counts, byKind, errors, okPerSecond, recoveryMs, finalReads, directory }: SuiteOutcome) {
  const kinds = Object.entries(byKind).map(([f, { ok, fail, info }]) => `${f} ${ok}/${fail}/${info}`)
  const mistakes = Object.entries(errors).slice(0, MOST_TOLD)
  return [
    '',
    `operations: ${counts.ok} ok, ${counts.fail} fail, ${counts.info} info; ${okPerSecond} ok a second`,
    `by kind (ok/fail/info): ${kinds.join(', ')}`,
    ...(mistakes.length === 0 ? [] : [`errors: ${mistakes.map(([name, count]) => `${count} ${name}`).join(', ')}`]),
    `recovery: ${recoveryMs === undefined ? 'none' : `${recoveryMs} ms from healing to the first success`}`,
    finalReads === undefined
      ? 'final reads: none'
      : `final reads: ${finalReads.keys} keys in ${(finalReads.tookMs / 1000).toFixed(1)} s, ${finalReads.isComplete ? 'complete' : 'NOT complete'}`,
    ...verdict(judgement),
    `in ${directory}: history.jsonl, run.json`,
  ]
}

function verdict({ verdict: said, reasons, anomalies, observed, allowed }: Judgement): string[] {
  const counted = (title: string, counts: Readonly<Record<string, number>>): string[] => {
    const each = Object.entries(counts).map(([name, count]) => `${name} ${count}`)
    return each.length === 0 ? [] : [`${title}: ${each.join(', ')}`]
  }
  return [
    ...counted('anomalies', anomalies),
    ...counted('observed', observed),
    ...allowed.map((sentence) => `allowed here: ${sentence}`),
    `verdict: ${said}`,
    ...reasons.slice(0, MOST_TOLD).map((reason) => `- ${reason}`),
  ]
}

async function list(): Promise<void> {
  const lines = ['drivers:']
  for (const { name, about, missing } of DRIVERS) {
    const why = missing()
    lines.push(`  ${name.padEnd(14)} ${about}${why === undefined ? '' : ` (not here: ${why})`}`)
  }
  const simulated = options.bed === 'simulated' ? new SimulatedBed({ seed: 'list', nodes: 1 }) : undefined
  const proxy = options.bed === 'address' ? new KafkaProxy() : undefined
  for (const { backend, why } of await probeAll(backendsOf(simulated ?? proxy, ofRun('list')))) {
    lines.push(`faults by ${backend.name}${why === undefined ? '' : ` (not here: ${why})`}:`)
    for (const { name } of backend.faults) lines.push(`  ${name}`)
  }
  process.stdout.write(`${lines.join('\n')}\n`)
}
