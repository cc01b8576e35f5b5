/**
 * World: a simulated node on its machine, started again whenever it has died, and the faults that befall it. The node is the production
 * class on simulated ports.
 */
import { Node } from '../broker/node.js'
import { Partition } from '../broker/partition.js'
import { nodeConfig } from '../config/node-config.js'
import { Machine } from './machine.js'
import { SimulatedNetwork } from './network.js'
import type { Simulation } from './simulation.js'

export const BROKER_HOST = 'broker1'
export const BROKER_PORT = 9092
const DATA_DIRECTORY = '/var/lib/lograft'
const SECOND_DIRECTORY = '/mnt/lograft'
/** How long it takes until somebody sees that a directory is offline. */
const OPERATOR_MS = 1500

export interface WorldOptions {
  readonly settings: Readonly<Record<string, string>>
  /** The longest a dead node stays down. */
  readonly longestDownMs: number
  /** Whether there is a second data directory, on a device of its own. */
  readonly twoDirectories?: boolean
}

export class World {
  readonly simulation: Simulation
  readonly network: SimulatedNetwork
  readonly machine: Machine
  /** How often the node has been started, and how often it ended itself because it could not go on. */
  starts = 0
  exits = 0
  /** How often it went on with one of its directories. */
  halved = 0
  /** Of the last start that has ended by itself. */
  exitCode: number | undefined
  /** Whether a dead node is started again. */
  restart = true
  #node: Node | undefined
  #serving = false
  readonly #options: WorldOptions

  constructor(simulation: Simulation, options: WorldOptions) {
    this.simulation = simulation
    this.#options = options
    this.network = new SimulatedNetwork(simulation)
    this.machine = new Machine(simulation, this.network, BROKER_HOST)
    if (options.twoDirectories === true) {
      this.machine.mount('/mnt')
      this.#watch()
    }
  }

  get directories(): readonly string[] {
    return this.#options.twoDirectories === true ? [DATA_DIRECTORY, SECOND_DIRECTORY] : [DATA_DIRECTORY]
  }

  /** The node that runs now, if any. */
  get node(): Node | undefined {
    return this.machine.process?.alive === true ? this.#node : undefined
  }

  get serving(): boolean {
    return this.node !== undefined && this.#serving
  }

  /** The partitions that the node hosts now. */
  get partitions(): readonly Partition[] {
    const broker = this.node?.broker
    if (broker === undefined) return []
    const hosted: Partition[] = []
    for (const { topicId, partitions } of broker.image.topicsById.values()) {
      for (let index = 0; index < partitions.length; index++) {
        const partition = broker.replicas.find(topicId, index)
        if (partition instanceof Partition) hosted.push(partition)
      }
    }
    return hosted
  }

  /** Serving, and the metadata log has not failed, nor waits to be repaired. */
  get takesMetadata(): boolean {
    const quorum = this.#serving ? this.#node?.quorum : undefined
    return quorum !== undefined && quorum.describe().leaderId >= 0 && quorum.highWatermark === quorum.endOffset
  }

  /** Serving, and no log of a partition has failed, nor waits to be repaired. */
  get takesRecords(): boolean {
    return this.serving && this.partitions.every(({ log }) => !log.failed)
  }

  start(): void {
    if (this.machine.process?.alive === true) return
    this.starts++
    this.exitCode = undefined
    this.#serving = false
    const config = nodeConfig({
      ...this.#options.settings,
      listeners: `PLAINTEXT://${BROKER_HOST}:${BROKER_PORT}`,
      'log.dirs': this.directories.join(','),
    })
    this.machine.boot(
      (ports) => {
        const node = new Node(config, ports, {
          started: () => {
            this.#serving = true
          },
          ended: (error) => {
            if (error !== undefined) ports.logger.error({ error: error.message }, 'node ended')
            ports.host.exit(error === undefined ? 0 : 1)
          },
        })
        this.#node = node
        node.start()
      },
      (code) => {
        this.exitCode = code
        if (code !== 0) this.exits++
        this.#startLater()
      },
    )
  }

  /** `kill -9` now. */
  crash(): void {
    if (this.machine.process?.alive !== true) return
    this.machine.crash()
    this.#startLater()
  }

  losePower(): void {
    if (this.machine.process?.alive !== true) return
    this.machine.losePower()
    this.#startLater()
  }

  /** The same in the middle of the n-th disk operation from now on. */
  strikeAtOperation(operations: number, kind: 'crash' | 'losePower'): void {
    this.machine.crashPoint = { operationsLeft: operations, strike: () => this[kind]() }
  }

  /** Stops the node in order, for good. */
  stop(): void {
    this.restart = false
    this.stopOnce()
  }

  /** Stops the node in order; it is started again. */
  stopOnce(): void {
    const { node } = this
    const process = this.machine.process
    process?.after(0, 'arrival', 'stop', () => node?.stop())
  }

  /** An operator, who starts a node again that has lost a directory. */
  #watch(): void {
    this.simulation.schedule(OPERATOR_MS, 'operator looks', () => {
      if (this.serving && this.node?.directories?.described.some(({ failure }) => failure !== undefined)) {
        this.halved++
        this.stopOnce()
      }
      if (this.restart) this.#watch()
    })
  }

  #startLater(): void {
    if (!this.restart) return
    const delayMs = this.machine.device.random.float() * this.#options.longestDownMs
    this.simulation.schedule(delayMs, 'node starts again', () => {
      if (this.restart) this.start()
    })
  }
}
