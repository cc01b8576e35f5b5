/**
 * Controller: the shell around ControllerCore, on every node that may lead the quorum; active on the one that does. It has decisions
 * appended, and lets a reply go when everything it was made from is committed. It also knows over which connection each broker speaks: where one
 * ends, the broker's listener is probed.
 */
import { assert } from '../../base/assert.js'
import type { Decision } from '../../base/decision.js'
import type { FlightRecorder, FlightTrack } from '../../base/flight-recorder.js'
import {
  ANSWERED_AT_ONCE,
  COME_BACK_MS,
  type ControllerApi,
  ControllerCore,
  type ControllerOptions,
  type ControllerReply,
  type ControllerRequest,
} from '../../controller/controller-core.js'
import type { Timer } from '../../io/clock.js'
import type { Address, Connection } from '../../io/network.js'
import type { Ports } from '../../io/ports.js'
import type { MetadataImage } from '../../metadata/image.js'
import type { MetadataRecord } from '../../metadata/records.js'
import type { Quorum, QuorumObserver } from '../quorum/quorum.js'
import { recordedRandom } from '../recorded-random.js'
import { tellOfElections } from './elections-told.js'

/**
 * The answer, and the end (exclusive) of the log that it was made from; or `not-controller`: this node is not the active controller, and nothing was
 * done; or `unknown`: it lost the lead before it knew whether what was decided counts.
 */
export type ControllerDone<Api extends ControllerApi> = (
  answer: { readonly reply: ControllerReply<Api>; readonly endOffset: number } | 'not-controller' | 'unknown',
) => void

interface Waiting {
  readonly endOffset: number
  readonly go: () => void
  readonly abandon: () => void
}

/** Over what a broker speaks. */
export interface BrokerSession {
  readonly brokerId: number
  readonly brokerEpoch: number
  /** The same object for all requests of a connection. */
  readonly connection: object
  /** Calls back when that connection ends. */
  whenClosed(action: () => void): void
}

/** Requests that wait for the commit; past it the node says that it is not the controller, and clients try again. */
const MAX_WAITING = 10_000

export class Controller implements QuorumObserver {
  readonly #ports: Ports
  readonly #options: ControllerOptions
  readonly #quorum: Quorum
  readonly #track: FlightTrack
  #core: ControllerCore | undefined
  #waiting: Waiting[] = []
  #timer: Timer | undefined
  #firstLook: Timer | undefined
  /** By broker: the connection over which it was heard last. */
  readonly #sessions = new Map<number, BrokerSession>()
  /** The brokers that a connection was used by, most often one. */
  readonly #attended = new WeakMap<object, Set<number>>()
  readonly #probes = new Set<Connection>()

  constructor(ports: Ports, options: ControllerOptions, quorum: Quorum, recorder: FlightRecorder) {
    this.#ports = ports
    this.#quorum = quorum
    this.#track = recorder.track('controller', 'controller', () => this.#core?.capture())
    this.#options = { ...options, random: recordedRandom(options.random, this.#track) }
    quorum.observe(this)
  }

  get active(): boolean {
    return this.#core !== undefined
  }

  handle<Api extends ControllerApi>(
    api: Api,
    request: ControllerRequest<Api>,
    principal: string,
    done: ControllerDone<Api>,
  ): void {
    const core = this.#core
    if (core === undefined || this.#waiting.length >= MAX_WAITING) return done('not-controller')
    const nowMs = this.#ports.clock.monotonicMs()
    const nextOffset = this.#quorum.endOffset
    if (api === 'BrokerHeartbeat') {
      const { brokerId, brokerEpoch } = request as ControllerRequest<'BrokerHeartbeat'>
      this.#track('heard', brokerId, brokerEpoch, nowMs)
      core.heard(brokerId, brokerEpoch, nowMs)
    }
    this.#track('decide', api, request, { nowMs, nextOffset, principal })
    const decision = core.decide(api, request, { nowMs, nextOffset, principal })
    const reply = decision.replies[0]
    assert(reply !== undefined, () => `no reply to ${api}`)
    if (!this.#append(core, decision) || !this.#isCurrent(core, api, decision)) return done('not-controller')
    if (api === 'BrokerRegistration') {
      const { brokerId } = request as ControllerRequest<'BrokerRegistration'>
      const { brokerEpoch = -1 } = reply as ControllerReply<'BrokerRegistration'>
      this.#track('heard', brokerId, brokerEpoch, nowMs)
      core.heard(brokerId, brokerEpoch, nowMs)
    }
    const endOffset = this.#quorum.endOffset
    const loss = decision.records.length === 0 ? 'not-controller' : 'unknown'
    this.#whenCommitted({ endOffset, go: () => done({ reply, endOffset }), abandon: () => done(loss) })
    this.#schedule()
  }

  /** This incarnation of a broker was heard over this connection. */
  attend(session: BrokerSession): void {
    const { brokerId, connection } = session
    if (this.#core === undefined || this.#core.image.brokers.get(brokerId)?.brokerEpoch !== session.brokerEpoch) return
    this.#sessions.set(brokerId, session)
    const attended = this.#attended.get(connection) ?? new Set<number>()
    this.#attended.set(connection, attended)
    if (attended.has(brokerId)) return
    attended.add(brokerId)
    session.whenClosed(() => {
      const latest = this.#sessions.get(brokerId)
      if (latest?.connection !== connection) return
      this.#sessions.delete(brokerId)
      this.#sessionClosed(latest)
    })
  }

  leads(epoch: number, image: MetadataImage): void {
    const nowMs = this.#ports.clock.monotonicMs()
    const { clusterId, settings, release } = this.#options
    this.#track('leads', { clusterId, settings, release }, image, nowMs)
    const core = new ControllerCore(this.#options, image, nowMs)
    this.#core = core
    this.#ports.logger.info({ epoch, offset: image.offset }, 'active controller')
    this.#track('begin')
    this.#append(core, core.begin())
    this.#schedule()
    this.#firstLook = this.#ports.clock.timer(COME_BACK_MS, () => this.#lookForSilent(core, nowMs))
  }

  resigned(): void {
    this.#track('resigned')
    this.#core = undefined
    this.#timer?.cancel()
    this.#firstLook?.cancel()
    this.#sessions.clear()
    for (const probe of this.#probes) probe.destroy()
    for (const { abandon } of this.#waiting.splice(0)) abandon()
  }

  committed(): void {
    const { highWatermark } = this.#quorum
    while (this.#waiting.length > 0 && this.#waiting[0]!.endOffset <= highWatermark) this.#waiting.shift()!.go()
  }

  stop(): void {
    this.resigned()
  }

  /** A hint, not a death: the broker is fenced if nobody listens where it did, or it does not come back. */
  #sessionClosed({ brokerId, brokerEpoch }: BrokerSession): void {
    const core = this.#core
    if (core === undefined) return
    const nowMs = this.#ports.clock.monotonicMs()
    this.#track('sessionClosed', brokerId, brokerEpoch, nowMs)
    const endpoint = core.sessionClosed(brokerId, brokerEpoch, nowMs)
    this.#schedule()
    if (endpoint !== undefined) this.#probe(core, { brokerId, brokerEpoch }, endpoint)
  }

  /** Brokers turn to a new controller at once: who did not may have died with the one before, and its listener is looked for. */
  #lookForSilent(core: ControllerCore, sinceMs: number): void {
    for (const { brokerId, brokerEpoch, endpoints } of core.silentSince(sinceMs)) {
      const [endpoint] = endpoints
      if (brokerId === this.#options.settings['node.id'] || endpoint === undefined) continue
      this.#probe(core, { brokerId, brokerEpoch }, endpoint)
    }
  }

  #probe(
    core: ControllerCore,
    { brokerId, brokerEpoch }: Pick<BrokerSession, 'brokerId' | 'brokerEpoch'>,
    at: Address,
  ): void {
    const sinceMs = this.#ports.clock.monotonicMs()
    const probe = this.#ports.network.connect(at, {
      data() {},
      drained() {},
      closed: (error) => {
        patience.cancel()
        this.#probes.delete(probe)
        if (this.#core !== core || error?.code !== 'ECONNREFUSED') return
        const nowMs = this.#ports.clock.monotonicMs()
        this.#track('refused', brokerId, brokerEpoch, sinceMs, nowMs)
        this.#append(core, core.refused(brokerId, brokerEpoch, sinceMs, nowMs))
        this.#schedule()
      },
    })
    const patience = this.#ports.clock.timer(COME_BACK_MS, () => probe.destroy())
    this.#probes.add(probe)
  }

  /** Where somebody is told something to go by without a change, and there may be another leader: the answer waits for a record that changes nothing. */
  #isCurrent(core: ControllerCore, api: ControllerApi, { records }: Decision<MetadataRecord, unknown>): boolean {
    if (records.length > 0 || ANSWERED_AT_ONCE.has(api) || this.#quorum.describe().endpoints.size < 2) return true
    this.#track('barrier')
    return this.#append(core, core.barrier())
  }

  /** False: the lead was lost meanwhile. */
  #append(core: ControllerCore, decision: Decision<MetadataRecord, unknown>): boolean {
    const { records } = decision
    if (records.length === 0) return true
    const baseOffset = this.#quorum.propose(records)
    if (baseOffset === undefined) return false
    tellOfElections(this.#ports.logger, core.image, records)
    this.#track('apply', records, baseOffset)
    core.apply(records, baseOffset)
    return true
  }

  #whenCommitted(waiting: Waiting): void {
    this.#waiting.push(waiting)
    this.committed()
  }

  /** Looks at the brokers' sessions when the first of them ends. */
  #schedule(): void {
    this.#timer?.cancel()
    const core = this.#core
    if (core === undefined) return
    const deadlineMs = core.nextDeadlineMs()
    if (deadlineMs === Number.POSITIVE_INFINITY) return
    this.#timer = this.#ports.clock.timer(deadlineMs - this.#ports.clock.monotonicMs(), (lateMs) => {
      if (this.#core !== core) return
      this.#track('stalled', lateMs)
      core.stalled(lateMs)
      const nowMs = this.#ports.clock.monotonicMs()
      this.#track('expire', nowMs)
      this.#append(core, core.expire(nowMs))
      this.#schedule()
    })
  }
}
