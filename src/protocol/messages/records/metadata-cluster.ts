/**
 * Records of Kafka's metadata log about brokers, controllers and security. See `metadata-topics.ts` for what precedes them.
 */
import { array, bool, bytes, float64, int8, int16, int32, int64, string, struct, uint16, uuid } from '../../field.js'
import { Schema } from '../../schema.js'

/** Key 0. v1 controlled shutdown; v2 migration from ZooKeeper; v3 directories (KIP-858); v4 cordoned ones (KIP-1066). */
export const RegisterBrokerRecord = new Schema({
  name: 'RegisterBrokerRecord',
  versions: [0, 4],
  flexible: 0,
  fields: {
    brokerId: int32,
    isMigratingZkBroker: bool.since(2),
    incarnationId: uuid,
    brokerEpoch: int64,
    endPoints: array(
      struct({
        name: string,
        host: string,
        port: uint16,
        securityProtocol: int16,
      }),
    ),
    features: array(
      struct({
        name: string,
        minSupportedVersion: int16,
        maxSupportedVersion: int16,
      }),
    ),
    rack: string.nullable(),
    fenced: bool.default(true),
    inControlledShutdown: bool.since(1),
    logDirs: array(uuid).tag(0).since(3),
    cordonedLogDirs: array(uuid).nullable().default(null).tag(1).since(4),
  },
})

/** Key 1. */
export const UnregisterBrokerRecord = new Schema({
  name: 'UnregisterBrokerRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    brokerId: int32,
    brokerEpoch: int64,
  },
})

/** Key 7. Kafka writes BrokerRegistrationChangeRecord instead. */
export const FenceBrokerRecord = new Schema({
  name: 'FenceBrokerRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    id: int32,
    epoch: int64,
  },
})

/** Key 8. Kafka writes BrokerRegistrationChangeRecord instead. */
export const UnfenceBrokerRecord = new Schema({
  name: 'UnfenceBrokerRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    id: int32,
    epoch: int64,
  },
})

/** Key 10. */
export const DelegationTokenRecord = new Schema({
  name: 'DelegationTokenRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    owner: string,
    requester: string,
    renewers: array(string),
    issueTimestamp: int64,
    maxTimestamp: int64,
    expirationTimestamp: int64,
    tokenId: string,
  },
})

/** Key 11. */
export const UserScramCredentialRecord = new Schema({
  name: 'UserScramCredentialRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    name: string,
    mechanism: int8,
    salt: bytes,
    storedKey: bytes,
    serverKey: bytes,
    iterations: int32,
  },
})

/** Key 14. */
export const ClientQuotaRecord = new Schema({
  name: 'ClientQuotaRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    entity: array(
      struct({
        entityType: string,
        entityName: string.nullable(),
      }),
    ),
    key: string,
    value: float64,
    remove: bool,
  },
})

/** Key 17: what is absent stays as it is. v1 controlled shutdown; v2 directories (KIP-858); v3 cordoned ones (KIP-1066). */
export const BrokerRegistrationChangeRecord = new Schema({
  name: 'BrokerRegistrationChangeRecord',
  versions: [0, 3],
  flexible: 0,
  fields: {
    brokerId: int32,
    brokerEpoch: int64,
    fenced: int8.tag(0),
    inControlledShutdown: int8.tag(1).since(1),
    logDirs: array(uuid).tag(2).since(2),
    cordonedLogDirs: array(uuid).nullable().default(null).tag(3).since(3),
  },
})

/** Key 18. */
export const AccessControlEntryRecord = new Schema({
  name: 'AccessControlEntryRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    id: uuid,
    resourceType: int8,
    resourceName: string,
    patternType: int8,
    principal: string,
    host: string,
    operation: int8,
    permissionType: int8,
  },
})

/** Key 19. */
export const RemoveAccessControlEntryRecord = new Schema({
  name: 'RemoveAccessControlEntryRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    id: uuid,
  },
})

/** Key 22. */
export const RemoveUserScramCredentialRecord = new Schema({
  name: 'RemoveUserScramCredentialRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    name: string,
    mechanism: int8,
  },
})

/** Key 26. */
export const RemoveDelegationTokenRecord = new Schema({
  name: 'RemoveDelegationTokenRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    tokenId: string,
  },
})

/** Key 27. */
export const RegisterControllerRecord = new Schema({
  name: 'RegisterControllerRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    controllerId: int32,
    incarnationId: uuid,
    zkMigrationReady: bool,
    endPoints: array(
      struct({
        name: string,
        host: string,
        port: uint16,
        securityProtocol: int16,
      }),
    ),
    features: array(
      struct({
        name: string,
        minSupportedVersion: int16,
        maxSupportedVersion: int16,
      }),
    ),
  },
})

/** Key 29. */
export const UnregisterControllerRecord = new Schema({
  name: 'UnregisterControllerRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    controllerId: int32,
  },
})
