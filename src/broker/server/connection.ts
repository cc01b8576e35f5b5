/**
 * ServerConnection: one client's connection. Requests are started in the order in which they come and answered in that order, whoever is
 * ready first; everything that is ready at the end of a turn goes out in one write.
 *
 *     bytes ─▶ frames ─▶ (gate) ─▶ pipeline ─▶ slots, in order of arrival ─▶ one buffer per turn ─▶ socket
 *
 * Back-pressure: the gate is shut while too many requests are in flight, one that must be alone is, the client is throttled, or does not read its
 * answers. Then what has already come is held, and nothing more is read. Large requests are also not read while all connections together hold
 * too much of them (`RequestMemory`).
 *
 * What cannot be answered ends the connection, behind the answers to all that was asked before it.
 */
import { DecodeError } from '../../base/bytes/reader.js'
import { EncodeError, Writer } from '../../base/bytes/writer.js'
import type { Histogram } from '../../base/histogram.js'
import type { Connection, ConnectionHandlers, NetworkError } from '../../io/network.js'
import type { Ports } from '../../io/ports.js'
import { encodeResponse } from '../../protocol/frame.js'
import { type Frame, FrameAssembler } from '../../protocol/frame-assembler.js'
import type { Message } from '../../protocol/schema.js'
import type { LargeFrame, RequestMemory } from './request-memory.js'

/** Requests of one connection that are not answered yet. */
export const MAX_IN_FLIGHT = 256
/** Answers that the client has not read yet: from here on nothing new is started for it. */
export const MAX_OUTPUT_BYTES = 1024 * 1024
/** A client that was told the end and does not go is not waited for any longer. */
const LINGER_MS = 1000
/** From here on a request that comes in pieces counts as large, and is read only as far as there is memory for it. */
const LARGE_FRAME_BYTES = 64 * 1024
/** Room for what a socket hands out at once. */
const READ_AHEAD_BYTES = 256 * 1024

/** What the connection asks of who runs it. */
export interface ConnectionOwner {
  /** Starts a request: takes a slot with `connection.open`, or ends the connection. Throws `DecodeError`, and has taken no slot then. */
  receive(connection: ServerConnection, frame: Frame): void
  /** Four bytes came that are no length of a request; the connection ends. */
  badLength(connection: ServerConnection, length: number): void
  closed(connection: ServerConnection): void
}

/** A request's place among the answers. */
export interface Slot {
  /** `sent` is called when the body is no longer looked at, whatever becomes of the connection. */
  fill(body: object, sent?: () => void): void
  /** No answer. */
  drop(): void
  /** Calls back if the connection ends, or is to end, before there is an answer. */
  whenGone(action: () => void): void
  /** No answer, and no connection any more: see `endAfterAnswers`. */
  end(reason: string): void
}

class OpenSlot implements Slot {
  readonly message: Message
  readonly version: number
  readonly correlationId: number
  readonly alone: boolean
  readonly times: Histogram
  readonly beganMs: number
  state: 'waiting' | 'ready' | 'dropped' | 'gone' = 'waiting'
  body: object | undefined = undefined
  sent: (() => void) | undefined = undefined
  #whenGone: (() => void) | undefined
  readonly #connection: ServerConnection

  constructor(
    connection: ServerConnection,
    message: Message,
    version: number,
    correlationId: number,
    alone: boolean,
    times: Histogram,
    beganMs: number,
  ) {
    this.#connection = connection
    this.message = message
    this.version = version
    this.correlationId = correlationId
    this.alone = alone
    this.times = times
    this.beganMs = beganMs
  }

  fill(body: object, sent?: () => void): void {
    if (this.#connection.closedAlready || this.state === 'gone') return sent?.()
    this.state = 'ready'
    this.body = body
    this.sent = sent
    this.#connection.settle()
  }

  drop(): void {
    if (this.state === 'gone') return
    this.state = 'dropped'
    this.#connection.settle()
  }

  end(reason: string): void {
    this.#connection.endBefore(this, reason)
  }

  whenGone(action: () => void): void {
    if (this.#connection.closedAlready || this.state === 'gone') return action()
    this.#whenGone = action
  }

  /** There is nobody to answer any more. */
  gone(): void {
    const wasWaiting = this.state === 'waiting'
    this.state = 'gone'
    this.sent?.()
    if (wasWaiting) this.#whenGone?.()
  }
}

export class ServerConnection implements ConnectionHandlers, LargeFrame {
  readonly socket: Connection
  /** Stands for the connection where it must not be kept. */
  readonly identity: object = {}
  readonly #ports: Ports
  readonly #owner: ConnectionOwner
  readonly #assembler: FrameAssembler
  readonly #memory: RequestMemory
  readonly #slots: OpenSlot[] = []
  /** What has come and is not looked at yet. */
  #held: { readonly buffer: Buffer; at: number; readonly end: number } | undefined
  #alone = 0
  #writer = new Writer()
  readonly #spareWriters: Writer[] = []
  /** To be called when this ends. */
  #whenClosed: (() => void)[] = []
  /** To be called when what is in the writer is sent. */
  #sent: (() => void)[] = []
  #flushScheduled = false
  #paused = false
  #throttled = 0
  /** `#memory` knows of the request that comes in. */
  #large = false
  /** Nothing that comes is looked at any more. */
  #ending = false
  #closed = false
  /** For `idleAt`. */
  #active = true
  /** When what is looked at was handed out. */
  #nowMs = 0
  #idleSinceMs = 0
  #pendingBytesThen = 0

  constructor(ports: Ports, socket: Connection, owner: ConnectionOwner, maxFrameBytes: number, memory: RequestMemory) {
    this.#ports = ports
    this.socket = socket
    this.#owner = owner
    this.#memory = memory
    this.#assembler = new FrameAssembler(maxFrameBytes, memory)
  }

  /** Requests that are not answered yet. */
  get inFlight(): number {
    return this.#slots.length
  }

  get closedAlready(): boolean {
    return this.#closed
  }

  get heldBytes(): number {
    return this.#assembler.heldBytes
  }

  get filledBytes(): number {
    return this.#assembler.filledBytes
  }

  get frameBytes(): number {
    return this.#assembler.frameBytes
  }

  get heldUp(): boolean {
    return !this.#gateOpen
  }

  /** Whether a whole while has passed without anything coming or being read, and without a request in flight. Asked now and then. */
  idleAt(nowMs: number, idleMs: number): boolean {
    const { pendingBytes } = this.socket
    if (this.#active || this.#slots.length > 0 || this.#throttled > 0 || pendingBytes < this.#pendingBytesThen) {
      this.#active = false
      this.#idleSinceMs = nowMs
    }
    this.#pendingBytesThen = pendingBytes
    return nowMs - this.#idleSinceMs >= idleMs
  }

  data(bytes: Uint8Array): void {
    if (this.#ending || this.#closed) return
    this.#active = true
    if (this.#held !== undefined || !this.#gateOpen) this.#hold(bytes)
    else {
      const consumed = this.#feed(bytes)
      if (consumed < bytes.length && !this.#closed && !this.#ending) this.#hold(bytes.subarray(consumed))
    }
    this.#regulate()
  }

  drained(): void {
    this.#active = true
    this.#resume()
  }

  closed(error: NetworkError | undefined): void {
    if (error !== undefined)
      this.#ports.logger.debug({ remote: this.socket.remote, error: error.message }, 'connection failed')
    this.#end()
  }

  /** Takes the next slot for a request. */
  open(message: Message, version: number, correlationId: number, alone: boolean, times: Histogram): Slot {
    const slot = new OpenSlot(this, message, version, correlationId, alone, times, this.#nowMs)
    this.#slots.push(slot)
    if (alone) this.#alone++
    return slot
  }

  /** Ends the connection behind the answers to what was asked before this. */
  endBefore(slot: OpenSlot, reason: string): void {
    const at = this.#slots.indexOf(slot)
    if (at === -1) return
    for (const behind of this.#slots.splice(at)) {
      if (behind.alone) this.#alone--
      behind.gone()
    }
    this.endAfterAnswers(reason)
  }

  /** Calls back when the connection ends, now if it has. */
  whenClosed(action: () => void): void {
    if (this.#closed) action()
    else this.#whenClosed.push(action)
  }

  /** Encodes the answers that are ready at the head of the queue. */
  settle(): void {
    const nowMs = this.#ports.clock.monotonicMs()
    while (!this.#closed && this.#slots.length > 0 && this.#slots[0]!.state !== 'waiting') {
      const slot = this.#slots.shift()!
      if (slot.alone) this.#alone--
      slot.times.add(nowMs - slot.beganMs)
      if (slot.state === 'ready') this.#encode(slot)
    }
    if (this.#flushScheduled || this.#closed) return
    this.#flushScheduled = true
    this.#ports.clock.defer(this.#flush)
  }

  /** Looks at nothing more that comes, and ends the connection when what was asked before is answered. */
  endAfterAnswers(reason: string): void {
    if (this.#closed) return
    const busy = this.#slots.length > 0 || this.#outputBytes > 0
    if (!busy) return this.close(reason)
    this.#ports.logger.debug({ remote: this.socket.remote, reason }, 'connection ends')
    this.#ending = true
    this.#assembler.discard()
    this.#memory.done(this)
    this.#dropHeld()
    this.settle()
  }

  /** Ends the connection at once. */
  close(reason: string): void {
    if (this.#closed) return
    this.#ports.logger.debug({ remote: this.socket.remote, reason }, 'connection closed')
    this.#end()
    this.socket.destroy()
  }

  /** Starts and reads nothing for so long. */
  pauseFor(durationMs: number): void {
    this.#ports.clock.timer(durationMs, this.hold())
  }

  /** Starts and reads nothing until the function that is returned is called, once. */
  hold(): () => void {
    this.#throttled++
    this.#regulate()
    return () => {
      this.#throttled--
      this.#resume()
    }
  }

  retry(): void {
    this.#resume()
  }

  giveUp(reason: string): void {
    this.#ports.logger.warn({ remote: this.socket.remote, reason }, 'connection is given up')
    this.close(reason)
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    this.#assembler.discard()
    this.#memory.done(this)
    this.#dropHeld()
    for (const slot of this.#slots.splice(0)) slot.gone()
    for (const sent of this.#sent.splice(0)) sent()
    this.#owner.closed(this)
    for (const action of this.#whenClosed.splice(0)) action()
  }

  get #gateOpen(): boolean {
    if (this.#throttled > 0 || this.#alone > 0) return false
    return this.#slots.length < MAX_IN_FLIGHT && this.#outputBytes < MAX_OUTPUT_BYTES
  }

  get #outputBytes(): number {
    return this.#writer.length + this.socket.pendingBytes
  }

  /** Starts what is whole as far as the gate allows; returns how much of the bytes that took. */
  #feed(bytes: Uint8Array): number {
    this.#nowMs = this.#ports.clock.monotonicMs()
    try {
      const badLength = this.#assembler.feed(bytes, (frame) => {
        if (this.#large && frame.owner !== undefined) this.#letOthersBeEldest()
        this.#owner.receive(this, frame)
        return !this.#closed && !this.#ending && this.#gateOpen
      })
      if (badLength !== undefined) {
        this.#owner.badLength(this, badLength)
        this.endAfterAnswers(`a frame of ${badLength} bytes`)
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.endAfterAnswers(error.message)
    }
    return this.#assembler.consumed
  }

  /** While a request is waited for, the next bytes are read and held: that the client is gone is seen by reading. */
  get #mayRead(): boolean {
    if (this.#throttled > 0 || this.#held !== undefined) return false
    return this.#slots.length < MAX_IN_FLIGHT && this.#outputBytes < MAX_OUTPUT_BYTES
  }

  /** Keeps a copy of what was only lent. */
  #hold(bytes: Uint8Array): void {
    const held = this.#held
    const before = held === undefined ? 0 : held.end - held.at
    const buffer = this.#memory.take(before + bytes.length)
    if (held !== undefined) {
      buffer.set(held.buffer.subarray(held.at, held.end))
      this.#dropHeld()
    }
    buffer.set(bytes, before)
    this.#held = { buffer, at: 0, end: before + bytes.length }
  }

  #dropHeld(): void {
    if (this.#held !== undefined) this.#memory.give(this.#held.buffer)
    this.#held = undefined
  }

  /** Stops reading while something is held, or must not come in yet. */
  #regulate(): void {
    if (this.#closed || this.#ending) return
    const room = this.#makeRoom()
    if (this.#paused || (this.#mayRead && room)) return
    this.#paused = true
    this.socket.pause()
  }

  /** Room for what comes next of a large request; false: there is none now. */
  #makeRoom(): boolean {
    if (this.#assembler.filledBytes < LARGE_FRAME_BYTES) return true
    const size = this.#assembler.nextBufferBytes(READ_AHEAD_BYTES)
    if (size === 0) return true
    this.#large = true
    if (!this.#memory.mayGrow(this, size)) return false
    this.#assembler.grow(size)
    return true
  }

  #letOthersBeEldest(): void {
    this.#large = false
    this.#memory.done(this)
  }

  /** Starts what was held as far as the gate allows, then reads again. */
  #resume(): void {
    while (!this.#closed && !this.#ending && this.#held !== undefined && this.#gateOpen) {
      const held = this.#held
      held.at += this.#feed(held.buffer.subarray(held.at, held.end))
      if (held.at >= held.end && this.#held === held) this.#dropHeld()
    }
    if (this.#closed || this.#ending || !this.#paused || !this.#mayRead) return
    if (!this.#makeRoom()) return
    this.#paused = false
    this.socket.resume()
  }

  #encode({ message, version, correlationId, body, sent }: OpenSlot): void {
    if (sent !== undefined) this.#sent.push(sent)
    try {
      encodeResponse(this.#writer, message, { version, correlationId, body: body as never })
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error
      this.#ports.logger.error({ api: message.name, version, error: error.message }, 'response cannot be encoded')
      this.close(error.message)
    }
  }

  readonly #flush = (): void => {
    this.#flushScheduled = false
    if (this.#closed) return
    if (this.#writer.length > 0) {
      const writer = this.#writer
      const sent = this.#sent
      this.#writer = this.#spareWriters.pop() ?? new Writer()
      this.#sent = []
      this.socket.write(writer.chunks(), () => {
        for (const each of sent) each()
        writer.reset()
        if (this.#spareWriters.length < 2) this.#spareWriters.push(writer)
      })
    }
    if (this.#ending && this.#slots.length === 0) this.#finish()
    else this.#resume()
  }

  /** Everything is answered. What still comes is read and forgotten: unread bytes would turn the end into a reset. */
  #finish(): void {
    this.socket.end()
    this.socket.resume()
    this.#ports.clock.timer(LINGER_MS, () => this.close('the client does not go'))
  }
}
