/**
 * ClusterWorld: simulated nodes, each on a machine of its own, that know of one another what a user writes into their configuration and nothing else.
 * Each node is the production class on simulated ports, started again whenever it has died.
 */
import type { Address } from '../io/network.js'
import type { DiskDevice } from './disk-device.js'
import { SimulatedFile } from './disk-file.js'
import { SimulatedNetwork } from './network.js'
import { SimulatedNode } from './simulated-node.js'
import type { Simulation } from './simulation.js'

const CLIENT_PORT = 9092
const CONTROLLER_PORT = 9093
export const DATA_DIRECTORY = '/var/lib/lograft'
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
  /** Where nodes stand, by id, from 1 on; absent: nobody knows. */
  readonly racks?: readonly string[]
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

export class ClusterNode extends SimulatedNode {
  readonly id: number
  readonly role: NodeRole
  /** How often its disk was replaced. */
  replaced = 0
  readonly #plan: ClusterPlan

  constructor({ simulation, network, plan }: ClusterWorld, id: number, role: NodeRole) {
    const place = { simulation, network, host: hostOf(id), longestDownMs: plan.longestDownMs }
    super(place, () => settingsOf(plan, id, role))
    this.#plan = plan
    this.id = id
    this.role = role
    this.machine.goesSilently = true
  }

  get device(): DiskDevice {
    return this.machine.device
  }

  /** Where clients connect to. */
  get address(): Address {
    return { host: this.host, port: CLIENT_PORT }
  }

  /** Where brokers and controllers connect to. */
  get controllerAddress(): Address {
    return { host: this.host, port: controllerPort(this.#plan) }
  }

  /** Where a partition's log is, by the name of its directory. */
  directoryOf(name: string): string {
    return `${DATA_DIRECTORY}/${name}`
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

  /** An empty disk in the place of the one that it had. */
  replaceDisk(): void {
    const wasAlive = this.machine.process?.alive === true
    this.replaced++
    this.machine.replaceDisk()
    if (wasAlive) this.startLater()
  }
}

function settingsOf(plan: ClusterPlan, id: number, role: NodeRole): Record<string, string> {
  const { roles, naming, settings } = plan
  const isBroker = role !== 'controller'
  const isController = role !== 'broker'
  const separate = isSeparate(plan)
  const listeners: string[] = []
  if (isBroker) listeners.push(`PLAINTEXT://${hostOf(id)}:${CLIENT_PORT}`)
  if (isController && separate) listeners.push(`CONTROLLER://${hostOf(id)}:${CONTROLLER_PORT}`)
  const port = controllerPort(plan)
  const named = roles.flatMap((role, index) => (role === 'broker' ? [] : [index + 1]))
  const addresses = named.map((id) => `${hostOf(id)}:${port}`)
  return {
    ...settings,
    ...(plan.racks === undefined ? {} : { 'broker.rack': plan.racks[id - 1] ?? '' }),
    'node.id': String(id),
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

function isSeparate({ roles, ports }: ClusterPlan): boolean {
  return ports === 'two' || roles.includes('controller')
}

function controllerPort(plan: ClusterPlan): number {
  return isSeparate(plan) ? CONTROLLER_PORT : CLIENT_PORT
}

function hostOf(id: number): string {
  return `node${id}`
}
