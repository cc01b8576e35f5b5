/**
 * A node with a controller in the simulator, and brokers of other nodes as far as the controller sees them: a listener, a registration, heartbeats, and
 * the channel through which they ask. What they host is not looked at.
 */
import assert from 'node:assert/strict'
import { randomUuid } from '../../src/base/uuid.js'
import { ControllerChannel } from '../../src/broker/controller/controller-channel.js'
import type { Asker } from '../../src/broker/controller/envelope.js'
import { BrokerLifecycle } from '../../src/broker/lifecycle.js'
import { Node } from '../../src/broker/node.js'
import { nodeConfig } from '../../src/config/node-config.js'
import type { ControllerApi, ControllerReply, ControllerRequest } from '../../src/controller/controller-core.js'
import type { Address, Connection, ConnectionHandlers } from '../../src/io/network.js'
import type { Ports } from '../../src/io/ports.js'
import type { BrokerImage, MetadataImage, TopicImage } from '../../src/metadata/image.js'
import { THIS_RELEASE } from '../../src/metadata/release.js'
import { Machine } from '../../src/sim/machine.js'
import { SimulatedNetwork } from '../../src/sim/network.js'
import { Simulation } from '../../src/sim/simulation.js'
import { SimulatedWireClient } from './simulated-broker.js'

const PATIENCE_MS = 120_000
export const CLIENTS: Address = { host: 'node1', port: 9092 }
export const CONTROLLERS: Address = { host: 'node1', port: 9093 }
export const ALICE: Asker = { principal: { type: 'User', name: 'alice' }, host: '10.1.2.3' }

/** What became of something that was asked. */
export interface Asked<Api extends ControllerApi> {
  ended: boolean
  answer: { readonly reply: ControllerReply<Api>; readonly endOffset: number } | undefined
  tookMs: number
}

export class ControllerWorld {
  readonly simulation: Simulation
  readonly network: SimulatedNetwork
  readonly machine: Machine
  /** Every state that the metadata had. */
  readonly images: MetadataImage[] = []
  readonly #settings: Readonly<Record<string, string>>
  #node: Node | undefined
  #serving = false
  #clients = 0

  constructor(seed: string, settings: Readonly<Record<string, string>> = {}) {
    this.simulation = new Simulation(seed)
    this.network = new SimulatedNetwork(this.simulation)
    this.machine = new Machine(this.simulation, this.network, 'node1')
    this.#settings = settings
    this.start()
    this.until(() => this.serving, 'the node serves')
  }

  start(): void {
    this.#serving = false
    const config = nodeConfig({
      listeners: `PLAINTEXT://${CLIENTS.host}:${CLIENTS.port},CONTROLLER://${CONTROLLERS.host}:${CONTROLLERS.port}`,
      'controller.listener.names': 'CONTROLLER',
      'log.dirs': '/data',
      ...this.#settings,
    })
    this.machine.boot(
      (ports) => {
        const node = new Node(config, ports, {
          started: () => {
            this.#serving = true
            node.quorum!.observe({ leads() {}, resigned() {}, committed: (image) => this.images.push(image) })
          },
          ended: (error) => ports.host.exit(error === undefined ? 0 : 1),
        })
        this.#node = node
        node.start()
      },
      () => {},
    )
  }

  get serving(): boolean {
    return this.#serving && this.machine.process?.alive === true
  }

  get node(): Node {
    return this.#node!
  }

  get image(): MetadataImage {
    return this.node.broker!.image
  }

  broker(brokerId: number): BrokerImage | undefined {
    return this.image.brokers.get(brokerId)
  }

  topic(name: string): TopicImage | undefined {
    return this.image.topicsByName.get(name)
  }

  pass(durationMs: number): void {
    this.simulation.runUntil(() => false, this.simulation.nowMs + durationMs)
  }

  /** Returns how long it took. */
  until(condition: () => boolean, what: string, limitMs = PATIENCE_MS): number {
    const beganMs = this.simulation.nowMs
    assert.ok(this.simulation.runUntil(condition, beganMs + limitMs), `within ${limitMs} ms: ${what}`)
    return this.simulation.nowMs - beganMs
  }

  client(address = CLIENTS): SimulatedWireClient {
    return new SimulatedWireClient(this, `client${this.#clients++}`, address)
  }

  other(brokerId: number, options: OtherOptions = {}): OtherBroker {
    return new OtherBroker(this, brokerId, options)
  }
}

export interface OtherOptions {
  /** What becomes of its connections; they are silent without. */
  readonly connection?: (socket: Connection) => ConnectionHandlers
  readonly host?: string
  readonly disk?: string
  /** Where it believes the controller to be. */
  readonly leader?: () => { readonly nodeId: number; readonly epoch: number; readonly address: Address | undefined }
}

export class OtherBroker {
  readonly machine: Machine
  readonly brokerId: number
  readonly address: Address
  usable = false
  channel: ControllerChannel | undefined
  lifecycle: BrokerLifecycle | undefined
  readonly #world: ControllerWorld
  readonly #options: OtherOptions
  readonly #disk: string
  #epoch = 1

  constructor(world: ControllerWorld, brokerId: number, options: OtherOptions) {
    const host = options.host ?? `node${brokerId}`
    this.machine = new Machine(world.simulation, world.network, host)
    this.brokerId = brokerId
    this.address = { host, port: 9092 }
    this.#world = world
    this.#options = options
    this.#disk = options.disk ?? randomUuid(world.simulation.random(`disk of ${host}`))
  }

  /** Starts a process, which is another incarnation. */
  start(): this {
    this.usable = false
    this.machine.boot(
      (ports) => this.#run(ports),
      () => {},
    )
    return this
  }

  join(): this {
    this.start()
    this.#world.until(() => this.usable, `broker ${this.brokerId} is usable`)
    this.#world.until(() => this.#world.broker(this.brokerId)?.fenced === false, 'and known as such')
    return this
  }

  kill(): void {
    this.machine.crash()
  }

  /** Loses its connection to the controller. */
  disconnect(): void {
    this.#epoch++
    this.machine.process!.begin(() => this.channel!.leaderChanged())
  }

  /** Stops in order. Returns how it stands. */
  stop(): { left: boolean } {
    const state = { left: false }
    this.machine.process!.begin(() =>
      this.lifecycle!.shutDown(() => {
        state.left = true
      }),
    )
    return state
  }

  ask<Api extends ControllerApi>(api: Api, request: ControllerRequest<Api>, timeoutMs = 30_000): Asked<Api> {
    const beganMs = this.#world.simulation.nowMs
    const asked: Asked<Api> = { ended: false, answer: undefined, tookMs: Number.NaN }
    const send = (): void =>
      this.channel!.send(api, request, ALICE, timeoutMs, (answer) => {
        asked.ended = true
        asked.answer = answer
        asked.tookMs = this.#world.simulation.nowMs - beganMs
      })
    this.machine.process!.begin(send)
    return asked
  }

  /** Asks, and lets time pass until it has ended. */
  answer<Api extends ControllerApi>(api: Api, request: ControllerRequest<Api>, timeoutMs?: number): Asked<Api> {
    const asked = this.ask(api, request, timeoutMs)
    this.#world.until(() => asked.ended, `the end of ${api}`)
    return asked
  }

  #run(ports: Ports): void {
    const leader = this.#options.leader ?? (() => ({ nodeId: 1, epoch: this.#epoch, address: CONTROLLERS }))
    const channel = new ControllerChannel(ports, { nodeId: this.brokerId, controller: undefined, leaders: { leader } })
    this.channel = channel
    const { clusterId } = this.#world.node.directory!.identity
    this.lifecycle = new BrokerLifecycle(ports, channel, {
      identity: { clusterId, nodeId: this.brokerId, directoryId: this.#disk },
      logDirs: () => [this.#disk],
      settings: nodeConfig({ listeners: 'PLAINTEXT://:9092' }).settings,
      release: THIS_RELEASE,
      endpoints: [{ name: 'PLAINTEXT', ...this.address }],
      appliedOffset: () => 1_000_000,
      previousBrokerEpoch: -1,
      onRegistered() {},
      onUsable: () => {
        this.usable = true
      },
    })
    const silent = { data() {}, drained() {}, closed() {} }
    ports.network.listen(this.address, {
      listening: () => this.lifecycle!.start(),
      failed: (error) => assert.fail(error.message),
      connection: this.#options.connection ?? (() => silent),
    })
  }
}

/** For CreateTopics. */
export function wantedTopic(
  name: string,
  changes: Partial<ControllerRequest<'CreateTopics'>['topics'][number]> = {},
): ControllerRequest<'CreateTopics'> {
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...changes }
  return { topics: [topic], timeoutMs: 30_000, validateOnly: false }
}

/** A topic of one partition on these brokers. */
export function topicOn(name: string, ...brokerIds: number[]): ControllerRequest<'CreateTopics'> {
  const assignments = [{ partitionIndex: 0, brokerIds }]
  return wantedTopic(name, { numPartitions: -1, replicationFactor: -1, assignments })
}
