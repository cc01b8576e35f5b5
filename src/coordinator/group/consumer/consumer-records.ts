/** What the records of consumer groups do to them: on who has decided them, and on who reads them after a move. */
import type { GroupContext } from '../group.js'
import type { GroupRecord } from '../group-records.js'
import { ConsumerGroup } from './consumer-group.js'
import { newMember, withCurrent, withWishes } from './consumer-member.js'
import { partitionSet } from './partition-sets.js'

/** False: it is not about a consumer group. */
export function applyConsumerRecord(
  record: GroupRecord,
  { groups }: GroupContext,
  makeGroup: (groupId: string) => ConsumerGroup,
): boolean {
  switch (record.type) {
    case 'OffsetCommit':
    case 'GroupMetadata':
      return false
    case 'ConsumerGroupPartitionMetadata':
      // Kafka before 4.1 wrote it; the hash in the group's record has taken its place.
      return true
  }
  const { groupId } = record.key
  const known = groups.get(groupId)
  let group: ConsumerGroup
  if (known instanceof ConsumerGroup) group = known
  else {
    // What is taken away from a group that is not there was taken away already.
    if (record.value === null) return true
    group = makeGroup(groupId)
    groups.set(groupId, group)
  }
  applyTo(group, record, () => groups.delete(groupId))
  return true
}

type ConsumerGroupRecord = Exclude<
  GroupRecord,
  { readonly type: 'OffsetCommit' | 'GroupMetadata' | 'ConsumerGroupPartitionMetadata' }
>

function applyTo(group: ConsumerGroup, record: ConsumerGroupRecord, removeGroup: () => void): void {
  switch (record.type) {
    case 'ConsumerGroupMetadata':
      if (record.value === null) {
        group.memory.forgetAll()
        removeGroup()
      } else {
        group.epoch = record.value.epoch
        group.metadataHash = record.value.metadataHash
      }
      return
    case 'ConsumerGroupMemberMetadata': {
      const { memberId } = record.key
      if (record.value === null) {
        group.removeMember(memberId)
        group.memory.forget(memberId)
      } else group.setMember(withWishes(group.members.get(memberId) ?? newMember(memberId), record.value))
      return
    }
    case 'ConsumerGroupTargetAssignmentMetadata':
      group.targetEpoch = record.value === null ? -1 : record.value.assignmentEpoch
      return
    case 'ConsumerGroupTargetAssignmentMember': {
      const { memberId } = record.key
      if (record.value === null) group.targets.delete(memberId)
      else group.targets.set(memberId, partitionSet(record.value.topicPartitions))
      return
    }
    case 'ConsumerGroupCurrentMemberAssignment': {
      const { memberId } = record.key
      const member = group.members.get(memberId)
      if (member === undefined && record.value === null) return
      group.setMember(withCurrent(member ?? newMember(memberId), record.value))
      return
    }
    case 'ConsumerGroupRegularExpression': {
      const { value } = record
      group.setExpression(
        record.key.regularExpression,
        value === null
          ? undefined
          : { topics: new Set(value.topics), version: value.version, timestampMs: value.timestamp },
      )
      return
    }
  }
}
