/**
 * BrokerLifecycle: how a broker becomes part of the cluster and stays it.
 *
 *   starting ──registers──▶ registered ──knows its registration──▶ caught up ──heartbeat──▶ usable
 *
 * Heartbeats go on as long as it runs, and one goes at once where the controller is another or its connection was lost. Told that its registration is
 * not the current one, it registers again. Before it stops it has its leaderships moved (controlled shutdown). When it comes back it says of which
 * registration nothing is missing, if that is so (KIP-966).
 */
import { randomUuid, type Uuid } from '../base/uuid.js'
import type { NodeSettings } from '../config/node-settings.js'
import type { Timer } from '../io/clock.js'
import type { Address } from '../io/network.js'
import type { Ports } from '../io/ports.js'
import type { Release } from '../metadata/release.js'
import { ErrorCode, errorByCode } from '../protocol/errors.js'
import type { DirectoryIdentity } from '../storage/log-directory.js'
import type { ControllerChannel } from './controller/controller-channel.js'
import { brokerAsker } from './controller/envelope.js'

const REGISTER_TIMEOUT_MS = 10_000
const RETRY_MS = 200
/** How often a refusal that goes on is said. */
const SAY_EVERY_MS = 5000
/** While the broker is not usable yet it does not wait a whole interval to say that it could be. */
const STARTING_HEARTBEAT_MS = 20
/** So long a broker that stops waits for others to take over what it leads. */
const SHUT_DOWN_LIMIT_MS = 3000

export interface LifecycleOptions {
  readonly identity: DirectoryIdentity
  /** Ids of the directories that can be used now. */
  readonly logDirs: () => Uuid[]
  readonly settings: NodeSettings
  /** What this node can work with. */
  readonly release: Release
  /** What clients and brokers connect to, by listener. */
  readonly endpoints: readonly (Address & { readonly name: string })[]
  /** The offset up to which this broker has applied the metadata; -1: nothing yet. */
  readonly appliedOffset: () => number
  /** Of the registration of which nothing is missing, as the last stop was; -1: something may be. */
  readonly previousBrokerEpoch: number
  /** It has this epoch now. */
  readonly onRegistered: (brokerEpoch: number) => void
  /** Called once: the broker may be used. */
  readonly onUsable: () => void
}

export class BrokerLifecycle {
  readonly #ports: Ports
  readonly #channel: ControllerChannel
  readonly #options: LifecycleOptions
  readonly incarnationId: Uuid
  #brokerEpoch = -1
  #usable = false
  #timer: Timer | undefined
  #stopped = false
  /** Registrations that were asked for: only the answers to the latest, and to heartbeats since, count. */
  #attempt = 0
  #refused = { errorCode: 0, saidMs: 0 }
  /** A request is on its way. */
  #asking = false
  /** To be called when it may stop; undefined: it is not to. */
  #leave: (() => void) | undefined

  constructor(ports: Ports, channel: ControllerChannel, options: LifecycleOptions) {
    this.#ports = ports
    this.#channel = channel
    this.#options = options
    this.incarnationId = randomUuid(ports.random)
    channel.whenLost = () => this.#beHeard()
  }

  /** -1: not registered yet. */
  get brokerEpoch(): number {
    return this.#brokerEpoch
  }

  start(): void {
    const { identity, logDirs, settings, endpoints, release, previousBrokerEpoch } = this.#options
    const request = {
      brokerId: identity.nodeId,
      clusterId: identity.clusterId,
      incarnationId: this.incarnationId,
      listeners: endpoints.map(({ name, host, port }) => ({ name, host, port, securityProtocol: 0 })),
      features: release.features.map(({ name, minLevel, maxLevel }) => ({
        name,
        minSupportedVersion: minLevel,
        maxSupportedVersion: maxLevel,
      })),
      rack: settings['broker.rack'] === '' ? null : settings['broker.rack'],
      isMigratingZkBroker: false,
      logDirs: logDirs(),
      previousBrokerEpoch,
    }
    const attempt = ++this.#attempt
    this.#asking = true
    const asker = brokerAsker(identity.nodeId)
    this.#channel.send('BrokerRegistration', request, asker, REGISTER_TIMEOUT_MS, (answer) => {
      if (this.#stopped || attempt !== this.#attempt) return
      this.#asking = false
      const { errorCode = ErrorCode.NOT_CONTROLLER, brokerEpoch = -1 } = answer?.reply ?? {}
      if (errorCode !== ErrorCode.NONE) {
        this.#sayRefused(errorCode)
        return this.#again(RETRY_MS, () => this.start())
      }
      if (brokerEpoch !== this.#brokerEpoch) this.#options.onRegistered(brokerEpoch)
      this.#brokerEpoch = brokerEpoch
      this.#ports.logger.info({ brokerEpoch, incarnationId: this.incarnationId }, 'registered')
      this.#heartbeat()
    })
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** The same is said again after a while only. */
  #sayRefused(errorCode: number): void {
    const { clock, logger } = this.#ports
    const nowMs = clock.monotonicMs()
    if (errorCode === this.#refused.errorCode && nowMs < this.#refused.saidMs + SAY_EVERY_MS) return
    this.#refused = { errorCode, saidMs: nowMs }
    const { name, sentence } = errorByCode(errorCode)
    logger.warn({ error: name, sentence }, 'registration refused')
  }

  /** What can be used has changed. */
  registerAgain(): void {
    if (this.#brokerEpoch !== -1) this.start()
  }

  /** Has the controller move what this broker leads; calls back when it may stop, or has waited long enough. */
  shutDown(done: () => void): void {
    if (this.#brokerEpoch === -1 || this.#stopped) return done()
    const limit = this.#ports.clock.timer(SHUT_DOWN_LIMIT_MS, () => {
      this.#ports.logger.warn({ waitedMs: SHUT_DOWN_LIMIT_MS }, 'stops without having been let go by a controller')
      this.#leave?.()
    })
    this.#leave = () => {
      this.#leave = undefined
      limit.cancel()
      this.stop()
      done()
    }
    this.#beHeard()
  }

  /** Does not wait for the next heartbeat to be due. */
  #beHeard(): void {
    if (this.#brokerEpoch === -1 || this.#asking || this.#stopped) return
    this.#timer?.cancel()
    this.#heartbeat()
  }

  #heartbeat(): void {
    const { identity, settings, appliedOffset } = this.#options
    const intervalMs = settings['broker.heartbeat.interval.ms']
    const request = {
      brokerId: identity.nodeId,
      brokerEpoch: this.#brokerEpoch,
      currentMetadataOffset: appliedOffset(),
      wantFence: false,
      wantShutDown: this.#leave !== undefined,
      offlineLogDirs: [],
      cordonedLogDirs: null,
    }
    const attempt = this.#attempt
    this.#asking = true
    this.#channel.send('BrokerHeartbeat', request, brokerAsker(identity.nodeId), intervalMs, (answer) => {
      if (this.#stopped || attempt !== this.#attempt) return
      this.#asking = false
      const { errorCode = ErrorCode.NOT_CONTROLLER, isFenced = true, shouldShutDown = false } = answer?.reply ?? {}
      const isStale = errorCode === ErrorCode.STALE_BROKER_EPOCH || errorCode === ErrorCode.BROKER_ID_NOT_REGISTERED
      if (this.#leave !== undefined && (shouldShutDown || isStale)) return this.#leave()
      if (isStale) {
        this.#ports.logger.warn(
          { brokerEpoch: this.#brokerEpoch },
          'registration is not the current one: registers again',
        )
        return this.start()
      }
      if (errorCode === ErrorCode.NONE && !isFenced && !this.#usable) {
        this.#usable = true
        this.#options.onUsable()
      }
      const isSettled = this.#usable && this.#leave === undefined
      this.#again(isSettled ? intervalMs : STARTING_HEARTBEAT_MS, () => this.#heartbeat())
    })
  }

  #again(delayMs: number, action: () => void): void {
    this.#timer?.cancel()
    this.#timer = this.#ports.clock.timer(delayMs, () => {
      if (!this.#stopped) action()
    })
  }
}
