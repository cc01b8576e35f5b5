/**
 * How a node asks the active controller: by message, also where that is in its own process, and again for as long as there is time while nobody is
 * active. What a broker asks for its own sake goes to the controller as it is, what a client has asked for in an Envelope.
 *
 * What may have been done already is asked again only where that changes nothing: brokers' own requests carry their epoch. Of the others the
 * outcome is not known then, and who asked is told that no answer came in time.
 */
import {
  APIS_OF_BROKERS,
  type ControllerApi,
  type ControllerApis,
  type ControllerReply,
  type ControllerRequest,
} from '../../controller/controller-core.js'
import type { Clock, Timer } from '../../io/clock.js'
import type { Address, Network } from '../../io/network.js'
import type { Fields } from '../../protocol/field.js'
import { AllocateProducerIds } from '../../protocol/messages/allocate-producer-ids.js'
import { AlterConfigs } from '../../protocol/messages/alter-configs.js'
import { AlterPartition } from '../../protocol/messages/alter-partition.js'
import { AlterPartitionReassignments } from '../../protocol/messages/alter-partition-reassignments.js'
import { AssignReplicasToDirs } from '../../protocol/messages/assign-replicas-to-dirs.js'
import { BrokerHeartbeat } from '../../protocol/messages/broker-heartbeat.js'
import { BrokerRegistration } from '../../protocol/messages/broker-registration.js'
import { CreatePartitions } from '../../protocol/messages/create-partitions.js'
import { CreateTopics } from '../../protocol/messages/create-topics.js'
import { DeleteTopics } from '../../protocol/messages/delete-topics.js'
import { ElectLeaders } from '../../protocol/messages/elect-leaders.js'
import { IncrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.js'
import { ListPartitionReassignments } from '../../protocol/messages/list-partition-reassignments.js'
import { UnregisterBroker } from '../../protocol/messages/unregister-broker.js'
import { UpdateFeatures } from '../../protocol/messages/update-features.js'
import type { InOfMessage, Message, OutOfMessage } from '../../protocol/schema.js'
import { principalText } from '../server/stages.js'
import type { Controller } from './controller.js'
import { ControllerLink, type ForwardedRequest, type LinkDone, type LinkFailure } from './controller-link.js'
import type { Asker } from './envelope.js'

/** Who was refused asks again after so long, twice as long each time, or when there is another leader. */
const RETRY_MS = 10
const LONGEST_RETRY_MS = 160
/** A controller that could not be reached is left alone for so long, twice as long each time. */
const LONGEST_BACKOFF_MS = 500

const MESSAGES: ControllerApis = {
  CreateTopics,
  AlterConfigs,
  IncrementalAlterConfigs,
  DeleteTopics,
  CreatePartitions,
  ElectLeaders,
  AlterPartitionReassignments,
  ListPartitionReassignments,
  UpdateFeatures,
  UnregisterBroker,
  BrokerRegistration,
  BrokerHeartbeat,
  AllocateProducerIds,
  AssignReplicasToDirs,
  AlterPartition,
}

/** Where the active controller is, as far as this node knows. */
export interface LeaderSource {
  leader(): { readonly nodeId: number; readonly epoch: number; readonly address: Address | undefined }
}

/** The reply, and the end (exclusive) of the metadata log that it was made from; -1: not told. Undefined: no answer came in time. */
export type ChannelDone<Api extends ControllerApi> = (
  answer: { readonly reply: ControllerReply<Api>; readonly endOffset: number } | undefined,
) => void

export interface ChannelOptions {
  readonly nodeId: number
  /** Undefined on a node without the controller's role. */
  readonly controller: Controller | undefined
  readonly leaders: LeaderSource
}

interface Target {
  readonly nodeId: number
  readonly epoch: number
  readonly address: Address
}

export class ControllerChannel {
  readonly #ports: { readonly clock: Clock; readonly network: Network }
  readonly #options: ChannelOptions
  readonly #retries = new Set<Timer>()
  /** Those that wait for another leader, or for their time. */
  readonly #refused = new Set<() => void>()
  #target: Target | undefined
  #link: ControllerLink | undefined
  #backoffMs = 0
  #notBeforeMs = 0
  #lost: () => void = () => {}
  #stopped = false

  constructor(ports: { readonly clock: Clock; readonly network: Network }, options: ChannelOptions) {
    this.#ports = ports
    this.#options = options
  }

  /** Called when the connection to a controller has ended, for whoever wants to be heard of again. */
  set whenLost(action: () => void) {
    this.#lost = action
  }

  /** Asks until there is an answer or the time is up. */
  send<Api extends ControllerApi>(
    api: Api,
    request: ControllerRequest<Api>,
    asker: Asker,
    timeoutMs: number,
    done: ChannelDone<Api>,
  ): void {
    const { controller } = this.#options
    const ofBroker = APIS_OF_BROKERS.has(api)
    const message = MESSAGES[api] as unknown as Message
    this.#persist<ControllerReply<Api>>(
      (attempted) => {
        if (controller?.active === true) {
          return controller.handle(api, request, principalText(asker.principal), (answer) =>
            attempted(typeof answer === 'string' ? answer : { response: answer.reply, endOffset: answer.endOffset }),
          )
        }
        const link = this.#controllerLink()
        if (link === undefined) return attempted('not-controller')
        const told = attempted as LinkDone<unknown>
        if (ofBroker) link.ask(message, request as InOfMessage<Fields>, told)
        else link.forward(message, { version: undefined, request: request as InOfMessage<Fields>, asker }, told)
      },
      { again: ofBroker, timeoutMs },
      (answer) => done(answer && { reply: answer.response, endOffset: answer.endOffset }),
    )
  }

  /**
   * Has the node that leads the quorum do what is none of `ControllerApi`; undefined: no answer came in time. Calls `here` instead where that is this
   * node.
   */
  forward<Request extends Fields, Response extends Fields>(
    message: Message<Request, Response>,
    forwarded: ForwardedRequest<InOfMessage<Request>>,
    timeoutMs: number,
    here: () => void,
    done: (response: OutOfMessage<Response> | undefined) => void,
  ): void {
    const { nodeId, leaders } = this.#options
    if (leaders.leader().nodeId === nodeId) return here()
    this.#persist<OutOfMessage<Response> | 'here'>(
      (attempted) => {
        if (leaders.leader().nodeId === nodeId) return attempted({ response: 'here', endOffset: -1 })
        const link = this.#controllerLink()
        if (link === undefined) attempted('not-controller')
        else link.forward(message, forwarded, attempted as LinkDone<OutOfMessage<Response>>)
      },
      { again: false, timeoutMs },
      (answer) => (answer?.response === 'here' ? here() : done(answer?.response)),
    )
  }

  /** Another node may be the active controller now: who waits for the one before is not kept waiting. */
  leaderChanged(): void {
    const { nodeId, epoch } = this.#options.leaders.leader()
    // As long as no other is known, the one before may still be it; else it says that it is not.
    if (nodeId === -1) return
    if (this.#target !== undefined && (this.#target.nodeId !== nodeId || this.#target.epoch !== epoch)) {
      this.#target = undefined
      this.#link?.close()
    }
    for (const again of [...this.#refused]) this.#ports.clock.defer(again)
  }

  /** Asks nothing any more; who waits for an answer is not told. */
  stop(): void {
    this.#stopped = true
    for (const retry of this.#retries) retry.cancel()
    this.#retries.clear()
    this.#refused.clear()
    this.#link?.close()
  }

  /** `again`: also where it may have been done. */
  #persist<Response>(
    attempt: (attempted: LinkDone<Response>) => void,
    { again, timeoutMs }: { readonly again: boolean; readonly timeoutMs: number },
    done: (answer: { readonly response: Response; readonly endOffset: number } | undefined) => void,
  ): void {
    const { clock } = this.#ports
    const deadlineMs = clock.monotonicMs() + timeoutMs
    let ended = false
    let limit: Timer | undefined
    let retryMs = RETRY_MS
    const end = (answer: { readonly response: Response; readonly endOffset: number } | undefined): void => {
      if (ended) return
      ended = true
      if (limit !== undefined) {
        limit.cancel()
        this.#retries.delete(limit)
      }
      if (!this.#stopped) done(answer)
    }
    const once = (): void => {
      if (this.#stopped || ended) return
      attempt((outcome) => {
        if (this.#stopped || ended) return
        if (typeof outcome !== 'string') return end(outcome)
        const leftMs = deadlineMs - clock.monotonicMs()
        if (leftMs <= 0 || !mayAskAgain(outcome, again)) return end(undefined)
        this.#afterLeaderChange(Math.min(retryMs, leftMs), once)
        retryMs = Math.min(LONGEST_RETRY_MS, 2 * retryMs)
      })
      // An own controller answers, or says that it is none any more.
      if (!ended && this.#options.controller?.active !== true) {
        limit ??= this.#later(Math.max(0, deadlineMs - clock.monotonicMs()), () => end(undefined))
      }
    }
    clock.defer(once)
  }

  /** Once: when another leads, or that much later. */
  #afterLeaderChange(delayMs: number, action: () => void): void {
    const go = (): void => {
      if (!this.#refused.delete(go)) return
      timer.cancel()
      this.#retries.delete(timer)
      action()
    }
    const timer = this.#later(delayMs, go)
    this.#refused.add(go)
  }

  #later(delayMs: number, action: () => void): Timer {
    const timer = this.#ports.clock.timer(delayMs, () => {
      this.#retries.delete(timer)
      action()
    })
    this.#retries.add(timer)
    return timer
  }

  /** To the node that is the active controller now, or was as far as is known; undefined: there is none, or it was out of reach a moment ago. */
  #controllerLink(): ControllerLink | undefined {
    const { nodeId, leaders } = this.#options
    const { nodeId: leaderId, epoch, address } = leaders.leader()
    if (leaderId === nodeId) return undefined
    if (address === undefined) return this.#link
    const target = this.#target
    const same = target?.nodeId === leaderId && target.epoch === epoch && sameAddress(target.address, address)
    if (!same) {
      this.#link?.close()
      this.#target = { nodeId: leaderId, epoch, address }
      this.#backoffMs = 0
      this.#notBeforeMs = 0
    }
    if (this.#link !== undefined || this.#ports.clock.monotonicMs() < this.#notBeforeMs) return this.#link
    const link = new ControllerLink(this.#ports, address, `broker-${nodeId}-to-controller`, (served) => {
      if (this.#link === link) this.#link = undefined
      this.#backoffMs = served ? 0 : Math.min(LONGEST_BACKOFF_MS, Math.max(RETRY_MS, 2 * this.#backoffMs))
      this.#notBeforeMs = this.#ports.clock.monotonicMs() + this.#backoffMs
      if (served && !this.#stopped) this.#lost()
    })
    this.#link = link
    return link
  }
}

function mayAskAgain(failure: LinkFailure, again: boolean): boolean {
  return failure === 'not-controller' || (failure === 'unknown' && again)
}

function sameAddress(a: Address, b: Address): boolean {
  return a.host === b.host && a.port === b.port
}
