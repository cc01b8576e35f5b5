/**
 * Broker: what a node with the broker's role has besides the quorum: the metadata it goes by, the partitions it hosts, its place in the
 * cluster. Metadata is applied strictly in order, and what is answered to clients is what has been applied.
 *
 * Nothing is applied before the metadata has the registration of this very process: by then it has everything that was decided before this node
 * started, and a partition that it does not know is none that only comes later.
 */
import type { FlightRecorder } from '../base/flight-recorder.js'
import type { NodeSettings } from '../config/node-settings.js'
import type { Clock } from '../io/clock.js'
import type { Compute } from '../io/compute.js'
import type { Address } from '../io/network.js'
import type { Ports } from '../io/ports.js'
import type { MetadataDelta } from '../metadata/delta.js'
import { EffectiveSettings } from '../metadata/effective-settings.js'
import { EMPTY_IMAGE, type MetadataImage } from '../metadata/image.js'
import type { Release } from '../metadata/release.js'
import type { Fetch } from '../protocol/messages/fetch.js'
import type { Infer } from '../protocol/schema.js'
import { FetchSessions } from '../replication/fetch-session.js'
import type { LogDirectories } from '../storage/log-directories.js'
import { BatchRepairs } from './batch-repairs.js'
import type { ControllerChannel } from './controller/controller-channel.js'
import { GroupCoordinator } from './coordinators/group-coordinator.js'
import { FetchMemory } from './fetch-memory.js'
import { IsrProposals } from './isr-proposals.js'
import type { LeaderPlace } from './leader-fetcher.js'
import { BrokerLifecycle } from './lifecycle.js'
import { MetadataBarrier } from './metadata-barrier.js'
import { BrokerTraffic } from './metrics/traffic.js'
import type { Partition } from './partition.js'
import { ProducerIdBlock } from './producer-id-block.js'
import type { Quorum, QuorumObserver } from './quorum/quorum.js'
import { ReplicaComparisons } from './replica-comparisons.js'
import { ReplicaDirectories } from './replica-directories.js'
import { placeOf, ReplicaFetcher } from './replica-fetcher.js'
import { ReplicaManager } from './replica-manager.js'
import { ReplicaRebuilds } from './replica-rebuilds.js'
import { ReplicaRequests } from './replica-requests.js'
import { ReplicationThrottle } from './replication-throttle.js'
import { Scrubber } from './scrubber.js'

/** Longer than a client waits for an answer. */
const APPLY_LIMIT_MS = 60_000

/** What a client wants of a partition that it fetches. */
export type WantedPartition = Infer<typeof Fetch.request>['topics'][number]['partitions'][number]

export interface BrokerOptions {
  readonly settings: NodeSettings
  readonly release: Release
  readonly directories: LogDirectories
  readonly channel: ControllerChannel
  readonly quorum: Quorum
  readonly recorder: FlightRecorder
  readonly endpoints: readonly (Address & { readonly name: string })[]
  readonly onUsable: () => void
}

interface Publication {
  readonly image: MetadataImage
  readonly delta: MetadataDelta | undefined
}

export class Broker implements QuorumObserver {
  readonly clock: Clock
  readonly compute: Compute
  readonly nodeId: number
  readonly clusterId: string
  readonly channel: ControllerChannel
  readonly replicas: ReplicaManager
  readonly fetcher: ReplicaFetcher
  readonly repairs: BatchRepairs
  readonly rebuilds: ReplicaRebuilds
  readonly comparisons: ReplicaComparisons
  readonly barrier: MetadataBarrier
  readonly producerIds: ProducerIdBlock
  readonly groups: GroupCoordinator
  readonly fetchMemory = new FetchMemory()
  /** Of what is given to followers. */
  readonly throttle: ReplicationThrottle
  readonly fetchSessions: FetchSessions<WantedPartition>
  readonly traffic = new BrokerTraffic()
  readonly #lifecycle: BrokerLifecycle
  readonly #placed: ReplicaDirectories
  readonly #proposals: IsrProposals
  readonly #scrubber: Scrubber
  readonly #effective: EffectiveSettings
  #settings: NodeSettings
  #image: MetadataImage = EMPTY_IMAGE
  /** The one that is applied, or being applied. */
  #latest: MetadataImage = EMPTY_IMAGE
  readonly #publications: Publication[] = []
  #applying = false
  /** The metadata has come to the registration of this process. */
  #caughtUp = false
  #waiting: { readonly offset: number; readonly go: (isApplied: boolean) => void }[] = []
  #stopped = false

  constructor(ports: Ports, options: BrokerOptions) {
    const { settings, release, directories, channel, quorum, recorder, endpoints, onUsable } = options
    const { identity } = directories.metadata
    this.clock = ports.clock
    this.compute = ports.compute
    this.nodeId = identity.nodeId
    this.clusterId = identity.clusterId
    this.#settings = settings
    this.#effective = new EffectiveSettings(settings, identity.nodeId)
    this.channel = channel
    this.fetchSessions = new FetchSessions({
      maxSessions: settings['max.incremental.fetch.session.cache.slots'],
      randomId: () => ports.random.below(2 ** 31),
    })
    this.#placed = new ReplicaDirectories(ports, channel, {
      nodeId: identity.nodeId,
      brokerEpoch: () => this.#lifecycle.brokerEpoch,
    })
    this.throttle = new ReplicationThrottle('leader', identity.nodeId, ports.clock, () => this.#settings)
    this.fetcher = new ReplicaFetcher(ports, {
      nodeId: identity.nodeId,
      settings: () => this.#settings,
      brokerEpoch: () => this.#lifecycle.brokerEpoch,
      image: () => this.#latest,
      listenerName: endpoints[0]?.name,
    })
    this.replicas = new ReplicaManager(ports, identity.nodeId, settings, directories, this.#placed, recorder, {
      follows: (partition) => this.fetcher.follows(partition),
      proposes: (partition) => this.#proposals.proposes(partition),
      rotted: (partition, offset) => this.repairs.rotted(partition, offset),
      changed: (partition) => this.groups.runtime.partitionChanged(partition),
    })
    const { nodeId } = identity
    const { clock, logger } = ports
    const whenApplied: Broker['whenApplied'] = (endOffset, go) => this.whenApplied(endOffset, go)
    const image = (): MetadataImage => this.#latest
    const place = (brokerId: number): LeaderPlace | undefined => placeOf(image(), brokerId, endpoints[0]?.name)
    const partitions = (): readonly Partition[] => this.replicas.hosted.partitions
    const requests = new ReplicaRequests(ports, { nodeId, place })
    this.rebuilds = new ReplicaRebuilds({ nodeId, logger, image, requests })
    this.comparisons = new ReplicaComparisons({
      ...{ nodeId, clock, logger, partitions, requests, rebuilds: this.rebuilds },
      intervalMs: () => this.#settings['replica.digest.interval.ms'],
      bytesPerSecond: () => this.#settings['replica.digest.bytes.per.second'],
    })
    this.repairs = new BatchRepairs(ports, {
      ...{ nodeId, image, place, rebuilds: this.rebuilds },
      cuts: ({ id }) => directories.managerOf(id)?.cuts,
    })
    this.#proposals = new IsrProposals(ports.clock, channel, {
      nodeId: identity.nodeId,
      brokerEpoch: () => this.#lifecycle.brokerEpoch,
      longestLagMs: () => this.#settings['replica.lag.time.max.ms'],
      partitions,
      whenApplied,
    })
    this.#scrubber = new Scrubber(ports.clock, {
      bytesPerSecond: () => this.#settings['log.scrub.bytes.per.second'],
      partitions,
      ticked: () => this.comparisons.tick(),
    })
    const appliedOffset = (): number => this.#image.offset
    this.#lifecycle = new BrokerLifecycle(ports, channel, {
      identity,
      logDirs: () => directories.onlineIds,
      settings,
      release,
      endpoints,
      appliedOffset,
      previousBrokerEpoch: directories.previousBrokerEpoch,
      onRegistered: (brokerEpoch) => directories.registered(brokerEpoch),
      onUsable,
    })
    this.barrier = new MetadataBarrier({ clock, nodeId, channel, whenApplied })
    this.producerIds = new ProducerIdBlock(channel, identity.nodeId, () => this.#lifecycle.brokerEpoch)
    this.groups = new GroupCoordinator(ports, {
      settings: () => this.#settings,
      image: () => this.#image,
      random: ports.random,
    })
    quorum.observe(this)
  }

  /** The metadata that has been applied. */
  get image(): MetadataImage {
    return this.#image
  }

  /** The metadata that has been applied, or is being applied: by it partitions have their roles. */
  get latest(): MetadataImage {
    return this.#latest
  }

  /** As they are now: what was set while the node runs is in it. */
  get settings(): NodeSettings {
    return this.#settings
  }

  get isrChanges(): IsrProposals['accepted'] {
    return this.#proposals.accepted
  }

  /** -1: not registered yet. */
  get brokerEpoch(): number {
    return this.#lifecycle.brokerEpoch
  }

  start(): void {
    this.#lifecycle.start()
  }

  /** Hands over what it leads, where there is somebody to take it; calls back when the broker can be stopped, in bounded time. */
  shutDown(done: () => void): void {
    const alone = this.#latest.brokers.size <= 1
    if (alone || !this.#settings['controlled.shutdown.enable']) done()
    else this.#lifecycle.shutDown(done)
  }

  stop(): void {
    this.#stopped = true
    this.#lifecycle.stop()
    this.#placed.stop()
    this.fetcher.stop()
    this.repairs.stop()
    this.#scrubber.stop()
    this.comparisons.stop()
    this.#proposals.stop()
    this.groups.stop()
    this.replicas.close()
    for (const { go } of this.#waiting.splice(0)) go(false)
  }

  /**
   * Calls back when the metadata has been applied up to the end (exclusive) of what a controller answered from; if that takes too long, without: what
   * was decided holds all the same.
   */
  whenApplied(endOffset: number, go: (isApplied: boolean) => void): void {
    if (this.#image.offset >= endOffset - 1) return go(true)
    const waiting = {
      offset: endOffset - 1,
      go: (isApplied: boolean) => {
        limit.cancel()
        go(isApplied)
      },
    }
    const limit = this.clock.timer(APPLY_LIMIT_MS, () => {
      this.#waiting = this.#waiting.filter((each) => each !== waiting)
      go(false)
    })
    this.#waiting.push(waiting)
  }

  leads(): void {}

  resigned(): void {}

  leaderChanged(): void {
    this.channel.leaderChanged()
  }

  committed(image: MetadataImage, delta: MetadataDelta | undefined): void {
    const isFirst = !this.#caughtUp
    if (isFirst && image.brokers.get(this.nodeId)?.incarnationId !== this.#lifecycle.incarnationId) return
    this.#caughtUp = true
    this.#publications.push({ image, delta: isFirst ? undefined : delta })
    this.#applyNext()
  }

  /** What is in this directory cannot be used any more. */
  directoryIsOffline(path: string): void {
    this.replicas.directoryIsOffline(path)
    if (!this.#stopped) this.#lifecycle.registerAgain()
  }

  /** There is room on the disk again: partitions that could not be opened may be now. */
  openOffline(): void {
    if (!this.#stopped && this.#latest.offset >= 0)
      this.committed(this.#publications.at(-1)?.image ?? this.#latest, undefined)
  }

  #applyNext(): void {
    if (this.#applying || this.#stopped) return
    const publication = this.#publications.shift()
    if (publication === undefined) return
    this.#applying = true
    const { image, delta } = publication
    if (image !== this.#latest) {
      this.#latest = image
      this.#settings = this.#effective.at(image)
      this.replicas.configure(this.#settings, image, delta)
    }
    if (delta === undefined || delta.changedBrokers.size > 0) this.fetcher.brokersChanged()
    this.replicas.apply(image, delta, () => {
      this.#applying = false
      this.#image = image
      this.groups.runtime.metadataChanged(image, delta)
      const ready = this.#waiting.filter(({ offset }) => offset <= image.offset)
      this.#waiting = this.#waiting.filter(({ offset }) => offset > image.offset)
      for (const { go } of ready) go(true)
      this.#applyNext()
    })
  }
}
