/** A cluster of processes on this machine, whatever program they run: started in order, waited for until all serve, and ended, whatever has become of the run. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ClientPorts } from '../../src/client/cluster-client.js'
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
import { raiseFeatures, serves } from './serving.js'
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
  /** Whether features get their levels when the cluster serves; else they have them by then. */
  readonly raisesFeatures: boolean
}

export interface Prepared {
  readonly plans: readonly NodePlan[]
  readonly surroundings: ReadonlyMap<number, Surroundings>
  readonly features: Readonly<Record<string, number>>
  /** Its settings. */
  file(node: NodePlan): string
}

const LONGEST_START_MS = 120_000

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
        return ended !== undefined || (await serves(this, first)) ? true : undefined
      })
      const [ended] = this.unasked
      if (ended !== undefined) throw new Error(`node ${ended.node} ended while the cluster began: ${ended.detail}`)
      if (this.#software.raisesFeatures) await raiseFeatures(this, features)
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    const brokers = this.nodes.filter(({ roles }) => roles.includes('broker'))
    const controllers = this.nodes.filter(({ roles }) => !roles.includes('broker'))
    // A broker that stops in order asks a controller for leave.
    for (const group of [brokers, controllers]) {
      await Promise.allSettled(group.map((node) => node.end('SIGTERM')))
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
