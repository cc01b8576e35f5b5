/**
 * ReplicationThrottle: holds back replicas that an operator has named (KIP-73), as long as they are not in sync and more than a rate goes to or comes from them: so
 * that partitions which move leave others their share. What it lets pass of replicas that are named counts, in sync or not.
 *
 * The names stand in `leader.` and `follower.replication.throttled.replicas` of a topic, the rate in `leader.` and `follower.replication.throttled.rate` of a
 * broker.
 */
import type { NodeSettings } from '../config/node-settings.js'
import type { Clock } from '../io/clock.js'
import { ReplicationQuota } from '../replication/replication-quota.js'
import type { Partition } from './partition.js'

/** What a leader gives, and what a follower takes. */
export type ThrottledSide = 'leader' | 'follower'

/** In the place of a list. */
const ALL = '*'

export class ReplicationThrottle {
  readonly #side: ThrottledSide
  readonly #nodeId: number
  readonly #clock: Clock
  readonly #settings: () => NodeSettings
  readonly #quota: ReplicationQuota

  constructor(side: ThrottledSide, nodeId: number, clock: Clock, settings: () => NodeSettings) {
    this.#side = side
    this.#nodeId = nodeId
    this.#clock = clock
    this.#settings = settings
    const { 'replication.quota.window.num': samples, 'replication.quota.window.size.seconds': seconds } = settings()
    this.#quota = new ReplicationQuota({ samples, sampleMs: seconds * 1000 })
  }

  /** Whether this replica has to wait, if it is not in sync. */
  holdsBack(partition: Partition): boolean {
    if (!this.#isNamed(partition)) return false
    const rate = this.#settings()[`${this.#side}.replication.throttled.rate`]
    return this.#quota.bytesPerSecond(this.#clock.monotonicMs()) > rate
  }

  passed(partition: Partition, bytes: number): void {
    if (bytes > 0 && this.#isNamed(partition)) this.#quota.count(bytes, this.#clock.monotonicMs())
  }

  #isNamed({ id, settings }: Partition): boolean {
    const names = settings[`${this.#side}.replication.throttled.replicas`]
    return names.length > 0 && (names[0] === ALL || names.includes(`${id.partition}:${this.#nodeId}`))
  }
}
