/**
 * ReplicaFetcher: everything that this broker follows, fetched from those who lead it: one `LeaderFetcher` for each of them. A partition is with the one
 * whose broker leads it, and with none while nobody does.
 */
import type { NodeSettings } from '../config/node-settings.js'
import type { Ports } from '../io/ports.js'
import type { MetadataImage } from '../metadata/image.js'
import { FetchMemory } from './fetch-memory.js'
import { LeaderFetcher, type LeaderPlace } from './leader-fetcher.js'
import type { Partition } from './partition.js'
import { ReplicationThrottle } from './replication-throttle.js'

export interface ReplicaFetcherOptions {
  readonly nodeId: number
  readonly settings: () => NodeSettings
  /** Of this broker's registration. */
  readonly brokerEpoch: () => number
  readonly image: () => MetadataImage
  /** The listener by which brokers reach each other; one that has none of that name is reached by its first. */
  readonly listenerName: string | undefined
}

export class ReplicaFetcher {
  readonly #ports: Ports
  readonly #options: ReplicaFetcherOptions
  readonly #fetchers = new Map<number, LeaderFetcher>()
  readonly #homes = new Map<Partition, LeaderFetcher>()
  readonly #memory = new FetchMemory()
  readonly #throttle: ReplicationThrottle
  #stopped = false

  constructor(ports: Ports, options: ReplicaFetcherOptions) {
    this.#ports = ports
    this.#options = options
    const { nodeId, settings } = options
    this.#throttle = new ReplicationThrottle('follower', nodeId, ports.clock, settings)
  }

  /** Whom this partition follows has changed, or it can ask again. */
  follows(partition: Partition): void {
    if (this.#stopped) return
    const { following } = partition
    const home = this.#homes.get(partition)
    if (home !== undefined && home.leaderId !== following?.core.leaderId) this.#leave(partition, home)
    if (following === undefined) return
    const { leaderId } = following.core
    let fetcher = this.#fetchers.get(leaderId)
    if (fetcher === undefined) this.#fetchers.set(leaderId, (fetcher = this.#fetcherFor(leaderId)))
    this.#homes.set(partition, fetcher)
    fetcher.follow(partition, following)
  }

  /** From whom this partition is fetched. */
  sourcesOf(partition: Partition): readonly number[] {
    return [...this.#fetchers.values()].filter((each) => each.has(partition)).map(({ leaderId }) => leaderId)
  }

  /** Brokers may be elsewhere, or other processes. */
  brokersChanged(): void {
    for (const fetcher of this.#fetchers.values()) fetcher.lookAgain()
  }

  stop(): void {
    this.#stopped = true
    for (const fetcher of this.#fetchers.values()) fetcher.stop()
    this.#fetchers.clear()
    this.#homes.clear()
  }

  #leave(partition: Partition, home: LeaderFetcher): void {
    this.#homes.delete(partition)
    home.unfollow(partition)
    if (home.size > 0) return
    home.stop()
    this.#fetchers.delete(home.leaderId)
  }

  #fetcherFor(leaderId: number): LeaderFetcher {
    const { nodeId, settings, brokerEpoch } = this.#options
    const place = (): LeaderPlace | undefined => this.#placeOf(leaderId)
    const memory = this.#memory
    return new LeaderFetcher({
      ports: this.#ports,
      nodeId,
      leaderId,
      settings,
      brokerEpoch,
      place,
      memory,
      holdsBack: (partition) => this.#throttle.holdsBack(partition) && !this.#isInSync(partition),
      passed: (partition, bytes) => this.#throttle.passed(partition, bytes),
    })
  }

  #isInSync({ id: { topicId, partition } }: Partition): boolean {
    const { image, nodeId } = this.#options
    return image().topicsById.get(topicId)?.partitions[partition]?.isr.includes(nodeId) === true
  }

  #placeOf(leaderId: number): LeaderPlace | undefined {
    return placeOf(this.#options.image(), leaderId, this.#options.listenerName)
  }
}

/** How a broker is reached by others; undefined: nobody knows. */
export function placeOf(
  { brokers }: MetadataImage,
  brokerId: number,
  listenerName: string | undefined,
): LeaderPlace | undefined {
  const broker = brokers.get(brokerId)
  const endpoint = broker?.endpoints.find(({ name }) => name === listenerName) ?? broker?.endpoints[0]
  if (broker === undefined || endpoint === undefined) return undefined
  return { address: { host: endpoint.host, port: endpoint.port }, brokerEpoch: broker.brokerEpoch }
}
