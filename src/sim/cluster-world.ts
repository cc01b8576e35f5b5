/**
 * ClusterWorld: simulated nodes, each on a machine of its own, that know of one another what a user writes into their configuration and nothing else.
 * Each node is the production class on simulated ports, started again whenever it has died.
 */
import { Node, type NodeError } from '../broker/node.js'
import { nodeConfig } from '../config/node-config.js'
import type { Address } from '../io/network.js'
import { type Release, THIS_RELEASE } from '../metadata/release.js'
import type { DiskDevice } from './disk-device.js'
import { SimulatedFile } from './disk-file.js'
import { Machine } from './machine.js'
import { SimulatedNetwork } from './network.js'
import type { Simulation } from './simulation.js'

const CLIENT_PORT = 9092
const CONTROLLER_PORT = 9093
const DATA_DIRECTORY = '/var/lib/lograft'
export const METADATA_DIRECTORY = `${DATA_DIRECTORY}/__cluster_metadata-0`

export type NodeRole = 'combined' | 'controller' | 'broker'

export interface ClusterPlan {
  /** By id, from 1 on. */
  readonly roles: readonly NodeRole[]
  /** One listener for clients and quorum, or another one for the quorum. */
  readonly ports: 'one' | 'two'
  /** How nodes are told of the controllers; `none`: each is a cluster of its own. */
  readonly naming: 'voters' | 'bootstrap' | 'none'
  /** Of every node. */
  readonly settings: Readonly<Record<string, string>>
  /** The longest a dead node stays down. */
  readonly longestDownMs: number
}

export class ClusterWorld {
  readonly simulation: Simulation
  readonly network: SimulatedNetwork
  readonly plan: ClusterPlan
  readonly nodes: readonly ClusterNode[]

  constructor(simulation: Simulation, plan: ClusterPlan) {
    this.simulation = simulation
    this.plan = plan
    this.network = new SimulatedNetwork(simulation)
    this.nodes = plan.roles.map((role, index) => new ClusterNode(this, index + 1, role))
  }

  start(): void {
    for (const node of this.nodes) node.start()
  }

  get controllers(): readonly ClusterNode[] {
    return this.nodes.filter(({ role }) => role !== 'broker')
  }

  get brokers(): readonly ClusterNode[] {
    return this.nodes.filter(({ role }) => role !== 'controller')
  }

  /** The node that leads the quorum with the highest epoch, of those that run; undefined: none does. */
  get leader(): ClusterNode | undefined {
    let latest: ClusterNode | undefined
    let latestEpoch = -1
    for (const each of this.nodes) {
      const leader = each.node?.quorum?.leader()
      if (leader === undefined || leader.nodeId !== each.id || leader.epoch <= latestEpoch) continue
      latest = each
      latestEpoch = leader.epoch
    }
    return latest
  }
}

export class ClusterNode {
  readonly id: number
  readonly host: string
  readonly role: NodeRole
  readonly machine: Machine
  /** How often it has been started, and how often it ended itself because it could not go on. */
  starts = 0
  exits = 0
  /** Of the last start that has ended by itself. */
  exitCode: number | undefined
  /** How often its disk was replaced. */
  replaced = 0
  /** Why that start ended, where the node said so. */
  exitReason: string | undefined
  /** With which it is started the next time. */
  release: Release = THIS_RELEASE
  /** Whether it is started again when it has died. */
  restart = true
  readonly #world: ClusterWorld
  #node: Node | undefined
  #serving = false

  constructor(world: ClusterWorld, id: number, role: NodeRole) {
    this.#world = world
    this.id = id
    this.host = hostOf(id)
    this.role = role
    this.machine = new Machine(world.simulation, world.network, this.host)
    this.machine.goesSilently = true
  }

  /** The node that runs now, if any. */
  get node(): Node | undefined {
    return this.machine.process?.alive === true ? this.#node : undefined
  }

  get serving(): boolean {
    return this.node !== undefined && this.#serving
  }

  get device(): DiskDevice {
    return this.machine.device
  }

  /** Where clients connect to. */
  get address(): Address {
    return { host: this.host, port: CLIENT_PORT }
  }

  /** What stands in a file of the data directory; `durable`: what would stand there after a loss of power. */
  read(name: string, durable = false): string | undefined {
    const file = this.machine.find(`${DATA_DIRECTORY}/${name}`)
    if (!(file instanceof SimulatedFile)) return undefined
    return (durable ? file.durableContent : file.content).toString('latin1')
  }

  /** Undefined: its disk belongs to no cluster yet. */
  get clusterId(): string | undefined {
    return /^cluster\.id=(.*)$/m.exec(this.read('meta.properties') ?? '')?.[1]
  }

  start(): void {
    if (this.machine.process?.alive === true) return
    this.starts++
    this.exitCode = undefined
    this.exitReason = undefined
    this.#serving = false
    const config = nodeConfig(this.#settings)
    this.machine.boot(
      (ports) => {
        const events = {
          started: () => {
            this.#serving = true
          },
          ended: (error: NodeError | undefined) => {
            this.exitReason = error?.message
            if (error !== undefined) ports.logger.error({ error: error.message }, 'node ended')
            ports.host.exit(error === undefined ? 0 : 1)
          },
        }
        const node = new Node(config, ports, events, undefined, this.release)
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
    const wasAlive = this.machine.process?.alive === true
    this.machine.losePower()
    if (wasAlive) this.#startLater()
  }

  /** An empty disk in the place of the one that it had. */
  replaceDisk(): void {
    const wasAlive = this.machine.process?.alive === true
    this.replaced++
    this.machine.replaceDisk()
    if (wasAlive) this.#startLater()
  }

  /** The same in the middle of the n-th disk operation from now on. */
  strikeAtOperation(operations: number, kind: 'crash' | 'losePower'): void {
    this.machine.crashPoint = { operationsLeft: operations, strike: () => this[kind]() }
  }

  /** Stops the node in order; it is started again if it is to. */
  stop(): void {
    const { node } = this
    this.machine.process?.after(0, 'arrival', 'stop', () => node?.stop())
  }

  get #settings(): Record<string, string> {
    const { roles, ports, naming, settings } = this.#world.plan
    const isBroker = this.role !== 'controller'
    const isController = this.role !== 'broker'
    const separate = ports === 'two' || roles.includes('controller')
    const listeners: string[] = []
    if (isBroker) listeners.push(`PLAINTEXT://${this.host}:${CLIENT_PORT}`)
    if (isController && separate) listeners.push(`CONTROLLER://${this.host}:${CONTROLLER_PORT}`)
    const port = separate ? CONTROLLER_PORT : CLIENT_PORT
    const named = roles.flatMap((role, index) => (role === 'broker' ? [] : [index + 1]))
    const addresses = named.map((id) => `${hostOf(id)}:${port}`)
    return {
      ...settings,
      'node.id': String(this.id),
      'process.roles': [...(isBroker ? ['broker'] : []), ...(isController ? ['controller'] : [])].join(','),
      listeners: listeners.join(','),
      'log.dirs': DATA_DIRECTORY,
      ...(separate ? { 'controller.listener.names': 'CONTROLLER' } : {}),
      ...(naming === 'voters'
        ? { 'controller.quorum.voters': named.map((id, n) => `${id}@${addresses[n]}`).join(',') }
        : {}),
      ...(naming === 'bootstrap' ? { 'controller.quorum.bootstrap.servers': addresses.join(',') } : {}),
    }
  }

  #startLater(): void {
    if (!this.restart) return
    const delayMs = this.machine.device.random.float() * this.#world.plan.longestDownMs
    this.#world.simulation.schedule(delayMs, `${this.host} starts again`, () => {
      if (this.restart) this.start()
    })
  }
}

function hostOf(id: number): string {
  return `node${id}`
}
