/**
 * Why nothing of a partition can be read for a fetch, or nothing here: another leads, the offset is none, the log of who fetches and this one part, or there is
 * a replica that is nearer (KIP-392).
 */
import type { ErrorName } from '../../../protocol/errors.js'
import type { WantedPartition } from '../../broker.js'
import type { Partition } from '../../partition.js'

export interface Obstacle {
  readonly error?: ErrorName
  /** Where the client's log and this one part. */
  readonly divergingEpoch?: { readonly epoch: number; readonly endOffset: number }
  /** Who should be asked. */
  readonly preferredReplica?: number
}

/** Who fetches. */
export interface Reader {
  /** Whether it is content with what a follower knows to be committed. */
  readonly mayFollow: boolean
  /** Why it is given nothing, beside its leader epoch. */
  readonly whyNot: () => ErrorName | undefined
  /** Who should be asked for this offset; undefined: this broker. */
  readonly nearer: (offset: number) => number | undefined
}

/**
 * A client that names the epoch of what it has last is told where the logs part before it is told that its offset is none (KIP-320, KIP-595): after a
 * truncation it usually is both. A follower may just not have come that far, and leaves that to the leader, to whom clients go back then.
 */
export function findObstacle(
  partition: Partition,
  { currentLeaderEpoch, lastFetchedEpoch, fetchOffset }: WantedPartition,
  { mayFollow, whyNot, nearer }: Reader,
): Obstacle | undefined {
  const epochError = mayFollow ? partition.checkReadable(currentLeaderEpoch) : partition.checkEpoch(currentLeaderEpoch)
  const error = epochError ?? whyNot()
  if (error !== undefined) return { error }
  const { startOffset, logEndOffset, state } = partition.log
  if (lastFetchedEpoch >= 0) {
    const end = state.epochs.endOffsetFor(lastFetchedEpoch, logEndOffset)
    // An epoch that is later than any here.
    if (end === undefined) return { error: 'OFFSET_OUT_OF_RANGE' }
    const { leaderEpoch: epoch, endOffset } = end
    if (epoch < lastFetchedEpoch || endOffset < fetchOffset) {
      return partition.isLeader ? { divergingEpoch: { epoch, endOffset } } : { error: 'OFFSET_OUT_OF_RANGE' }
    }
  }
  if (fetchOffset < startOffset || fetchOffset > logEndOffset) return { error: 'OFFSET_OUT_OF_RANGE' }
  const preferredReplica = nearer(fetchOffset)
  return preferredReplica === undefined ? undefined : { preferredReplica }
}
