/**
 * Node: one process of lograft, made of its configuration and its ports, and of nothing else: the same class in production and in the
 * simulator.
 *
 * It starts in this order, and stops in the opposite one:
 *
 *   directory   locked, known, marked as in use
 *   listeners   bound, so that the ports are known; whether it belongs to a cluster is answered, and nothing else
 *   founding    it belongs to a cluster
 *   quorum      its log read, its election begun; what controllers ask is answered
 *   controller  on every node with that role, active where the quorum is led
 *   broker      registers, applies the metadata, opens its logs, is unfenced
 *   serving     clients are served
 */
import { FlightRecorder } from '../base/flight-recorder.js'
import { meantSetting, type NodeConfig } from '../config/node-config.js'
import { resolveTopicSettings } from '../config/topic-settings.js'
import type { Timer } from '../io/clock.js'
import type { LoggerName } from '../io/logger.js'
import type { Address } from '../io/network.js'
import type { Ports } from '../io/ports.js'
import { type Release, THIS_RELEASE } from '../metadata/release.js'
import { LogDirectories } from '../storage/log-directories.js'
import type { LogDirectory } from '../storage/log-directory.js'
import { imageOf } from './apis/services.js'
import { Broker } from './broker.js'
import { Controller } from './controller/controller.js'
import { ControllerChannel } from './controller/controller-channel.js'
import { Listeners } from './listeners.js'
import { logOptions } from './log-options.js'
import { MetricsEndpoint } from './metrics/metrics-endpoint.js'
import type { MetricsSources } from './metrics/node-metrics.js'
import { Founding } from './quorum/founding.js'
import { Membership } from './quorum/membership.js'
import { quorumSettings } from './quorum/options.js'
import { Quorum } from './quorum/quorum.js'

/** The process must end: the message is a sentence for the operator. */
export class NodeError extends Error {
  override readonly name = 'NodeError'
}

export interface NodeEvents {
  /** It serves. */
  readonly started: () => void
  /** It runs, and the controllers that it needs are not there yet. Called once, when that has taken a while. */
  readonly waits?: () => void
  /** It has ended: after `stop` without an error, or because it could not go on. */
  readonly ended: (error: NodeError | undefined) => void
}

/** What there is when the node belongs to a cluster. */
interface Founded {
  readonly directories: LogDirectories
  readonly listeners: Listeners
  readonly founding: Founding
  readonly quorum: Quorum
}

/** From then on it is said that the node waits for others. */
const PATIENCE_MS = 3000
const FLIGHT_RECORDER_FILE = 'flight-recorder.jsonl'
/** A disk that takes longer to take the flight record is part of the trouble. */
const LONGEST_DUMP_MS = 2000

export class Node {
  readonly #config: NodeConfig
  readonly #ports: Ports
  readonly #events: NodeEvents
  readonly #recorder: FlightRecorder
  /** Another one only in tests of clusters with nodes of several. */
  readonly #release: Release
  #directories: LogDirectories | undefined
  #listeners: Listeners | undefined
  #founding: Founding | undefined
  #quorum: Quorum | undefined
  #patience: Timer | undefined
  #membership: Membership | undefined
  #controller: Controller | undefined
  #channel: ControllerChannel | undefined
  #broker: Broker | undefined
  #metrics: MetricsEndpoint | undefined
  #metricsSources: MetricsSources | undefined
  #state: 'new' | 'starting' | 'serving' | 'stopping' | 'ended' = 'new'

  constructor(
    config: NodeConfig,
    ports: Ports,
    events: NodeEvents,
    recorder = new FlightRecorder(),
    release = THIS_RELEASE,
  ) {
    this.#config = config
    this.#ports = ports
    this.#events = events
    this.#recorder = recorder
    this.#release = release
  }

  /** Where it listens, by name; the ports are the real ones. */
  get addresses(): ReadonlyMap<string, Address> {
    return this.#listeners?.addresses ?? new Map()
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
      joins: this.#config.named.length > 0,
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
      const { clusterId, lastStop, path } = directories.metadata
      this.#ports.logger.info({ clusterId, lastStop, path }, 'data directory')
      this.#bind(directories)
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
    this.#listeners?.close()
    this.#founding?.stop()
    this.#patience?.cancel()
    this.#membership?.stop()
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
    this.#listeners?.close()
    this.#founding?.stop()
    this.#patience?.cancel()
    this.#membership?.stop()
    this.#metrics?.close()
    this.#broker?.stop()
    this.#channel?.stop()
    this.#controller?.stop()
    this.#quorum?.stop()
    this.#directories?.abandon()
  }

  #bind(directories: LogDirectories): void {
    const listeners = new Listeners(this.#portsOf('lograft.network'), this.#config, directories.resources)
    this.#listeners = listeners
    listeners.bind((error) => {
      if (this.#state !== 'starting') return
      if (error !== undefined) return this.#end(new NodeError(error))
      this.#bindMetrics(() => this.#found(directories, listeners))
    })
  }

  /** The ports of a part of the node, whose lines go by the level of its own logger. */
  #portsOf(logger: LoggerName): Ports {
    return { ...this.#ports, logger: this.#ports.logger.named(logger) }
  }

  #bindMetrics(done: () => void): void {
    const address = this.#config.settings['metrics.listener'].at
    if (address === undefined) return done()
    const options = { address, state: () => this.#state, sources: () => this.#metricsSources }
    this.#metrics = new MetricsEndpoint(this.#ports, options, (error) => {
      if (this.#state !== 'starting') return
      if (error === undefined) return done()
      const { host, port } = address
      this.#end(
        new NodeError(`cannot listen on ${host === '' ? '*' : host}:${port} (metrics.listener): ${error.message}`),
      )
    })
  }

  #found(directories: LogDirectories, listeners: Listeners): void {
    const { named, settings } = this.#config
    const founding = new Founding(this.#portsOf('lograft.quorum'), {
      directories,
      named,
      isController: settings['process.roles'].has('controller'),
      endpoints: listeners.endpoints('controller'),
      leader: () => this.#quorum?.describe() ?? { leaderId: -1, leaderEpoch: -1 },
    })
    this.#founding = founding
    if (named.length > 0) {
      this.#patience = this.#ports.clock.timer(PATIENCE_MS, () => {
        if (this.#state === 'starting') this.#events.waits?.()
      })
    }
    listeners.serveFounding({ founding })
    founding.begin((error) => {
      if (this.#state !== 'starting') return
      if (error !== undefined) return this.#end(new NodeError(error))
      this.#openQuorum(directories, listeners, founding)
    })
  }

  #openQuorum(directories: LogDirectories, listeners: Listeners, founding: Founding): void {
    const { named, settings } = this.#config
    const options = {
      directories,
      named: named.map(({ id: nodeId, host, port }) => ({ nodeId, host, port })),
      log: { ...logOptions(resolveTopicSettings(settings, new Map())), flushPolicy: 'commit' as const },
      endpoints: listeners.endpoints('controller'),
      recorder: this.#recorder,
      release: this.#release,
      settings: quorumSettings(settings),
      lost: (sentence: string) => this.#end(new NodeError(sentence)),
    }
    Quorum.open(this.#portsOf('lograft.quorum'), options, (error, quorum) => {
      if (this.#state !== 'starting') return quorum?.stop()
      if (quorum === undefined) return this.#end(new NodeError(`the metadata log cannot be used: ${error!.message}`))
      this.#quorum = quorum
      this.#run({ directories, listeners, founding, quorum })
    })
  }

  #run({ directories, listeners, founding, quorum }: Founded): void {
    const { named, settings } = this.#config
    const { clusterId, nodeId } = directories.metadata.identity
    const { random, clock } = this.#ports
    const release = this.#release
    const roles = settings['process.roles']
    const controller = roles.has('controller')
      ? new Controller(
          this.#portsOf('lograft.controller'),
          { clusterId, settings, release, random },
          quorum,
          this.#recorder,
        )
      : undefined
    this.#controller = controller
    const channel = new ControllerChannel(this.#ports, { nodeId, controller, leaders: quorum })
    this.#channel = channel
    if (roles.has('broker')) {
      this.#broker = new Broker(this.#portsOf('lograft.broker'), {
        settings,
        release,
        directories,
        channel,
        quorum,
        recorder: this.#recorder,
        endpoints: listeners.endpoints('broker'),
        onUsable: () => this.#serve(),
      })
    } else quorum.observe({ leads() {}, resigned() {}, committed: () => this.#serve() })
    const services = {
      nodeId,
      clusterId,
      release,
      clock,
      random,
      advertised: listeners.advertised,
      started: this.#config.given,
      namesOthers: named.length > 0,
      logLevels: this.#ports.logger.levels,
      broker: this.#broker,
      controller,
      channel,
      quorum,
      founding,
    }
    this.#metricsSources = {
      nodeId,
      broker: this.#broker,
      image: () => imageOf(services),
      isActiveController: () => controller?.active === true,
      requests: listeners.requests,
      flushes: directories.resources.flushTimes.histogram,
      limits: listeners.limits,
      memory: listeners.memory,
      connections: () => listeners.connections,
    }
    const membership = new Membership(this.#portsOf('lograft.quorum'), {
      clusterId,
      self: { ...quorum.self, endpoints: listeners.endpoints('controller') },
      named,
      isController: roles.has('controller'),
      joins: named.length > 0 && settings['controller.quorum.auto.join.enable'],
      quorum,
      lost: (sentence) => this.#end(new NodeError(sentence)),
    })
    this.#membership = membership
    listeners.serveControllers(services)
    quorum.start()
    if (named.length > 0 || roles.has('controller')) membership.start()
    this.#broker?.start()
  }

  #serve(): void {
    if (this.#state !== 'starting') return
    this.#state = 'serving'
    this.#listeners!.serve()
    this.#events.started()
  }
}
