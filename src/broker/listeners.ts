/**
 * Listeners: where a node is reached. They are bound before anything else, so that the ports are known; who serves what comes in follows:
 *
 *   founding    whoever asks whether this node belongs to a cluster
 *   controllers the quorum's members and brokers, also while clients are not served yet
 *   everybody
 */
import type { ListenerConfig, NodeConfig } from '../config/node-config.js'
import type { Address, Connection, ConnectionHandlers, Listener } from '../io/network.js'
import type { Ports } from '../io/ports.js'
import type { LogResources } from '../storage/log-resources.js'
import { HANDLERS } from './apis/index.js'
import { describeFounding, type FoundingServices } from './apis/quorum/describe-founding.js'
import type { Services } from './apis/services.js'
import { cameOverBridge } from './bridge-address.js'
import { RequestMetrics } from './metrics/request-metrics.js'
import { ConnectionLimits, connectionLimits } from './server/connection-limits.js'
import type { Handler } from './server/handler.js'
import { Pipeline } from './server/pipeline.js'
import { RequestMemory } from './server/request-memory.js'
import { OPEN_STAGES } from './server/stages.js'

interface Bound {
  readonly config: ListenerConfig
  readonly listener: Listener
  founding: Pipeline<FoundingServices> | undefined
  pipeline: Pipeline<Services> | undefined
}

const NOBODY: ConnectionHandlers = { data() {}, drained() {}, closed() {} }

export class Listeners {
  readonly requests = new RequestMetrics()
  readonly limits: ConnectionLimits
  readonly memory: RequestMemory
  readonly #ports: Ports
  readonly #config: NodeConfig
  readonly #bound: Bound[] = []
  /** By name: once is enough. */
  readonly #warnedOfBridge = new Set<string>()
  #settings: () => NodeConfig['settings']
  #closed = false

  constructor(ports: Ports, config: NodeConfig, { buffers }: LogResources) {
    this.#ports = ports
    this.#config = config
    this.#settings = () => config.settings
    const queuedBytes = config.settings['queued.max.request.bytes']
    const maxBytes = queuedBytes < 0 ? Number.POSITIVE_INFINITY : queuedBytes
    this.memory = new RequestMemory(buffers, ports.clock, maxBytes)
    this.limits = new ConnectionLimits(() => connectionLimits(this.#settings()))
  }

  /** By name; the ports are the real ones. */
  get addresses(): ReadonlyMap<string, Address> {
    return new Map(this.#bound.map(({ config, listener }) => [config.name, listener.address]))
  }

  /** By name. */
  get connections(): readonly (readonly [listener: string, count: number])[] {
    return this.#bound.map(({ config, pipeline }) => [config.name, pipeline?.connections ?? 0])
  }

  /** Takes all of them; the error is a sentence for the operator. */
  bind(done: (error: string | undefined) => void): void {
    const left = [...this.#config.listeners]
    const next = (): void => {
      const config = left.shift()
      if (config === undefined) return done(undefined)
      this.#bind(config, (error) => (error === undefined ? next() : done(error)))
    }
    next()
  }

  /** Nothing is asked or answered yet but this. */
  serveFounding(services: FoundingServices): void {
    for (const bound of this.#bound) {
      if (!servesControllers(bound.config)) continue
      bound.founding = this.#pipeline(bound, [describeFounding], services)
      bound.founding.serve()
    }
  }

  /** What controllers and brokers ask of a controller is served from now on. */
  serveControllers(services: Services): void {
    this.#settings = () => services.broker?.settings ?? this.#config.settings
    for (const bound of this.#bound) {
      bound.pipeline = this.#pipeline(bound, HANDLERS, services)
      if (bound.config.serves === 'controller') bound.pipeline.serve()
      else if (bound.config.both) bound.pipeline.serveControllers()
    }
  }

  serve(): void {
    for (const { pipeline } of this.#bound) pipeline?.serve()
  }

  close(): void {
    this.#closed = true
    for (const { listener, founding, pipeline } of this.#bound) {
      listener.close()
      founding?.close()
      pipeline?.close()
    }
  }

  /** What others are told of the listeners of a role: without an advertised address, the name of this machine. */
  endpoints(serves: ListenerConfig['serves']): (Address & { readonly name: string })[] {
    // A port that is another one after each start cannot be told to anybody for long, and nobody has asked for it.
    const isTold = ({ both, port }: ListenerConfig): boolean => both && (port !== 0 || this.#config.named.length > 0)
    const listeners = this.#bound.filter(({ config }) => config.serves === serves || isTold(config))
    return listeners.map(({ config, listener }) => {
      const { name, host, advertised } = config
      const port = advertised?.port ?? listener.address.port
      return { name, host: advertised?.host ?? (host === '' ? this.#ports.host.hostname : host), port }
    })
  }

  /** What `advertised.listeners` says, by name. */
  get advertised(): ReadonlyMap<string, Address> {
    return new Map(
      this.#config.listeners.flatMap(({ name, advertised }) => (advertised ? [[name, advertised] as const] : [])),
    )
  }

  #bind(config: ListenerConfig, done: (error: string | undefined) => void): void {
    const { name, host, port, advertised } = config
    const backlog = this.#config.settings['socket.listen.backlog.size']
    this.#ports.network.listen(
      { host, port, backlog },
      {
        listening: (listener) => {
          if (this.#closed) return listener.close()
          this.#bound.push({ config, listener, founding: undefined, pipeline: undefined })
          done(undefined)
        },
        failed: (error) => done(`cannot listen on ${host === '' ? '*' : host}:${port} (${name}): ${error.message}`),
        connection: (connection) => {
          if (advertised === undefined) this.#warnOfBridge(name, connection)
          const bound = this.#bound.find((each) => each.config === config)
          const pipeline = bound?.pipeline ?? bound?.founding
          if (pipeline !== undefined) return pipeline.accept(connection)
          // Nobody has been served here yet.
          connection.destroy()
          return NOBODY
        },
      },
    )
  }

  #pipeline<Needed>({ config }: Bound, handlers: readonly Handler<Needed>[], services: Needed): Pipeline<Needed> {
    const { name, serves, both } = config
    const { settings } = this.#config
    return new Pipeline(this.#ports, {
      handlers,
      services,
      stages: OPEN_STAGES,
      listener: { name, serves, both },
      maxFrameBytes: settings['socket.request.max.bytes'],
      memory: this.memory,
      limits: this.limits,
      maxIdleMs: settings['connections.max.idle.ms'],
      requests: this.requests,
    })
  }

  #warnOfBridge(listener: string, { local, remote }: Connection): void {
    if (this.#warnedOfBridge.has(listener) || !cameOverBridge(local.host, remote.host)) return
    this.#warnedOfBridge.add(listener)
    this.#ports.logger.warn(
      { listener, told: `${local.host}:${local.port}`, client: remote.host },
      'clients are told an address of a container bridge, which may not lead back here: set advertised.listeners',
    )
  }
}

export function servesControllers({ serves, both }: ListenerConfig): boolean {
  return serves === 'controller' || both
}
