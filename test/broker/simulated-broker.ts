/**
 * A whole node in the simulator, for what is about time: minutes pass in no time, and every run is the same. Clients are the calling side of our own
 * RPC on machines of their own.
 */
import assert from 'node:assert/strict'
import type { Address } from '../../src/io/network.js'
import type { Fields } from '../../src/protocol/field.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import type { InOfMessage, Message, OutOfMessage } from '../../src/protocol/schema.js'
import { ClientConnection, type RpcError } from '../../src/rpc/client-connection.js'
import { Machine } from '../../src/sim/machine.js'
import type { SimulatedNetwork } from '../../src/sim/network.js'
import { Simulation } from '../../src/sim/simulation.js'
import { BROKER_HOST, BROKER_PORT, World } from '../../src/sim/world.js'

/** No answer in these tests takes longer, and no client waits longer. */
const PATIENCE_MS = 600_000

/** What becomes of a request. */
export interface Sent<Response> {
  /** Undefined until it is there. */
  readonly response: Response | undefined
  readonly error: RpcError | undefined
  /** How long it took. */
  readonly tookMs: number
}

export class SimulatedBroker {
  readonly simulation: Simulation
  readonly world: World
  #clients = 0

  constructor(
    seed: string,
    settings: Readonly<Record<string, string>> = {},
    { twoDirectories = false }: { readonly twoDirectories?: boolean } = {},
  ) {
    this.simulation = new Simulation(seed)
    // Time is let pass by the hour, and clients are not to be missed for it.
    const patient = { 'connections.max.idle.ms': '-1', ...settings }
    this.world = new World(this.simulation, { settings: patient, longestDownMs: 10, twoDirectories })
    this.world.start()
    this.until(() => this.world.serving, 'the node serves')
  }

  get network(): SimulatedNetwork {
    return this.world.network
  }

  client(clientId?: string): SimulatedWireClient {
    return new SimulatedWireClient(this, `client${this.#clients++}`, undefined, clientId)
  }

  /** Lets time pass. */
  pass(durationMs: number): void {
    this.simulation.runUntil(() => false, this.simulation.nowMs + durationMs)
  }

  until(condition: () => boolean, what: string): void {
    assert.ok(this.simulation.runUntil(condition, this.simulation.nowMs + PATIENCE_MS), `within time: ${what}`)
  }

  /** Returns the id. */
  createTopic(name: string, numPartitions = 1, configs: Readonly<Record<string, string>> = {}): string {
    const wanted = {
      name,
      numPartitions,
      replicationFactor: 1,
      assignments: [],
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
    }
    const [topic] = this.client().request(CreateTopics, 7, { topics: [wanted], timeoutMs: 5000 }).topics
    assert.equal(topic!.errorCode, 0, topic!.errorMessage ?? name)
    return topic!.topicId
  }
}

/** Where clients are, and who lets time pass for them. */
export interface ClientHost {
  readonly simulation: Simulation
  readonly network: SimulatedNetwork
  until(condition: () => boolean, what: string): unknown
}

export class SimulatedWireClient {
  readonly #broker: ClientHost
  readonly #connection: ClientConnection
  readonly machine: Machine

  constructor(
    broker: ClientHost,
    name: string,
    address: Address = { host: BROKER_HOST, port: BROKER_PORT },
    clientId = name,
  ) {
    this.#broker = broker
    this.machine = new Machine(broker.simulation, broker.network, name)
    let connection: ClientConnection | undefined
    this.machine.boot(
      ({ clock, network }) => {
        connection = new ClientConnection({
          clock,
          network,
          address,
          clientId,
          requestTimeoutMs: PATIENCE_MS,
        })
      },
      () => {},
    )
    this.#connection = connection!
  }

  get usable(): boolean {
    return this.#connection.usable
  }

  close(): void {
    this.#connection.close()
  }

  /** Asks; the answer is filled in as time passes. */
  send<Request extends Fields, Response extends Fields>(
    message: Message<Request, Response>,
    version: number,
    body: InOfMessage<Request>,
  ): Sent<OutOfMessage<Response>> {
    const { simulation } = this.#broker
    const beganMs = simulation.nowMs
    const sent: { -readonly [Key in keyof Sent<OutOfMessage<Response>>]: Sent<OutOfMessage<Response>>[Key] } = {
      response: undefined,
      error: undefined,
      tookMs: Number.NaN,
    }
    this.#connection.send(message, version, body, (error, response) => {
      // Bytes are only lent.
      sent.response = structuredClone(response)
      sent.error = error
      sent.tookMs = simulation.nowMs - beganMs
    })
    return sent
  }

  sendOneWay<Request extends Fields>(
    message: Message<Request, Fields>,
    version: number,
    body: InOfMessage<Request>,
  ): void {
    this.#connection.sendOneWay(message, version, body)
  }

  /** Asks, and lets time pass until there is an answer. */
  request<Request extends Fields, Response extends Fields>(
    message: Message<Request, Response>,
    version: number,
    body: InOfMessage<Request>,
  ): OutOfMessage<Response> {
    const sent = this.send(message, version, body)
    this.#broker.until(() => sent.response !== undefined || sent.error !== undefined, `an answer to ${message.name}`)
    if (sent.response === undefined) throw sent.error
    return sent.response
  }
}
