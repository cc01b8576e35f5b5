/**
 * A cluster that somebody else runs, known by an address: nothing can be done to its nodes. With fronts, clients come to its brokers by those, and find there what is done to their links; a broker that
 * joins later is reached without.
 */
import { Admin } from '../../src/client/admin/admin.js'
import { type ClientPorts, ClusterClient } from '../../src/client/cluster-client.js'
import { nodePorts } from '../../src/io/node/ports.js'
import type { BedNode, TestBed } from './bed.js'
import { RealTime } from './time.js'

const START_LIMIT_MS = 20_000
const ANSWER_LIMIT_MS = 5_000

export interface BrokerAddress {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

/** Puts something in front of each; answers by id where clients are to find it, `host:port`. */
export type Fronts = (brokers: readonly BrokerAddress[]) => Promise<ReadonlyMap<number, string>>

export class AddressBed implements TestBed {
  readonly kind = 'address'
  nodes: readonly BedNode[] = []
  readonly unasked = []
  readonly time = new RealTime()
  readonly ports: ClientPorts = nodePorts('error')
  readonly #given: string
  readonly #fronts: Fronts | undefined
  #target: string

  /** `given`: `host:port,host:port` */
  constructor(given: string, fronts?: Fronts) {
    this.#given = given
    this.#fronts = fronts
    this.#target = given
  }

  get bootstrap(): string {
    return this.nodes.length === 0 ? this.#given : this.nodes.map(({ address }) => address).join(',')
  }

  get target(): string {
    return this.#target
  }

  /** Rejects with `ClientError` where nobody answers. */
  async start(): Promise<void> {
    const limits = { requestTimeoutMs: ANSWER_LIMIT_MS, apiTimeoutMs: START_LIMIT_MS }
    const client = new ClusterClient({ ports: this.ports, bootstrapServers: this.#given, ...limits })
    try {
      const { clusterId, endpoints } = await new Admin(client).describeCluster()
      const brokers = endpoints.length === 1 ? '1 broker' : `${endpoints.length} brokers`
      this.#target = `${this.#given} (cluster ${clusterId}, ${brokers})`
      const fronts = (await this.#fronts?.(endpoints)) ?? new Map()
      this.nodes = [...fronts].map(([id, address]) => new SomebodysNode(id, address))
    } finally {
      client.close()
    }
  }

  async stop(): Promise<void> {}
}

class SomebodysNode implements BedNode {
  readonly id: number
  readonly roles = ['broker'] as const
  readonly address: string
  readonly quorumListener = undefined
  readonly pid = undefined
  readonly dataPath = ''
  readonly logPath = ''
  /** As far as anybody here knows. */
  readonly isRunning = true
  mayEnd = false

  constructor(id: number, address: string) {
    this.id = id
    this.address = address
  }

  async start(): Promise<void> {
    this.#refuse()
  }

  async end(): Promise<void> {
    this.#refuse()
  }

  #refuse(): never {
    throw new Error(`node ${this.id} is somebody else's`)
  }
}
