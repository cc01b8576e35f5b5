/**
 * Who leads the partitions that a client asked the wrong broker for: told with the error, so that it need not ask for metadata first (KIP-951). Only
 * what this broker has applied is told, and only leaders that the client can reach by the listener it uses.
 */
import { ErrorCode } from '../../../protocol/errors.js'
import type { Call } from '../../server/handler.js'
import { brokerOf, endpointOf, type Services } from '../services.js'
import type { TopicReference } from './find-partition.js'

export interface LeaderHint {
  readonly leaderId: number
  readonly leaderEpoch: number
}

export interface NodeEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

export class CurrentLeaders {
  readonly #services: Services
  readonly #call: Pick<Call<unknown>, 'listener' | 'local'>
  readonly #endpoints = new Map<number, NodeEndpoint>()

  constructor(services: Services, call: Pick<Call<unknown>, 'listener' | 'local'>) {
    this.#services = services
    this.#call = call
  }

  /** Of those that were named. */
  get endpoints(): NodeEndpoint[] {
    return [...this.#endpoints.values()]
  }

  /** Undefined: the error is not one that says that another leads, or it is not known who does. */
  hint(errorCode: number, { name, topicId }: TopicReference, partition: number): LeaderHint | undefined {
    if (errorCode !== ErrorCode.NOT_LEADER_OR_FOLLOWER && errorCode !== ErrorCode.FENCED_LEADER_EPOCH) return undefined
    const { latest: image } = brokerOf(this.#services)
    const topic = topicId === undefined ? image.topicsByName.get(name) : image.topicsById.get(topicId)
    const state = topic?.partitions[partition]
    if (state === undefined || state.leader === -1) return undefined
    const { leader, leaderEpoch } = state
    const endpoint = endpointOf(this.#services, leader, this.#call)
    if (endpoint === undefined) return undefined
    const { host, port } = endpoint
    this.#endpoints.set(leader, { nodeId: leader, host, port, rack: image.brokers.get(leader)?.rack ?? null })
    return { leaderId: leader, leaderEpoch }
  }
}
