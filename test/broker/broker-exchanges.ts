/** Well-formed exchanges with what brokers ask of a controller, by key, with what must be in the answer of the active one. */
import assert from 'node:assert/strict'
import { unwrapResponse, wrapRequest } from '../../src/broker/controller/envelope.js'
import { THIS_RELEASE } from '../../src/metadata/release.js'
import { errorByCode } from '../../src/protocol/errors.js'
import { AllocateProducerIds } from '../../src/protocol/messages/allocate-producer-ids.js'
import { AlterPartition } from '../../src/protocol/messages/alter-partition.js'
import { AssignReplicasToDirs } from '../../src/protocol/messages/assign-replicas-to-dirs.js'
import { BrokerHeartbeat } from '../../src/protocol/messages/broker-heartbeat.js'
import { BrokerRegistration } from '../../src/protocol/messages/broker-registration.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { DescribeCluster } from '../../src/protocol/messages/describe-cluster.js'
import { Envelope } from '../../src/protocol/messages/envelope.js'
import { UnregisterBroker } from '../../src/protocol/messages/unregister-broker.js'
import type { WireClient } from './wire-client.js'

type Exchange = (client: WireClient, version: number) => Promise<void>

/** Nobody has registered with this id, nor with this epoch. */
const STRANGER = { brokerId: 78, brokerEpoch: 12_345 }
const DIRECTORY = 'AAAAAAAAAAAAAAAAAAAATg'

function nameOf({ errorCode }: { readonly errorCode: number }): string {
  return errorByCode(errorCode).name
}

export const BROKER_EXCHANGES: readonly (readonly [key: number, exchange: Exchange])[] = [
  [
    Envelope.key,
    async (client, version) => {
      const asker = { principal: { type: 'User', name: 'somebody' }, host: '127.0.0.1' }
      const topics = [{ name: 'enclosed', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }]
      const request = wrapRequest(CreateTopics, 7, { topics, timeoutMs: 5000, validateOnly: true }, asker)
      const { errorCode, responseData } = await client.request(Envelope, version, request)
      assert.equal(errorCode, 0)
      const [created] = unwrapResponse(CreateTopics, 7, responseData!).topics
      assert.deepEqual([created!.name, created!.errorCode, created!.numPartitions], ['enclosed', 0, 1])
      const nobody = { ...request, requestPrincipal: null }
      assert.equal(nameOf(await client.request(Envelope, version, nobody)), 'PRINCIPAL_DESERIALIZATION_FAILURE')
    },
  ],
  [
    BrokerRegistration.key,
    async (client, version) => {
      const { clusterId } = await client.request(DescribeCluster, 1, {
        includeClusterAuthorizedOperations: false,
        endpointType: 2,
      })
      // Of the broker that runs, by somebody who has neither its incarnation nor its disk.
      const body = {
        brokerId: 1,
        clusterId,
        incarnationId: DIRECTORY,
        listeners: [{ name: 'PLAINTEXT', host: 'localhost', port: 9, securityProtocol: 0 }],
        features: THIS_RELEASE.features.map(({ name, minLevel, maxLevel }) => ({
          name,
          minSupportedVersion: minLevel,
          maxSupportedVersion: maxLevel,
        })),
        rack: null,
        logDirs: [DIRECTORY],
      }
      const second = await client.request(BrokerRegistration, version, body)
      const withoutDirectories = version < 2 ? 'INVALID_REGISTRATION' : 'DUPLICATE_BROKER_REGISTRATION'
      assert.deepEqual([nameOf(second), second.brokerEpoch], [withoutDirectories, -1])
      const elsewhere = await client.request(BrokerRegistration, version, { ...body, clusterId: 'another' })
      assert.equal(nameOf(elsewhere), 'INCONSISTENT_CLUSTER_ID')
    },
  ],
  [
    BrokerHeartbeat.key,
    async (client, version) => {
      const body = { ...STRANGER, currentMetadataOffset: 0, wantFence: false, wantShutDown: false }
      assert.equal(nameOf(await client.request(BrokerHeartbeat, version, body)), 'BROKER_ID_NOT_REGISTERED')
      const stale = await client.request(BrokerHeartbeat, version, { ...body, brokerId: 1 })
      assert.equal(nameOf(stale), 'STALE_BROKER_EPOCH')
    },
  ],
  [
    AllocateProducerIds.key,
    async (client, version) => {
      assert.equal(nameOf(await client.request(AllocateProducerIds, version, STRANGER)), 'BROKER_ID_NOT_REGISTERED')
    },
  ],
  [
    UnregisterBroker.key,
    async (client, version) => {
      const { brokerId } = STRANGER
      assert.equal(nameOf(await client.request(UnregisterBroker, version, { brokerId })), 'BROKER_ID_NOT_REGISTERED')
    },
  ],
  [
    AlterPartition.key,
    async (client, version) => {
      const body = { ...STRANGER, topics: [] }
      assert.equal(nameOf(await client.request(AlterPartition, version, body)), 'STALE_BROKER_EPOCH')
    },
  ],
  [
    AssignReplicasToDirs.key,
    async (client, version) => {
      const body = { ...STRANGER, directories: [{ id: DIRECTORY, topics: [] }] }
      assert.equal(nameOf(await client.request(AssignReplicasToDirs, version, body)), 'BROKER_ID_NOT_REGISTERED')
    },
  ],
]
