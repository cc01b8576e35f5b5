/**
 * SimulatedNetwork: streams of bytes between simulated hosts. Bytes arrive in order, after a random delay, in pieces of any size; a window bounds
 * what is on the way, so that a reader that pauses holds the writer up. A process that dies resets its connections. Links can be held:
 * then bytes wait and nothing is lost.
 */
import type { Prng } from '../base/prng.js'
import {
  type Address,
  type Connection,
  type ConnectionHandlers,
  type Listener,
  type ListenerHandlers,
  type Network,
  NetworkError,
} from '../io/network.js'
import type { SimulatedProcess } from './process.js'
import type { Simulation } from './simulation.js'

/** Bytes of one direction that the system takes before the writer has to wait. */
const WINDOW_BYTES = 64 * 1024
const FIRST_FREE_PORT = 40_000

interface BoundListener {
  readonly process: SimulatedProcess
  readonly address: Address
  readonly handlers: ListenerHandlers
}

/** What becomes of the bytes between two hosts. */
export type LinkState = 'deliver' | 'hold'

export class SimulatedNetwork {
  readonly simulation: Simulation
  readonly random: Prng
  readonly #listeners = new Map<string, BoundListener>()
  #nextPort = FIRST_FREE_PORT
  /** Mean delays: each simulation has a network of its own kind. */
  readonly #meanDelayMs: number
  readonly #smallPieceChance: number
  #link: (from: string, to: string) => LinkState = () => 'deliver'
  readonly #held = new Set<() => void>()

  constructor(simulation: Simulation) {
    this.simulation = simulation
    this.random = simulation.random('network')
    this.#meanDelayMs = this.random.pick([0.05, 0.5, 3])
    this.#smallPieceChance = this.random.pick([0, 0.05, 0.4])
  }

  /** The network port of a process on this host. */
  portOf(process: SimulatedProcess, host: string): Network {
    return {
      listen: (address, handlers) => this.#listen(process, host, address, handlers),
      connect: (address, handlers) => this.#connect(process, host, address, handlers),
    }
  }

  /** Changes what links do; what was held and may go now goes. */
  setLinks(link: (from: string, to: string) => LinkState): void {
    this.#link = link
    for (const retry of [...this.#held]) {
      this.#held.delete(retry)
      retry()
    }
  }

  isHeld(from: string, to: string, retry: () => void): boolean {
    if (this.#link(from, to) === 'deliver') return false
    this.#held.add(retry)
    return true
  }

  delayMs(): number {
    return this.random.exponential(this.#meanDelayMs)
  }

  /** How much of what is on the way arrives together. */
  pieceBytes(available: number): number {
    if (this.random.chance(this.#smallPieceChance)) return Math.min(available, this.random.between(1, 3))
    return this.random.chance(0.5) ? available : this.random.between(1, available)
  }

  #listen(process: SimulatedProcess, host: string, wanted: Address, handlers: ListenerHandlers): void {
    process.assertAlive()
    const port = wanted.port === 0 ? this.#nextPort++ : wanted.port
    const key = `${host}:${port}`
    const address = { host, port }
    process.after(this.random.float(), 'arrival', `listen ${key}`, () => {
      if (this.#listeners.has(key)) return handlers.failed(new NetworkError('EADDRINUSE', `${key} is in use`))
      this.#listeners.set(key, { process, address, handlers })
      const close = (): void => {
        if (this.#listeners.get(key)?.handlers === handlers) this.#listeners.delete(key)
      }
      process.whenDead(close)
      const listener: Listener = { address, close }
      handlers.listening(listener)
    })
  }

  #connect(process: SimulatedProcess, host: string, to: Address, handlers: ConnectionHandlers): Connection {
    process.assertAlive()
    const from = { host, port: this.#nextPort++ }
    const near = new SimulatedConnection(this, process, from, to, handlers)
    const arrive = (): void => {
      // Who has given up meanwhile, or died, leaves nobody waiting on the other side.
      if (!near.isOpen || !process.alive) return
      if (this.isHeld(host, to.host, arrive)) return
      const listener = this.#listeners.get(`${to.host}:${to.port}`)
      if (listener === undefined || !listener.process.alive) {
        return near.fail(new NetworkError('ECONNREFUSED', `nobody listens on ${to.host}:${to.port}`))
      }
      const far = new SimulatedConnection(this, listener.process, listener.address, from, undefined)
      near.join(far)
      far.join(near)
      listener.process.after(0, 'arrival', 'connection', () => {
        far.attach(listener.handlers.connection(far))
      })
    }
    this.simulation.schedule(this.delayMs(), `connect ${host} to ${to.host}:${to.port}`, arrive)
    return near
  }
}

/** One end. What it writes goes into `#outgoing`, and from there to the other end. */
class SimulatedConnection implements Connection {
  readonly local: Address
  readonly remote: Address
  readonly #network: SimulatedNetwork
  readonly #process: SimulatedProcess
  #handlers: ConnectionHandlers | undefined
  #peer: SimulatedConnection | undefined
  /** Accepted by the system, not delivered yet. */
  #outgoing = Buffer.alloc(0)
  /** Waiting for the window. */
  readonly #waiting: { bytes: Buffer; readonly taken: (() => void) | undefined }[] = []
  #delivering = false
  #paused = false
  #ending = false
  #state: 'open' | 'closed' = 'open'

  constructor(
    network: SimulatedNetwork,
    process: SimulatedProcess,
    local: Address,
    remote: Address,
    handlers: ConnectionHandlers | undefined,
  ) {
    this.#network = network
    this.#process = process
    this.local = local
    this.remote = remote
    this.#handlers = handlers
    process.whenDead(() => {
      if (this.#state === 'closed') return
      this.#state = 'closed'
      this.#tellPeer(new NetworkError('ECONNRESET', 'the other side died'))
    })
  }

  join(peer: SimulatedConnection): void {
    this.#peer = peer
    this.#deliver()
  }

  attach(handlers: ConnectionHandlers): void {
    this.#handlers = handlers
    this.#peer?.pull()
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get pendingBytes(): number {
    return this.#waiting.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  write(chunks: readonly Uint8Array[], taken?: () => void): void {
    this.#process.assertAlive()
    if (this.#state === 'closed' || this.#ending) return taken?.()
    const bytes = Buffer.concat(chunks)
    this.#network.simulation.hash.bytes(bytes)
    this.#waiting.push({ bytes, taken })
    this.#accept(true)
    this.#deliver()
  }

  pause(): void {
    this.#process.assertAlive()
    this.#paused = true
  }

  resume(): void {
    this.#process.assertAlive()
    if (!this.#paused) return
    this.#paused = false
    this.#peer?.pull()
  }

  end(): void {
    this.#process.assertAlive()
    this.#ending = true
    this.#deliver()
  }

  destroy(): void {
    this.#process.assertAlive()
    if (this.#state === 'closed') return
    this.#tellPeer(new NetworkError('ECONNRESET', 'the other side closed the connection'))
    this.#close(undefined)
  }

  /** The connection never came about, or is over. */
  fail(error: NetworkError | undefined): void {
    if (this.#state === 'closed') return
    this.#process.after(0, 'arrival', 'connection closed', () => this.#close(error))
  }

  /** The other side can take more. */
  pull(): void {
    this.#deliver()
  }

  get #takesData(): boolean {
    return this.#handlers !== undefined && !this.#paused
  }

  /** Moves what waits into the window, as far as there is room. */
  #accept(withinCall: boolean): void {
    const wasPending = !withinCall && this.#waiting.length > 0
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0]!
      const room = WINDOW_BYTES - this.#outgoing.length
      if (room <= 0) return
      this.#outgoing = Buffer.concat([this.#outgoing, first.bytes.subarray(0, room)])
      first.bytes = first.bytes.subarray(room)
      if (first.bytes.length > 0) return
      this.#waiting.shift()
      this.#tellTaken(first.taken, withinCall)
    }
    if (!wasPending) return
    this.#process.after(0, 'arrival', 'drained', () => {
      if (this.#state === 'open' && this.#waiting.length === 0) this.#handlers?.drained()
    })
  }

  /** Within the call or later: both happen on a real socket. */
  #tellTaken(taken: (() => void) | undefined, withinCall: boolean): void {
    if (taken === undefined) return
    if (withinCall && this.#network.random.chance(0.5)) taken()
    else this.#process.after(0, 'arrival', 'written', taken)
  }

  #deliver(): void {
    if (this.#delivering || this.#peer === undefined || this.#state === 'closed') return
    if (this.#outgoing.length === 0 && !this.#ending) return
    this.#delivering = true
    this.#network.simulation.schedule(this.#network.delayMs(), `bytes to ${this.remote.host}`, () => this.#arrive())
  }

  /** One piece is on its way at a time: they come in order. */
  #arrive(): void {
    const peer = this.#peer
    if (peer === undefined || peer.#state === 'closed' || this.#state === 'closed') return
    if (!peer.#takesData) {
      this.#delivering = false
      return
    }
    if (this.#network.isHeld(this.local.host, this.remote.host, () => this.#arrive())) return
    if (this.#outgoing.length === 0) {
      this.#delivering = false
      if (!this.#ending) return
      peer.fail(undefined)
      return this.fail(undefined)
    }
    const length = this.#network.pieceBytes(this.#outgoing.length)
    const piece = Buffer.from(this.#outgoing.subarray(0, length))
    this.#outgoing = this.#outgoing.subarray(length)
    if (this.#process.alive) this.#accept(false)
    peer.#process.after(0, 'arrival', 'data', () => {
      this.#delivering = false
      // Paused since: it waits with the rest.
      if (peer.#paused) this.#outgoing = Buffer.concat([piece, this.#outgoing])
      else if (peer.#state !== 'closed' && peer.#handlers !== undefined) {
        peer.#handlers.data(piece)
        // Bytes are only lent for the call: whoever keeps them finds rubbish.
        piece.fill(0xee)
      }
      this.#deliver()
    })
  }

  /** Resets overtake what is on the way: it may be lost. */
  #tellPeer(error: NetworkError): void {
    const peer = this.#peer
    if (peer === undefined) return
    const tell = (): void => {
      if (!this.#network.isHeld(this.local.host, this.remote.host, tell)) peer.fail(error)
    }
    this.#network.simulation.schedule(this.#network.delayMs(), `reset to ${this.remote.host}`, tell)
  }

  #close(error: NetworkError | undefined): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    for (const { taken } of this.#waiting.splice(0)) taken?.()
    this.#handlers?.closed(error)
  }
}
