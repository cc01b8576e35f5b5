/**
 * CoordinatorRuntime: the shards of one internal topic on this broker: one for each partition that it leads. It hears when partitions get or lose
 * their leadership and when what was appended is committed, and has one timer for all deadlines.
 *
 * A late process judges nobody: the clock lets what has arrived go before a timer that is overdue.
 */
import { Histogram } from '../../base/histogram.js'
import type { Shard } from '../../coordinator/shard.js'
import type { Clock, Timer } from '../../io/clock.js'
import type { Logger } from '../../io/logger.js'
import type { MetadataDelta } from '../../metadata/delta.js'
import type { MetadataImage } from '../../metadata/image.js'
import { type Answered, ShardHost, type ShardKind, type ShardPartition } from './shard-host.js'

export class CoordinatorRuntime<Request, Record, Reply extends object> {
  /** How long loads took. */
  readonly loads = new Histogram()
  readonly #ports: { readonly clock: Clock; readonly logger: Logger }
  readonly #kind: ShardKind<Request, Record, Reply>
  readonly #hosts = new Map<number, ShardHost<Request, Record, Reply>>()
  #timer: Timer | undefined
  #timerDueMs = Number.POSITIVE_INFINITY
  #stopped = false

  constructor(ports: { readonly clock: Clock; readonly logger: Logger }, kind: ShardKind<Request, Record, Reply>) {
    this.#ports = ports
    this.#kind = kind
  }

  /** Those that are loaded, by partition. */
  *shards(): Iterable<readonly [partition: number, shard: Shard<Request, Record, Reply>]> {
    for (const [partition, { shard }] of this.#hosts) if (shard !== undefined) yield [partition, shard]
  }

  /** Partitions that this broker coordinates, and how many of them are not loaded yet. */
  get coordinated(): { readonly partitions: readonly number[]; readonly loading: number } {
    const loading = [...this.#hosts.values()].filter(({ shard }) => shard === undefined).length
    return { partitions: [...this.#hosts.keys()], loading }
  }

  /** Requests that wait for their answer. */
  get waiting(): number {
    let waiting = 0
    for (const host of this.#hosts.values()) waiting += host.waiting
    return waiting
  }

  /** Undefined: another broker coordinates it. */
  partition(index: number): ShardPartition | undefined {
    return this.#hosts.get(index)?.partition
  }

  request(partition: number, request: Request, answered: Answered<Reply>): void {
    const host = this.#hosts.get(partition)
    if (host === undefined) answered('NOT_COORDINATOR')
    else host.request(request, answered)
  }

  /** Something about a hosted partition has changed, of whatever topic. */
  partitionChanged(partition: ShardPartition): void {
    if (this.#stopped || partition.id.topic !== this.#kind.topic) return
    const index = partition.id.partition
    const host = this.#hosts.get(index)
    // A topic that is created again has other partitions.
    const isHosts = host?.partition === partition
    if (isHosts && partition.isLeader) return host.changed()
    if (isHosts) {
      this.#hosts.delete(index)
      return host.unload()
    }
    if (!partition.isLeader) return
    host?.unload()
    const events = {
      scheduled: (dueMs: number) => this.#schedule(dueMs),
      loaded: (durationMs: number) => this.loads.add(durationMs),
    }
    this.#hosts.set(index, new ShardHost(this.#ports, this.#kind, partition, events))
  }

  /** Another image is applied. Without a delta anything may have changed. */
  metadataChanged(image: MetadataImage, delta: MetadataDelta | undefined): void {
    const { changedPartitions, removedTopics, changedBrokers, changedConfigs } = delta ?? {}
    const isNews = [changedPartitions, removedTopics, changedBrokers, changedConfigs].some((each) => each?.size !== 0)
    if (!isNews) return
    for (const host of this.#hosts.values()) host.metadataChanged(image, delta)
  }

  /** Lets go of everything; who waits is told that it is not here any more. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    const hosts = [...this.#hosts.values()]
    this.#hosts.clear()
    for (const host of hosts) host.unload()
  }

  #schedule(dueMs: number): void {
    if (this.#stopped || dueMs >= this.#timerDueMs) return
    const { clock } = this.#ports
    this.#timer?.cancel()
    this.#timerDueMs = dueMs
    this.#timer = clock.timer(Math.max(0, dueMs - clock.monotonicMs()), () => {
      this.#timerDueMs = Number.POSITIVE_INFINITY
      const nowMs = clock.monotonicMs()
      for (const host of this.#hosts.values()) if (host.dueMs <= nowMs) host.due()
      for (const host of this.#hosts.values()) this.#schedule(host.dueMs)
    })
  }
}
