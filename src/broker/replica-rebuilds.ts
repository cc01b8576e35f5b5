/**
 * ReplicaRebuilds: replicas that are not what was committed, from some offset on, throw that away and fetch it again from their leader. First nobody may count on
 * them any more: a follower's leader has it taken out of the ISR, and keeps it out until it asks for what it lacks; a leader gives the lead to another replica that
 * is in sync, and leaves the ISR with it. Where too few would be left in sync the replica stays as it is, until there are more.
 *
 * What is under way is known only here: where this process or the leader changes in between, what was wrong is still there, and is found once more.
 */
import type { Logger } from '../io/logger.js'
import type { MetadataImage } from '../metadata/image.js'
import type { ErrorName } from '../protocol/errors.js'
import type { Partition } from './partition.js'
import { isCountedOn } from './partition-terms.js'
import type { ReplicaRequest, ReplicaRequests } from './replica-requests.js'

export const DIGEST = 0
export const REBUILD = 1
export const KEEP_OUT = 2

export interface ReplicaRebuildsOptions {
  readonly nodeId: number
  readonly logger: Logger
  readonly image: () => MetadataImage
  readonly requests: ReplicaRequests
}

/** Partitions in which somebody is kept out; what is odd in further ones is found again. */
const MOST_AT_ONCE = 1000

export class ReplicaRebuilds {
  readonly #options: ReplicaRebuildsOptions
  /** Partitions led from here, with those who have not begun yet, and the numbers under which they are told. */
  readonly #keptOut = new Map<Partition, Map<number, number>>()
  #numbers = 0
  /** Replicas of this broker that were thrown away, in part, since the start. */
  rebuilt = 0

  constructor(options: ReplicaRebuildsOptions) {
    this.#options = options
  }

  /** Who is kept out is told what to do, again and again until it asks for what it lacks. */
  tick(): void {
    for (const [partition, ids] of this.#keptOut) {
      for (const [id, number] of ids) {
        const fromOffset = partition.leading?.keptOutFrom(id)
        if (fromOffset === undefined) ids.delete(id)
        else if (partition.leading?.mayRebuild(id) === true) this.#tell(partition, id, fromOffset, number)
      }
      if (ids.size === 0) this.#keptOut.delete(partition)
    }
  }

  /** What these replicas of a partition that is led from here have from there on is not what those others have, who are right. */
  rebuild(partition: Partition, odd: readonly number[], whole: readonly number[], fromOffset: number): void {
    if (odd.includes(this.#options.nodeId)) this.handOver(partition, whole, fromOffset)
    else for (const id of odd) this.keepOut(partition, id, fromOffset)
  }

  /** This leader has to fetch again what it has from there on; these others have it. */
  handOver(partition: Partition, to: readonly number[], fromOffset: number): void {
    const about = { ...partition.id, fromOffset, to }
    if (!partition.handOver(to, fromOffset)) return this.#options.logger.warn(about, 'no other replica can lead yet')
    this.rebuilt++
    this.#options.logger.warn(about, 'another replica is to lead, and what is here is fetched again')
  }

  keepOut(partition: Partition, id: number, fromOffset: number): boolean {
    const ids = this.#keptOut.get(partition) ?? new Map<number, number>()
    const about = { ...partition.id, fromOffset, replica: id }
    if (this.#keptOut.size >= MOST_AT_ONCE || !partition.keepOut(id, fromOffset)) {
      this.#options.logger.warn(about, 'a replica is to be fetched again, and cannot be spared yet')
      return false
    }
    this.#options.logger.warn(about, 'a replica is to be fetched again')
    // Who has begun already has to begin once more: it may be from an earlier offset on.
    this.#keptOut.set(partition, ids.set(id, ++this.#numbers))
    return true
  }

  /** A replica here has to fetch again what it has from there on, which these others have. */
  beyondMending(partition: Partition, fromOffset: number, whole: readonly number[]): void {
    const { leaderId } = partition
    if (partition.isLeader) this.handOver(partition, whole, fromOffset)
    else if (whole.includes(leaderId))
      this.#options.requests.ask(leaderId, this.#request(partition, KEEP_OUT, fromOffset), () => {})
  }

  /**
   * The leader of the partition says that it is to be fetched again from there on. It says so more than once, and what it said may come late, when this replica is
   * in sync again and does not know it yet: so by its number each is done once.
   */
  told(partition: Partition, fromOffset: number, number: number): ErrorName | undefined {
    const { topicId, partition: index } = partition.id
    const { nodeId, image, logger } = this.#options
    const state = image().topicsById.get(topicId)?.partitions[index]
    // The leader may know more, or has not heard yet that it is none any more.
    if (state === undefined || isCountedOn(state, nodeId)) return 'INELIGIBLE_REPLICA'
    if (number <= (partition.following?.rebuilt ?? 0)) return undefined
    if (state.leaderEpoch !== partition.leaderEpoch) return 'NOT_LEADER_OR_FOLLOWER'
    if (!partition.rebuildFrom(fromOffset, number)) return 'NOT_LEADER_OR_FOLLOWER'
    this.rebuilt++
    logger.warn({ ...partition.id, fromOffset }, 'what is here is thrown away and fetched again')
    return undefined
  }

  #tell(partition: Partition, id: number, fromOffset: number, number: number): void {
    // That it has begun is seen when it fetches.
    this.#options.requests.ask(id, { ...this.#request(partition, REBUILD, fromOffset), number }, () => {})
  }

  #request({ id, leaderEpoch }: Partition, action: number, fromOffset: number): ReplicaRequest {
    return { topicId: id.topicId, partition: id.partition, leaderEpoch, action, fromOffset }
  }
}
