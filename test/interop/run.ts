/**
 * Proves the broker with clients that others wrote: `node dist/test/interop/run.js [--no-skips] [CLIENT ...]`. Starts one broker, and then three, lets
 * each client write and read, stops the brokers, starts them again on their data and looks whether everything is still there. One line per check;
 * ends with 1 if one failed, and with --no-skips also if one could not be made.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { commandLine } from '../../jepsen/command-line.js'
import { runDirectory } from '../run-directory.js'
import { BrokerProcess, type Brokers } from './broker.js'
import type { BrokerCount, Check, Client, Context } from './client.js'
import { type Committed, compareCommitted, readCommitted } from './committed-offsets.js'
import { comparison } from './comparison.js'
import { confluentKafka } from './confluent-kafka.js'
import { type Content, compareContents, readAll } from './contents.js'
import { franzGo } from './franz-go.js'
import { javaTools } from './java-tools.js'
import { kafkaPython } from './kafka-python.js'
import { kafkajs } from './kafkajs.js'
import { kcatClient } from './kcat.js'
import { missingKcat } from './kcat-tool.js'
import { librdkafka } from './librdkafka.js'
import { platformatic } from './platformatic.js'
import { ThreeBrokers } from './three-brokers.js'

const CLIENTS: readonly Client[] = [
  kcatClient,
  javaTools,
  kafkaPython,
  confluentKafka,
  librdkafka,
  franzGo,
  kafkajs,
  platformatic,
]

const INCREMENTAL_FETCHES = 'lograft_incremental_fetches_total'

const KNOWN = CLIENTS.map(({ name, about }) => `  ${name.padEnd(18)}${about}`).join('\n')
const USAGE = `npm run test:interop -- [--no-skips] [CLIENT ...]

Clients that others wrote, against brokers of this build: those that are named, or all of
${KNOWN}

  --no-skips   what cannot be tried here counts as failed`

const { values: options, positionals } = commandLine(USAGE, { 'no-skips': { type: 'boolean', default: false } })
const unknown = positionals.filter((wanted) => !CLIENTS.some(({ name }) => name === wanted))
if (unknown.length > 0) {
  process.stderr.write(`there is no client ${unknown.join(', ')}; there are\n${KNOWN}\n`)
  process.exit(2)
}
const chosen = CLIENTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))

const totals = { passed: 0, failed: 0, skipped: 0 }
const broken: string[] = []

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function skip(name: string, reason: string): void {
  totals.skipped++
  broken.push(`skipped ${name}: ${reason}`)
  print(`skipped  ${name}: ${reason}`)
}

async function check(name: string, run: () => Promise<string>): Promise<boolean> {
  const startedAtMs = performance.now()
  const seconds = (): string => `${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`
  try {
    const figures = await run()
    totals.passed++
    print(`passed   ${name}: ${figures} (${seconds()})`)
    return true
  } catch (error) {
    totals.failed++
    broken.push(`failed ${name}`)
    const text = error instanceof Error ? error.message : String(error)
    print(`FAILED   ${name} (${seconds()})\n${text.replaceAll(/^/gm, '         ')}`)
    return false
  }
}

/** Its fetches went on with sessions that the broker had given out. */
async function countSessions(from: Brokers, before: number): Promise<string> {
  const fetches = (await from.metric(INCREMENTAL_FETCHES)) - before
  if (fetches === 0) throw new Error('not one fetch went on with a session')
  return `${fetches} fetches went on with a session`
}

const prepared = new Map<Client, Promise<boolean>>()

/** Whether it can be tried: looked for and installed once. */
function prepare(client: Client): Promise<boolean> {
  const ready = prepared.get(client) ?? prepareNow(client)
  prepared.set(client, ready)
  return ready
}

async function prepareNow(client: Client): Promise<boolean> {
  const reason = await client.missing()
  if (reason !== undefined) {
    skip(client.name, reason)
    return false
  }
  const { install } = client
  if (install === undefined) return true
  return check(`${client.name} installed`, () => install().then(() => client.about))
}

async function runChecks(
  client: Client,
  checks: readonly Check[],
  context: Context,
  isRunning: () => boolean,
): Promise<void> {
  if (!(await prepare(client))) return
  for (const { name, missing, run } of checks) {
    const lacking = await missing?.()
    if (lacking !== undefined) skip(`${client.name} ${name}`, lacking)
    else {
      await check(`${client.name} ${name}`, async () => {
        if (!isRunning()) throw new Error('the broker has ended')
        return run(context)
      })
    }
  }
}

const startedAtMs = performance.now()
const root = runDirectory('interop')
const files = join(root, 'files')
mkdirSync(files)
const file = (name: string): string => join(files, name)

/** What is stopped, and starts again on its data. */
interface Proved {
  readonly brokers: Brokers
  readonly again: () => Promise<Brokers>
  /** What the stop has shown. */
  readonly compared: () => string
}

const STARTS: Readonly<Record<BrokerCount, (dataPath: string) => Promise<Proved>>> = {
  one: async (dataPath) => ({
    brokers: await BrokerProcess.start(dataPath),
    again: () => BrokerProcess.start(dataPath),
    compared: () => 'exit code 0',
  }),
  three: async (dataPath) => {
    const brokers = await ThreeBrokers.start(dataPath)
    return { brokers, again: () => brokers.startAll().then(() => brokers), compared: () => brokers.compared }
  },
}

const noKcat = await missingKcat()

/** The clients write and read; then everything stops, starts again, and has to be there. */
async function prove(count: BrokerCount, clients: readonly Client[]): Promise<void> {
  const dataPath = join(root, `data-${count}`)
  const name = count === 'one' ? 'one broker' : 'three brokers'
  const proved = await STARTS[count](dataPath)
  let { brokers } = proved
  const { bootstrap } = brokers
  const context: Context = { bootstrap, dataPath, file }
  for (const client of clients) {
    const triedBefore = totals.passed + totals.failed
    const fetchesBefore = client.fetchesInSessions ? await brokers.metric(INCREMENTAL_FETCHES) : 0
    const shared = client.checks.filter((each) => !startsBrokers(client, each))
    await runChecks(client, shared, context, () => !brokers.ended)
    if (client.fetchesInSessions && totals.passed + totals.failed > triedBefore) {
      await check(`${client.name} fetches in sessions`, () => countSessions(brokers, fetchesBefore))
    }
  }
  let before = new Map<string, Content>()
  if (noKcat === undefined) {
    await check(`${name}: all topics read before the stop`, async () => {
      before = await readAll(bootstrap)
      return `${before.size} topics`
    })
  }
  let committed: Committed = new Map()
  await check(`${name}: what groups have committed, before the stop`, async () => {
    committed = await readCommitted(bootstrap)
    return `${committed.size} offsets`
  })
  const stop = async (): Promise<string> => {
    if (brokers.ended) throw new Error('it had ended before')
    const code = await brokers.stop()
    if (code !== 0) throw new Error(`it ended with ${code}`)
    return proved.compared()
  }
  await check(`${name}: stops on SIGTERM`, stop)
  if (totals.failed > 0) print(`--- the end of what was printed\n${brokers.log.trimEnd()}\n---`)
  await check(`${name}: starts again on its data`, async () => {
    brokers = await proved.again()
    return brokers.bootstrap
  })
  if (noKcat !== undefined) skip(`${name}: what was written is still there`, noKcat)
  else if (!brokers.ended) {
    await check(`${name}: what was written is still there`, async () =>
      compareContents(before, await readAll(brokers.bootstrap)),
    )
  }
  if (!brokers.ended) {
    await check(`${name}: what groups have committed is still there`, async () =>
      compareCommitted(committed, await readCommitted(brokers.bootstrap)),
    )
  }
  await check(`${name}: stops again`, stop)
}

function startsBrokers(client: Client, { ownBrokers }: Check): boolean {
  return client.brokers === 'own' || ownBrokers === true
}

async function proveAll(count: BrokerCount): Promise<void> {
  const clients = chosen.filter(({ brokers }) => brokers === count)
  if (clients.length > 0) await prove(count, clients)
}

async function runOnTheirOwn(): Promise<void> {
  for (const client of chosen) {
    const own = client.checks.filter((each) => startsBrokers(client, each))
    if (own.length > 0) await runChecks(client, own, { bootstrap: '', dataPath: '', file }, () => true)
  }
}

await check('the comparison', comparison)
// Most of what each does is waiting: one after the other they would take half as long again.
await Promise.all([proveAll('one').then(() => proveAll('three')), runOnTheirOwn()])

const failed = totals.failed > 0 || (options['no-skips'] && totals.skipped > 0)
if (broken.length > 0) print(`\n${broken.join('\n')}`)
const { passed, failed: failures, skipped } = totals
print(`\n${((performance.now() - startedAtMs) / 1000).toFixed(0)} s`)
print(`${passed} passed, ${failures} failed, ${skipped} skipped`)
process.exitCode = failed ? 1 : 0
