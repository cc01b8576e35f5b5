/**
 * CoordinatorLocator: finds the coordinator of a group by asking any broker, again and again until one names it; the internal topic is made thereby. And who coordinates a group in
 * truth, as nobody who only asks can know: the leader of the partition that the group belongs to, by the newest metadata.
 */
import type { Address } from '../io/network.js'
import type { MetadataImage } from '../metadata/image.js'
import { ErrorCode } from '../protocol/errors.js'
import { FindCoordinator } from '../protocol/messages/find-coordinator.js'
import { ClientConnection } from '../rpc/client-connection.js'
import type { ClientPorts, Locator } from './client.js'

export const OFFSETS_TOPIC = '__consumer_offsets'

const REQUEST_TIMEOUT_MS = 1500
const LONGEST_BACKOFF_MS = 200
const GROUP = 0

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

  readonly locate = (found: (address: Address) => void): void => {
    const { clock, network, random } = this.#ports
    let isOver = false
    const again = (): void => {
      if (isOver) return
      isOver = true
      clock.timer(1 + random.below(LONGEST_BACKOFF_MS), () => this.locate(found))
    }
    const connection = new ClientConnection({
      clock,
      network,
      address: this.#brokers(),
      clientId: 'locator',
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      closed: again,
    })
    connection.negotiate((error) => {
      if (error !== undefined) return
      connection.call(FindCoordinator, { keyType: GROUP, coordinatorKeys: [this.#group] }, (_, response) => {
        const [coordinator] = response?.coordinators ?? []
        const isFound = coordinator?.errorCode === ErrorCode.NONE
        if (isFound) isOver = true
        else again()
        connection.close()
        if (!isFound) return
        this.nodeId = coordinator.nodeId
        found({ host: coordinator.host, port: coordinator.port })
      })
    })
  }
}

/** Which partition of the internal topic a group belongs to, as Kafka has it. */
export function offsetsPartitionOf(group: string, partitions: number): number {
  let hash = 0
  for (let at = 0; at < group.length; at++) hash = (Math.imul(31, hash) + group.charCodeAt(at)) | 0
  return (hash === -0x80000000 ? 0 : Math.abs(hash)) % partitions
}

/** Undefined: nobody. */
export function coordinatorOf(image: MetadataImage | undefined, group: string): Reign | undefined {
  const topic = image?.topicsByName.get(OFFSETS_TOPIC)
  if (topic === undefined) return undefined
  const state = topic.partitions[offsetsPartitionOf(group, topic.partitions.length)]!
  return state.leader < 0 ? undefined : { nodeId: state.leader, leaderEpoch: state.leaderEpoch }
}
