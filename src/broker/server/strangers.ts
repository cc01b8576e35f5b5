/**
 * Strangers: what a listener says of clients that do not speak Kafka's protocol to it, or want more of it than it has. One line for each kind now and
 * then, however many come: whoever looks for the reason of a closed connection finds it, and nobody fills a disk.
 */
import type { Clock } from '../../io/clock.js'
import type { Logger } from '../../io/logger.js'
import type { Address } from '../../io/network.js'
import { SaslAuthenticate } from '../../protocol/messages/sasl-authenticate.js'
import { SaslHandshake } from '../../protocol/messages/sasl-handshake.js'

/** Between two lines of the same kind. */
const PAUSE_MS = 10_000

export type Stranger = 'TLS' | 'HTTP' | 'SASL' | 'damaged'

/** A record of TLS that begins a handshake, and its major version. */
const TLS_HANDSHAKE = 0x1603
/** What the requests of HTTP/1 begin with, and a connection of HTTP/2 (`PRI *`). */
const HTTP_METHODS = ['GET ', 'POST', 'PUT ', 'HEAD', 'OPTI', 'DELE', 'PATC', 'CONN', 'TRAC', 'PRI ']

const SENTENCES: Readonly<Record<Stranger, string>> = {
  TLS: 'connection closed: looks like TLS, and this listener is PLAINTEXT',
  HTTP: "connection closed: looks like HTTP, and this listener speaks Kafka's protocol",
  SASL: 'connection closed: the client wants to log in with SASL, and this listener is PLAINTEXT',
  damaged: 'connection closed: no request can be of that size (socket.request.max.bytes)',
}

/** Who may have sent these four bytes, which are no length of a request. */
export function strangerOf(length: number): Stranger {
  if (length >>> 16 === TLS_HANDSHAKE) return 'TLS'
  const text = String.fromCharCode(length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff)
  return HTTP_METHODS.includes(text) ? 'HTTP' : 'damaged'
}

/** Whether only a client that logs in sends such a request. */
export function isOfSasl(apiKey: number): boolean {
  return apiKey === SaslHandshake.key || apiKey === SaslAuthenticate.key
}

export class Strangers {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #listener: string
  readonly #told = new Map<Stranger, { atMs: number; since: number }>()

  constructor(clock: Clock, logger: Logger, listener: string) {
    this.#clock = clock
    this.#logger = logger
    this.#listener = listener
  }

  /** Says so, unless it has said the same just now. `fields`: what else is known. */
  closed(stranger: Stranger, remote: Address, fields: object = {}): void {
    const nowMs = this.#clock.monotonicMs()
    const told = this.#told.get(stranger)
    if (told !== undefined && nowMs - told.atMs < PAUSE_MS) {
      told.since++
      return
    }
    const untold = told?.since ?? 0
    this.#told.set(stranger, { atMs: nowMs, since: 0 })
    const { host, port } = remote
    const about = { listener: this.#listener, remote: { host, port }, ...fields, ...(untold > 0 ? { untold } : {}) }
    this.#logger.warn(about, SENTENCES[stranger])
  }
}
