/** A cluster that somebody else runs, known by an address: nothing can be done to its nodes. */
import { Admin } from '../../src/client/admin/admin.js'
import { type ClientPorts, ClusterClient } from '../../src/client/cluster-client.js'
import { nodePorts } from '../../src/io/node/ports.js'
import type { TestBed } from './bed.js'
import { RealTime } from './time.js'

const START_LIMIT_MS = 20_000
const ANSWER_LIMIT_MS = 5_000

export class AddressBed implements TestBed {
  readonly kind = 'address'
  readonly bootstrap: string
  readonly nodes = []
  readonly unasked = []
  readonly time = new RealTime()
  readonly ports: ClientPorts = nodePorts('error')
  #target: string

  /** `host:port,host:port` */
  constructor(bootstrap: string) {
    this.bootstrap = bootstrap
    this.#target = bootstrap
  }

  get target(): string {
    return this.#target
  }

  /** Rejects with `ClientError` where nobody answers. */
  async start(): Promise<void> {
    const limits = { requestTimeoutMs: ANSWER_LIMIT_MS, apiTimeoutMs: START_LIMIT_MS }
    const client = new ClusterClient({ ports: this.ports, bootstrapServers: this.bootstrap, ...limits })
    try {
      const { clusterId, endpoints } = await new Admin(client).describeCluster()
      const brokers = endpoints.length === 1 ? '1 broker' : `${endpoints.length} brokers`
      this.#target = `${this.bootstrap} (cluster ${clusterId}, ${brokers})`
    } finally {
      client.close()
    }
  }

  async stop(): Promise<void> {}
}
