/**
 * Kafka's errors, one a line: code, name, whether it is worth trying again, and what it means. Clients know the codes and names; the sentence is
 * for people.
 */
const RETRIABLE = true
const FINAL = false

// biome-ignore format: a table
const TABLE = [
  [-1, 'UNKNOWN_SERVER_ERROR', FINAL, 'the server met an error that it did not expect'],
  [0, 'NONE', FINAL, 'no error'],
  [1, 'OFFSET_OUT_OF_RANGE', FINAL, 'the offset is not within what the partition holds'],
  [2, 'CORRUPT_MESSAGE', RETRIABLE, 'the batch is damaged: its CRC, its length or its magic is wrong'],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION', RETRIABLE, 'this server does not host such a topic or partition'],
  [4, 'INVALID_FETCH_SIZE', FINAL, 'the fetch size is not allowed'],
  [5, 'LEADER_NOT_AVAILABLE', RETRIABLE, 'the partition has no leader at the moment'],
  [6, 'NOT_LEADER_OR_FOLLOWER', RETRIABLE, 'this broker is not the leader of the partition, or not one of its replicas'],
  [7, 'REQUEST_TIMED_OUT', RETRIABLE, 'the request was not finished in the time it allowed'],
  [8, 'BROKER_NOT_AVAILABLE', FINAL, 'the broker is not available'],
  [9, 'REPLICA_NOT_AVAILABLE', RETRIABLE, 'the replica is not available'],
  [10, 'MESSAGE_TOO_LARGE', FINAL, 'the batch is larger than the topic or the broker allows'],
  [11, 'STALE_CONTROLLER_EPOCH', FINAL, 'the controller that asks has been replaced'],
  [12, 'OFFSET_METADATA_TOO_LARGE', FINAL, 'the metadata of the offset commit is too large'],
  [13, 'NETWORK_EXCEPTION', RETRIABLE, 'the connection ended before there was an answer'],
  [14, 'COORDINATOR_LOAD_IN_PROGRESS', RETRIABLE, 'the coordinator is still reading its state'],
  [15, 'COORDINATOR_NOT_AVAILABLE', RETRIABLE, 'the coordinator is not available at the moment'],
  [16, 'NOT_COORDINATOR', RETRIABLE, 'this broker is not the coordinator'],
  [17, 'INVALID_TOPIC_EXCEPTION', FINAL, 'the topic name is not allowed, or the topic is internal'],
  [18, 'RECORD_LIST_TOO_LARGE', FINAL, 'the batch is larger than a segment'],
  [19, 'NOT_ENOUGH_REPLICAS', RETRIABLE, 'fewer replicas are in sync than acks=all requires here'],
  [20, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', RETRIABLE, 'the batch was appended, but fewer replicas are in sync than required'],
  [21, 'INVALID_REQUIRED_ACKS', FINAL, 'acks must be 0, 1 or -1'],
  [22, 'ILLEGAL_GENERATION', FINAL, 'the generation of the group is not the current one'],
  [23, 'INCONSISTENT_GROUP_PROTOCOL', FINAL, 'the member supports none of the protocols that the group can use'],
  [24, 'INVALID_GROUP_ID', FINAL, 'the group id is not allowed'],
  [25, 'UNKNOWN_MEMBER_ID', FINAL, 'the coordinator does not know this member'],
  [26, 'INVALID_SESSION_TIMEOUT', FINAL, 'the session timeout is not within what the broker allows'],
  [27, 'REBALANCE_IN_PROGRESS', FINAL, 'the group is rebalancing: rejoin'],
  [28, 'INVALID_COMMIT_OFFSET_SIZE', FINAL, 'the offset commit is too large'],
  [29, 'TOPIC_AUTHORIZATION_FAILED', FINAL, 'the principal may not do this with the topic'],
  [30, 'GROUP_AUTHORIZATION_FAILED', FINAL, 'the principal may not do this with the group'],
  [31, 'CLUSTER_AUTHORIZATION_FAILED', FINAL, 'the principal may not do this with the cluster'],
  [32, 'INVALID_TIMESTAMP', FINAL, 'the timestamp of a record is out of the range that is allowed'],
  [33, 'UNSUPPORTED_SASL_MECHANISM', FINAL, 'the server does not support this SASL mechanism'],
  [34, 'ILLEGAL_SASL_STATE', FINAL, 'this step does not belong here in the SASL exchange'],
  [35, 'UNSUPPORTED_VERSION', FINAL, 'the server does not support this version of the API'],
  [36, 'TOPIC_ALREADY_EXISTS', FINAL, 'there is a topic of this name already'],
  [37, 'INVALID_PARTITIONS', FINAL, 'the number of partitions is not allowed'],
  [38, 'INVALID_REPLICATION_FACTOR', FINAL, 'the replication factor is not allowed, or larger than the number of brokers'],
  [39, 'INVALID_REPLICA_ASSIGNMENT', FINAL, 'the replica assignment is not allowed'],
  [40, 'INVALID_CONFIG', FINAL, 'the configuration is not allowed'],
  [41, 'NOT_CONTROLLER', RETRIABLE, 'this node is not the active controller'],
  [42, 'INVALID_REQUEST', FINAL, 'the request contradicts itself or the protocol'],
  [43, 'UNSUPPORTED_FOR_MESSAGE_FORMAT', FINAL, 'the message format of the broker does not support this'],
  [44, 'POLICY_VIOLATION', FINAL, 'the request goes against a policy of the broker'],
  [45, 'OUT_OF_ORDER_SEQUENCE_NUMBER', FINAL, 'the sequence number does not follow the one before'],
  [46, 'DUPLICATE_SEQUENCE_NUMBER', FINAL, 'the sequence number was used before'],
  [47, 'INVALID_PRODUCER_EPOCH', FINAL, 'the producer has a newer epoch'],
  [48, 'INVALID_TXN_STATE', FINAL, 'the transaction is not in a state that allows this'],
  [49, 'INVALID_PRODUCER_ID_MAPPING', FINAL, 'the producer id is not that of this transactional id'],
  [50, 'INVALID_TRANSACTION_TIMEOUT', FINAL, 'the transaction timeout is longer than the broker allows'],
  [51, 'CONCURRENT_TRANSACTIONS', RETRIABLE, 'a transaction of this producer is still being ended'],
  [52, 'TRANSACTION_COORDINATOR_FENCED', FINAL, 'a newer transaction coordinator has taken over'],
  [53, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', FINAL, 'the principal may not use this transactional id'],
  [54, 'SECURITY_DISABLED', FINAL, 'security features are not enabled'],
  [55, 'OPERATION_NOT_ATTEMPTED', FINAL, 'not tried, because another part of the request failed'],
  [56, 'KAFKA_STORAGE_ERROR', RETRIABLE, 'the storage of the partition cannot be used at the moment'],
  [57, 'LOG_DIR_NOT_FOUND', FINAL, 'the broker has no such log directory'],
  [58, 'SASL_AUTHENTICATION_FAILED', FINAL, 'the SASL authentication failed'],
  [59, 'UNKNOWN_PRODUCER_ID', FINAL, 'the partition does not remember this producer'],
  [60, 'REASSIGNMENT_IN_PROGRESS', FINAL, 'the partition is being reassigned'],
  [61, 'DELEGATION_TOKEN_AUTH_DISABLED', FINAL, 'delegation tokens are not enabled'],
  [62, 'DELEGATION_TOKEN_NOT_FOUND', FINAL, 'there is no such delegation token'],
  [63, 'DELEGATION_TOKEN_OWNER_MISMATCH', FINAL, 'the delegation token belongs to another owner'],
  [64, 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED', FINAL, 'delegation tokens cannot be requested over this connection'],
  [65, 'DELEGATION_TOKEN_AUTHORIZATION_FAILED', FINAL, 'the delegation token does not authorize this'],
  [66, 'DELEGATION_TOKEN_EXPIRED', FINAL, 'the delegation token has expired'],
  [67, 'INVALID_PRINCIPAL_TYPE', FINAL, 'the type of the principal is not supported'],
  [68, 'NON_EMPTY_GROUP', FINAL, 'the group has members'],
  [69, 'GROUP_ID_NOT_FOUND', FINAL, 'there is no such group'],
  [70, 'FETCH_SESSION_ID_NOT_FOUND', RETRIABLE, 'there is no such fetch session'],
  [71, 'INVALID_FETCH_SESSION_EPOCH', RETRIABLE, 'the epoch of the fetch session is not the expected one'],
  [72, 'LISTENER_NOT_FOUND', RETRIABLE, 'the leader has no listener of the name that the client used'],
  [73, 'TOPIC_DELETION_DISABLED', FINAL, 'deleting topics is not enabled'],
  [74, 'FENCED_LEADER_EPOCH', RETRIABLE, 'the leader epoch is older than that of the broker'],
  [75, 'UNKNOWN_LEADER_EPOCH', RETRIABLE, 'the leader epoch is newer than that of the broker'],
  [76, 'UNSUPPORTED_COMPRESSION_TYPE', FINAL, 'the codec of the batch is not known, or not allowed in this version'],
  [77, 'STALE_BROKER_EPOCH', FINAL, 'the broker has a newer epoch'],
  [78, 'OFFSET_NOT_AVAILABLE', RETRIABLE, 'the new leader does not know yet how far the partition is committed'],
  [79, 'MEMBER_ID_REQUIRED', FINAL, 'the member needs an id of its own first: join again with this one'],
  [80, 'PREFERRED_LEADER_NOT_AVAILABLE', RETRIABLE, 'the preferred leader is not available'],
  [81, 'GROUP_MAX_SIZE_REACHED', FINAL, 'the group has as many members as it may'],
  [82, 'FENCED_INSTANCE_ID', FINAL, 'another member has taken over this instance id'],
  [83, 'ELIGIBLE_LEADERS_NOT_AVAILABLE', RETRIABLE, 'no replica that may lead is available'],
  [84, 'ELECTION_NOT_NEEDED', RETRIABLE, 'the leader need not be changed'],
  [85, 'NO_REASSIGNMENT_IN_PROGRESS', FINAL, 'the partition is not being reassigned'],
  [86, 'GROUP_SUBSCRIBED_TO_TOPIC', FINAL, 'the group is subscribed to the topic'],
  [87, 'INVALID_RECORD', FINAL, 'a record of the batch is not allowed here'],
  [88, 'UNSTABLE_OFFSET_COMMIT', RETRIABLE, 'the offset belongs to a transaction that has not ended'],
  [89, 'THROTTLING_QUOTA_EXCEEDED', RETRIABLE, 'the quota is used up: wait and try again'],
  [90, 'PRODUCER_FENCED', FINAL, 'a newer producer with this transactional id has taken over'],
  [91, 'RESOURCE_NOT_FOUND', FINAL, 'there is no such resource'],
  [92, 'DUPLICATE_RESOURCE', FINAL, 'the resource is named more than once, or is there already'],
  [93, 'UNACCEPTABLE_CREDENTIAL', FINAL, 'the credential does not meet the requirements'],
  [94, 'INCONSISTENT_VOTER_SET', FINAL, 'the voters that the request assumes are not those of the quorum'],
  [95, 'INVALID_UPDATE_VERSION', FINAL, 'the version of the update is not the expected one'],
  [96, 'FEATURE_UPDATE_FAILED', FINAL, 'the features could not be updated'],
  [97, 'PRINCIPAL_DESERIALIZATION_FAILURE', FINAL, 'the principal of a forwarded request cannot be read'],
  [98, 'SNAPSHOT_NOT_FOUND', FINAL, 'there is no such snapshot'],
  [99, 'POSITION_OUT_OF_RANGE', FINAL, 'the position is not within the snapshot'],
  [100, 'UNKNOWN_TOPIC_ID', RETRIABLE, 'this server does not know the topic id'],
  [101, 'DUPLICATE_BROKER_REGISTRATION', FINAL, 'the broker id is in use by another broker that is alive'],
  [102, 'BROKER_ID_NOT_REGISTERED', FINAL, 'no broker of this id is registered'],
  [103, 'INCONSISTENT_TOPIC_ID', RETRIABLE, "the topic id is not that of the topic's log"],
  [104, 'INCONSISTENT_CLUSTER_ID', FINAL, 'the cluster id is not that of this cluster'],
  [105, 'TRANSACTIONAL_ID_NOT_FOUND', FINAL, 'there is no such transactional id'],
  [106, 'FETCH_SESSION_TOPIC_ID_ERROR', RETRIABLE, 'the fetch session mixes topics with and without ids'],
  [107, 'INELIGIBLE_REPLICA', FINAL, 'a replica cannot join the ISR in its state'],
  [108, 'NEW_LEADER_ELECTED', FINAL, 'the change made another replica the leader'],
  [109, 'OFFSET_MOVED_TO_TIERED_STORAGE', FINAL, 'the offset is only in tiered storage now'],
  [110, 'FENCED_MEMBER_EPOCH', FINAL, 'the member has a newer epoch'],
  [111, 'UNRELEASED_INSTANCE_ID', FINAL, 'the instance id is still in use by another member'],
  [112, 'UNSUPPORTED_ASSIGNOR', FINAL, 'the server does not support this assignor'],
  [113, 'STALE_MEMBER_EPOCH', FINAL, "the member's epoch is older than the coordinator's"],
  [114, 'MISMATCHED_ENDPOINT_TYPE', FINAL, 'this kind of server does not serve the request'],
  [115, 'UNSUPPORTED_ENDPOINT_TYPE', FINAL, 'this kind of endpoint is not supported'],
  [116, 'UNKNOWN_CONTROLLER_ID', FINAL, 'no controller of this id is known'],
  [117, 'UNKNOWN_SUBSCRIPTION_ID', FINAL, 'there is no such telemetry subscription'],
  [118, 'TELEMETRY_TOO_LARGE', FINAL, 'the telemetry is larger than the broker allows'],
  [119, 'INVALID_REGISTRATION', FINAL, 'the registration is not consistent with the cluster'],
  [120, 'TRANSACTION_ABORTABLE', FINAL, 'the transaction met an error and has to be aborted'],
  [121, 'INVALID_RECORD_STATE', FINAL, 'the record is not in a state that allows this'],
  [122, 'SHARE_SESSION_NOT_FOUND', RETRIABLE, 'there is no such share session'],
  [123, 'INVALID_SHARE_SESSION_EPOCH', RETRIABLE, 'the epoch of the share session is not the expected one'],
  [124, 'FENCED_STATE_EPOCH', FINAL, 'a newer state epoch has taken over'],
  [125, 'INVALID_VOTER_KEY', FINAL, 'the voter is named by another directory id than the one it has'],
  [126, 'DUPLICATE_VOTER', FINAL, 'the voter is in the voter set already'],
  [127, 'VOTER_NOT_FOUND', FINAL, 'the voter is not in the voter set'],
  [128, 'INVALID_REGULAR_EXPRESSION', FINAL, 'the regular expression cannot be read'],
  [129, 'REBOOTSTRAP_REQUIRED', FINAL, 'the client must start again from its bootstrap servers'],
  [130, 'STREAMS_INVALID_TOPOLOGY', FINAL, 'the topology of the streams application is not allowed'],
  [131, 'STREAMS_INVALID_TOPOLOGY_EPOCH', FINAL, 'the epoch of the topology is not the expected one'],
  [132, 'STREAMS_TOPOLOGY_FENCED', FINAL, 'a newer topology has taken over'],
  [133, 'SHARE_SESSION_LIMIT_REACHED', RETRIABLE, 'there are as many share sessions as there may be'],
  [134, 'GROUP_DELETION_FAILED', FINAL, 'the group could not be deleted'],
  [135, 'STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED', FINAL, 'the description of the topology could not be updated'],
  [136, 'CONTROLLER_ID_NOT_REGISTERED', FINAL, 'no controller of this id is registered'],
] as const

export type ErrorName = (typeof TABLE)[number][1]

export interface KafkaError {
  readonly code: number
  readonly name: ErrorName
  /** The same request may succeed later, perhaps after a look at the metadata. */
  readonly retriable: boolean
  readonly sentence: string
}

/** Codes by name: `ErrorCode.NOT_LEADER_OR_FOLLOWER`. */
export const ErrorCode = Object.fromEntries(TABLE.map(([code, name]) => [name, code])) as Readonly<
  Record<ErrorName, number>
>

const byCode = new Map<number, KafkaError>(
  TABLE.map(([code, name, retriable, sentence]) => [code, { code, name, retriable, sentence }]),
)

/** A code that no release has known yet is an unknown server error, as clients take it. */
export function errorByCode(code: number): KafkaError {
  return byCode.get(code) ?? byCode.get(-1)!
}

/** All of them, in order of code. */
export const KAFKA_ERRORS: readonly KafkaError[] = [...byCode.values()]
