/** A consumer group as ConsumerGroupDescribe shows it. */
import type { MetadataImage } from '../../../metadata/image.js'
import { ErrorCode } from '../../../protocol/errors.js'
import type { DescribedConsumerGroup } from '../group.js'
import type { ConsumerGroup } from './consumer-group.js'
import { type PartitionSet, topicPartitions } from './partition-sets.js'

/** KIP-1099. */
const MEMBER_TYPES = { classic: 0, consumer: 1 } as const

export function describeConsumerGroup(
  groupId: string,
  group: ConsumerGroup | undefined,
  assignorName: string,
  image: MetadataImage,
): DescribedConsumerGroup {
  if (group === undefined) {
    return {
      errorCode: ErrorCode.GROUP_ID_NOT_FOUND,
      errorMessage: `Group ${groupId} is not a consumer group.`,
      groupId,
      groupState: '',
      groupEpoch: 0,
      assignmentEpoch: 0,
      assignorName: '',
      members: [],
    }
  }
  return {
    errorCode: 0,
    groupId,
    groupState: group.state,
    groupEpoch: group.epoch,
    assignmentEpoch: group.targetEpoch,
    assignorName,
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      rackId: member.rackId,
      memberEpoch: member.epoch,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: [...member.subscribedTopics],
      subscribedTopicRegex: member.subscribedExpression || null,
      assignment: { topicPartitions: withNames(member.assigned, image) },
      targetAssignment: { topicPartitions: withNames(group.targetOf(member.memberId), image) },
      memberType: MEMBER_TYPES[member.classic === null ? 'consumer' : 'classic'],
    })),
  }
}

/** Topics that are gone have no name, and are left out. */
function withNames(set: PartitionSet, image: MetadataImage) {
  return topicPartitions(set).flatMap(({ topicId, partitions }) => {
    const topicName = image.topicsById.get(topicId)?.name
    return topicName === undefined ? [] : [{ topicId, topicName, partitions }]
  })
}
