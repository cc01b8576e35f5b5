/**
 * Controller: the shell around ControllerCore, on every node that may lead the quorum; active on the one that does. It has decisions
 * appended, and lets a reply go when everything it was made from is committed.
 */
import { assert } from '../base/assert.js'
import type { Decision } from '../base/decision.js'
import type { FlightRecorder, FlightTrack } from '../base/flight-recorder.js'
import {
  type ControllerApi,
  ControllerCore,
  type ControllerOptions,
  type ControllerReply,
  type ControllerRequest,
} from '../controller/controller-core.js'
import { unsupportedLevel } from '../controller/features.js'
import type { Timer } from '../io/clock.js'
import type { Ports } from '../io/ports.js'
import type { MetadataImage } from '../metadata/image.js'
import type { MetadataRecord } from '../metadata/records.js'
import type { Quorum, QuorumObserver } from './quorum.js'
import { recordedRandom } from './recorded-random.js'

/** The answer, and the end (exclusive) of the log that it was made from. Undefined: this node is not the active controller. */
export type ControllerDone<Api extends ControllerApi> = (
  answer: { readonly reply: ControllerReply<Api>; readonly endOffset: number } | undefined,
) => void

interface Waiting {
  readonly endOffset: number
  readonly go: () => void
  readonly abandon: () => void
}

/** Requests that wait for the commit; past it the node says that it is not the controller, and clients try again. */
const MAX_WAITING = 10_000

export class Controller implements QuorumObserver {
  readonly #ports: Ports
  readonly #options: ControllerOptions
  readonly #quorum: Quorum
  readonly #track: FlightTrack
  readonly #onUnsupported: (sentence: string) => void
  #core: ControllerCore | undefined
  #waiting: Waiting[] = []
  #timer: Timer | undefined

  constructor(
    ports: Ports,
    options: ControllerOptions,
    quorum: Quorum,
    recorder: FlightRecorder,
    onUnsupported: (sentence: string) => void,
  ) {
    this.#ports = ports
    this.#quorum = quorum
    this.#track = recorder.track('controller', 'controller', () => this.#core?.capture())
    this.#options = { ...options, random: recordedRandom(options.random, this.#track) }
    this.#onUnsupported = onUnsupported
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
    if (core === undefined || this.#waiting.length >= MAX_WAITING) return done(undefined)
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
    if (!this.#append(core, decision)) return done(undefined)
    const endOffset = this.#quorum.endOffset
    this.#whenCommitted({ endOffset, go: () => done({ reply, endOffset }), abandon: () => done(undefined) })
    this.#schedule()
  }

  leads(epoch: number, image: MetadataImage): void {
    const unsupported = unsupportedLevel(image)
    if (unsupported !== undefined) return this.#onUnsupported(unsupported)
    const nowMs = this.#ports.clock.monotonicMs()
    const { clusterId, settings } = this.#options
    this.#track('leads', { clusterId, settings }, image, nowMs)
    const core = new ControllerCore(this.#options, image, nowMs)
    this.#core = core
    this.#ports.logger.info({ epoch, offset: image.offset }, 'active controller')
    this.#track('begin')
    this.#append(core, core.begin())
    this.#schedule()
  }

  resigned(): void {
    this.#track('resigned')
    this.#core = undefined
    this.#timer?.cancel()
    for (const { abandon } of this.#waiting.splice(0)) abandon()
  }

  committed(): void {
    const { highWatermark } = this.#quorum
    while (this.#waiting.length > 0 && this.#waiting[0]!.endOffset <= highWatermark) this.#waiting.shift()!.go()
  }

  stop(): void {
    this.resigned()
  }

  /** False: the lead was lost meanwhile. */
  #append(core: ControllerCore, decision: Decision<MetadataRecord, unknown>): boolean {
    const { records } = decision
    if (records.length === 0) return true
    const baseOffset = this.#quorum.propose(records)
    if (baseOffset === undefined) return false
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
      const nextOffset = this.#quorum.endOffset
      this.#track('expire', nowMs, nextOffset)
      this.#append(core, core.expire(nowMs, nextOffset))
      this.#schedule()
    })
  }
}
