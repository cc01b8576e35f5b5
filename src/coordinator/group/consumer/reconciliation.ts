/**
 * The way of one member to the target assignment, step by step and alone: first it gives back what it is not to have, and only when it has said so it
 * goes on to the next epoch; what others still have it gets when they have given it back (KIP-848).
 */
import type { Uuid } from '../../../base/uuid.js'
import type { ConsumerMember, MemberState } from './consumer-member.js'
import { filtered, has, NO_PARTITIONS, overlaps, type PartitionSet, sizeOf, union } from './partition-sets.js'

export interface Goal {
  readonly targetEpoch: number
  readonly target: PartitionSet
  /** What the member says that it has; undefined: it has not said it. */
  readonly owned: PartitionSet | undefined
  /** Whether a member has it, or has yet to give it back. */
  readonly isTaken: (topicId: Uuid, partition: number) => boolean
}

/** The member as it is after the next step; itself, if it has to wait. `fenced`: it has to begin anew. */
export function reconcile(member: ConsumerMember, goal: Goal): ConsumerMember | 'fenced' {
  switch (member.state) {
    case 'stable':
      return member.epoch === goal.targetEpoch ? member : nextStep(member, goal, member.epoch)
    case 'unrevoked partitions':
      if (hasAnyOf(goal.owned, member.revoking)) return member
      // The one epoch has come to its end; never beyond that of the target.
      return nextStep(member, goal, Math.min(member.epoch + 1, goal.targetEpoch))
    case 'unreleased partitions':
      return nextStep(member, goal, member.epoch)
    case 'unknown':
      // Written by a later version: what it has given back is not known.
      if (goal.owned === undefined || goal.owned.size > 0) return 'fenced'
      return nextStep(member, goal, goal.targetEpoch)
  }
}

/** Who does not say what it has may have all of it. */
function hasAnyOf(owned: PartitionSet | undefined, partitions: PartitionSet): boolean {
  return owned === undefined || overlaps(owned, partitions)
}

function nextStep(member: ConsumerMember, goal: Goal, epoch: number): ConsumerMember {
  const { target, targetEpoch, owned, isTaken } = goal
  const kept = filtered(member.assigned, (topicId, partition) => has(target, topicId, partition))
  const revoking = filtered(member.assigned, (topicId, partition) => !has(target, topicId, partition))
  if (revoking.size > 0 && hasAnyOf(owned, revoking)) {
    return moved(member, epoch, 'unrevoked partitions', kept, revoking)
  }
  const missing = filtered(target, (topicId, partition) => !has(kept, topicId, partition))
  // What it has just given back itself is free for it.
  const free = filtered(
    missing,
    (topicId, partition) => !isTaken(topicId, partition) || has(member.revoking, topicId, partition),
  )
  const state = sizeOf(free) < sizeOf(missing) ? 'unreleased partitions' : 'stable'
  return moved(member, targetEpoch, state, free.size === 0 ? kept : union(kept, free), NO_PARTITIONS)
}

function moved(
  member: ConsumerMember,
  epoch: number,
  state: MemberState,
  assigned: PartitionSet,
  revoking: PartitionSet,
): ConsumerMember {
  return { ...member, epoch, previousEpoch: member.epoch, state, assigned, revoking }
}
