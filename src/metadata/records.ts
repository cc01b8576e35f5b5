/**
 * The data records of the metadata log, as TypeScript sees them: one discriminated union. What each means, field by field, stands in
 * proto/metadata.proto; how they become bytes, in record-codec.ts.
 */
import type { Uuid } from '../base/uuid.js'

export type Reason =
  | 'TOPIC_CREATED'
  | 'BROKER_REGISTERED'
  | 'BROKER_RESTARTED'
  | 'BROKER_CAUGHT_UP'
  | 'BROKER_SILENT'
  | 'BROKER_ASKED'
  | 'TOPIC_DELETED'
  | 'PARTITIONS_ADDED'
  | 'ELECTION_ASKED'
  | 'SNAPSHOT'
  | 'BROKER_SESSION_CLOSED'
  | 'BROKER_SHUTS_DOWN'
  | 'BROKER_UNREGISTERED'
  | 'ISR_PROPOSED'
  | 'UNCLEAN_ELECTION'
  | 'LEADERS_BALANCED'
  | 'SETTINGS_CHANGED'
  | 'REASSIGNMENT_ASKED'
  | 'LEADER_HANDED_OVER'

/** Why a leader, an ISR, a fence or an epoch moved. */
export interface Cause {
  readonly reason: Reason
  readonly evidence: Readonly<Record<string, string>>
}

export interface FeatureLevelRecord {
  readonly type: 'featureLevel'
  readonly name: string
  readonly level: number
}

export interface Endpoint {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly securityProtocol: string
}

export interface FeatureRange {
  readonly name: string
  readonly minLevel: number
  readonly maxLevel: number
}

export interface RegisterBrokerRecord {
  readonly type: 'registerBroker'
  readonly brokerId: number
  readonly incarnationId: Uuid
  readonly brokerEpoch: number
  readonly endpoints: readonly Endpoint[]
  readonly features: readonly FeatureRange[]
  readonly rack?: string
  readonly logDirs: readonly Uuid[]
  readonly fenced: boolean
  readonly inControlledShutdown: boolean
  readonly cause: Cause
}

export interface BrokerRegistrationChangeRecord {
  readonly type: 'brokerRegistrationChange'
  readonly brokerId: number
  readonly brokerEpoch: number
  readonly fenced?: boolean
  readonly inControlledShutdown?: boolean
  readonly cause: Cause
}

/** The broker is forgotten; partitions keep their replicas on it. */
export interface UnregisterBrokerRecord {
  readonly type: 'unregisterBroker'
  readonly brokerId: number
  readonly brokerEpoch: number
  readonly cause: Cause
}

export interface TopicRecord {
  readonly type: 'topic'
  readonly topicId: Uuid
  readonly name: string
}

/** How a partition's leader was elected (KIP-704): who was elected uncleanly says when it is done with recovering. */
export const RECOVERED = 0
export const RECOVERING = 1

/** The replicas of a partition and who leads them. */
export interface PartitionState {
  readonly replicas: readonly number[]
  /** The log directory of each replica, in the order of `replicas`. */
  readonly directories: readonly Uuid[]
  readonly isr: readonly number[]
  readonly removingReplicas: readonly number[]
  readonly addingReplicas: readonly number[]
  readonly eligibleLeaderReplicas: readonly number[]
  readonly lastKnownElr: readonly number[]
  /** -1: none. */
  readonly leader: number
  /** `RECOVERED` or `RECOVERING`. */
  readonly leaderRecoveryState: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
}

export interface PartitionRecord extends PartitionState {
  readonly type: 'partition'
  readonly topicId: Uuid
  readonly partitionId: number
  readonly cause: Cause
}

/** What is absent stays as it was. `leader` present, even if the same, raises the leader epoch. */
export interface PartitionChangeRecord {
  readonly type: 'partitionChange'
  readonly topicId: Uuid
  readonly partitionId: number
  readonly isr?: readonly number[]
  readonly leader?: number
  readonly replicas?: readonly number[]
  readonly removingReplicas?: readonly number[]
  readonly addingReplicas?: readonly number[]
  readonly leaderRecoveryState?: number
  readonly eligibleLeaderReplicas?: readonly number[]
  readonly lastKnownElr?: readonly number[]
  readonly directories?: readonly Uuid[]
  readonly cause: Cause
}

/** The topic goes, with its partitions and its configuration. */
export interface RemoveTopicRecord {
  readonly type: 'removeTopic'
  readonly topicId: Uuid
  readonly cause: Cause
}

export interface ConfigRecord {
  readonly type: 'config'
  readonly resourceType: number
  readonly resourceName: string
  readonly name: string
  /** Absent: back to the default. */
  readonly value?: string
}

/** Nothing changes; that it is committed shows that who appended it was the controller then. */
export interface NoOpRecord {
  readonly type: 'noOp'
}

export interface ProducerIdsRecord {
  readonly type: 'producerIds'
  readonly brokerId: number
  readonly brokerEpoch: number
  /** The first id that nobody has. */
  readonly nextProducerId: number
}

export type MetadataRecord =
  | FeatureLevelRecord
  | RegisterBrokerRecord
  | BrokerRegistrationChangeRecord
  | UnregisterBrokerRecord
  | TopicRecord
  | PartitionRecord
  | PartitionChangeRecord
  | RemoveTopicRecord
  | ConfigRecord
  | ProducerIdsRecord
  | NoOpRecord

/** Kafka's numbers for what a configuration belongs to. */
export const RESOURCE_TYPE_TOPIC = 2
export const RESOURCE_TYPE_BROKER = 4
export const RESOURCE_TYPE_BROKER_LOGGER = 8
export const RESOURCE_TYPE_CLIENT_METRICS = 16
export const RESOURCE_TYPE_GROUP = 32
