/**
 * range: of each topic every subscriber gets partitions that follow one another, so that topics with the same number of partitions fall to the same members
 * (they can be joined). Static members keep their places, as they stand in the order of their instance ids.
 */
import type { Uuid } from '../../../../base/uuid.js'
import { addPartition } from '../partition-sets.js'
import { type AssignedMember, type AssignmentQuestion, subscribersByTopic } from './assignor.js'

export function assignRanges({ members, partitionCount }: AssignmentQuestion): Map<string, Map<Uuid, Set<number>>> {
  const ordered = [...members].sort(inOrder)
  const assignment = ordered.map(() => new Map<Uuid, Set<number>>())
  for (const [topicId, subscribers] of subscribersByTopic(ordered)) {
    const count = partitionCount(topicId)
    const each = Math.floor(count / subscribers.length)
    const extra = count % subscribers.length
    let next = 0
    for (const [place, member] of subscribers.entries()) {
      const end = next + each + (place < extra ? 1 : 0)
      for (; next < end; next++) addPartition(assignment[member]!, topicId, next)
    }
  }
  return new Map(ordered.map(({ memberId }, i) => [memberId, assignment[i]!]))
}

/** Static members first. */
function inOrder(one: AssignedMember, other: AssignedMember): number {
  if (one.instanceId !== null && other.instanceId !== null) return one.instanceId < other.instanceId ? -1 : 1
  if (one.instanceId !== null) return -1
  if (other.instanceId !== null) return 1
  return one.memberId < other.memberId ? -1 : 1
}
