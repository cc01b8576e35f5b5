/** World: a simulated node that is a cluster of its own, and the operator who looks after it. */
import { Partition } from '../broker/partition.js'
import { SimulatedNetwork } from './network.js'
import { SimulatedNode } from './simulated-node.js'
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

export class World extends SimulatedNode {
  readonly simulation: Simulation
  readonly network: SimulatedNetwork
  /** How often it went on with one of its directories. */
  halved = 0
  readonly #options: WorldOptions

  constructor(simulation: Simulation, options: WorldOptions) {
    const network = new SimulatedNetwork(simulation)
    const place = { simulation, network, host: BROKER_HOST, longestDownMs: options.longestDownMs }
    super(place, () => ({
      ...options.settings,
      listeners: `PLAINTEXT://${BROKER_HOST}:${BROKER_PORT}`,
      'log.dirs': this.directories.join(','),
    }))
    this.simulation = simulation
    this.network = network
    this.#options = options
    if (options.twoDirectories === true) {
      this.machine.mount('/mnt')
      this.#watch()
    }
  }

  get directories(): readonly string[] {
    return this.#options.twoDirectories === true ? [DATA_DIRECTORY, SECOND_DIRECTORY] : [DATA_DIRECTORY]
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
    const quorum = this.serving ? this.node?.quorum : undefined
    return quorum !== undefined && quorum.describe().leaderId >= 0 && quorum.highWatermark === quorum.endOffset
  }

  /** Serving, and no log of a partition has failed, nor waits to be repaired. */
  get takesRecords(): boolean {
    return this.serving && this.partitions.every(({ log }) => !log.failed)
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
}
