/**
 * A cluster that somebody else runs, known by an address: nothing can be done to its nodes. With a proxy, clients come to its brokers by that, and find there what is done to their links; a broker that
 * joins later is reached without.
 */
import { Admin } from '../../src/client/admin/admin.js'
import { type ClientPorts, ClusterClient } from '../../src/client/cluster-client.js'
import { nodePorts } from '../../src/io/node/ports.js'
import type { KafkaProxy } from '../nemesis/network/proxy.js'
import { AddressBook } from '../nemesis/network/readdressed.js'
import type { BedNode, TestBed } from './bed.js'
import { RealTime } from './time.js'

const START_LIMIT_MS = 20_000
const ANSWER_LIMIT_MS = 5_000
const HOST = '127.0.0.1'

export class AddressBed implements TestBed {
  readonly kind = 'address'
  nodes: readonly BedNode[] = []
  readonly unasked = []
  readonly time = new RealTime()
  readonly ports: ClientPorts = nodePorts('error')
  readonly #given: string
  readonly #proxy: KafkaProxy | undefined
  #target: string

  /** `given`: `host:port,host:port` */
  constructor(given: string, proxy?: KafkaProxy) {
    this.#given = given
    this.#proxy = proxy
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
      if (this.#proxy !== undefined) this.nodes = await nodesBehind(this.#proxy, endpoints)
    } finally {
      client.close()
    }
  }

  async stop(): Promise<void> {}
}

type Endpoint = Awaited<ReturnType<Admin['describeCluster']>>['endpoints'][number]

/** A front for each. */
async function nodesBehind(proxy: KafkaProxy, endpoints: readonly Endpoint[]): Promise<readonly BedNode[]> {
  const book = new AddressBook()
  const nodes: BedNode[] = []
  for (const { nodeId, host, port } of endpoints) {
    const sourceOf = () => 'clients' as const
    const target = { host, port, book }
    const front = await proxy.listen({ host: HOST, to: nodeId, target, sourceOf })
    book.add(nodeId, { host: HOST, port: front }, target)
    nodes.push(new SomebodysNode(nodeId, `${HOST}:${front}`))
  }
  return nodes
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

  async start(): Promise<void> {}

  async end(): Promise<void> {
    throw new Error(`node ${this.id} is somebody else's`)
  }
}
