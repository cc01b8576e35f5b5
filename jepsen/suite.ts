/**
 * A run as somebody asks for it: checks that this machine can do it, makes bed, clients and faults, runs, judges. What cannot be done is refused by name, before anything is started.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Prng } from '../src/base/prng.js'
import { ClientError } from '../src/client/client-error.js'
import { nodePorts } from '../src/io/node/ports.js'
import { AddressBed } from './beds/address.js'
import type { TestBed } from './beds/bed.js'
import { kafkaBed } from './beds/kafka.js'
import { missingJava } from './beds/kafka-jars.js'
import { type LayoutOptions, nodePlans, plainSurroundings } from './beds/layout.js'
import { lograftBed } from './beds/lograft.js'
import { SimulatedBed } from './beds/simulated.js'
import { RealTime } from './beds/time.js'
import { cleanUp, type Leavings, leftBehind } from './clean-up.js'
import type { Driver } from './drivers/driver.js'
import { DRIVERS } from './drivers/drivers.js'
import type { Judgement } from './history/judge.js'
import type { NemesisOperation, Unplaced } from './history/operation.js'
import type { RunFile } from './history/run-file.js'
import { adminBackend, adminOfTopicsBackend } from './nemesis/admin.js'
import { allBackends, type ChosenFaults, chooseFaults, type ProbedBackend, probeAll } from './nemesis/backends.js'
import type { Backend } from './nemesis/fault.js'
import { Nemesis } from './nemesis/nemesis.js'
import { KafkaProxy } from './nemesis/network/proxy.js'
import { clientsProxyBackend, frontsBy, PROXY } from './nemesis/network/proxy-backend.js'
import { type PlanKind, planFaults } from './nemesis/plan.js'
import { simulatedBackend } from './nemesis/simulated.js'
import { type OfRun, Targets } from './nemesis/targets.js'
import { reportRun } from './report/write-report.js'
import { groupOf, type NemesisOfRun, type RunOptions, type RunResult, run } from './run.js'

export interface SuiteOptions extends RunOptions {
  readonly bed: TestBed['kind']
  /** Of a bed by its address. */
  readonly bootstrap?: string
  readonly nodes: number
  readonly controllers: number
  /** Of nodes. */
  readonly nodeSettings: Readonly<Record<string, string>>
  readonly features: Readonly<Record<string, number>>
  /** `main.js` of another build of lograft. */
  readonly main?: string
  readonly drivers: readonly string[]
  readonly faults: readonly string[]
  readonly plan: PlanKind
  readonly intervalMs?: number
  readonly command: string
  readonly directory: string
  /** What is enough. */
  readonly operations?: number
  /** Data of nodes stays where the verdict is good, too. */
  readonly keepsData: boolean
}

export interface SuiteOutcome extends RunResult {
  readonly judgement: Judgement
}

/** Of nodes: members come and go all the time. */
const SETTINGS = { 'group.initial.rebalance.delay.ms': '0' }

/** What cannot be done here, as sentences. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

/** `prefix`: of letters and digits. */
export function ofRun(prefix: string): OfRun {
  const topic = new RegExp(`^${prefix}-t\\d+$`)
  return { isTopic: (name) => topic.test(name), group: groupOf(prefix, 0) }
}

/** Rejects with `Refused`. */
export async function runSuite(options: SuiteOptions, say: (line: string) => void): Promise<SuiteOutcome> {
  const random = new Prng(options.seed)
  const simulated = options.bed === 'simulated' ? simulatedBed(options) : undefined
  const proxy = options.bed === 'address' ? new KafkaProxy() : undefined
  const probed = await probeAll(backendsOf(simulated ?? proxy, ofRun(options.prefix)))
  const chosen = refuse(options, probed)
  const leavings = options.bed === 'address' ? leavingsOf(options) : undefined
  if (leavings !== undefined) await refuseLeftBehind(leavings)
  mkdirSync(options.directory, { recursive: true })
  const bed = simulated ?? (await bedOf(options, chosen, random.fork('bed'), proxy))
  const drivers: Driver[] = []
  try {
    for (const name of options.drivers) {
      const kind = DRIVERS.find((each) => each.name === name)!
      drivers.push(await kind.start(bed.ports, (sentence) => say(sentence)))
    }
    refuseDrivers(options, drivers)
    const result = await run(options, {
      bed,
      drivers,
      ...(chosen.faults.length === 0 ? {} : { nemesis: (write) => nemesisOf(options, bed, chosen, random, write) }),
      directory: options.directory,
      about: { command: options.command, backends: chosen.told, settings: settingsOf(options) },
      say,
    })
    const { judgement } = await reportRun(options.directory)
    if (judgement.verdict === 'valid' && !options.keepsData) removeData(options)
    return { ...result, judgement }
  } finally {
    for (const driver of drivers) await driver.close().catch(() => {})
    if (leavings !== undefined) await cleanUp(leavings, 1, say)
    for (const backend of chosen.backends) await backend.restore()
  }
}

/** Of a simulated bed, of one by its address, for whose clients a proxy may stand, or of one of nodes. */
export function backendsOf(bed: SimulatedBed | KafkaProxy | undefined, run: OfRun): readonly Backend[] {
  if (bed instanceof SimulatedBed) return [simulatedBackend(bed), adminBackend(run)]
  return bed === undefined ? allBackends(run) : [adminOfTopicsBackend(run), clientsProxyBackend(bed)]
}

function simulatedBed({ seed, nodes, controllers, nodeSettings, features }: SuiteOptions): SimulatedBed {
  return new SimulatedBed({ seed, nodes, controllers, settings: { ...SETTINGS, ...nodeSettings }, features })
}

function refuse(options: SuiteOptions, probed: readonly ProbedBackend[]): ChosenFaults {
  const { bed, bootstrap, drivers, faults } = options
  const reasons: string[] = []
  if (bed === 'address' && bootstrap === undefined) reasons.push('a bed by its address needs --bootstrap host:port')
  const noJava = bed === 'kafka' ? missingJava() : undefined
  if (noJava !== undefined) reasons.push(`Apache Kafka cannot be run here: ${noJava}`)
  for (const name of drivers) {
    const kind = DRIVERS.find((each) => each.name === name)
    const missing = kind === undefined ? 'there is none of this name: see `list`' : kind.missing()
    if (missing !== undefined) reasons.push(`driver ${name}: ${missing}`)
    else if (bed === 'simulated' && name !== 'lograft') reasons.push(`driver ${name}: it needs real sockets`)
  }
  const chosen = chooseFaults(faults, probed)
  if ('refused' in chosen) {
    reasons.push(...chosen.refused)
    if (bed === 'address')
      reasons.push('to nodes behind an address nothing can be done: `list --bed address` has what is left')
  }
  if (options.main !== undefined && bed !== 'lograft') reasons.push('another build by --main is for nodes of lograft')
  if (options.idempotent && options.acks !== -1) reasons.push('an idempotent producer needs --acks all')
  if (reasons.length > 0 || 'refused' in chosen) throw new Refused(reasons.join('\n'))
  return chosen
}

function leavingsOf({ bootstrap, prefix, drivers }: SuiteOptions): Leavings {
  const groups = drivers.map((_, index) => groupOf(prefix, index))
  return { ports: nodePorts('error'), time: new RealTime(), bootstrap: bootstrap!, prefix, groups }
}

/** What is named so would be taken for the run's own: judged, changed and deleted. */
async function refuseLeftBehind(leavings: Leavings): Promise<void> {
  const names = await leftBehind(leavings).catch((error) => {
    throw error instanceof ClientError ? new Refused(`${leavings.bootstrap}: ${error.message}`) : error
  })
  if (names.length > 0) {
    throw new Refused(
      `${names.length} topics of the cluster are named ${leavings.prefix}-* already: take another --seed`,
    )
  }
}

/** Known only when they run. */
function refuseDrivers({ groupProtocol, consume, idempotent }: SuiteOptions, drivers: readonly Driver[]): void {
  const needed = [
    ...(consume !== 'assign' && groupProtocol === 'consumer' ? (['consumer protocol'] as const) : []),
    ...(idempotent ? (['idempotence'] as const) : []),
  ]
  const reasons = drivers.flatMap(({ name, lacks }) =>
    needed.filter((ability) => lacks.has(ability)).map((ability) => `${name} cannot do this: ${ability}`),
  )
  if (reasons.length > 0) throw new Refused(reasons.join('\n'))
}

async function bedOf(
  options: SuiteOptions,
  chosen: ChosenFaults,
  random: Prng,
  proxy: KafkaProxy | undefined,
): Promise<TestBed> {
  if (proxy !== undefined) {
    const isUsed = chosen.backends.some(({ name }) => name === PROXY)
    return new AddressBed(options.bootstrap!, isUsed ? frontsBy(proxy) : undefined)
  }
  const { nodes, controllers, features, main } = options
  const layout: LayoutOptions = {
    nodes,
    controllers,
    spares: chosen.faults.some(({ name }) => name === 'add node') ? 1 : 0,
    directory: bedDirectory(options),
    settings: { ...SETTINGS, ...options.nodeSettings },
  }
  const surroundings = await plainSurroundings(layout, random)
  const ids = nodePlans(layout).map(({ id }) => id)
  for (const backend of chosen.backends) await backend.prepare(ids, surroundings)
  const common = { ...layout, surroundings, features }
  return options.bed === 'kafka' ? kafkaBed(common) : lograftBed({ ...common, ...(main === undefined ? {} : { main }) })
}

function nemesisOf(
  { faults, plan, timeMs, intervalMs, prefix }: SuiteOptions,
  bed: TestBed,
  chosen: ChosenFaults,
  random: Prng,
  write: (operation: Unplaced<NemesisOperation>) => void,
): NemesisOfRun {
  const nemesis = new Nemesis({
    bed,
    faults: chosen.faults,
    find: new Targets(bed, ofRun(prefix), random.fork('targets')).find,
    random: random.fork('faults'),
    write,
  })
  const interval = intervalMs === undefined ? {} : { intervalMs }
  const steps = planFaults({ faults, kind: plan, durationMs: timeMs, ...interval }, random.fork('plan'))
  return {
    play: () => nemesis.play(steps),
    stop: () => nemesis.stop(),
    heal: () => nemesis.heal(),
    get troubles() {
      return nemesis.troubles
    },
    counts: nemesis.counts,
  }
}

function settingsOf({ faults, nodeSettings, topicSettings, operations }: SuiteOptions): RunFile['settings'] {
  const unclean = 'unclean.leader.election.enable'
  const uncleanElection =
    faults.some((name) => name.includes('unclean')) ||
    nodeSettings[unclean] === 'true' ||
    topicSettings[unclean] === 'true'
  return { uncleanElection, ...(operations === undefined ? {} : { operations }) }
}

function bedDirectory({ directory }: SuiteOptions): string {
  return join(directory, 'bed')
}

/** Logs and settings stay. */
function removeData(options: SuiteOptions): void {
  if (options.bed === 'address' || options.bed === 'simulated') return
  for (let id = 1; id <= options.nodes + 1; id++) {
    rmSync(join(bedDirectory(options), `data-${id}`), { recursive: true, force: true })
  }
  for (let n = 0; n < options.controllers; n++) {
    rmSync(join(bedDirectory(options), `data-${101 + n}`), { recursive: true, force: true })
  }
}
