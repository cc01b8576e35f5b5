/**
 * CoordinatorLocator: finds the coordinator of a group by asking any broker, again and again until one names it; the internal topic is made thereby. And who coordinates a group in
 * truth, as nobody who only asks can know: the leader of the partition that the group belongs to, by the newest metadata.
 */
import { partitionOfKey } from '../broker/coordinators/group-coordinator.js'
import { OFFSETS_TOPIC } from '../broker/coordinators/internal-topics.js'
import type { Address } from '../io/network.js'
import type { MetadataImage } from '../metadata/image.js'
import { ErrorCode } from '../protocol/errors.js'
import { FindCoordinator } from '../protocol/messages/find-coordinator.js'
import { askAround } from './asked-around.js'
import type { ClientPorts, Locator } from './client.js'
import type { ClusterNode } from './cluster-world.js'

const GROUP = 0

type Coordinator = Address & { readonly nodeId: number }

/** A broker that leads the partition of a group, for one leader epoch. */
export interface Reign {
  readonly nodeId: number
  readonly leaderEpoch: number
}

export class CoordinatorLocator implements Locator {
  /** The broker that was found last. */
  nodeId = -1
  readonly #ports: ClientPorts
  readonly #brokers: () => Address
  readonly #group: string

  /** `brokers`: one of them at a time, whoever it is. */
  constructor(ports: ClientPorts, brokers: () => Address, group: string) {
    this.#ports = ports
    this.#brokers = brokers
    this.#group = group
  }

  readonly locate = (found: (address: Address) => void): void =>
    askAround<Coordinator>(
      this.#ports,
      this.#brokers,
      (connection, answered) => {
        const body = { keyType: GROUP, coordinatorKeys: [this.#group] }
        connection.call(FindCoordinator, body, (_, response) => {
          const [coordinator] = response?.coordinators ?? []
          answered(coordinator?.errorCode === ErrorCode.NONE ? coordinator : undefined)
        })
      },
      ({ nodeId, host, port }) => {
        this.nodeId = nodeId
        found({ host, port })
      },
    )
}

/** Undefined: nobody. */
export function coordinatorOf(image: MetadataImage | undefined, group: string): Reign | undefined {
  const topic = image?.topicsByName.get(OFFSETS_TOPIC)
  if (topic === undefined) return undefined
  const state = topic.partitions[partitionOfKey(group, topic.partitions.length)]!
  return state.leader < 0 ? undefined : { nodeId: state.leader, leaderEpoch: state.leaderEpoch }
}

/** What a broker has of the group, while it coordinates it and it is loaded. */
export function shardAt({ node }: ClusterNode, group: string): object | undefined {
  const groups = node?.broker?.groups
  if (groups === undefined) return undefined
  const wanted = groups.partitionOf(group)
  for (const [partition, shard] of groups.runtime.shards()) if (partition === wanted) return shard
  return undefined
}
