/**
 * Consumer groups (KIP-848) in `__consumer_offsets`: types 3 to 8 and 16 of the keys, see `offset-commits.ts` for what precedes them.
 */
import { array, bytes, int8, int32, int64, string, struct, uuid } from '../../field.js'
import { Schema } from '../../schema.js'

/** Type 3: the group and its epoch. */
export const ConsumerGroupMetadataKey = new Schema({
  name: 'ConsumerGroupMetadataKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
  },
})

export const ConsumerGroupMetadataValue = new Schema({
  name: 'ConsumerGroupMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    epoch: int32,
    metadataHash: int64.tag(0),
  },
})

/** Type 4: the partitions of the topics that are subscribed to. Kafka 4.1 and later keep a hash of them in the group's record instead. */
export const ConsumerGroupPartitionMetadataKey = new Schema({
  name: 'ConsumerGroupPartitionMetadataKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
  },
})

export const ConsumerGroupPartitionMetadataValue = new Schema({
  name: 'ConsumerGroupPartitionMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    topics: array(
      struct({
        topicId: uuid,
        topicName: string,
        numPartitions: int32,
        partitionMetadata: array(
          struct({
            partition: int32,
            racks: array(string),
          }),
        ),
      }),
    ),
  },
})

/** Type 5: a member and what it wants. */
export const ConsumerGroupMemberMetadataKey = new Schema({
  name: 'ConsumerGroupMemberMetadataKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
    memberId: string,
  },
})

export const ConsumerGroupMemberMetadataValue = new Schema({
  name: 'ConsumerGroupMemberMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    instanceId: string.nullable(),
    rackId: string.nullable(),
    clientId: string,
    clientHost: string,
    subscribedTopicNames: array(string),
    subscribedTopicRegex: string.nullable(),
    rebalanceTimeoutMs: int32.default(-1),
    serverAssignor: string.nullable(),
    classicMemberMetadata: struct({
      sessionTimeoutMs: int32,
      supportedProtocols: array(
        struct({
          name: string,
          metadata: bytes,
        }),
      ),
    })
      .nullable()
      .tag(0),
  },
})

/** Type 6: the epoch of the assignment that members move to. */
export const ConsumerGroupTargetAssignmentMetadataKey = new Schema({
  name: 'ConsumerGroupTargetAssignmentMetadataKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
  },
})

export const ConsumerGroupTargetAssignmentMetadataValue = new Schema({
  name: 'ConsumerGroupTargetAssignmentMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    assignmentEpoch: int32,
    assignmentTimestamp: int64.tag(0).ignorable(),
  },
})

/** Type 7: what a member is to have. */
export const ConsumerGroupTargetAssignmentMemberKey = new Schema({
  name: 'ConsumerGroupTargetAssignmentMemberKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
    memberId: string,
  },
})

export const ConsumerGroupTargetAssignmentMemberValue = new Schema({
  name: 'ConsumerGroupTargetAssignmentMemberValue',
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

/** Type 8: what a member has, and what it has yet to give back. */
export const ConsumerGroupCurrentMemberAssignmentKey = new Schema({
  name: 'ConsumerGroupCurrentMemberAssignmentKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
    memberId: string,
  },
})

const topicPartitions = struct({
  topicId: uuid,
  partitions: array(int32),
  assignmentEpochs: array(int32).nullable().tag(0),
})

export const ConsumerGroupCurrentMemberAssignmentValue = new Schema({
  name: 'ConsumerGroupCurrentMemberAssignmentValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    assignedPartitions: array(topicPartitions),
    partitionsPendingRevocation: array(topicPartitions),
  },
})

/** Type 16: the topics that a regular expression stood for. */
export const ConsumerGroupRegularExpressionKey = new Schema({
  name: 'ConsumerGroupRegularExpressionKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
    regularExpression: string,
  },
})

export const ConsumerGroupRegularExpressionValue = new Schema({
  name: 'ConsumerGroupRegularExpressionValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    topics: array(string),
    version: int64,
    timestamp: int64,
  },
})
