/** The brokers that a suite is run on: of this build, in processes of their own, with the settings and the addresses that the suite expects. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fixedPort } from '../../jepsen/beds/fixed-port.js'
import { Prng } from '../../src/base/prng.js'
import { BrokerProcess, type Brokers } from '../interop/broker.js'
import { ThreeBrokers } from '../interop/three-brokers.js'

/** As in the settings that Kafka is shipped with; the default is 3000. */
export const JOIN_AT_ONCE = 'group.initial.rebalance.delay.ms=0'

export interface Cluster {
  readonly nodes: 1 | 3
  /** Of the first node; the others follow. */
  readonly firstId?: number
  readonly settings?: readonly string[]
  /** Of one node: the port that is advertised, of localhost; default: any. */
  readonly port?: number
  /** Of three nodes: each in a rack of its own. */
  readonly racks?: true
  /** Of three nodes. */
  readonly ports?: readonly [number, number, number]
}

/** By name; the first is the one that a suite asks first. */
export type Clusters = Readonly<Record<string, Cluster>>

export class Place {
  readonly #started: ReadonlyMap<string, Brokers>

  private constructor(started: ReadonlyMap<string, Brokers>) {
    this.#started = started
  }

  static async start(directory: string, clusters: Clusters): Promise<Place> {
    const started = new Map<string, Brokers>()
    try {
      for (const [name, cluster] of Object.entries(clusters)) {
        const path = join(directory, name)
        mkdirSync(path, { recursive: true })
        started.set(name, await startCluster(path, cluster))
      }
    } catch (error) {
      await new Place(started).stop()
      throw error
    }
    return new Place(started)
  }

  /** host:port, of several brokers with commas; of the first cluster unless another is named. */
  bootstrap(name?: string): string {
    const brokers = name === undefined ? [...this.#started.values()][0] : this.#started.get(name)
    if (brokers === undefined) throw new Error(`there is no cluster ${name}`)
    return brokers.bootstrap
  }

  get ended(): boolean {
    return [...this.#started.values()].some(({ ended }) => ended)
  }

  get log(): string {
    return [...this.#started].map(([name, { log }]) => `=== ${name}\n${log}`).join('\n')
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#started.values()].map((brokers) => brokers.stop().catch(() => undefined)))
  }
}

async function startCluster(path: string, cluster: Cluster): Promise<Brokers> {
  const { nodes, firstId = 1, settings = [], racks = false, ports } = cluster
  if (nodes === 3) {
    return ThreeBrokers.start(path, { settings, firstId, racks, ...(ports !== undefined && { ports }) })
  }
  const random = new Prng(`ports of ${path}`)
  const port = cluster.port ?? (await fixedPort(random))
  return BrokerProcess.start(path, [
    `node.id=${firstId}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${await fixedPort(random)}`,
    `advertised.listeners=PLAINTEXT://${cluster.port === undefined ? '127.0.0.1' : 'localhost'}:${port}`,
    'controller.listener.names=CONTROLLER',
    ...settings,
  ])
}
