/** A cluster of processes on this machine, whatever program they run: started in order, waited for until all serve, and ended, whatever has become of the run. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Admin } from '../../src/client/admin/admin.js'
import { type ClientPorts, ClusterClient } from '../../src/client/cluster-client.js'
import { nodePorts } from '../../src/io/node/ports.js'
import type { Surroundings, TestBed, UnaskedEnd } from './bed.js'
import {
  CONTROLLERS_LISTENER,
  clientsAddress,
  controllersAddress,
  type LayoutOptions,
  type NodePlan,
  nodePlans,
  propertiesText,
  settingsOf,
} from './layout.js'
import { type Command, ProcessNode } from './process-node.js'
import { RealTime, until } from './time.js'

export interface ProcessBedOptions extends LayoutOptions {
  /** By id, of all nodes: see `plainSurroundings`. */
  readonly surroundings: ReadonlyMap<number, Surroundings>
  /** Levels of features that the cluster gets before it is used, where they are not as a new cluster has them. */
  readonly features?: Readonly<Record<string, number>>
}

/** What is to be run. */
export interface Software {
  readonly kind: 'lograft' | 'kafka'
  /** As the report has it. */
  readonly target: string
  /** Settings that only it knows. */
  readonly settings: Readonly<Record<string, string>>
  /** Before any node is started for the first time: names what is missing on this machine. */
  prepare(bed: Prepared): Promise<void>
  /** Before each start; the prefix is not its business. */
  command(node: NodePlan, prepared: Prepared): Promise<Command>
  /** Behind the first start of all; undefined: done before. */
  readonly setFeatures?: (admin: Admin, features: Readonly<Record<string, number>>) => Promise<void>
}

export interface Prepared {
  readonly plans: readonly NodePlan[]
  readonly surroundings: ReadonlyMap<number, Surroundings>
  readonly features: Readonly<Record<string, number>>
  /** Its settings. */
  file(node: NodePlan): string
}

const LONGEST_START_MS = 120_000
const ASKING_LIMIT_MS = 3_000

export class ProcessBed implements TestBed {
  readonly kind: Software['kind']
  readonly target: string
  readonly bootstrap: string
  readonly nodes: readonly ProcessNode[]
  readonly time = new RealTime()
  readonly unasked: UnaskedEnd[] = []
  readonly ports: ClientPorts = nodePorts('error')
  readonly #options: ProcessBedOptions
  readonly #software: Software
  readonly #prepared: Prepared

  constructor(software: Software, options: ProcessBedOptions) {
    const { directory, surroundings, features = {} } = options
    this.kind = software.kind
    this.target = software.target
    this.#software = software
    this.#options = options
    const plans = nodePlans(options)
    this.#prepared = { plans, surroundings, features, file: ({ id }) => join(directory, `node-${id}.properties`) }
    this.nodes = plans.map((plan) => this.#node(plan))
    const brokers = plans.filter(({ roles, isSpare }) => roles.includes('broker') && !isSpare)
    this.bootstrap = brokers.map(({ id }) => clientsAddress(surroundings.get(id)!)).join(',')
  }

  async start(): Promise<void> {
    const { plans, surroundings, features, file } = this.#prepared
    mkdirSync(this.#options.directory, { recursive: true })
    for (const plan of plans) {
      const settings = settingsOf(plan, plans, surroundings, { ...this.#software.settings, ...this.#options.settings })
      writeFileSync(file(plan), propertiesText(settings))
    }
    await this.#software.prepare(this.#prepared)
    const first = this.nodes.filter((_, index) => !plans[index]!.isSpare)
    try {
      await Promise.all(first.map((node) => node.start()))
      await until(this.time, LONGEST_START_MS, 'a cluster that serves', async () => {
        const ended = this.unasked[0]
        return ended !== undefined || (await this.serves(first)) ? true : undefined
      })
      const [ended] = this.unasked
      if (ended !== undefined) throw new Error(`node ${ended.node} ended while the cluster began: ${ended.detail}`)
      if (Object.keys(features).length > 0) await this.#setFeatures(features)
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Whether each broker says of all that they are there, and the controllers have a leader that all of them follow. */
  async serves(nodes: readonly ProcessNode[] = this.nodes.filter(({ isRunning }) => isRunning)): Promise<boolean> {
    const brokers = nodes.filter(({ roles }) => roles.includes('broker'))
    const ids = new Set(brokers.map(({ id }) => id))
    const controllers = nodes.filter(({ roles }) => roles.includes('controller'))
    const answers = await Promise.all(
      brokers.map(({ address }) =>
        this.#asking(address, async (admin) => {
          const { endpoints } = await admin.describeCluster()
          const there = new Set(endpoints.filter(({ isFenced }) => !isFenced).map(({ nodeId }) => nodeId))
          if (![...ids].every((id) => there.has(id))) return false
          const { leaderId, currentVoters, observers } = await admin.describeQuorum()
          const members = new Set([...currentVoters, ...observers].map(({ replicaId }) => replicaId))
          return leaderId >= 0 && controllers.every(({ id }) => members.has(id))
        }),
      ),
    )
    return answers.every((answer) => answer)
  }

  async stop(): Promise<void> {
    const brokers = this.nodes.filter(({ roles }) => roles.includes('broker'))
    const controllers = this.nodes.filter(({ roles }) => !roles.includes('broker'))
    // A broker that stops in order asks a controller for leave.
    for (const group of [brokers, controllers]) {
      await Promise.allSettled(group.map((node) => node.end('SIGTERM')))
    }
  }

  async #setFeatures(features: Readonly<Record<string, number>>): Promise<void> {
    const { setFeatures } = this.#software
    if (setFeatures === undefined) return
    const client = new ClusterClient({ ports: this.ports, bootstrapServers: this.bootstrap })
    try {
      await setFeatures(new Admin(client), features)
    } finally {
      client.close()
    }
  }

  async #asking(bootstrapServers: string, ask: (admin: Admin) => Promise<boolean>): Promise<boolean> {
    const limits = { requestTimeoutMs: ASKING_LIMIT_MS, apiTimeoutMs: ASKING_LIMIT_MS }
    const client = new ClusterClient({ ports: this.ports, bootstrapServers, ...limits })
    try {
      return await ask(new Admin(client))
    } finally {
      client.close()
    }
  }

  #node(plan: NodePlan): ProcessNode {
    const { id, roles } = plan
    const surroundings = this.#prepared.surroundings.get(id)!
    const { prefix, environment, dataPath } = surroundings
    const isController = roles.includes('controller')
    const quorum = controllersAddress(surroundings)
    const colon = quorum.lastIndexOf(':')
    const listener = { name: CONTROLLERS_LISTENER, host: quorum.slice(0, colon), port: Number(quorum.slice(colon + 1)) }
    return new ProcessNode({
      id,
      roles,
      address: roles.includes('broker') ? clientsAddress(surroundings) : quorum,
      quorumListener: isController ? listener : undefined,
      dataPath,
      logPath: join(this.#options.directory, `node-${id}.log`),
      command: async () => {
        const inner = await this.#software.command(plan, this.#prepared)
        const [command = inner.command, ...args] = [...prefix, inner.command, ...inner.args]
        return { command, args, environment: { ...inner.environment, ...environment } }
      },
      endedUnasked: (detail) => this.unasked.push({ node: id, atMs: Math.round(this.time.nowMs()), detail }),
    })
  }
}
