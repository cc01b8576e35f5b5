/**
 * HttpEndpoint: as much of HTTP/1.1 as it takes to be asked for a page by a monitor: GET and HEAD, one request a connection, no body. On the network
 * port, so that it runs wherever the node does.
 */
import type { Clock, Timer } from '../../io/clock.js'
import type { Connection, ConnectionHandlers } from '../../io/network.js'

export interface Page {
  readonly status: 200 | 404 | 503
  readonly contentType: string
  readonly body: string
}

const MAX_HEAD_BYTES = 8 * 1024
const MAX_CONNECTIONS = 64
const LONGEST_CONNECTION_MS = 10_000
const REASONS = {
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
} as const

export class HttpEndpoint {
  readonly #clock: Clock
  readonly #page: (path: string) => Page
  readonly #open = new Set<Connection>()

  /** `page`: what is shown under a path, without its query. */
  constructor(clock: Clock, page: (path: string) => Page) {
    this.#clock = clock
    this.#page = page
  }

  accept(socket: Connection): ConnectionHandlers {
    if (this.#open.size >= MAX_CONNECTIONS) {
      socket.destroy()
      return { data() {}, drained() {}, closed() {} }
    }
    this.#open.add(socket)
    let head = ''
    let answered = false
    const timer: Timer = this.#clock.timer(LONGEST_CONNECTION_MS, () => socket.destroy())
    return {
      data: (bytes) => {
        if (answered) return
        head += Buffer.from(bytes).toString('latin1')
        const complete = /\r?\n\r?\n/.test(head)
        if (!complete && head.length <= MAX_HEAD_BYTES) return
        answered = true
        socket.write([Buffer.from(head.length > MAX_HEAD_BYTES ? plain(431) : this.#answer(head))])
        socket.end()
      },
      drained: () => {},
      closed: () => {
        timer.cancel()
        this.#open.delete(socket)
      },
    }
  }

  close(): void {
    for (const socket of [...this.#open]) socket.destroy()
  }

  #answer(head: string): string {
    const match = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r?\n/.exec(head)
    if (match === null) return plain(400)
    const [, method, target] = match
    if (method !== 'GET' && method !== 'HEAD') return plain(405, 'Allow: GET, HEAD\r\n')
    const { status, contentType, body } = this.#page(target!.replace(/[?#].*$/, ''))
    return response(status, contentType, body, method === 'HEAD')
  }
}

function plain(status: keyof typeof REASONS, headers = ''): string {
  return response(status, 'text/plain; charset=utf-8', `${REASONS[status]}\n`, false, headers)
}

function response(status: keyof typeof REASONS, type: string, body: string, headOnly: boolean, headers = ''): string {
  const head =
    `HTTP/1.1 ${status} ${REASONS[status]}\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
    `${headers}Connection: close\r\n\r\n`
  return headOnly ? head : head + body
}
