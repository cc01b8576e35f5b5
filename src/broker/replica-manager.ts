/**
 * ReplicaManager: the partitions that this broker hosts. It opens their logs and gives them their roles as the metadata says, finds them by
 * name and by id, and wakes the requests that wait for them. What a partition decides is the partition's matter.
 */
import type { FlightRecorder } from '../base/flight-recorder.js'
import { type Uuid, ZERO_UUID } from '../base/uuid.js'
import type { NodeSettings } from '../config/node-settings.js'
import { resolveTopicSettings, type TopicSettings } from '../config/topic-settings.js'
import type { Timer } from '../io/clock.js'
import type { Ports } from '../io/ports.js'
import type { MetadataDelta } from '../metadata/delta.js'
import { canLead, configKey, configsOf, EMPTY_IMAGE, type MetadataImage, type TopicImage } from '../metadata/image.js'
import { type PartitionState, RESOURCE_TYPE_TOPIC } from '../metadata/records.js'
import type { ErrorName } from '../protocol/errors.js'
import { LogCleaner } from '../storage/log-cleaner.js'
import type { DescribedDirectory, LogDirectories } from '../storage/log-directories.js'
import { cleanerSettings, compactedLog } from './compaction.js'
import { logOptions } from './log-options.js'
import { Partition, type PartitionView } from './partition.js'
import type { PartitionHost } from './partition-host.js'
import { Purgatory } from './purgatory.js'
import type { ReplicaDirectories } from './replica-directories.js'

/** What is hosted under one number of a topic. */
export type Hosted = Partition | 'offline'

export class ReplicaManager {
  /** Produces that wait to be durable, fetches that wait for data, and deletions that wait for other replicas. */
  readonly produces: Purgatory<Partition>
  readonly fetches: Purgatory<object>
  readonly deletions: Purgatory<Partition>
  readonly #ports: Ports
  readonly #nodeId: number
  #settings: NodeSettings
  /** What partitions are configured by. */
  #image: MetadataImage | undefined
  /** What is hosted was last made to be as this says. */
  #applied = EMPTY_IMAGE
  readonly cleaner: LogCleaner
  readonly #logs: LogDirectories
  readonly #placed: ReplicaDirectories
  readonly #partitionHost: PartitionHost
  /** Those who keep something in partitions. */
  readonly #coordinators: PartitionHost['changed']
  readonly #topics = new Map<Uuid, Map<number, Hosted>>()
  readonly #timers = new Map<() => void, Timer>()
  #closed = false

  constructor(
    ports: Ports,
    nodeId: number,
    settings: NodeSettings,
    logs: LogDirectories,
    placed: ReplicaDirectories,
    recorder: FlightRecorder,
    { follows, proposes, rotted, changed }: Pick<PartitionHost, 'follows' | 'proposes' | 'rotted' | 'changed'>,
  ) {
    this.#ports = ports
    this.#nodeId = nodeId
    this.#settings = settings
    this.#coordinators = changed
    this.#placed = placed
    this.#logs = logs
    this.#partitionHost = {
      nodeId,
      clock: ports.clock,
      logger: ports.logger,
      recorder,
      longestLagMs: () => this.#settings['replica.lag.time.max.ms'],
      cutter: (id) => logs.managerOf(id)?.cuts,
      changed: this.#wake,
      proposes,
      follows,
      rotted,
    }
    this.produces = new Purgatory(ports.clock)
    this.fetches = new Purgatory(ports.clock)
    this.deletions = new Purgatory(ports.clock)
    this.cleaner = new LogCleaner(
      ports,
      () => cleanerSettings(this.#settings),
      () => this.#partitions().flatMap((partition) => compactedLog(partition, logs) ?? []),
    )
    this.#every(settings['producer.id.expiration.check.interval.ms'], () => this.#expireProducers())
    this.#every(settings['log.retention.check.interval.ms'], () => this.#retain())
    this.#every(settings['log.flush.scheduler.interval.ms'], () => logs.flushOld())
    this.#every(settings['replica.high.watermark.checkpoint.interval.ms'], () => {
      this.#noteHighWatermarks()
      logs.writeHighWatermarks()
    })
  }

  get directories(): readonly DescribedDirectory[] {
    return this.#logs.described
  }

  /** What is in this directory cannot be used any more. */
  directoryIsOffline(path: string): void {
    for (const partitions of this.#topics.values()) {
      for (const [partition, hosted] of partitions) {
        if (hosted === 'offline' || !hosted.log.directory.startsWith(`${path}/`)) continue
        partitions.set(partition, 'offline')
        hosted.lose()
      }
    }
  }

  /** Undefined: not hosted here. */
  find(topicId: Uuid, partition: number): Hosted | undefined {
    return this.#topics.get(topicId)?.get(partition)
  }

  /** Takes up what was set for the node and for topics. Without a delta everything is looked at. */
  configure(settings: NodeSettings, image: MetadataImage, delta: MetadataDelta | undefined): void {
    const all = settings !== this.#settings || delta === undefined
    this.#settings = settings
    this.#image = image
    this.#logs.deleteDelayMs = settings['log.segment.delete.delay.ms']
    for (const [topicId, partitions] of this.#topics) {
      const topic = image.topicsById.get(topicId)
      if (topic === undefined) continue
      if (!all && !delta.changedConfigs.has(configKey(RESOURCE_TYPE_TOPIC, topic.name))) continue
      const ofTopic = this.#settingsOf(image, topic)
      for (const hosted of partitions.values()) {
        if (hosted !== 'offline') hosted.configure(ofTopic, logOptions(ofTopic))
      }
    }
  }

  get hosted(): { readonly partitions: readonly Partition[]; readonly offline: number } {
    const all = [...this.#topics.values()].flatMap((partitions) => [...partitions.values()])
    const partitions = all.filter((hosted) => hosted !== 'offline')
    return { partitions, offline: all.length - partitions.length }
  }

  /** What is hosted and not offline. Called after every event of a simulation: nothing is built for it. */
  forEach(visit: (partition: Partition) => void): void {
    for (const partitions of this.#topics.values()) {
      for (const hosted of partitions.values()) if (hosted !== 'offline') visit(hosted)
    }
  }

  /**
   * Does what the metadata says; `done` when the logs of what is not to be here any more are closed and those of new partitions open. Without a delta everything is
   * looked at, and what could not be opened is tried again: at the start, and where a snapshot took the place of a part of the metadata log.
   */
  apply(image: MetadataImage, delta: MetadataDelta | undefined, done: () => void): void {
    if (delta === undefined) {
      this.#logs.tidy((name, partition) => {
        const topic = image.topicsByName.get(name)
        return topic?.partitions[partition]?.replicas.includes(this.#nodeId) === true ? topic.topicId : undefined
      })
    }
    const removed = delta?.removedTopics.values() ?? missingFrom(this.#applied, image)
    this.#applied = image
    const finished = countdown(() => {
      if (!this.#closed) this.#host(image, delta, done)
    })
    for (const topic of [...removed]) {
      for (const partition of this.#topics.get(topic.topicId)?.keys() ?? []) {
        this.#remove(topic, partition, 'UNKNOWN_TOPIC_OR_PARTITION', finished.one())
      }
      this.#topics.delete(topic.topicId)
    }
    for (const [topicId, partitions] of changedIn(image, delta)) {
      const topic = image.topicsById.get(topicId)
      for (const partition of topic === undefined ? [] : (partitions ?? topic.partitions.keys())) {
        if (topic!.partitions[partition]!.replicas.includes(this.#nodeId)) continue
        this.#remove(topic!, partition, 'NOT_LEADER_OR_FOLLOWER', finished.one())
      }
    }
    finished.start()
  }

  /** A topic of the same name may follow in the same directory, or this broker may be assigned the replica again: both find nothing of it. */
  #remove({ name, topicId }: TopicImage, partition: number, why: ErrorName, done: () => void): void {
    const hosted = this.find(topicId, partition)
    if (hosted === undefined) return done()
    this.#topics.get(topicId)?.delete(partition)
    this.#placed.removed(topicId, partition)
    if (hosted !== 'offline') hosted.remove(why)
    this.#logs.remove({ topic: name, topicId, partition }, done)
  }

  #host(image: MetadataImage, delta: MetadataDelta | undefined, done: () => void): void {
    const changed = changedIn(image, delta)
    const finished = countdown(done)
    for (const [topicId, partitions] of changed) {
      const topic = image.topicsById.get(topicId)
      if (topic === undefined) continue
      for (const partition of partitions ?? topic.partitions.keys()) {
        const state = topic.partitions[partition]!
        if (!state.replicas.includes(this.#nodeId)) continue
        const hosted = this.find(topicId, partition)
        if (hosted instanceof Partition) hosted.become(viewOf(image, state))
        else if (
          hosted === undefined ||
          delta === undefined ||
          this.#isDispensableNow(delta, topicId, partition, state)
        ) {
          const isNew = hosted === undefined && delta !== undefined
          this.#open(image, topic, partition, isNew, finished.one())
        }
      }
    }
    if (delta !== undefined && delta.changedBrokers.size > 0) this.#tellBrokers(image, changed)
    finished.start()
  }

  /** It was not before: what could not be opened without its directory may begin anew in another. */
  #isDispensableNow({ base }: MetadataDelta, topicId: Uuid, partition: number, state: PartitionState): boolean {
    const before = base.topicsById.get(topicId)?.partitions[partition]
    return isDispensable(state, this.#nodeId) && before !== undefined && !isDispensable(before, this.#nodeId)
  }

  /** Who may be in sync has changed: those hear of it who were told of nothing else. */
  #tellBrokers(image: MetadataImage, told: ReadonlyMap<Uuid, ReadonlySet<number> | undefined>): void {
    for (const [topicId, partitions] of this.#topics) {
      const topic = image.topicsById.get(topicId)
      for (const [partition, hosted] of partitions) {
        const state = topic?.partitions[partition]
        if (hosted === 'offline' || state === undefined || told.get(topicId)?.has(partition) === true) continue
        if (hosted.isLeader && state.replicas.length > 1) hosted.become(viewOf(image, state))
      }
    }
  }

  /** Ends all waiting; nothing is hosted any more. */
  close(): void {
    this.#closed = true
    for (const timer of this.#timers.values()) timer.cancel()
    this.#noteHighWatermarks()
    this.cleaner.stop()
    this.produces.close()
    this.fetches.close()
    this.deletions.close()
    this.#topics.clear()
  }

  /** `isNew`: it was made while this node ran. */
  #open(image: MetadataImage, topic: TopicImage, partition: number, isNew: boolean, done: () => void): void {
    const { name, topicId } = topic
    const settings = this.#settingsOf(image, topic)
    const id = { topic: name, topicId, partition }
    const state = topic.partitions[partition]!
    const assigned = state.directories[state.replicas.indexOf(this.#nodeId)]
    const placement = { directoryId: assigned ?? ZERO_UUID, isNew, isDispensable: isDispensable(state, this.#nodeId) }
    this.#logs.open(id, logOptions(settings), placement, (error, log) => {
      // Its log is closed with all others.
      if (this.#closed) return done()
      let hosted: Hosted = 'offline'
      if (log === undefined) this.#ports.logger.error({ ...id, error: error?.message }, 'partition is offline')
      else {
        this.#placed.opened(topicId, partition, this.#logs.directoryIdOf(id)!, assigned)
        hosted = new Partition(id, log, settings, this.#partitionHost, this.#logs.highWatermarkOf(id))
        hosted.become(viewOf(image, topic.partitions[partition]!))
        if (this.#image !== undefined && this.#image !== image) {
          const now = this.#settingsOf(this.#image, topic)
          hosted.configure(now, logOptions(now))
        }
      }
      const partitions = this.#topics.get(topicId) ?? new Map<number, Hosted>()
      this.#topics.set(topicId, partitions.set(partition, hosted))
      done()
    })
  }

  #settingsOf(image: MetadataImage, { name }: TopicImage): TopicSettings {
    return resolveTopicSettings(this.#settings, configsOf(image, RESOURCE_TYPE_TOPIC, name))
  }

  readonly #wake = (partition: Partition): void => {
    this.produces.check(partition)
    this.fetches.check(partition)
    this.#coordinators(partition)
    this.deletions.check(partition)
  }

  #every(intervalMs: number, action: () => void): void {
    // For ever: not at all.
    if (intervalMs === Number.MAX_SAFE_INTEGER) return
    this.#timers.set(
      action,
      this.#ports.clock.timer(intervalMs, () => {
        this.#every(intervalMs, action)
        action()
      }),
    )
  }

  #expireProducers(): void {
    const nowMs = this.#ports.clock.wallMs()
    for (const { log } of this.#partitions()) {
      log.state.producers.expire(nowMs, this.#settings['producer.id.expiration.ms'])
    }
  }

  /** The only replica of a partition knows by itself what is committed. */
  #noteHighWatermarks(): void {
    const partitions = this.#partitions().filter(({ leading }) => leading?.replicas.length !== 1)
    const offsetOf = ({ highWatermark, log }: Partition): number => Math.min(highWatermark, log.settledEndOffset)
    this.#logs.noteHighWatermarks(
      partitions.map((partition) => ({ ...partition.id, log: partition.log, offset: offsetOf(partition) })),
    )
  }

  /** The metadata log is none of these. */
  #retain(): void {
    const logs = this.#partitions().map((partition) => {
      const { settings } = partition
      const limits = { retentionMs: settings['retention.ms'], retentionBytes: settings['retention.bytes'] }
      return {
        log: partition.log,
        limits: settings['cleanup.policy'].has('delete') ? limits : undefined,
        committedOffset: () => partition.highWatermark,
      }
    })
    this.#logs.retain(logs)
  }

  #partitions(): Partition[] {
    return [...this.#topics.values()].flatMap((partitions) =>
      [...partitions.values()].filter((hosted) => hosted !== 'offline'),
    )
  }
}

/** Nobody takes it for one that has what is committed. */
function isDispensable({ isr, eligibleLeaderReplicas, lastKnownElr }: PartitionState, nodeId: number): boolean {
  const some = [...isr, ...eligibleLeaderReplicas, ...lastKnownElr]
  return some.length > 0 && !some.includes(nodeId)
}

function viewOf(image: MetadataImage, state: PartitionState): PartitionView {
  const usable = new Map<number, number>()
  for (const id of state.replicas) if (canLead(image, state, id)) usable.set(id, image.brokers.get(id)!.brokerEpoch)
  return { state, usable }
}

/** By topic, the numbers of partitions that may be others than before; undefined: all. */
function changedIn(
  { topicsById }: MetadataImage,
  delta: MetadataDelta | undefined,
): ReadonlyMap<Uuid, ReadonlySet<number> | undefined> {
  return delta?.changedPartitions ?? new Map([...topicsById.keys()].map((id) => [id, undefined] as const))
}

function missingFrom({ topicsById }: MetadataImage, image: MetadataImage): TopicImage[] {
  return [...topicsById.values()].filter(({ topicId }) => !image.topicsById.has(topicId))
}

/** Calls back when everything that was begun has ended, and `start` was called. */
function countdown(done: () => void): { one(): () => void; start(): void } {
  let open = 1
  const end = (): void => {
    open--
    if (open === 0) done()
  }
  const one = (): (() => void) => {
    open++
    return end
  }
  return { one, start: end }
}
