/**
 * ReplicaRequests: asks other brokers about the replicas that they have (CompareReplicas), over a connection to each that is kept until nothing was asked for a
 * while. Who cannot be asked, or does not know the question, has no answer.
 */
import type { Clock } from '../io/clock.js'
import type { Network } from '../io/network.js'
import { CompareReplicas } from '../protocol/messages/compare-replicas.js'
import type { Infer, InferInput } from '../protocol/schema.js'
import { ClientConnection } from '../rpc/client-connection.js'
import type { LeaderPlace } from './leader-fetcher.js'

export type ReplicaRequest = Omit<InferInput<typeof CompareReplicas.request>, 'brokerId'>
export type ReplicaResponse = Infer<typeof CompareReplicas.response>

export interface ReplicaRequestsOptions {
  readonly nodeId: number
  readonly place: (brokerId: number) => LeaderPlace | undefined
}

const VERSION = 0
/** A follower may have to read much that is cold. */
const TIMEOUT_MS = 10_000

interface Kept {
  readonly place: LeaderPlace
  readonly connection: ClientConnection
}

export class ReplicaRequests {
  readonly #ports: { readonly clock: Clock; readonly network: Network }
  readonly #options: ReplicaRequestsOptions
  /** One for each broker. */
  readonly #connections = new Map<number, Kept>()

  constructor(ports: { readonly clock: Clock; readonly network: Network }, options: ReplicaRequestsOptions) {
    this.#ports = ports
    this.#options = options
  }

  ask(brokerId: number, request: ReplicaRequest, done: (response: ReplicaResponse | undefined) => void): void {
    const connection = this.#connectionTo(brokerId)
    if (connection === undefined) return done(undefined)
    const { nodeId } = this.#options
    connection.send(CompareReplicas, VERSION, { brokerId: nodeId, ...request }, (_, response) => done(response))
  }

  /** Lets go of the connections over which nothing is asked just now. */
  closeIdle(): void {
    for (const [brokerId, { connection }] of this.#connections) {
      if (connection.inFlight > 0) continue
      this.#connections.delete(brokerId)
      connection.close()
    }
  }

  stop(): void {
    for (const { connection } of [...this.#connections.values()]) connection.close()
    this.#connections.clear()
  }

  #connectionTo(brokerId: number): ClientConnection | undefined {
    const place = this.#options.place(brokerId)
    if (place === undefined) return undefined
    const kept = this.#connections.get(brokerId)
    const isSame = kept?.place.brokerEpoch === place.brokerEpoch && kept.place.address.port === place.address.port
    if (isSame && kept.connection.usable) return kept.connection
    kept?.connection.close()
    const { clock, network } = this.#ports
    const connection = new ClientConnection({
      clock,
      network,
      address: place.address,
      clientId: `broker-${this.#options.nodeId}-compares`,
      requestTimeoutMs: TIMEOUT_MS,
    })
    this.#connections.set(brokerId, { place, connection })
    return connection
  }
}
