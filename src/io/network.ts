/**
 * The network port: streams of bytes between addresses. Nothing is kept of message boundaries: what one `write` sent may
 * arrive in pieces or together with the next.
 */
export interface Network {
  /** Port 0 takes a free one. Handlers come from `listening` on; `failed` says why there is no listener. */
  listen(address: ListenAddress, handlers: ListenerHandlers): void
  /** The connection can be written to at once; `failed` in `closed` says why it never came about. */
  connect(address: Address, handlers: ConnectionHandlers): Connection
}

export interface Address {
  readonly host: string
  readonly port: number
}

export interface ListenAddress extends Address {
  /** Connections that the operating system lets wait to be accepted, as far as it goes along. */
  readonly backlog?: number
}

export interface ListenerHandlers {
  listening(listener: Listener): void
  failed(error: NetworkError): void
  /** Returns who hears of the new connection. Reading begins when this has returned, unless it was paused in here. */
  connection(connection: Connection): ConnectionHandlers
}

export interface Listener {
  /** What it is bound to; the port is the real one. */
  readonly address: Address
  /** Takes no further connections; those that are open stay. */
  close(): void
}

export interface ConnectionHandlers {
  /** A piece of the stream. The bytes are only valid during the call, and may be changed in place by it. */
  data(bytes: Uint8Array): void
  /** `pendingBytes` has come back to 0. */
  drained(): void
  /** The last call: the other side has closed, `destroy` was called here, or something failed. */
  closed(error: NetworkError | undefined): void
}

export interface Connection {
  readonly local: Address
  readonly remote: Address
  /** Bytes written here that the operating system has not taken yet. */
  readonly pendingBytes: number
  /** Never blocks; look at `pendingBytes`. The chunks must not change until `taken`, which comes also when the
   * connection dies first. May come before the call returns. */
  write(chunks: readonly Uint8Array[], taken?: () => void): void
  /** No more `data` until `resume`; back-pressure reaches the sender. */
  pause(): void
  resume(): void
  /** Closes once everything written is sent. */
  end(): void
  /** Closes now. */
  destroy(): void
}

/** `code` is errno's name: ECONNREFUSED, ECONNRESET, EADDRINUSE, ETIMEDOUT ... */
export class NetworkError extends Error {
  override readonly name = 'NetworkError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}
