/**
 * SimulatedConnection: one end of a stream of bytes. What it writes waits for the window, is then on its way, and arrives at the other end piece by
 * piece. An end that is closed may still have bytes on their way; an end that has lost its other end without being told learns of it when
 * something of its own arrives there.
 */
import type { Prng } from '../base/prng.js'
import { type Address, type Connection, type ConnectionHandlers, NetworkError } from '../io/network.js'
import type { SimulatedProcess } from './process.js'
import type { Simulation } from './simulation.js'

/** Bytes of one direction that the system takes before the writer has to wait. */
const WINDOW_BYTES = 64 * 1024

const NOTHING = Buffer.alloc(0)

/** What lies between the two ends. */
export interface ConnectionNetwork {
  readonly simulation: Simulation
  readonly random: Prng
  hasPower(host: string): boolean
  /** If so, `retry` is called when that may have changed. */
  isHeld(from: string, to: string, retry: () => void): boolean
  /** Whether what was written before a close still arrives. */
  lingers(): boolean
  delayMs(from: string, to: string): number
  retransmissionMs(attempt: number): number
  /** How much of what is on the way arrives together. */
  pieceBytes(available: number): number
  /** This end has closed. */
  forget(connection: SimulatedConnection): void
}

export class SimulatedConnection implements Connection {
  readonly local: Address
  readonly remote: Address
  /** It is the end that has asked for the connection. */
  readonly isClient: boolean
  readonly #network: ConnectionNetwork
  readonly #process: SimulatedProcess
  #handlers: ConnectionHandlers | undefined
  #peer: SimulatedConnection | undefined
  /** Accepted by the system, not delivered yet. */
  #outgoing: Buffer = NOTHING
  /** Waiting for the window. */
  readonly #waiting: { bytes: Buffer; readonly taken: (() => void) | undefined }[] = []
  #delivering = false
  #paused = false
  #ending = false
  #state: 'open' | 'lingering' | 'closed' = 'open'
  /** What lingers is not delivered before then. */
  #lingersUntilMs = 0
  #retransmissions = 0
  readonly #label: string
  /** It is gone, and the other end is told, or will be. */
  #hasTold = false

  constructor(
    network: ConnectionNetwork,
    process: SimulatedProcess,
    local: Address,
    remote: Address,
    handlers: ConnectionHandlers | undefined,
    isClient: boolean,
  ) {
    this.#network = network
    this.#process = process
    this.local = local
    this.remote = remote
    this.isClient = isClient
    this.#handlers = handlers
    this.#label = `bytes to ${remote.host}`
    process.whenDead(() => {
      if (this.#state === 'closed') return
      // Nobody is there any more to say so, or to send what is left.
      if (!network.hasPower(local.host)) return this.#end()
      if (this.#state === 'lingering') return
      if (this.#mayLinger()) return this.#linger(0)
      this.#end()
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
    if (this.#state !== 'open' || this.#ending) return taken?.()
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
    if (this.#state !== 'open') return
    if (this.#mayLinger()) {
      this.#close(undefined)
      return this.#linger(0)
    }
    this.#tellPeer(new NetworkError('ECONNRESET', 'the other side closed the connection'))
    this.#close(undefined)
  }

  /** The connection never came about, or is over. */
  fail(error: NetworkError | undefined): void {
    if (this.#state !== 'open') return
    this.#process.after(0, 'arrival', 'connection closed', () => {
      if (this.#state === 'open') this.#close(error)
    })
  }

  /** Ends here, and nobody is told but the process: what is on its way in either direction is lost. */
  vanish(): void {
    this.#outgoing = NOTHING
    this.fail(new NetworkError('ECONNRESET', 'the connection was lost'))
  }

  /** Ends here; what was written goes on after a while, and then the other end is told. */
  strand(holdMs: number): void {
    if (this.#state !== 'open' || this.#peer === undefined) return
    this.#process.after(0, 'arrival', 'connection closed', () => {
      if (this.#state !== 'open') return
      this.#close(new NetworkError('ECONNRESET', 'the connection was lost'))
      this.#linger(holdMs)
    })
  }

  /** The other side can take more. */
  pull(): void {
    this.#deliver()
  }

  get #takesData(): boolean {
    return this.#handlers !== undefined && !this.#paused
  }

  #mayLinger(): boolean {
    return this.#peer !== undefined && this.#outgoing.length > 0 && this.#network.lingers()
  }

  /** The process has closed it; the system still delivers what it has taken. */
  #linger(holdMs: number): void {
    const { simulation } = this.#network
    this.#state = 'lingering'
    this.#network.forget(this)
    this.#ending = true
    this.#lingersUntilMs = simulation.nowMs + holdMs
    this.#deliver()
  }

  /** Moves what waits into the window, as far as there is room. */
  #accept(withinCall: boolean): void {
    const wasPending = !withinCall && this.#waiting.length > 0
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0]!
      const room = WINDOW_BYTES - this.#outgoing.length
      if (room <= 0) return
      const isAll = first.bytes.length <= room
      const taken = isAll ? first.bytes : first.bytes.subarray(0, room)
      this.#outgoing = this.#outgoing.length === 0 ? taken : Buffer.concat([this.#outgoing, taken])
      if (!isAll) {
        first.bytes = first.bytes.subarray(room)
        return
      }
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
    const { simulation } = this.#network
    const delayMs = this.#network.delayMs(this.local.host, this.remote.host)
    const heldMs = this.#lingersUntilMs - simulation.nowMs
    simulation.schedule(Math.max(delayMs, heldMs), this.#label, () => this.#arrive())
  }

  /** One piece is on its way at a time: they come in order. */
  #arrive(): void {
    const peer = this.#peer
    if (peer === undefined || this.#state === 'closed') return
    if (this.#state === 'lingering' && this.#lingersUntilMs > this.#network.simulation.nowMs) {
      this.#delivering = false
      return this.#deliver()
    }
    if (peer.#state !== 'open') return this.#arriveAtNobody(peer)
    if (!peer.#takesData) {
      this.#delivering = false
      return
    }
    if (this.#network.isHeld(this.local.host, this.remote.host, () => this.#arrive())) return
    if (this.#outgoing.length === 0) {
      this.#delivering = false
      if (!this.#ending) return
      this.#hasTold = true
      peer.#hasTold = true
      peer.fail(undefined)
      if (this.#state === 'lingering') return this.#end()
      return this.fail(undefined)
    }
    const length = this.#network.pieceBytes(this.#outgoing.length)
    // Nobody else has these bytes.
    const isAll = length === this.#outgoing.length
    const piece = isAll ? this.#outgoing : this.#outgoing.subarray(0, length)
    this.#outgoing = isAll ? NOTHING : this.#outgoing.subarray(length)
    if (this.#process.alive) this.#accept(false)
    peer.#process.after(0, 'arrival', 'data', () => {
      this.#delivering = false
      // Paused since: it waits with the rest.
      if (peer.#paused) this.#outgoing = Buffer.concat([piece, this.#outgoing])
      else if (peer.#state === 'open' && peer.#handlers !== undefined) {
        peer.#handlers.data(piece)
        // Bytes are only lent for the call: whoever keeps them finds rubbish.
        piece.fill(0xee)
      }
      this.#deliver()
    })
  }

  /** The other end is gone: its system says so, as soon as there is one and the link lets it. */
  #arriveAtNobody(peer: SimulatedConnection): void {
    if (this.#state === 'lingering') return this.#end()
    if (peer.#hasTold) return
    const { local, remote } = this
    const again = (): void => this.#arrive()
    if (this.#network.isHeld(local.host, remote.host, again)) return
    if (this.#network.isHeld(remote.host, local.host, again)) return
    if (this.#network.hasPower(remote.host)) {
      return this.fail(new NetworkError('ECONNRESET', 'the other side does not know the connection'))
    }
    const delayMs = this.#network.retransmissionMs(this.#retransmissions++)
    this.#network.simulation.schedule(delayMs, `bytes again to ${remote.host}`, again)
  }

  /** Resets overtake what is on the way: it may be lost. */
  #tellPeer(error: NetworkError): void {
    const peer = this.#peer
    if (peer === undefined) return
    this.#hasTold = true
    const { local, remote } = this
    const tell = (): void => {
      if (!this.#network.isHeld(local.host, remote.host, tell)) peer.fail(error)
    }
    this.#network.simulation.schedule(this.#network.delayMs(local.host, remote.host), `reset to ${remote.host}`, tell)
  }

  #end(): void {
    this.#state = 'closed'
    this.#network.forget(this)
  }

  #close(error: NetworkError | undefined): void {
    if (this.#state !== 'open') return
    this.#end()
    for (const { taken } of this.#waiting.splice(0)) taken?.()
    this.#handlers?.closed(error)
  }
}
