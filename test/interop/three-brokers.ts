/** Three nodes under test, each broker and controller and a process of its own: topics get three replicas, of which two have to have a record before it is acknowledged. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fixedPort } from '../../jepsen/beds/fixed-port.js'
import { Prng } from '../../src/base/prng.js'
import { BrokerProcess, type Brokers } from './broker.js'
import { count } from './records.js'
import { compareReplicas, sizesAgree } from './replicas.js'

const NODES = 3
const REPLICATED = [`default.replication.factor=${NODES}`, 'min.insync.replicas=2']
const CONVERGENCE_LIMIT_MS = 30_000
const AGAIN_MS = 100

export interface ThreeOptions {
  readonly settings?: readonly string[]
  /** Of the first node; the others follow. */
  readonly firstId?: number
  /** Where clients find the nodes, as localhost; default: any. */
  readonly ports?: readonly number[]
  /** Whether each has a rack of its own, which is so by default. */
  readonly racks?: boolean
}

export class ThreeBrokers implements Brokers {
  /** host:port of all, with commas. */
  readonly bootstrap: string
  readonly ids: readonly number[]
  readonly #nodes: ReadonlyMap<number, Node>
  #compared = { partitions: 0, bytes: 0 }

  private constructor(nodes: ReadonlyMap<number, Node>) {
    this.#nodes = nodes
    this.ids = [...nodes.keys()]
    this.bootstrap = [...nodes.values()].map(({ address }) => address).join(',')
  }

  static async start(
    directory: string,
    { settings = [], firstId = 1, ports = [], racks = true }: ThreeOptions = {},
  ): Promise<ThreeBrokers> {
    const addresses = await freeAddresses(2 * NODES)
    for (const [index, port] of ports.entries()) addresses[index] = `localhost:${port}`
    const ids = Array.from({ length: NODES }, (_, index) => firstId + index)
    const controllers = addresses.slice(NODES)
    const voters = ids.map((id, index) => `${id}@${controllers[index]}`).join(',')
    const nodes = new Map<number, Node>()
    for (const [index, id] of ids.entries()) {
      const address = addresses[index]!
      const path = join(directory, `node-${id}`)
      mkdirSync(path, { recursive: true })
      const own = [
        `node.id=${id}`,
        `listeners=PLAINTEXT://${address.replace('localhost', '127.0.0.1')},CONTROLLER://${controllers[index]}`,
        `advertised.listeners=PLAINTEXT://${address}`,
        'controller.listener.names=CONTROLLER',
        `controller.quorum.voters=${voters}`,
        ...(racks ? [`broker.rack=RACK${id}`] : []),
      ]
      nodes.set(id, { address, path, settings: [...REPLICATED, ...own, ...settings], process: undefined })
    }
    const three = new ThreeBrokers(nodes)
    await three.startAll()
    return three
  }

  /** Again, on their data and their addresses. */
  async startAll(): Promise<void> {
    const started = await Promise.allSettled(this.ids.map((id) => this.startOne(id)))
    const failed = started.find((outcome) => outcome.status === 'rejected')
    if (failed === undefined) return
    await Promise.all(this.#running.map((broker) => broker.stop()))
    throw failed.reason
  }

  async startOne(id: number): Promise<void> {
    const node = this.#nodes.get(id)!
    node.process = await BrokerProcess.start(node.path, node.settings)
  }

  get #running(): readonly BrokerProcess[] {
    return [...this.#nodes.values()].flatMap(({ process }) => (process === undefined || process.ended ? [] : [process]))
  }

  bootstrapOf(id: number): string {
    return this.#nodes.get(id)!.address
  }

  pathOf(id: number): string {
    return this.#nodes.get(id)!.path
  }

  broker(id: number): BrokerProcess {
    const { process } = this.#nodes.get(id)!
    assert.ok(process !== undefined, `broker ${id} was not started`)
    return process
  }

  /** One of them has. */
  get ended(): boolean {
    return this.#running.length < NODES
  }

  get log(): string {
    return this.ids.map((id) => `--- node ${id}\n${this.#nodes.get(id)!.process?.log ?? ''}`).join('\n')
  }

  /** What the last stop found to be the same on all. */
  get compared(): string {
    const { partitions, bytes } = this.#compared
    return `the replicas of ${partitions} partitions hold the same ${count(bytes)} bytes`
  }

  async metric(name: string): Promise<number> {
    const values = await Promise.all(this.#running.map((broker) => broker.metric(name)))
    return values.reduce((sum, value) => sum + value, 0)
  }

  /** Waits until the followers have what the leaders have, stops all, and compares what they keep, byte for byte. Gives the worst exit code. */
  async stop(): Promise<number | undefined> {
    const paths = [...this.#nodes.values()].map(({ path }) => path)
    const deadlineMs = performance.now() + CONVERGENCE_LIMIT_MS
    while (!this.ended && !sizesAgree(paths) && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    }
    const wasWhole = !this.ended
    const codes = await Promise.all(this.#running.map((broker) => broker.stop()))
    if (wasWhole) this.#compared = compareReplicas(paths)
    const bad = codes.findIndex((code) => code !== 0)
    return bad < 0 ? 0 : codes[bad]
  }
}

interface Node {
  readonly address: string
  readonly path: string
  readonly settings: readonly string[]
  process: BrokerProcess | undefined
}

/** They have to be known before the first one starts, and to be the same when it starts again. */
async function freeAddresses(wanted: number): Promise<string[]> {
  const random = new Prng(`ports of process ${process.pid}`)
  const ports = new Set<number>()
  while (ports.size < wanted) ports.add(await fixedPort(random))
  return [...ports].map((port) => `127.0.0.1:${port}`)
}
