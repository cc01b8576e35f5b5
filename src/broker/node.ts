/**
 * Node: one process of lograft, made of its configuration and its ports, and of nothing else: the same class in production and in the
 * simulator.
 *
 * It starts in this order, and stops in the opposite one:
 *
 *   directory   locked, known, marked as in use
 *   listeners   bound, so that the ports are known; nothing is read from connections yet
 *   quorum      its log read, its election begun
 *   controller  on every node with that role, active where the quorum is led
 *   broker      registers, applies the metadata, opens its logs, is unfenced
 *   serving     connections are read
 */
import { FlightRecorder } from '../base/flight-recorder.js'
import { type ListenerConfig, meantSetting, type NodeConfig } from '../config/node-config.js'
import { resolveTopicSettings } from '../config/topic-settings.js'
import type { Timer } from '../io/clock.js'
import type { LoggerName } from '../io/logger.js'
import type { Address, Connection, Listener } from '../io/network.js'
import type { Ports } from '../io/ports.js'
import { LogDirectories } from '../storage/log-directories.js'
import type { LogDirectory } from '../storage/log-directory.js'
import { HANDLERS } from './apis/index.js'
import { imageOf, type Services } from './apis/services.js'
import { cameOverBridge } from './bridge-address.js'
import { Broker } from './broker.js'
import { Controller } from './controller.js'
import { ControllerChannel, type LeaderSource } from './controller-channel.js'
import { logOptions } from './log-options.js'
import { MetricsEndpoint } from './metrics/metrics-endpoint.js'
import type { MetricsSources } from './metrics/node-metrics.js'
import { RequestMetrics } from './metrics/request-metrics.js'
import { Quorum } from './quorum.js'
import { quorumSettings } from './quorum-options.js'
import { ConnectionLimits, connectionLimits } from './server/connection-limits.js'
import { Pipeline } from './server/pipeline.js'
import { RequestMemory } from './server/request-memory.js'
import { OPEN_STAGES } from './server/stages.js'

/** The process must end: the message is a sentence for the operator. */
export class NodeError extends Error {
  override readonly name = 'NodeError'
}

export interface NodeEvents {
  /** It serves. */
  readonly started: () => void
  /** It has ended: after `stop` without an error, or because it could not go on. */
  readonly ended: (error: NodeError | undefined) => void
}

interface Bound {
  readonly config: ListenerConfig
  readonly listener: Listener
  pipeline: Pipeline<Services> | undefined
}

const FLIGHT_RECORDER_FILE = 'flight-recorder.jsonl'
/** A disk that takes longer to take the flight record is part of the trouble. */
const LONGEST_DUMP_MS = 2000

export class Node {
  readonly #config: NodeConfig
  readonly #ports: Ports
  readonly #events: NodeEvents
  readonly #recorder: FlightRecorder
  readonly #listeners: Bound[] = []
  /** Listeners, by name: once is enough. */
  readonly #warnedOfBridge = new Set<string>()
  #directories: LogDirectories | undefined
  #quorum: Quorum | undefined
  #controller: Controller | undefined
  #channel: ControllerChannel | undefined
  #broker: Broker | undefined
  #metrics: MetricsEndpoint | undefined
  #metricsSources: MetricsSources | undefined
  #state: 'new' | 'starting' | 'serving' | 'stopping' | 'ended' = 'new'

  constructor(config: NodeConfig, ports: Ports, events: NodeEvents, recorder = new FlightRecorder()) {
    this.#config = config
    this.#ports = ports
    this.#events = events
    this.#recorder = recorder
  }

  /** Where it listens, by name; the ports are the real ones. */
  get addresses(): ReadonlyMap<string, Address> {
    return new Map(this.#listeners.map(({ config, listener }) => [config.name, listener.address]))
  }

  /** Where `/metrics` and `/healthz` are, if anywhere. */
  get metricsAddress(): Address | undefined {
    return this.#metrics?.address
  }

  get broker(): Broker | undefined {
    return this.#broker
  }

  get quorum(): Quorum | undefined {
    return this.#quorum
  }

  get directories(): LogDirectories | undefined {
    return this.#directories
  }

  /** The one that holds the metadata. */
  get directory(): LogDirectory | undefined {
    return this.#directories?.metadata
  }

  /** The last inputs of every core, as JSON lines. */
  flightRecord(): string {
    return this.#recorder.dump()
  }

  start(): void {
    this.#state = 'starting'
    this.#warnOfSettings()
    const { settings } = this.#config
    const paths = settings['log.dirs']
    const options = {
      paths,
      metadataPath: settings['metadata.log.dir'] === '' ? paths[0]! : settings['metadata.log.dir'],
      nodeId: settings['node.id'],
      reservedBytes: settings['log.dir.reserved.bytes'],
      checkpointIntervalMs: settings['log.flush.offset.checkpoint.interval.ms'],
      deleteDelayMs: settings['log.segment.delete.delay.ms'],
      openFiles: settings['log.open.files.max'],
    }
    const events = {
      lost: (sentence: string) => this.#end(new NodeError(sentence)),
      offline: (path: string) => this.#broker?.directoryIsOffline(path),
      room: () => this.#broker?.openOffline(),
    }
    LogDirectories.open(this.#portsOf('lograft.storage'), options, events, (error, directories) => {
      if (this.#state !== 'starting') {
        directories?.abandon()
        return this.#end(undefined)
      }
      if (directories === undefined) return this.#end(new NodeError(error!.message))
      this.#directories = directories
      const { identity, lastStop, path } = directories.metadata
      this.#ports.logger.info({ clusterId: identity.clusterId, lastStop, path }, 'data directory')
      this.#bind([...this.#config.listeners])
    })
  }

  #warnOfSettings(): void {
    const { logger } = this.#ports
    const { unknownKeys, withoutEffect, withoutProtection } = this.#config
    for (const key of unknownKeys) logger.warn({ key, meant: meantSetting(key) }, 'unknown setting')
    if (withoutEffect.length > 0) logger.warn({ keys: withoutEffect }, 'settings of Kafka that have no effect here')
    if (withoutProtection.length === 0) return
    logger.warn(
      { keys: withoutProtection },
      'there is neither TLS nor SASL nor authorization here: these settings have no effect, and every listener is open',
    )
  }

  /** Leaves everything flushed and written down. */
  stop(): void {
    if (this.#state === 'stopping' || this.#state === 'ended') return
    const running = this.#state === 'serving'
    const openingDirectory = this.#state === 'starting' && this.#directories === undefined
    this.#state = 'stopping'
    // The directory's lock is on its way, and must be given back before this has ended.
    if (openingDirectory) return
    if (running && this.#broker !== undefined) this.#broker.shutDown(() => this.#stopNow(true))
    else this.#stopNow(running)
  }

  #stopNow(running: boolean): void {
    if (this.#state !== 'stopping') return
    for (const { listener, pipeline } of this.#listeners) {
      listener.close()
      pipeline?.close()
    }
    this.#metrics?.close()
    const brokerEpoch = this.#broker?.brokerEpoch ?? -1
    this.#broker?.stop()
    this.#channel?.stop()
    this.#controller?.stop()
    this.#quorum?.stop()
    // What was never taken into use needs no clean stop, and what is half recovered is none.
    if (this.#directories === undefined || !running) return this.#end(undefined)
    this.#directories.closeClean(brokerEpoch, (error) => {
      if (this.#state === 'ended') return
      if (error !== undefined) return this.#end(new NodeError(`the logs could not be closed: ${error.message}`))
      this.#state = 'ended'
      this.#events.ended(undefined)
    })
  }

  /** Something in this process is wrong: does nothing more but leave the flight record behind, and ends as after a crash. */
  crashed(error: unknown): void {
    if (this.#state === 'ended') return
    const cause = new NodeError(`something went wrong that never should: ${(error as Error)?.stack ?? String(error)}`)
    let timer: Timer | undefined
    let told = false
    const end = (): void => {
      timer?.cancel()
      if (told) return
      told = true
      this.#events.ended(cause)
    }
    try {
      const flightRecord = this.flightRecord()
      this.#halt()
      if (this.directory === undefined) return end()
      const file = this.#ports.disk.open(`${this.directory.path}/${FLIGHT_RECORDER_FILE}`, { create: true })
      timer = this.#ports.clock.timer(LONGEST_DUMP_MS, end)
      file.truncate(0)
      file.append([Buffer.from(flightRecord)], () => {
        file.close()
        end()
      })
    } catch {
      // The error itself is what matters.
      this.#state = 'ended'
      end()
    }
  }

  #end(error: NodeError | undefined): void {
    if (this.#state === 'ended') return
    this.#halt()
    this.#events.ended(error)
  }

  /** Lets go of everything, as it is. */
  #halt(): void {
    this.#state = 'ended'
    for (const { listener, pipeline } of this.#listeners) {
      listener.close()
      pipeline?.close()
    }
    this.#metrics?.close()
    this.#broker?.stop()
    this.#channel?.stop()
    this.#controller?.stop()
    this.#quorum?.stop()
    this.#directories?.abandon()
  }

  #bind(left: ListenerConfig[]): void {
    const config = left.shift()
    if (config === undefined) return this.#bindMetrics()
    const { name, host, port, advertised } = config
    const backlog = this.#config.settings['socket.listen.backlog.size']
    this.#ports.network.listen(
      { host, port, backlog },
      {
        listening: (listener) => {
          if (this.#state !== 'starting') return listener.close()
          this.#listeners.push({ config, listener, pipeline: undefined })
          this.#bind(left)
        },
        failed: (error) =>
          this.#end(
            new NodeError(`cannot listen on ${host === '' ? '*' : host}:${port} (${config.name}): ${error.message}`),
          ),
        connection: (connection) => {
          if (advertised === undefined) this.#warnOfBridge(name, connection)
          const bound = this.#listeners.find((each) => each.config === config)
          if (bound?.pipeline !== undefined) return bound.pipeline.accept(connection)
          // Nobody can have learned of the port yet from this node.
          connection.destroy()
          return { data() {}, drained() {}, closed() {} }
        },
      },
    )
  }

  /** The ports of a part of the node, whose lines go by the level of its own logger. */
  #portsOf(logger: LoggerName): Ports {
    return { ...this.#ports, logger: this.#ports.logger.named(logger) }
  }

  #warnOfBridge(listener: string, { local, remote }: Connection): void {
    if (this.#warnedOfBridge.has(listener) || !cameOverBridge(local.host, remote.host)) return
    this.#warnedOfBridge.add(listener)
    this.#portsOf('lograft.network').logger.warn(
      { listener, told: `${local.host}:${local.port}`, client: remote.host },
      'clients are told an address of a container bridge, which may not lead back here: set advertised.listeners',
    )
  }

  #bindMetrics(): void {
    const address = this.#config.settings['metrics.listener'].at
    if (address === undefined) return this.#openQuorum()
    const options = { address, state: () => this.#state, sources: () => this.#metricsSources }
    this.#metrics = new MetricsEndpoint(this.#ports, options, (error) => {
      if (this.#state !== 'starting') return
      if (error === undefined) return this.#openQuorum()
      const { host, port } = address
      this.#end(
        new NodeError(`cannot listen on ${host === '' ? '*' : host}:${port} (metrics.listener): ${error.message}`),
      )
    })
  }

  #openQuorum(): void {
    const { settings } = this.#config
    const directories = this.#directories!
    const options = {
      directories,
      log: { ...logOptions(resolveTopicSettings(settings, new Map())), flushPolicy: 'commit' as const },
      endpoints: this.#endpoints('controller'),
      recorder: this.#recorder,
      settings: quorumSettings(settings),
      lost: (sentence: string) => this.#end(new NodeError(sentence)),
    }
    Quorum.open(this.#portsOf('lograft.quorum'), options, (error, quorum) => {
      if (this.#state !== 'starting') return quorum?.stop()
      if (quorum === undefined) return this.#end(new NodeError(`the metadata log cannot be used: ${error!.message}`))
      this.#quorum = quorum
      this.#run(directories, quorum)
    })
  }

  #run(directories: LogDirectories, quorum: Quorum): void {
    const { settings } = this.#config
    const { clusterId, nodeId } = directories.metadata.identity
    const { random, clock } = this.#ports
    const controller = new Controller(
      this.#portsOf('lograft.controller'),
      { clusterId, settings, random },
      quorum,
      this.#recorder,
      (sentence) => this.#end(new NodeError(sentence)),
    )
    this.#controller = controller
    const channel = new ControllerChannel(this.#ports, { nodeId, controller, leaders: leadersOf(quorum) })
    this.#channel = channel
    if (settings['process.roles'].has('broker')) {
      this.#broker = new Broker(this.#portsOf('lograft.broker'), {
        settings,
        directories,
        channel,
        quorum,
        recorder: this.#recorder,
        endpoints: this.#endpoints('broker'),
        onUsable: () => this.#serve(),
      })
    } else quorum.observe({ leads() {}, resigned() {}, committed: () => this.#serve() })
    this.#makePipelines({
      nodeId,
      clusterId,
      clock,
      random,
      advertised: this.#advertised(),
      started: this.#config.given,
      logLevels: this.#ports.logger.levels,
      broker: this.#broker,
      controller,
      channel,
      quorum,
    })
    quorum.start()
    this.#broker?.start()
  }

  #makePipelines(services: Services): void {
    const { settings } = this.#config
    const queuedBytes = settings['queued.max.request.bytes']
    const memory = new RequestMemory(
      this.#directories!.resources.buffers,
      this.#ports.clock,
      queuedBytes < 0 ? Number.POSITIVE_INFINITY : queuedBytes,
    )
    const limits = new ConnectionLimits(() => connectionLimits(services.broker?.settings ?? settings))
    const requests = new RequestMetrics()
    this.#metricsSources = {
      nodeId: services.nodeId,
      broker: services.broker,
      image: () => imageOf(services),
      isActiveController: () => this.#controller!.active,
      requests,
      flushes: this.#directories!.resources.flushTimes.histogram,
      limits,
      memory,
      connections: () => this.#listeners.map(({ config, pipeline }) => [config.name, pipeline?.connections ?? 0]),
    }
    for (const bound of this.#listeners) {
      bound.pipeline = new Pipeline(this.#portsOf('lograft.network'), {
        handlers: HANDLERS,
        services,
        stages: OPEN_STAGES,
        listener: { name: bound.config.name, serves: bound.config.serves },
        maxFrameBytes: settings['socket.request.max.bytes'],
        memory,
        limits,
        maxIdleMs: settings['connections.max.idle.ms'],
        requests,
      })
    }
  }

  #serve(): void {
    if (this.#state !== 'starting') return
    this.#state = 'serving'
    for (const { pipeline } of this.#listeners) pipeline?.serve()
    this.#events.started()
  }

  /** What others are told of the listeners of a role: without an advertised address, the name of this machine. */
  #endpoints(serves: ListenerConfig['serves']): (Address & { readonly name: string })[] {
    const listeners = this.#listeners.filter(({ config }) => config.serves === serves)
    return listeners.map(({ config, listener }) => {
      const { name, host, advertised } = config
      const port = advertised?.port ?? listener.address.port
      return { name, host: advertised?.host ?? (host === '' ? this.#ports.host.hostname : host), port }
    })
  }

  #advertised(): ReadonlyMap<string, Address> {
    return new Map(
      this.#config.listeners.flatMap(({ name, advertised }) => (advertised ? [[name, advertised] as const] : [])),
    )
  }
}

/** Where the active controller is: an address that its voter has told. */
function leadersOf(quorum: Quorum): LeaderSource {
  return {
    leader: () => {
      const { leaderId, leaderEpoch, endpoints } = quorum.describe()
      return { nodeId: leaderId, epoch: leaderEpoch, address: endpoints.get(leaderId)?.[0] }
    },
  }
}
