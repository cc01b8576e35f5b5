/**
 * StreamsGroupHeartbeat: a member of a streams group says what it runs, and is told which tasks are its own (KIP-1071).
 *
 * v1 the acceptable lag stands elsewhere, and whether the broker wants a description of the topology.
 */
import { array, bool, int8, int16, int32, int64, string, struct, uint16 } from '../field.js'
import { message } from '../schema.js'

const keyValue = struct({
  key: string,
  value: string,
})

const topicInfo = struct({
  name: string,
  partitions: int32,
  replicationFactor: int16,
  topicConfigs: array(keyValue),
})

const taskIds = struct({
  subtopologyId: string,
  partitions: array(int32),
})

const endpoint = struct({
  host: string,
  port: uint16,
})

const taskOffset = struct({
  subtopologyId: string,
  partition: int32,
  offset: int64,
})

const topicPartition = struct({
  topic: string,
  partitions: array(int32),
})

export const StreamsGroupHeartbeat = message({
  name: 'StreamsGroupHeartbeat',
  key: 88,
  versions: [0, 1],
  flexible: 0,
  request: {
    groupId: string,
    memberId: string,
    memberEpoch: int32,
    endpointInformationEpoch: int32,
    instanceId: string.nullable().default(null),
    rackId: string.nullable().default(null),
    rebalanceTimeoutMs: int32.default(-1),
    topology: struct({
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
    })
      .nullable()
      .default(null),
    activeTasks: array(taskIds).nullable().default(null),
    standbyTasks: array(taskIds).nullable().default(null),
    warmupTasks: array(taskIds).nullable().default(null),
    processId: string.nullable().default(null),
    userEndpoint: endpoint.nullable().default(null),
    clientTags: array(keyValue).nullable().default(null),
    taskOffsets: array(taskOffset).nullable().default(null),
    taskEndOffsets: array(taskOffset).nullable().default(null),
    shutdownApplication: bool,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable().default(null),
    memberId: string,
    memberEpoch: int32,
    heartbeatIntervalMs: int32,
    acceptableRecoveryLagLegacy: int32.until(0),
    taskOffsetIntervalMs: int32,
    acceptableRecoveryLag: int64.default(-1).since(1).ignorable(),
    status: array(
      struct({
        statusCode: int8,
        statusDetail: string,
      }),
    ).nullable(),
    activeTasks: array(taskIds).nullable().default(null),
    standbyTasks: array(taskIds).nullable().default(null),
    warmupTasks: array(taskIds).nullable().default(null),
    topologyDescriptionRequired: bool.since(1),
    endpointInformationEpoch: int32,
    partitionsByUserEndpoint: array(
      struct({
        userEndpoint: endpoint,
        activePartitions: array(topicPartition),
        standbyPartitions: array(topicPartition),
      }),
    )
      .nullable()
      .default(null),
  },
})
