/**
 * MetricsEndpoint: `/metrics` and `/healthz` over HTTP, on a listener of their own (`metrics.listener`). It answers before the node serves, so that one can
 * wait for that, and to the end.
 */
import type { Address, Listener, NetworkError } from '../../io/network.js'
import type { Ports } from '../../io/ports.js'
import { CONTENT_TYPE } from './exposition.js'
import { HttpEndpoint, type Page } from './http-endpoint.js'
import { EventLoopDelay, type MetricsSources, metricsText } from './node-metrics.js'

const PLAIN = 'text/plain; charset=utf-8'

export interface MetricsOptions {
  readonly address: Address
  /** `serving` is healthy. */
  readonly state: () => string
  /** Undefined: the node is not that far yet. */
  readonly sources: () => MetricsSources | undefined
}

export class MetricsEndpoint {
  readonly #ports: Ports
  readonly #options: MetricsOptions
  readonly #http: HttpEndpoint
  readonly #delay: EventLoopDelay
  #listener: Listener | undefined
  #closed = false

  constructor(ports: Ports, options: MetricsOptions, ready: (error: NetworkError | undefined) => void) {
    this.#ports = ports
    this.#options = options
    this.#delay = new EventLoopDelay(ports.clock)
    this.#http = new HttpEndpoint(ports.clock, (path) => this.#page(path))
    ports.network.listen(options.address, {
      listening: (listener) => {
        if (this.#closed) return listener.close()
        this.#listener = listener
        ready(undefined)
      },
      failed: (error) => ready(error),
      connection: (socket) => this.#http.accept(socket),
    })
  }

  /** Where it listens; the port is the real one. */
  get address(): Address | undefined {
    return this.#listener?.address
  }

  close(): void {
    this.#closed = true
    this.#listener?.close()
    this.#http.close()
    this.#delay.stop()
  }

  #page(path: string): Page {
    if (path === '/healthz') {
      const state = this.#options.state()
      return { status: state === 'serving' ? 200 : 503, contentType: PLAIN, body: `${state}\n` }
    }
    if (path !== '/metrics') return { status: 404, contentType: PLAIN, body: 'there are /metrics and /healthz\n' }
    const sources = this.#options.sources()
    if (sources === undefined) return { status: 503, contentType: PLAIN, body: `${this.#options.state()}\n` }
    return { status: 200, contentType: CONTENT_TYPE, body: metricsText(sources, this.#delay, this.#ports.host) }
  }
}
