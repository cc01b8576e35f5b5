/**
 * Tries faults one by one, each by the means that are asked for: nodes of its own, a little load, the fault for some seconds; then each partition must take a record again. No history is
 * written and nothing is judged: it says what works on a machine.
 */
import { mkdirSync } from 'node:fs'
import { Prng } from '../src/base/prng.js'
import { Admin } from '../src/client/admin/admin.js'
import { ClientError } from '../src/client/client-error.js'
import { ClusterClient } from '../src/client/cluster-client.js'
import { Producer } from '../src/client/producer/producer.js'
import type { TestBed } from './beds/bed.js'
import { kafkaBed } from './beds/kafka.js'
import { type LayoutOptions, nodePlans, plainSurroundings } from './beds/layout.js'
import { lograftBed } from './beds/lograft.js'
import { until } from './beds/time.js'
import { allBackends, probeAll } from './nemesis/backends.js'
import type { Backend, Fault, FaultContext, Told } from './nemesis/fault.js'
import { type OfRun, Targets } from './nemesis/targets.js'

export interface TryOptions {
  /** Undefined: all of the means. */
  readonly faults: readonly string[] | undefined
  /** Undefined: all that work here. */
  readonly backends: readonly string[] | undefined
  readonly bed: 'lograft' | 'kafka'
  readonly nodes: number
  readonly seed: string
  readonly directory: string
}

const TOPIC = 'try-t0'
const OF_RUN: OfRun = { isTopic: (name) => name === TOPIC, group: 'try-group' }
const PARTITIONS = 6
const LASTS_MS = 3_000
const SERVES_LIMIT_MS = 60_000
const PAUSE_MS = 20
const CALL_LIMIT_MS = 15_000

/** How many of how many did as they should. */
export async function tryFaults(
  options: TryOptions,
  say: (line: string) => void,
): Promise<{ worked: number; of: number }> {
  const sum = { worked: 0, of: 0 }
  for (const { backend, why } of await probeAll(allBackends(OF_RUN))) {
    const faults = backend.faults.filter(({ name }) => options.faults?.includes(name) ?? true)
    if (faults.length === 0 || !(options.backends?.includes(backend.name) ?? true)) continue
    if (why !== undefined) say(`${backend.name}: not here: ${why}`)
    else {
      const { worked, of } = await tryBackend(backend, faults, options, say)
      sum.worked += worked
      sum.of += of
    }
  }
  return sum
}

async function tryBackend(
  backend: Backend,
  faults: readonly Fault[],
  options: TryOptions,
  say: (line: string) => void,
): Promise<{ worked: number; of: number }> {
  const random = new Prng(options.seed).fork(backend.name)
  const directory = `${options.directory}/${backend.name.replaceAll(' ', '-')}`
  mkdirSync(directory, { recursive: true })
  const layout: LayoutOptions = { nodes: options.nodes, spares: 1, directory }
  let worked = 0
  let bed: TestBed | undefined
  try {
    const surroundings = await plainSurroundings(layout, random)
    await backend.prepare(
      nodePlans(layout).map(({ id }) => id),
      surroundings,
    )
    bed = (options.bed === 'kafka' ? kafkaBed : lograftBed)({ ...layout, surroundings })
    await bed.start()
    say(`${backend.name}: ${bed.target}, ${options.nodes} nodes`)
    const load = new Load(bed)
    await load.begin()
    const context: FaultContext = { bed, random, find: new Targets(bed, OF_RUN, random).find }
    for (const fault of faults) if (await tryFault(fault, context, load, say)) worked++
    await load.end()
    for (const { node, detail } of bed.unasked) say(`  node ${node} ended unasked: ${detail}`)
    if (bed.unasked.length > 0) worked = Math.min(worked, faults.length - 1)
  } finally {
    await bed?.stop()
    await backend.restore()
  }
  return { worked, of: faults.length }
}

async function tryFault(
  fault: Fault,
  context: FaultContext,
  load: Load,
  say: (line: string) => void,
): Promise<boolean> {
  const { time } = context.bed
  let isGood = true
  const step = async (name: string, act: () => Promise<Told | undefined>): Promise<void> => {
    const fromMs = time.nowMs()
    try {
      const told = await act()
      const tookMs = Math.round(time.nowMs() - fromMs)
      if (told === undefined) say(`  ${name} ${fault.name}: nothing (${tookMs} ms)`)
      else say(`  ${name} ${fault.name}: ${told.what}, nodes ${told.nodes.join()}: ${told.seen} (${tookMs} ms)`)
      if (told === undefined && name === 'begin') isGood = false
    } catch (error) {
      isGood = false
      say(`  ${name} ${fault.name}: FAILED: ${(error as Error).message}`)
    }
  }
  await step('begin', () => fault.begin(context))
  await time.wait(LASTS_MS)
  await step('end', () => fault.end(context))
  const fromMs = time.nowMs()
  try {
    await load.allServe()
    say(`  all partitions serve ${Math.round(time.nowMs() - fromMs)} ms after ${fault.name}`)
  } catch (error) {
    isGood = false
    say(`  after ${fault.name}: FAILED: ${(error as Error).message}`)
  }
  return isGood
}

/** Something is always on its way to each partition. */
class Load {
  readonly #bed: TestBed
  readonly #client: ClusterClient
  readonly #producer: Producer
  /** When a record began that was acknowledged, by partition: the last. */
  readonly #servedMs: number[] = Array.from({ length: PARTITIONS }, () => -1)
  #isOver = false
  #sending: Promise<unknown> = Promise.resolve()

  constructor(bed: TestBed) {
    this.#bed = bed
    const limits = { requestTimeoutMs: 5_000, apiTimeoutMs: CALL_LIMIT_MS }
    this.#client = new ClusterClient({ ports: bed.ports, bootstrapServers: bed.bootstrap, clientId: 'try', ...limits })
    this.#producer = new Producer(this.#client, { requestTimeoutMs: 5_000, deliveryTimeoutMs: CALL_LIMIT_MS })
  }

  async begin(): Promise<void> {
    await new Admin(this.#client).createTopics([{ name: TOPIC, partitions: PARTITIONS }])
    this.#sending = Promise.all(this.#servedMs.map((_, partition) => this.#send(partition)))
    await this.allServe()
  }

  async allServe(): Promise<void> {
    const fromMs = this.#bed.time.nowMs()
    await until(this.#bed.time, SERVES_LIMIT_MS, 'a record in each partition', async () =>
      this.#servedMs.every((atMs) => atMs >= fromMs) ? true : undefined,
    )
  }

  async end(): Promise<void> {
    this.#isOver = true
    await this.#sending
    this.#client.close()
  }

  async #send(partition: number): Promise<void> {
    const { time } = this.#bed
    while (!this.#isOver) {
      const atMs = time.nowMs()
      try {
        await this.#producer.send({ topic: TOPIC, partition, key: null, value: Buffer.from(String(atMs)) })
        this.#servedMs[partition] = atMs
      } catch (error) {
        if (!(error instanceof ClientError)) throw error
      }
      await time.wait(PAUSE_MS)
    }
  }
}
