/**
 * SimulatedClient: what every client of the workload stands on: a connection to the node that is made again whenever it is lost, and requests in
 * versions that both sides know. It runs on ports, so that it can also be pointed at a real process. In a cluster a locator says whom to
 * connect to, and who finds that it is the wrong one leaves it.
 */
import type { Clock } from '../io/clock.js'
import type { Address, Network } from '../io/network.js'
import type { Random } from '../io/random.js'
import type { Fields } from '../protocol/field.js'
import type { InOfMessage, Message, OutOfMessage } from '../protocol/schema.js'
import { ClientConnection, RpcError } from '../rpc/client-connection.js'

export interface ClientPorts {
  readonly clock: Clock
  readonly network: Network
  readonly random: Random
}

/** Finds out whom to connect to, however long it takes. */
export interface Locator {
  readonly locate: (found: (address: Address) => void) => void
}

const REQUEST_TIMEOUT_MS = 3000
const LONGEST_BACKOFF_MS = 400

export class SimulatedClient {
  readonly ports: ClientPorts
  /** There are others whom it could be connected to. */
  readonly isLocated: boolean
  readonly #locator: Locator
  readonly #name: string
  #connection: ClientConnection | undefined
  #ready = false
  #stopped = false
  #whenReady: (() => void)[] = []
  /** Called when requests without an answer will get none. */
  onLost: () => void = () => {}

  /** `address`: of the node, or whom to try next, asked whenever there is no connection. */
  constructor(ports: ClientPorts, address: Address | (() => Address) | Locator, name: string) {
    this.ports = ports
    this.isLocated = 'locate' in address
    this.#locator = locatorOf(address)
    this.#name = name
    this.#connect()
  }

  get ready(): boolean {
    return this.#ready
  }

  /** Calls back when there is a connection: now or after the next one. */
  whenReady(action: () => void): void {
    if (this.#ready) action()
    else this.#whenReady.push(action)
  }

  call<Request extends Fields, Response extends Fields>(
    message: Message<Request, Response>,
    body: InOfMessage<Request>,
    done: (error: RpcError | undefined, response: OutOfMessage<Response> | undefined) => void,
    timeoutMs = REQUEST_TIMEOUT_MS,
  ): void {
    if (this.#connection === undefined) return done(new RpcError('failed', 'no connection'), undefined)
    this.#connection.call(message, body, done, timeoutMs)
  }

  sendOneWay<Request extends Fields>(message: Message<Request, Fields>, body: InOfMessage<Request>): void {
    const version = this.#connection?.versionOf(message as unknown as Message)
    if (version !== undefined) this.#connection!.sendOneWay(message, version, body)
  }

  /** It is connected to the wrong one: it finds out anew. Requests without an answer get none. */
  leave(): void {
    if (this.isLocated) this.#connection?.close()
  }

  stop(): void {
    this.#stopped = true
    this.#connection?.close()
  }

  /** Waits a little, then acts, unless the client has stopped. */
  later(delayMs: number, action: () => void): void {
    this.ports.clock.timer(delayMs, () => {
      if (!this.#stopped) action()
    })
  }

  /** Waits a little, then for a connection, and acts, unless who asks for it has stopped meanwhile. */
  laterWhenReady(delayMs: number, hasStopped: () => boolean, action: () => void): void {
    this.later(delayMs, () => {
      if (hasStopped()) return
      this.whenReady(() => {
        if (!hasStopped()) action()
      })
    })
  }

  #connect(): void {
    this.#locator.locate((address) => {
      if (!this.#stopped) this.#connectTo(address)
    })
  }

  #connectTo(address: Address): void {
    const { clock, network } = this.ports
    this.#connection = new ClientConnection({
      clock,
      network,
      address,
      clientId: this.#name,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      closed: () => this.#lost(),
    })
    this.#connection.negotiate((error) => {
      if (error !== undefined) return
      this.#ready = true
      for (const action of this.#whenReady.splice(0)) action()
    })
  }

  #lost(): void {
    const wasReady = this.#ready
    this.#ready = false
    this.#connection = undefined
    if (this.#stopped) return
    this.later(1 + this.ports.random.below(LONGEST_BACKOFF_MS), () => this.#connect())
    if (wasReady) this.onLost()
  }
}

function locatorOf(address: Address | (() => Address) | Locator): Locator {
  if ('locate' in address) return address
  const next = typeof address === 'function' ? address : () => address
  return { locate: (found) => found(next()) }
}
