/** Assignor: who of a group gets which partitions of the topics that it is subscribed to. A function of what it is given, and of nothing else. */
import type { Uuid } from '../../../../base/uuid.js'
import type { PartitionSet } from '../partition-sets.js'

export interface AssignedMember {
  readonly memberId: string
  /** Null: it is not a static one. */
  readonly instanceId: string | null
  /** Of topics that there are. */
  readonly topicIds: ReadonlySet<Uuid>
  /** What it was to have until now; also of topics that are gone, or that it does not want any more. */
  readonly before: PartitionSet
}

export interface AssignmentQuestion {
  readonly members: readonly AssignedMember[]
  /** How many there are; asked for topics of members only. */
  readonly partitionCount: (topicId: Uuid) => number
}

/** Every member, and every partition that somebody wants exactly once. */
export type Assignor = (question: AssignmentQuestion) => Map<string, PartitionSet>

/** Who wants it, by topic; members in the given order. */
export function subscribersByTopic(members: readonly AssignedMember[]): Map<Uuid, number[]> {
  const subscribers = new Map<Uuid, number[]>()
  for (const [i, { topicIds }] of members.entries()) {
    for (const topicId of topicIds) {
      const known = subscribers.get(topicId)
      if (known === undefined) subscribers.set(topicId, [i])
      else known.push(i)
    }
  }
  return subscribers
}
