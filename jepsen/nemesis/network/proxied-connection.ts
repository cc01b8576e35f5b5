/** One connection through the proxy: who asked on one side, a node on the other, and what is to be done to single requests between them. */
import net from 'node:net'
import { DecodeError } from '../../../src/base/bytes/reader.js'
import { FrameAssembler } from '../../../src/protocol/frame-assembler.js'
import type { End, Link } from './links.js'
import { Pipe, type Way } from './pipe.js'
import type { AddressBook, ChangesAnswer } from './readdressed.js'
import { copied, correlationIdOf, lookAt, type SeenRequest } from './requests.js'

/** What the proxy decides of a request. */
export type Decision = 'pass' | 'hold' | 'swallow' | 'repeat'

export interface ConnectionTarget {
  readonly host: string
  readonly port: number
  /** Who asks is told other addresses than the cluster does. */
  readonly book?: AddressBook
}

export interface Switchboard {
  wayOf(link: Link): Way
  decide(connection: ProxiedConnection, request: SeenRequest, frame: Buffer): Decision
  /** The answer is gone, or has come twice. */
  answered(connection: ProxiedConnection, request: SeenRequest, decision: Decision): void
  closed(connection: ProxiedConnection): void
}

const MOST_FRAME_BYTES = 256 * 1024 * 1024
/** What a request that came late may take. */
const LATE_LIMIT_MS = 5_000
const BUFFERS = { take: (sizeBytes: number) => Buffer.allocUnsafe(sizeBytes), give: () => {} }

export class ProxiedConnection {
  readonly from: End
  readonly to: number
  readonly #asker: net.Socket
  readonly #board: Switchboard
  readonly #ways: readonly [Way, Way]
  readonly #target: ConnectionTarget
  readonly #requestFrames = new FrameAssembler(MOST_FRAME_BYTES, BUFFERS)
  readonly #responseFrames = new FrameAssembler(MOST_FRAME_BYTES, BUFFERS)
  /** By correlation id. */
  readonly #marked = new Map<number, { readonly request: SeenRequest; readonly decision: Decision; answers: number }>()
  /** By correlation id. */
  readonly #changes = new Map<number, ChangesAnswer>()
  #node: net.Socket | undefined
  #requests: Pipe | undefined
  #responses: Pipe | undefined
  /** Who asked is cut off: what is answered is for nobody. */
  #isOrphan = false
  #lateTimer: NodeJS.Timeout | undefined

  constructor(asker: net.Socket, from: End, to: number, target: ConnectionTarget, board: Switchboard) {
    this.from = from
    this.to = to
    this.#asker = asker
    this.#target = target
    this.#board = board
    this.#ways = [board.wayOf({ from, to }), board.wayOf({ from: to, to: from })]
    asker.setNoDelay(true)
    asker.on('error', () => this.#askerEnds('reset'))
    asker.on('end', () => this.#askerEnds('end'))
    asker.on('close', () => this.#forgetIfClosed())
    this.#connect()
  }

  /** The links have changed. */
  changed(): void {
    if (this.#node === undefined) this.#connect()
    this.#requests?.changed()
    this.#responses?.changed()
  }

  reset(): void {
    clearTimeout(this.#lateTimer)
    this.#requests?.discard()
    this.#responses?.discard()
    this.#asker.resetAndDestroy()
    this.#node?.resetAndDestroy()
  }

  /** A request that was held back; false: the connection is gone meanwhile. */
  deliver(frame: Buffer): boolean {
    if (this.#node === undefined || !this.#node.writable) return false
    this.#requests!.push(frame)
    this.#lateTimer = setTimeout(() => this.#node?.destroy(), LATE_LIMIT_MS)
    return true
  }

  /** When nothing is in the way. A cable that is cut does not say so: nobody is told. */
  #connect(): void {
    if (this.#asker.destroyed) return
    if (this.#ways.some((way) => way.isCut())) {
      this.#ways.find((way) => way.isCut())!.waits(0)
      return
    }
    const { host, port } = this.#target
    const node = net.connect({ host, port, noDelay: true, allowHalfOpen: true })
    this.#node = node
    this.#requests = new Pipe(this.#asker, node, this.#ways[0])
    this.#responses = new Pipe(node, this.#asker, this.#ways[1])
    node.once('connect', () => {
      this.#asker.on('data', (bytes) => this.#asked(bytes))
      this.#asker.resume()
    })
    node.on('data', (bytes) => this.#answered(bytes))
    node.on('end', () => this.#nodeEnds('end'))
    node.on('error', () => this.#nodeEnds('reset'))
    node.on('close', () => this.#forgetIfClosed())
  }

  #asked(bytes: Uint8Array): void {
    const bad = this.#requestFrames.feed(bytes, ({ bytes: whole, start, end }) =>
      this.#request(copied(whole, start, end)),
    )
    if (bad !== undefined) this.reset()
  }

  /** False: nothing more of this connection is wanted. */
  #request(frame: Buffer): boolean {
    const answered = this.#target.book?.answerTo(frame)
    if (answered !== undefined) this.#changes.set(answered.correlationId, answered.change)
    const request = lookAt(frame, this.from === 'clients')
    const decision = request === undefined ? 'pass' : this.#board.decide(this, request, frame)
    if (decision === 'hold') {
      this.#isOrphan = true
      this.#asker.resetAndDestroy()
      return false
    }
    if (decision !== 'pass') this.#marked.set(request!.correlationId, { request: request!, decision, answers: 0 })
    this.#requests!.push(frame)
    if (decision === 'repeat') this.#requests!.push(Buffer.from(frame))
    return true
  }

  #answered(bytes: Uint8Array): void {
    try {
      const bad = this.#responseFrames.feed(bytes, ({ bytes: whole, start, end }) =>
        this.#response(this.#asTold(copied(whole, start, end))),
      )
      if (bad !== undefined) this.reset()
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.reset()
    }
  }

  #asTold(answer: Buffer): Buffer {
    const correlationId = correlationIdOf(answer)
    const change = this.#changes.get(correlationId)
    this.#changes.delete(correlationId)
    return change === undefined ? answer : change(answer)
  }

  #response(frame: Buffer): boolean {
    if (this.#isOrphan) {
      // What came late is answered: the connection is of no more use.
      if (this.#lateTimer !== undefined) this.#node!.destroy()
      return true
    }
    const correlationId = correlationIdOf(frame)
    const mark = this.#marked.get(correlationId)
    if (mark === undefined || (mark.decision === 'repeat' && ++mark.answers === 1)) {
      this.#responses!.push(frame)
      return true
    }
    this.#marked.delete(correlationId)
    this.#board.answered(this, mark.request, mark.decision)
    if (mark.decision === 'repeat') return true
    this.reset()
    return false
  }

  #askerEnds(how: 'end' | 'reset'): void {
    // Of an orphan the other side is still needed.
    if (this.#isOrphan) return
    if (this.#node === undefined) this.#asker.destroy()
    else this.#requests!.finish(how)
  }

  #nodeEnds(how: 'end' | 'reset'): void {
    if (this.#isOrphan) this.#node!.destroy()
    else this.#responses!.finish(how)
  }

  #forgetIfClosed(): void {
    if (!this.#asker.destroyed || (this.#node !== undefined && !this.#node.destroyed)) {
      // The other one may be cut off: it is told when it can be.
      return
    }
    clearTimeout(this.#lateTimer)
    this.#board.closed(this)
  }
}
