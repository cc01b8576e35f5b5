/** A replica on a simulated node, as the rules look at it. */
import type { Partition } from '../broker/partition.js'
import type { ClusterNode } from './cluster-world.js'
import type { ReplicaView } from './replica-rules.js'

export function viewOf(node: ClusterNode, partition: Partition): ReplicaView {
  const { log, leaderId, leaderEpoch, highWatermark, isLeader, following } = partition
  const { startOffset, flushedEndOffset, settledEndOffset, logEndOffset, nextOffset } = log
  return {
    nodeId: node.id,
    leaderId,
    leaderEpoch,
    isLeader,
    followed: following?.core,
    sources: node.node!.broker!.fetcher.sourcesOf(partition),
    startOffset,
    flushedEndOffset,
    settledEndOffset,
    logEndOffset,
    nextOffset,
    highWatermark,
  }
}
