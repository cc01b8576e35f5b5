/**
 * SimulatedNetwork: streams of bytes between simulated hosts. Bytes arrive in order, after a random delay, in pieces of any size; a window bounds
 * what is on the way, so that a reader that pauses holds the writer up. A process that dies resets its connections. Links can be held:
 * then bytes wait and nothing is lost.
 *
 * What else can befall connections: `rules` cut links in one direction, refuse and delay; `reset` ends both sides, `halfOpen` only one, `strand`
 * one while the bytes that it had written are still on their way; a host that loses power tells nobody.
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
import { SimulatedConnection } from './connection.js'
import { LinkRules } from './link-rules.js'
import type { SimulatedProcess } from './process.js'
import type { Simulation } from './simulation.js'

const FIRST_FREE_PORT = 40_000
/** How often the system of a host sends a packet again that nobody has confirmed, at first and at the longest. */
const FIRST_RETRANSMISSION_MS = 200
const LONGEST_RETRANSMISSION_MS = 2000

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
  readonly rules = new LinkRules(() => this.#retryHeld())
  /** How likely the bytes that a side has written before it closes arrive nevertheless, however late. */
  lingerChance = 0
  readonly #lingering: Prng
  readonly #listeners = new Map<string, BoundListener>()
  readonly #connections = new Set<SimulatedConnection>()
  /** Hosts without power: nothing answers there, not even with a refusal. */
  readonly #dark = new Set<string>()
  #nextPort = FIRST_FREE_PORT
  /** Mean delays: each simulation has a network of its own kind. */
  readonly #meanDelayMs: number
  readonly #smallPieceChance: number
  #link: (from: string, to: string) => LinkState = () => 'deliver'
  readonly #held = new Set<() => void>()

  constructor(simulation: Simulation) {
    this.simulation = simulation
    this.random = simulation.random('network')
    this.#lingering = simulation.random('lingering')
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
    this.#retryHeld()
  }

  /** Whether nothing passes from one host to the other now; then `retry` is called when that may have changed. */
  isHeld(from: string, to: string, retry: () => void): boolean {
    if (this.#link(from, to) === 'deliver' && !this.rules.cuts(from, to)) return false
    this.#held.add(retry)
    return true
  }

  /** A host that has no power, or has it again. */
  setPower(host: string, isOn: boolean): void {
    if (isOn) this.#dark.delete(host)
    else this.#dark.add(host)
  }

  hasPower(host: string): boolean {
    return !this.#dark.has(host)
  }

  /** Ends connections between two hosts on both sides: what is on its way is lost. Returns how many. */
  reset(host: string, other: string): number {
    const between = this.#between(host, other)
    for (const connection of between) connection.vanish()
    return between.length >> 1
  }

  /** The ends at `host` are gone, and nobody tells `other`: it learns of it when it writes. Returns how many. */
  halfOpen(host: string, other: string): number {
    const ends = this.#between(host, other).filter(({ local }) => local.host === host)
    for (const end of ends) end.vanish()
    return ends.length
  }

  /**
   * The connections that `client` has made to `server` end on the client's side only. What it had written stays on its way for `holdMs` longer and
   * then arrives, when the client may long have connected and asked again. Returns how many.
   */
  strand(client: string, server: string, holdMs: number): number {
    const ends = this.#between(client, server).filter(({ local, isClient }) => isClient && local.host === client)
    for (const end of ends) end.strand(holdMs)
    return ends.length
  }

  forget(connection: SimulatedConnection): void {
    this.#connections.delete(connection)
  }

  /** Whether what a side that closes has written is delivered all the same. */
  lingers(): boolean {
    return this.lingerChance > 0 && this.#lingering.chance(this.lingerChance)
  }

  delayMs(from: string, to: string): number {
    return this.random.exponential(this.#meanDelayMs) + this.rules.extraDelayMs(from, to)
  }

  /** How long until a packet is sent again for the n-th time. */
  retransmissionMs(n: number): number {
    return Math.min(FIRST_RETRANSMISSION_MS * 2 ** n, LONGEST_RETRANSMISSION_MS)
  }

  /** How much of what is on the way arrives together. */
  pieceBytes(available: number): number {
    if (this.random.chance(this.#smallPieceChance)) return Math.min(available, this.random.between(1, 3))
    return this.random.chance(0.5) ? available : this.random.between(1, available)
  }

  #retryHeld(): void {
    for (const retry of [...this.#held]) {
      this.#held.delete(retry)
      retry()
    }
  }

  #between(host: string, other: string): SimulatedConnection[] {
    return [...this.#connections].filter(
      ({ local, remote, isOpen }) =>
        isOpen && ((local.host === host && remote.host === other) || (local.host === other && remote.host === host)),
    )
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
    const near = new SimulatedConnection(this, process, from, to, handlers, true)
    this.#connections.add(near)
    let tries = 0
    const arrive = (): void => {
      // Who has given up meanwhile, or died, leaves nobody waiting on the other side.
      if (!near.isOpen || !process.alive) return
      // A handshake goes there and back.
      if (this.isHeld(host, to.host, arrive)) return
      if (this.rules.cuts(to.host, host)) return void this.#held.add(arrive)
      if (!this.hasPower(to.host)) {
        this.simulation.schedule(this.retransmissionMs(tries++), `connect again to ${to.host}`, arrive)
        return
      }
      const listener = this.#listeners.get(`${to.host}:${to.port}`)
      if (listener === undefined || !listener.process.alive || this.rules.refuses(host, to.host)) {
        return near.fail(new NetworkError('ECONNREFUSED', `nobody listens on ${to.host}:${to.port}`))
      }
      const far = new SimulatedConnection(this, listener.process, listener.address, from, undefined, false)
      this.#connections.add(far)
      near.join(far)
      far.join(near)
      listener.process.after(0, 'arrival', 'connection', () => {
        far.attach(listener.handlers.connection(far))
      })
    }
    this.simulation.schedule(this.delayMs(host, to.host), `connect ${host} to ${to.host}:${to.port}`, arrive)
    return near
  }
}
