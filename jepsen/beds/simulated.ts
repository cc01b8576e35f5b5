/**
 * The simulated cluster as a bed: nodes, clients and faults in this process, on a virtual clock, from a seed. Promises are at home in clients, so that after each event that may have
 * settled one all of them get their turn before the next: the same seed gives the same history, as long as who runs on it waits for nothing but its time and its ports.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ClientPorts } from '../../src/client/cluster-client.js'
import { ClusterInvariants } from '../../src/sim/cluster-invariants.js'
import { type ClusterNode, type ClusterPlan, ClusterWorld } from '../../src/sim/cluster-world.js'
import { Machine } from '../../src/sim/machine.js'
import { Simulation } from '../../src/sim/simulation.js'
import type { BedNode, BedTime, TestBed, UnaskedEnd } from './bed.js'
import { raiseFeatures, serves } from './serving.js'
import { until } from './time.js'

export interface SimulatedOptions {
  readonly seed: string
  /** Broker and controller in one, or brokers where there are controllers beside them. */
  readonly nodes: number
  readonly controllers?: number
  readonly settings?: Readonly<Record<string, string>>
  readonly features?: Readonly<Record<string, number>>
}

const START_LIMIT_MS = 60_000
const END_LIMIT_MS = 75_000
/** The longest that a node stays down which has ended by itself. */
const LONGEST_DOWN_MS = 2_000
const REPLICAS = 3
const IN_SYNC = 2
const CONTROLLER = 'CONTROLLER'

/** Events after which the rest of the program gets a turn in any case: signals, output. */
const TURN_EVERY = 1_000

/** A pause is made of short ones: what arrives meanwhile is kept until the end of the one that is known, and would come late otherwise. */
const SLICE_MS = 10

/** Where all clients are, for what befalls links. */
export const CLIENTS_HOST = 'clients'

export class SimulatedBed implements TestBed {
  readonly kind = 'simulated'
  readonly target: string
  readonly bootstrap: string
  readonly nodes: readonly SimulatedBedNode[]
  readonly time: BedTime
  readonly unasked: UnaskedEnd[] = []
  readonly world: ClusterWorld
  readonly #simulation: Simulation
  readonly #invariants: ClusterInvariants
  readonly #clients: Machine
  readonly #features: Readonly<Record<string, number>>
  readonly #ports: ClientPorts
  readonly #refused = new Set<(error: unknown) => void>()
  /** Something outside the clients' turns has settled a promise. */
  #isSettled = false
  #isStopped = false
  #going: Promise<void> | undefined
  #failure: unknown

  constructor({ seed, nodes, controllers = 0, settings = {}, features = {} }: SimulatedOptions) {
    this.target = `lograft, simulated, seed ${seed}`
    this.#features = features
    this.#simulation = new Simulation(seed, Number.MAX_SAFE_INTEGER)
    this.world = new ClusterWorld(this.#simulation, planOf(nodes, controllers, settings))
    this.#invariants = new ClusterInvariants(this.world)
    this.#clients = new Machine(this.#simulation, this.world.network, CLIENTS_HOST)
    let ports: ClientPorts | undefined
    this.#clients.boot(
      (own) => {
        ports = own
      },
      () => {},
    )
    this.#ports = ports!
    this.time = { nowMs: () => this.#simulation.nowMs, wait: (ms) => this.#wait(ms) }
    this.nodes = this.world.nodes.map((node) => new SimulatedBedNode(node, this.time, this.#simulation))
    this.bootstrap = this.nodes
      .filter(({ roles }) => roles.includes('broker'))
      .map(({ address }) => address)
      .join(',')
  }

  get ports(): ClientPorts {
    return this.#ports
  }

  /** Of everything that has happened: equal for two runs of one seed. */
  get hash(): string {
    return this.#simulation.hash.value
  }

  async start(): Promise<void> {
    this.world.start()
    this.#going ??= this.#go()
    await Promise.race([this.#served(), this.#going.then(() => Promise.reject(this.#failure))])
  }

  async stop(): Promise<void> {
    if (this.#failure === undefined) await Promise.all(this.nodes.map((node) => node.end('SIGTERM')))
    this.#isStopped = true
    await this.#going
    if (this.#failure !== undefined) throw this.#failure
  }

  async #served(): Promise<void> {
    const served = async (): Promise<true | undefined> => ((await serves(this, this.nodes)) ? true : undefined)
    await until(this.time, START_LIMIT_MS, 'a cluster that serves', served)
    await raiseFeatures(this, this.#features)
  }

  /** One event after the other, until it is stopped or an invariant is broken. */
  async #go(): Promise<void> {
    const ends = this.nodes.map(() => 0)
    try {
      await nextTurn()
      while (!this.#isStopped) {
        const { process } = this.#clients
        const turns = process!.turns
        let isOver = false
        this.#simulation.runUntil(() => {
          const wasOver = isOver
          isOver = true
          return wasOver
        }, Number.MAX_SAFE_INTEGER)
        this.#invariants.check()
        for (const [index, node] of this.nodes.entries()) {
          if (node.exits > ends[index]! && !node.mayEnd) this.#told(node)
          ends[index] = node.exits
        }
        if (process!.turns > turns || this.#isSettled || this.#simulation.events % TURN_EVERY === 0) {
          this.#isSettled = false
          await nextTurn()
        }
      }
    } catch (error) {
      this.#failure = error
      for (const refuse of this.#refused) refuse(error)
    }
  }

  #told({ id, exitReason }: SimulatedBedNode): void {
    this.unasked.push({ node: id, atMs: this.#simulation.nowMs, detail: exitReason ?? 'ended by itself' })
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      this.#refused.add(reject)
      this.#simulation.schedule(ms, 'the suite goes on', () => {
        this.#refused.delete(reject)
        this.#isSettled = true
        resolve()
      })
    })
  }
}

export class SimulatedBedNode implements BedNode {
  readonly id: number
  readonly roles: BedNode['roles']
  readonly address: string
  readonly quorumListener: BedNode['quorumListener']
  readonly pid = undefined
  readonly dataPath = ''
  readonly logPath = ''
  readonly simulated: ClusterNode
  readonly #time: BedTime
  readonly #simulation: Simulation
  #mayEnd = false
  /** The process that is paused. */
  #paused: unknown

  constructor(simulated: ClusterNode, time: BedTime, simulation: Simulation) {
    this.simulated = simulated
    this.#time = time
    this.#simulation = simulation
    this.id = simulated.id
    this.roles = simulated.role === 'combined' ? ['broker', 'controller'] : [simulated.role]
    const { host, port } = simulated.role === 'controller' ? simulated.controllerAddress : simulated.address
    this.address = `${host}:${port}`
    this.quorumListener = simulated.role === 'broker' ? undefined : { name: CONTROLLER, ...simulated.controllerAddress }
  }

  get isRunning(): boolean {
    return this.simulated.machine.process?.alive === true
  }

  get exits(): number {
    return this.simulated.exits
  }

  get exitReason(): string | undefined {
    return this.simulated.exitReason
  }

  get mayEnd(): boolean {
    return this.#mayEnd
  }

  set mayEnd(mayEnd: boolean) {
    this.#mayEnd = mayEnd
    this.simulated.restart = !mayEnd && this.isRunning
  }

  async start(): Promise<void> {
    this.simulated.restart = !this.#mayEnd
    this.simulated.start()
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (!this.isRunning) return
    this.simulated.restart = false
    if (signal === 'SIGTERM') {
      // One that is paused hears nothing.
      this.resume()
      this.simulated.stopOnce()
      const ended = async (): Promise<true | undefined> => (this.isRunning ? undefined : true)
      await until(this.#time, END_LIMIT_MS, `the end of node ${this.id}`, ended)
    } else this.simulated.crash()
  }

  /** The page cache is gone, too. */
  losePower(): void {
    this.simulated.restart = false
    this.simulated.losePower()
  }

  /** SIGSTOP: until it is resumed, or ends. */
  pause(): void {
    const { machine } = this.simulated
    const { process } = machine
    if (!this.isRunning || this.#paused === process) return
    this.#paused = process
    machine.suspend(2 * SLICE_MS, false)
    const later = (): void => {
      this.#simulation.schedule(SLICE_MS, 'the pause goes on', () => {
        if (this.#paused !== process || process?.alive !== true) return
        process.suspend(SLICE_MS)
        later()
      })
    }
    later()
  }

  /** SIGCONT. False: it is not paused, or is another process by now. */
  resume(): boolean {
    const wasPaused = this.isRunning && this.#paused === this.simulated.machine.process
    this.#paused = undefined
    if (wasPaused) this.simulated.machine.resume()
    return wasPaused
  }
}

function planOf(nodes: number, controllers: number, settings: Readonly<Record<string, string>>): ClusterPlan {
  const replicas = String(Math.min(REPLICAS, nodes))
  const inSync = String(Math.min(IN_SYNC, nodes))
  const role = controllers > 0 ? 'broker' : 'combined'
  return {
    roles: [...Array<'controller'>(controllers).fill('controller'), ...Array<typeof role>(nodes).fill(role)],
    ports: 'two',
    naming: 'bootstrap',
    longestDownMs: LONGEST_DOWN_MS,
    settings: {
      'default.replication.factor': replicas,
      'min.insync.replicas': inSync,
      'offsets.topic.replication.factor': replicas,
      'auto.create.topics.enable': 'false',
      'controller.quorum.auto.join.enable': 'false',
      ...settings,
    },
  }
}
