/**
 * Records of Kafka's metadata log about topics, features and the log itself. Each is preceded by three varints: 1, its key and its version. To read
 * what Kafka wrote: lograft's own metadata log has other records (`metadata/records.ts`).
 */
import { array, int8, int16, int32, int64, string, uuid } from '../../field.js'
import { Schema } from '../../schema.js'

/** Key 2. */
export const TopicRecord = new Schema({
  name: 'TopicRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    name: string,
    topicId: uuid,
  },
})

/** Key 3. v1 directories (KIP-858); v2 eligible leader replicas (KIP-966). */
export const PartitionRecord = new Schema({
  name: 'PartitionRecord',
  versions: [0, 2],
  flexible: 0,
  fields: {
    partitionId: int32.default(-1),
    topicId: uuid,
    replicas: array(int32),
    isr: array(int32),
    removingReplicas: array(int32),
    addingReplicas: array(int32),
    leader: int32.default(-1),
    leaderRecoveryState: int8.tag(0),
    leaderEpoch: int32.default(-1),
    partitionEpoch: int32.default(-1),
    directories: array(uuid).since(1),
    eligibleLeaderReplicas: array(int32).nullable().default(null).tag(1).since(2),
    lastKnownElr: array(int32).nullable().default(null).tag(2).since(2),
  },
})

/** Key 4. A null value deletes. */
export const ConfigRecord = new Schema({
  name: 'ConfigRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    resourceType: int8,
    resourceName: string,
    name: string,
    value: string.nullable(),
  },
})

/** Key 5: what is absent stays as it is. v1 directories (KIP-858); v2 eligible leader replicas (KIP-966). */
export const PartitionChangeRecord = new Schema({
  name: 'PartitionChangeRecord',
  versions: [0, 2],
  flexible: 0,
  fields: {
    partitionId: int32.default(-1),
    topicId: uuid,
    isr: array(int32).nullable().default(null).tag(0),
    leader: int32.default(-2).tag(1),
    replicas: array(int32).nullable().default(null).tag(2),
    removingReplicas: array(int32).nullable().default(null).tag(3),
    addingReplicas: array(int32).nullable().default(null).tag(4),
    leaderRecoveryState: int8.default(-1).tag(5),
    directories: array(uuid).nullable().default(null).tag(8).since(1),
    eligibleLeaderReplicas: array(int32).nullable().default(null).tag(6).since(2),
    lastKnownElr: array(int32).nullable().default(null).tag(7).since(2),
  },
})

/** Key 9. */
export const RemoveTopicRecord = new Schema({
  name: 'RemoveTopicRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    topicId: uuid,
  },
})

/** Key 12. Level 0 deletes. */
export const FeatureLevelRecord = new Schema({
  name: 'FeatureLevelRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    name: string,
    featureLevel: int16,
  },
})

/** Key 15: up to where producer ids have been given to brokers. */
export const ProducerIdsRecord = new Schema({
  name: 'ProducerIdsRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    brokerId: int32,
    brokerEpoch: int64.default(-1),
    nextProducerId: int64,
  },
})

/** Key 20: so that the end of the log moves. */
export const NoOpRecord = new Schema({
  name: 'NoOpRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {},
})

/** Key 21. */
export const ZkMigrationStateRecord = new Schema({
  name: 'ZkMigrationStateRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    zkMigrationState: int8,
  },
})

/** Key 23: what follows counts once it is ended (KIP-868). */
export const BeginTransactionRecord = new Schema({
  name: 'BeginTransactionRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    name: string.nullable().default(null).tag(0),
  },
})

/** Key 24. */
export const EndTransactionRecord = new Schema({
  name: 'EndTransactionRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {},
})

/** Key 25. */
export const AbortTransactionRecord = new Schema({
  name: 'AbortTransactionRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    reason: string.nullable().default(null).tag(0),
  },
})

/** Key 28: no eligible leader replicas, of a topic or of all (KIP-966). */
export const ClearElrRecord = new Schema({
  name: 'ClearElrRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    topicName: string,
  },
})
