/**
 * Share groups (KIP-932) in `__consumer_offsets`: types 10 to 15 of the keys, see `offset-commits.ts` for what precedes them.
 */
import { array, int8, int32, int64, string, struct, uuid } from '../../field.js'
import { Schema } from '../../schema.js'

/** Type 10: a member and what it wants. */
export const ShareGroupMemberMetadataKey = new Schema({
  name: 'ShareGroupMemberMetadataKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
    memberId: string,
  },
})

export const ShareGroupMemberMetadataValue = new Schema({
  name: 'ShareGroupMemberMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    rackId: string.nullable(),
    clientId: string,
    clientHost: string,
    subscribedTopicNames: array(string),
  },
})

/** Type 11: the group and its epoch. */
export const ShareGroupMetadataKey = new Schema({
  name: 'ShareGroupMetadataKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
  },
})

export const ShareGroupMetadataValue = new Schema({
  name: 'ShareGroupMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    epoch: int32,
    metadataHash: int64,
  },
})

/** Type 12: the epoch of the assignment that members move to. */
export const ShareGroupTargetAssignmentMetadataKey = new Schema({
  name: 'ShareGroupTargetAssignmentMetadataKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
  },
})

export const ShareGroupTargetAssignmentMetadataValue = new Schema({
  name: 'ShareGroupTargetAssignmentMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    assignmentEpoch: int32,
    assignmentTimestamp: int64.tag(0).ignorable(),
  },
})

/** Type 13: what a member is to have. */
export const ShareGroupTargetAssignmentMemberKey = new Schema({
  name: 'ShareGroupTargetAssignmentMemberKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
    memberId: string,
  },
})

export const ShareGroupTargetAssignmentMemberValue = new Schema({
  name: 'ShareGroupTargetAssignmentMemberValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    topicPartitions: array(
      struct({
        topicId: uuid,
        partitions: array(int32),
      }),
    ),
  },
})

/** Type 14: what a member has. */
export const ShareGroupCurrentMemberAssignmentKey = new Schema({
  name: 'ShareGroupCurrentMemberAssignmentKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
    memberId: string,
  },
})

export const ShareGroupCurrentMemberAssignmentValue = new Schema({
  name: 'ShareGroupCurrentMemberAssignmentValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    assignedPartitions: array(
      struct({
        topicId: uuid,
        partitions: array(int32),
      }),
    ),
  },
})

/** Type 15: of which partitions the share coordinator has, or is to have, a state. */
export const ShareGroupStatePartitionMetadataKey = new Schema({
  name: 'ShareGroupStatePartitionMetadataKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
  },
})

const topicPartitionsInfo = struct({
  topicId: uuid,
  topicName: string,
  partitions: array(int32),
})

export const ShareGroupStatePartitionMetadataValue = new Schema({
  name: 'ShareGroupStatePartitionMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    initializingTopics: array(topicPartitionsInfo),
    initializedTopics: array(topicPartitionsInfo),
    deletingTopics: array(
      struct({
        topicId: uuid,
        topicName: string,
      }),
    ),
  },
})
