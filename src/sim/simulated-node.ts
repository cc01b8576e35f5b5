/** SimulatedNode: the production class of a node on a machine of its own, started again whenever it has died. */
import { Node, type NodeError } from '../broker/node.js'
import { nodeConfig } from '../config/node-config.js'
import { type Release, THIS_RELEASE } from '../metadata/release.js'
import { Machine } from './machine.js'
import type { SimulatedNetwork } from './network.js'
import type { Simulation } from './simulation.js'

export interface Place {
  readonly simulation: Simulation
  readonly network: SimulatedNetwork
  readonly host: string
  /** The longest a dead node stays down. */
  readonly longestDownMs: number
}

export class SimulatedNode {
  readonly host: string
  readonly machine: Machine
  /** How often it has been started, and how often it ended itself because it could not go on. */
  starts = 0
  exits = 0
  /** Of the last start that has ended by itself: the code, and why, where the node said so. */
  exitCode: number | undefined
  exitReason: string | undefined
  /** With which it is started the next time. */
  release: Release = THIS_RELEASE
  /** Whether it is started again when it has died. */
  restart = true
  readonly #place: Place
  readonly #settings: () => Readonly<Record<string, string>>
  #node: Node | undefined
  #serving = false

  /** `settings`: what it is started with, asked for at each start. */
  constructor(place: Place, settings: () => Readonly<Record<string, string>>) {
    this.#place = place
    this.#settings = settings
    this.host = place.host
    this.machine = new Machine(place.simulation, place.network, place.host)
  }

  /** The node that runs now, if any. */
  get node(): Node | undefined {
    return this.machine.process?.alive === true ? this.#node : undefined
  }

  get serving(): boolean {
    return this.node !== undefined && this.#serving
  }

  start(): void {
    if (this.machine.process?.alive === true) return
    this.starts++
    this.exitCode = undefined
    this.exitReason = undefined
    this.#serving = false
    const config = nodeConfig(this.#settings())
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
        this.#node = new Node(config, ports, events, undefined, this.release)
        this.#node.start()
      },
      (code) => {
        this.exitCode = code
        if (code !== 0) this.exits++
        this.startLater()
      },
    )
  }

  /** `kill -9` now. */
  crash(): void {
    if (this.machine.process?.alive !== true) return
    this.machine.crash()
    this.startLater()
  }

  losePower(): void {
    const wasAlive = this.machine.process?.alive === true
    this.machine.losePower()
    if (wasAlive) this.startLater()
  }

  /** The same in the middle of the n-th disk operation from now on. */
  strikeAtOperation(operations: number, kind: 'crash' | 'losePower'): void {
    this.machine.crashPoint = { operationsLeft: operations, strike: () => this[kind]() }
  }

  /** Stops the node in order; it is started again if it is to. */
  stopOnce(): void {
    const { node } = this
    this.machine.process?.after(0, 'arrival', 'stop', () => node?.stop())
  }

  /** Stops the node in order, for good. */
  stop(): void {
    this.restart = false
    this.stopOnce()
  }

  protected startLater(): void {
    if (!this.restart) return
    const { simulation, longestDownMs } = this.#place
    const delayMs = this.machine.device.random.float() * longestDownMs
    simulation.schedule(delayMs, `${this.host} starts again`, () => {
      if (this.restart) this.start()
    })
  }
}
