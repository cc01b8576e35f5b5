/**
 * Leaderships go back to the first replicas, which is how they were spread, where a broker leads too few of the partitions in which it is the first. So who
 * was away gets its share again without anybody asking.
 *
 * Known difference: Kafka's KRaft controller gives back whatever it can; here `leader.imbalance.per.broker.percentage` says when, as it did with ZooKeeper.
 */
import type { MetadataRecord, PartitionState } from '../metadata/records.js'
import type { ClusterView } from './election-rules.js'
import { isPreferredReady } from './leader-election.js'

/** Of one decision; what is left follows soon. */
export const MAX_ELECTIONS_PER_BALANCE = 1000
/** How soon. */
export const BALANCE_AGAIN_MS = 1000

interface Share {
  of: number
  readonly elsewhere: Array<{
    readonly topicId: string
    readonly partitionId: number
    readonly partition: PartitionState
  }>
}

/** `more`: the decision was full. */
export function balanceLeaders({ image, settings }: ClusterView): {
  readonly records: readonly MetadataRecord[]
  readonly more: boolean
} {
  const shares = new Map<number, Share>()
  for (const { topicId, partitions } of image.topicsById.values()) {
    for (const [partitionId, partition] of partitions.entries()) {
      const preferred = partition.replicas[0]!
      let share = shares.get(preferred)
      if (share === undefined) shares.set(preferred, (share = { of: 0, elsewhere: [] }))
      share.of++
      if (partition.leader !== preferred) share.elsewhere.push({ topicId, partitionId, partition })
    }
  }
  const records: MetadataRecord[] = []
  for (const [preferred, { of, elsewhere }] of shares) {
    if (elsewhere.length * 100 <= of * settings['leader.imbalance.per.broker.percentage']) continue
    const evidence = { preferred: String(preferred), notLeading: String(elsewhere.length), of: String(of) }
    for (const { topicId, partitionId, partition } of elsewhere) {
      if (!isPreferredReady(image, partition)) continue
      if (records.length >= MAX_ELECTIONS_PER_BALANCE) return { records, more: true }
      const cause = { reason: 'LEADERS_BALANCED', evidence } as const
      records.push({ type: 'partitionChange', topicId, partitionId, leader: preferred, cause })
    }
  }
  return { records, more: false }
}
