/** Arbitrary metadata records: any that the types allow, not necessarily one that makes sense after another. */
import fc from 'fast-check'
import { uuidFromBytes } from '../../src/base/uuid.js'
import type { Cause, MetadataRecord, PartitionState, Reason } from '../../src/metadata/records.js'

/** Plain objects, as a decoder makes them. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>
}

const int32 = fc.integer()
const int64 = fc.maxSafeInteger()
const text = fc.string({ unit: 'binary', maxLength: 12 }).map((value) => value.toWellFormed())
const uuid = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => uuidFromBytes(bytes))
const ids = fc.array(int32, { maxLength: 5 })
const uuids = fc.array(uuid, { maxLength: 5 })

const reasons: Reason[] = [
  'TOPIC_CREATED',
  'BROKER_REGISTERED',
  'BROKER_RESTARTED',
  'BROKER_CAUGHT_UP',
  'BROKER_SILENT',
  'BROKER_ASKED',
  'TOPIC_DELETED',
  'PARTITIONS_ADDED',
  'ELECTION_ASKED',
  'SNAPSHOT',
  'BROKER_SESSION_CLOSED',
  'BROKER_SHUTS_DOWN',
  'BROKER_UNREGISTERED',
  'ISR_PROPOSED',
  'UNCLEAN_ELECTION',
  'LEADERS_BALANCED',
  'SETTINGS_CHANGED',
  'REASSIGNMENT_ASKED',
  'LEADER_HANDED_OVER',
]

const cause: fc.Arbitrary<Cause> = record({
  reason: fc.constantFrom(...reasons),
  evidence: fc.dictionary(fc.stringMatching(/^[a-z][a-zA-Z]{0,10}$/), text, { maxKeys: 3, noNullPrototype: true }),
})

const partitionState: fc.Arbitrary<PartitionState> = record({
  replicas: ids,
  directories: uuids,
  isr: ids,
  removingReplicas: ids,
  addingReplicas: ids,
  eligibleLeaderReplicas: ids,
  lastKnownElr: ids,
  leader: int32,
  leaderRecoveryState: int32,
  leaderEpoch: int32,
  partitionEpoch: int32,
})

/** Optional fields are absent, not undefined. */
function some<T, Keys extends keyof T>(
  model: { [K in keyof T]: fc.Arbitrary<T[K]> },
  requiredKeys: Keys[],
): fc.Arbitrary<T> {
  return fc.record(model, { requiredKeys, noNullPrototype: true }) as unknown as fc.Arbitrary<T>
}

export const metadataRecord: fc.Arbitrary<MetadataRecord> = fc.oneof(
  record({ type: fc.constant('featureLevel' as const), name: text, level: int32 }),
  some(
    {
      type: fc.constant('registerBroker' as const),
      brokerId: int32,
      incarnationId: uuid,
      brokerEpoch: int64,
      endpoints: fc.array(record({ name: text, host: text, port: int32, securityProtocol: text }), { maxLength: 3 }),
      features: fc.array(record({ name: text, minLevel: int32, maxLevel: int32 }), { maxLength: 3 }),
      rack: text,
      logDirs: uuids,
      fenced: fc.boolean(),
      inControlledShutdown: fc.boolean(),
      cause,
    },
    [
      'type',
      'brokerId',
      'incarnationId',
      'brokerEpoch',
      'endpoints',
      'features',
      'logDirs',
      'fenced',
      'inControlledShutdown',
      'cause',
    ],
  ),
  some(
    {
      type: fc.constant('brokerRegistrationChange' as const),
      brokerId: int32,
      brokerEpoch: int64,
      fenced: fc.boolean(),
      inControlledShutdown: fc.boolean(),
      cause,
    },
    ['type', 'brokerId', 'brokerEpoch', 'cause'],
  ),
  record({ type: fc.constant('topic' as const), topicId: uuid, name: text }),
  record({
    type: fc.constant('partition' as const),
    topicId: uuid,
    partitionId: int32,
    cause,
    state: partitionState,
  }).map(({ state, ...rest }) => ({ ...rest, ...state })),
  some(
    {
      type: fc.constant('partitionChange' as const),
      topicId: uuid,
      partitionId: int32,
      isr: ids,
      leader: int32,
      replicas: ids,
      removingReplicas: ids,
      addingReplicas: ids,
      leaderRecoveryState: int32,
      eligibleLeaderReplicas: ids,
      lastKnownElr: ids,
      directories: uuids,
      cause,
    },
    ['type', 'topicId', 'partitionId', 'cause'],
  ),
  record({ type: fc.constant('removeTopic' as const), topicId: uuid, cause }),
  record({ type: fc.constant('noOp' as const) }),
  record({ type: fc.constant('unregisterBroker' as const), brokerId: int32, brokerEpoch: int64, cause }),
  some({ type: fc.constant('config' as const), resourceType: int32, resourceName: text, name: text, value: text }, [
    'type',
    'resourceType',
    'resourceName',
    'name',
  ]),
  record({ type: fc.constant('producerIds' as const), brokerId: int32, brokerEpoch: int64, nextProducerId: int64 }),
)
