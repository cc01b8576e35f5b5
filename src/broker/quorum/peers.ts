/**
 * The connections of a member of the quorum to others. Two to each address: one for what is answered late (Fetch, FetchSnapshot), one for all else,
 * which must not wait behind it.
 *
 * How long an answer may take is the core's matter, which knows when this process itself was late; a connection is given up only where there was
 * none for much longer.
 */
import type { Clock } from '../../io/clock.js'
import type { Address, Network } from '../../io/network.js'
import type { Fields } from '../../protocol/field.js'
import type { InOfMessage, Message, OutOfMessage } from '../../protocol/schema.js'
import { ClientConnection } from '../../rpc/client-connection.js'

/** Asks one request of a peer. Undefined: there is no answer. Slices of the response are only valid during `done`. */
export type PeerCall = <Request extends Fields, Response extends Fields>(
  message: Message<Request, Response>,
  body: InOfMessage<Request>,
  done: (response: OutOfMessage<Response> | undefined) => void,
) => void

export type Lane = 'fetch' | 'other'

export interface QuorumPeersOptions {
  readonly clock: Clock
  readonly network: Network
  readonly clientId: string
  readonly requestTimeoutMs: number
  /** The session to this member has ended, in which it was fetched from. */
  readonly disconnected: (nodeId: number) => void
}

interface Peer {
  readonly connection: ClientConnection
  /** Who was asked over it last; -1: not known. */
  nodeId: number
  state: 'negotiating' | 'ready' | 'closed'
  /** Until it is ready. */
  queue: ((ready: boolean) => void)[]
}

/** How much longer than the core a connection waits. */
const PATIENCE = 3
/** Addresses can be learnt from others. */
const MAX_CONNECTIONS = 64

export class QuorumPeers {
  readonly #options: QuorumPeersOptions
  readonly #peers = new Map<string, Peer>()
  #stopped = false

  constructor(options: QuorumPeersOptions) {
    this.#options = options
  }

  /** How to ask the server there. */
  to(nodeId: number, address: Address, lane: Lane): PeerCall {
    return (message, body, done) => {
      const name = `${address.host}:${address.port} ${lane}`
      const peer = this.#peers.get(name) ?? this.#connect(name, address, lane)
      peer.nodeId = nodeId
      const ask = (ready: boolean): void => {
        if (!ready) return done(undefined)
        // It may serve more when it is asked again, as one that has joined the cluster since.
        if (peer.connection.versionOf(message as unknown as Message) === undefined) {
          peer.connection.close()
          return done(undefined)
        }
        peer.connection.call(message, body, (_, response) => {
          if (!this.#stopped) done(response)
        })
      }
      if (peer.state === 'ready') ask(true)
      else if (peer.state === 'negotiating') peer.queue.push(ask)
      else this.#options.clock.defer(() => ask(false))
    }
  }

  stop(): void {
    this.#stopped = true
    for (const { connection } of this.#peers.values()) connection.close()
    this.#peers.clear()
  }

  #connect(name: string, address: Address, lane: Lane): Peer {
    this.#makeRoom()
    const { clock, network, clientId, requestTimeoutMs, disconnected } = this.#options
    const closed = (): void => {
      if (this.#peers.get(name) === peer) this.#peers.delete(name)
      const wasReady = peer.state === 'ready'
      peer.state = 'closed'
      if (this.#stopped) return
      for (const each of peer.queue.splice(0)) each(false)
      if (wasReady && lane === 'fetch' && peer.nodeId >= 0) disconnected(peer.nodeId)
    }
    const options = { clock, network, address, clientId, requestTimeoutMs: requestTimeoutMs * PATIENCE, closed }
    const peer: Peer = { connection: new ClientConnection(options), nodeId: -1, state: 'negotiating', queue: [] }
    this.#peers.set(name, peer)
    peer.connection.negotiate((error) => {
      if (error !== undefined) return peer.connection.close()
      peer.state = 'ready'
      for (const each of peer.queue.splice(0)) each(true)
    })
    return peer
  }

  /** Gives up a connection over which nothing is asked. */
  #makeRoom(): void {
    if (this.#peers.size < MAX_CONNECTIONS) return
    for (const { connection, queue } of this.#peers.values()) {
      if (connection.inFlight > 0 || queue.length > 0) continue
      connection.close()
      return
    }
  }
}
