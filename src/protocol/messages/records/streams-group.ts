/**
 * Streams groups (KIP-1071) in `__consumer_offsets`: types 17 to 23 of the keys, see `offset-commits.ts` for what precedes them.
 */
import { array, int8, int16, int32, int64, string, struct, uint16 } from '../../field.js'
import { Schema } from '../../schema.js'

/** Type 17: the group and its epochs. */
export const StreamsGroupMetadataKey = new Schema({
  name: 'StreamsGroupMetadataKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
  },
})

export const StreamsGroupMetadataValue = new Schema({
  name: 'StreamsGroupMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    epoch: int32,
    metadataHash: int64,
    validatedTopologyEpoch: int32.default(-1).tag(0),
    lastAssignmentConfigs: array(
      struct({
        key: string,
        value: string,
      }),
    )
      .nullable()
      .tag(1),
    storedDescriptionTopologyEpoch: int32.default(-1).tag(2),
    failedDescriptionTopologyEpoch: int32.default(-1).tag(3),
  },
})

/** Type 19: a member and where it runs. */
export const StreamsGroupMemberMetadataKey = new Schema({
  name: 'StreamsGroupMemberMetadataKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
    memberId: string,
  },
})

export const StreamsGroupMemberMetadataValue = new Schema({
  name: 'StreamsGroupMemberMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    instanceId: string.nullable(),
    rackId: string.nullable(),
    clientId: string,
    clientHost: string,
    rebalanceTimeoutMs: int32.default(-1),
    topologyEpoch: int32,
    processId: string,
    userEndpoint: struct({
      host: string,
      port: uint16,
    })
      .nullable()
      .default(null),
    clientTags: array(
      struct({
        key: string,
        value: string,
      }),
    ),
  },
})

/** Type 20: the epoch of the assignment that members move to. */
export const StreamsGroupTargetAssignmentMetadataKey = new Schema({
  name: 'StreamsGroupTargetAssignmentMetadataKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
  },
})

export const StreamsGroupTargetAssignmentMetadataValue = new Schema({
  name: 'StreamsGroupTargetAssignmentMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    assignmentEpoch: int32,
    assignmentTimestamp: int64.tag(0).ignorable(),
  },
})

/** Type 21: the tasks that a member is to have. */
export const StreamsGroupTargetAssignmentMemberKey = new Schema({
  name: 'StreamsGroupTargetAssignmentMemberKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
    memberId: string,
  },
})

const taskIds = struct({
  subtopologyId: string,
  partitions: array(int32),
})

export const StreamsGroupTargetAssignmentMemberValue = new Schema({
  name: 'StreamsGroupTargetAssignmentMemberValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    activeTasks: array(taskIds),
    standbyTasks: array(taskIds),
    warmupTasks: array(taskIds),
  },
})

/** Type 22: the tasks that a member has, and those that it has yet to give back. */
export const StreamsGroupCurrentMemberAssignmentKey = new Schema({
  name: 'StreamsGroupCurrentMemberAssignmentKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
    memberId: string,
  },
})

const ownedTaskIds = struct({
  subtopologyId: string,
  partitions: array(int32),
  assignmentEpochs: array(int32).nullable().tag(0),
})

export const StreamsGroupCurrentMemberAssignmentValue = new Schema({
  name: 'StreamsGroupCurrentMemberAssignmentValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    activeTasks: array(ownedTaskIds),
    standbyTasks: array(ownedTaskIds),
    warmupTasks: array(ownedTaskIds),
    activeTasksPendingRevocation: array(ownedTaskIds),
    standbyTasksPendingRevocation: array(ownedTaskIds),
    warmupTasksPendingRevocation: array(ownedTaskIds),
  },
})

/** Type 23: what the group runs. */
export const StreamsGroupTopologyKey = new Schema({
  name: 'StreamsGroupTopologyKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    groupId: string,
  },
})

const topicInfo = struct({
  name: string,
  partitions: int32,
  replicationFactor: int16,
  topicConfigs: array(
    struct({
      key: string,
      value: string,
    }),
  ),
})

export const StreamsGroupTopologyValue = new Schema({
  name: 'StreamsGroupTopologyValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    epoch: int32,
    subtopologies: array(
      struct({
        subtopologyId: string,
        sourceTopics: array(string),
        sourceTopicRegex: array(string),
        stateChangelogTopics: array(topicInfo),
        repartitionSinkTopics: array(string),
        repartitionSourceTopics: array(topicInfo),
        copartitionGroups: array(
          struct({
            sourceTopics: array(int16),
            sourceTopicRegex: array(int16),
            repartitionSourceTopics: array(int16),
          }),
        ),
      }),
    ),
  },
})
