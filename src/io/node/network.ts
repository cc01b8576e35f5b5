/**
 * The network port on node:net. All sockets read into one static buffer, which is handed out for the length of a call: no allocation
 * and no stream machinery per read.
 */
import net from 'node:net'
import {
  type Address,
  type Connection,
  type ConnectionHandlers,
  type ListenAddress,
  type Listener,
  type ListenerHandlers,
  type Network,
  NetworkError,
} from '../network.js'

const READ_BUFFER_BYTES = 256 * 1024
const DEFAULT_BACKLOG = 511

export class NodeNetwork implements Network {
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)

  listen(address: ListenAddress, handlers: ListenerHandlers): void {
    const server = net.createServer({ pauseOnConnect: true, noDelay: true, keepAlive: true }, (accepted) => {
      const connection = new NodeConnection(this.#withSharedBuffer(accepted))
      connection.attach(handlers.connection(connection))
    })
    const failed = (error: NodeJS.ErrnoException): void => handlers.failed(networkError(error))
    server.once('error', failed)
    server.listen(
      {
        port: address.port,
        backlog: address.backlog ?? DEFAULT_BACKLOG,
        ...(address.host === '' ? {} : { host: address.host }),
      },
      () => {
        server.off('error', failed)
        // Errors of single accepts (out of descriptors) must not end the process.
        server.on('error', () => {})
        const bound = server.address() as net.AddressInfo
        const listener: Listener = {
          address: { host: bound.address, port: bound.port },
          close: () => void server.close(),
        }
        handlers.listening(listener)
      },
    )
  }

  connect(address: Address, handlers: ConnectionHandlers): Connection {
    let connection: NodeConnection | undefined
    const socket = net.connect({
      host: address.host,
      port: address.port,
      noDelay: true,
      keepAlive: true,
      onread: { buffer: this.#buffer, callback: (length, bytes) => connection!.received(bytes.subarray(0, length)) },
    })
    connection = new NodeConnection(socket)
    connection.attach(handlers)
    return connection
  }

  /**
   * Gives an accepted socket the shared buffer: a new socket on the same handle. The handle is not documented, so where it is not as
   * expected the socket is used as it is, with a buffer per read.
   */
  #withSharedBuffer(accepted: net.Socket): net.Socket {
    const bare = accepted as unknown as { _handle: { reading?: boolean } | null }
    const handle = bare._handle
    if (handle === null || typeof handle !== 'object') return accepted
    bare._handle = null
    const socket = new net.Socket({
      handle,
      onread: {
        buffer: this.#buffer,
        callback: (length: number, bytes: Uint8Array) => receiver.get(socket)!.received(bytes.subarray(0, length)),
      },
    } as unknown as net.SocketConstructorOpts)
    return socket
  }
}

/** Who gets what a socket with the shared buffer reads. */
const receiver = new WeakMap<net.Socket, NodeConnection>()

class NodeConnection implements Connection {
  readonly local: Address
  readonly remote: Address
  readonly #socket: net.Socket
  #handlers: ConnectionHandlers | undefined
  #error: NetworkError | undefined
  #paused = false
  #writesUnderWay = 0

  constructor(socket: net.Socket) {
    this.#socket = socket
    this.local = { host: plain(socket.localAddress), port: socket.localPort ?? 0 }
    this.remote = { host: plain(socket.remoteAddress), port: socket.remotePort ?? 0 }
    receiver.set(socket, this)
  }

  get pendingBytes(): number {
    return this.#socket.writableLength
  }

  attach(handlers: ConnectionHandlers): void {
    this.#handlers = handlers
    const socket = this.#socket
    socket.on('data', (bytes: Buffer) => handlers.data(bytes))
    socket.on('error', (error) => (this.#error = networkError(error)))
    socket.on('close', () => handlers.closed(this.#error))
    if (this.#paused) socket.pause()
    else socket.resume()
  }

  /** False: reading stops. */
  received(bytes: Uint8Array): boolean {
    this.#handlers?.data(bytes)
    return !this.#paused
  }

  write(chunks: readonly Uint8Array[], taken?: () => void): void {
    const socket = this.#socket
    if (socket.destroyed || socket.writableEnded) return taken?.()
    this.#writesUnderWay++
    let synchronous = true
    const finished = (): void => {
      this.#writesUnderWay--
      taken?.()
      if (!synchronous && this.#writesUnderWay === 0) this.#handlers?.drained()
    }
    if (chunks.length > 1) socket.cork()
    const last = chunks.length - 1
    for (let at = 0; at < last; at++) socket.write(chunks[at]!)
    // The kernel mostly takes everything at once; the stream's own callback would come a tick later.
    let reported = false
    const report = (): void => {
      if (reported) return
      reported = true
      finished()
    }
    socket.write(chunks[last]!, report)
    if (chunks.length > 1) socket.uncork()
    if (socket.writableLength === 0) report()
    synchronous = false
  }

  pause(): void {
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#paused = false
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** IPv4 addresses that came through an IPv6 listener are written as IPv4. */
function plain(address: string | undefined): string {
  if (address === undefined) return ''
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

function networkError(error: NodeJS.ErrnoException): NetworkError {
  // For a host with several addresses there is an error for each, and no message for all.
  const each = error instanceof AggregateError ? error.errors.map(({ message }: Error) => message).join(', ') : ''
  return new NetworkError(error.code ?? 'EIO', error.message || each || (error.code ?? 'EIO'))
}
