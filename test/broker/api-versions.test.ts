/** Every API that is advertised answers in every version that is advertised, on each kind of listener; what is not advertised is refused. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ZERO_UUID } from '../../src/base/uuid.js'
import { HANDLERS } from '../../src/broker/apis/index.js'
import { AlterConfigs } from '../../src/protocol/messages/alter-configs.js'
import { AlterPartitionReassignments } from '../../src/protocol/messages/alter-partition-reassignments.js'
import { ApiVersions } from '../../src/protocol/messages/api-versions.js'
import { CreatePartitions } from '../../src/protocol/messages/create-partitions.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { DeleteRecords } from '../../src/protocol/messages/delete-records.js'
import { DeleteTopics } from '../../src/protocol/messages/delete-topics.js'
import { DescribeCluster } from '../../src/protocol/messages/describe-cluster.js'
import { DescribeConfigs } from '../../src/protocol/messages/describe-configs.js'
import { DescribeLogDirs } from '../../src/protocol/messages/describe-log-dirs.js'
import { DescribeProducers } from '../../src/protocol/messages/describe-producers.js'
import { DescribeQuorum } from '../../src/protocol/messages/describe-quorum.js'
import { DescribeTopicPartitions } from '../../src/protocol/messages/describe-topic-partitions.js'
import { ElectLeaders } from '../../src/protocol/messages/elect-leaders.js'
import { IncrementalAlterConfigs } from '../../src/protocol/messages/incremental-alter-configs.js'
import { InitProducerId } from '../../src/protocol/messages/init-producer-id.js'
import { ListConfigResources } from '../../src/protocol/messages/list-config-resources.js'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.js'
import { ListPartitionReassignments } from '../../src/protocol/messages/list-partition-reassignments.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { OffsetForLeaderEpoch } from '../../src/protocol/messages/offset-for-leader-epoch.js'
import { UpdateFeatures } from '../../src/protocol/messages/update-features.js'
import { MessageSetReader } from '../../src/records/legacy/message-set.js'
import { BROKER_EXCHANGES } from './broker-exchanges.js'
import { GROUP_EXCHANGES } from './group-exchanges.js'
import { fetchOfController, QUORUM_EXCHANGES } from './quorum-exchanges.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, valuesIn } from './requests.js'
import { startNode } from './test-node.js'
import { rawFrame, type WireClient } from './wire-client.js'

const broker = await startNode({
  listeners: 'PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0',
  'controller.listener.names': 'CONTROLLER',
})
after(() => broker.remove())
const topic = { name: 'plain', topicId: await broker.createTopic('plain') }
await broker.use((client) => client.request(Produce, 9, produceRequest(topic, batchOf(['first', 'second']))))

/** Of messages of this magic, as old versions of Fetch answer with. */
function oldValuesIn(bytes: Uint8Array, magic: number): string[] {
  const reader = new MessageSetReader(bytes, 0, bytes.length, 1024 * 1024)
  const values: string[] = []
  while (reader.next() === 'record') {
    assert.equal(reader.entry.magic, magic)
    values.push(Buffer.from(reader.value!).toString())
  }
  return values
}

type Exchange = (client: WireClient, version: number, listener: string) => Promise<void>

const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1.0' }

/** One well-formed exchange by API key, with what must be in the answer. */
const exchanges = new Map<number, Exchange>([
  ...BROKER_EXCHANGES,
  ...QUORUM_EXCHANGES,
  ...GROUP_EXCHANGES,
  [
    Produce.key,
    async (client, version) => {
      const { responses } = await client.request(Produce, version, produceRequest(topic, batchOf([`v${version}`])))
      const [result] = responses[0]!.partitionResponses
      assert.equal(result!.errorCode, 0)
      assert.equal(result!.baseOffset, 2 + version)
      assert.equal(result!.logStartOffset, version >= 5 ? 0 : -1)
      assert.equal(version >= 13 ? responses[0]!.topicId : responses[0]!.name, version >= 13 ? topic.topicId : 'plain')
    },
  ],
  [
    Fetch.key,
    async (client, version, listener) => {
      if (listener === 'CONTROLLER') return fetchOfController(client, version)
      const response = await client.request(Fetch, version, fetchRequest(topic, 0))
      assert.equal(response.errorCode, 0)
      assert.equal(response.sessionId, 0)
      const [result] = response.responses[0]!.partitions
      assert.equal(result!.errorCode, 0)
      assert.ok(result!.highWatermark >= 2)
      assert.equal(result!.lastStableOffset, version >= 4 ? result!.highWatermark : -1)
      const values = version >= 4 ? valuesIn(result!.records) : oldValuesIn(result!.records!, version < 2 ? 0 : 1)
      assert.deepEqual(values.slice(0, 2), ['first', 'second'])
    },
  ],
  [
    ListOffsets.key,
    async (client, version) => {
      const partitions = [{ partitionIndex: 0, timestamp: -2 }]
      const { topics } = await client.request(ListOffsets, version, {
        replicaId: -1,
        topics: [{ name: 'plain', partitions }],
      })
      const [result] = topics[0]!.partitions
      assert.deepEqual([result!.errorCode, result!.leaderEpoch], [0, version >= 4 ? 0 : -1])
      if (version === 0) assert.deepEqual(result!.oldStyleOffsets, [0])
      else assert.equal(result!.offset, 0)
    },
  ],
  [
    Metadata.key,
    async (client, version) => {
      const { brokers, topics, clusterId } = await client.request(Metadata, version, { topics: [{ name: 'plain' }] })
      const { host, port } = broker.address
      assert.deepEqual(brokers, [{ nodeId: 1, host, port, rack: null }])
      if (version >= 2) assert.equal(clusterId, broker.node.directory!.identity.clusterId)
      assert.deepEqual([topics[0]!.errorCode, topics[0]!.name], [0, 'plain'])
      if (version >= 10) assert.equal(topics[0]!.topicId, topic.topicId)
      const [partition] = topics[0]!.partitions
      assert.deepEqual(
        [partition!.errorCode, partition!.leaderId, partition!.replicaNodes, partition!.isrNodes],
        [0, 1, [1], [1]],
      )
    },
  ],
  [
    ApiVersions.key,
    async (client, version, listener) => {
      const response = await client.request(ApiVersions, version, software)
      assert.equal(response.errorCode, 0)
      assert.deepEqual(keysOf(response), keysOf({ apiKeys: advertised.get(listener)! }))
      if (version >= 3) {
        assert.deepEqual(
          response.finalizedFeatures.map(({ name }) => name),
          ['lograft.version', 'group.version', 'kraft.version'],
        )
        // Older clients know no feature that can be off.
        assert.deepEqual(
          response.supportedFeatures.map(({ name }) => name),
          [
            'lograft.version',
            ...(version >= 4 ? ['eligible.leader.replicas.version', 'group.version'] : []),
            'kraft.version',
          ],
        )
      }
    },
  ],
  [
    CreateTopics.key,
    async (client, version, listener) => {
      const name = `created-${listener}-v${version}`
      const wanted = { name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
      const { topics } = await client.request(CreateTopics, version, { topics: [wanted], timeoutMs: 5000 })
      assert.deepEqual([topics[0]!.name, topics[0]!.errorCode], [name, 0])
      if (version >= 5) assert.deepEqual([topics[0]!.numPartitions, topics[0]!.replicationFactor], [2, 1])
    },
  ],
  [
    InitProducerId.key,
    async (client, version) => {
      const body = { transactionalId: null, transactionTimeoutMs: 0 }
      const { errorCode, producerId, producerEpoch } = await client.request(InitProducerId, version, body)
      assert.deepEqual([errorCode, producerEpoch], [0, 0])
      assert.ok(producerId >= 0)
    },
  ],
  [
    DeleteTopics.key,
    async (client, version, listener) => {
      const name = `deleted-${listener}-v${version}`
      const wanted = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
      await client.request(CreateTopics, 7, { topics: [wanted], timeoutMs: 5000 })
      const body = version < 6 ? { topicNames: [name] } : { topics: [{ name, topicId: ZERO_UUID }] }
      const { responses } = await client.request(DeleteTopics, version, { ...body, timeoutMs: 5000 })
      assert.deepEqual([responses[0]!.name, responses[0]!.errorCode], [name, 0])
    },
  ],
  [
    CreatePartitions.key,
    async (client, version, listener) => {
      const name = `grown-${listener}-v${version}`
      const wanted = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
      await client.request(CreateTopics, 7, { topics: [wanted], timeoutMs: 5000 })
      const body = { topics: [{ name, count: 3, assignments: null }], timeoutMs: 5000, validateOnly: false }
      const { results } = await client.request(CreatePartitions, version, body)
      assert.deepEqual([results[0]!.name, results[0]!.errorCode], [name, 0])
    },
  ],
  [
    ElectLeaders.key,
    async (client, version) => {
      const topicPartitions = [{ topic: 'nowhere', partitions: [1] }]
      const response = await client.request(ElectLeaders, version, { topicPartitions })
      const [result] = response.replicaElectionResults
      assert.deepEqual([response.errorCode, result!.partitionResult[0]!.errorCode], [0, 3])
    },
  ],
  [
    AlterPartitionReassignments.key,
    async (client, version) => {
      const partitions = [{ partitionIndex: 1, replicas: [1] }]
      const response = await client.request(AlterPartitionReassignments, version, {
        topics: [{ name: 'nowhere', partitions }],
      })
      assert.deepEqual([response.errorCode, response.responses[0]!.partitions[0]!.errorCode], [0, 3])
    },
  ],
  [
    ListPartitionReassignments.key,
    async (client, version) => {
      const response = await client.request(ListPartitionReassignments, version, {})
      assert.deepEqual([response.errorCode, response.topics], [0, []])
    },
  ],
  [
    UpdateFeatures.key,
    async (client, version) => {
      const featureUpdates = [{ feature: 'nothing', maxVersionLevel: 1, allowDowngrade: false }]
      const { errorCode, results } = await client.request(UpdateFeatures, version, { featureUpdates })
      if (version < 2) assert.deepEqual([errorCode, results[0]!.errorCode], [0, 95])
      else assert.equal(errorCode, 95)
    },
  ],
  [
    DescribeTopicPartitions.key,
    async (client, version) => {
      const { topics } = await client.request(DescribeTopicPartitions, version, { topics: [{ name: 'nowhere' }] })
      assert.deepEqual([topics[0]!.name, topics[0]!.errorCode], ['nowhere', 3])
    },
  ],
  [
    DescribeQuorum.key,
    async (client, version) => {
      const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
      const response = await client.request(DescribeQuorum, version, { topics })
      const [partition] = response.topics[0]!.partitions
      assert.deepEqual([response.errorCode, partition!.errorCode, partition!.leaderId], [0, 0, 1])
    },
  ],
  [
    DescribeConfigs.key,
    async (client, version) => {
      const resources = [{ resourceType: 2, resourceName: 'plain', configurationKeys: ['flush.policy'] }]
      const { results } = await client.request(DescribeConfigs, version, { resources })
      const [config] = results[0]!.configs
      assert.deepEqual([results[0]!.errorCode, config!.name, config!.value], [0, 'flush.policy', 'commit'])
    },
  ],
  [
    AlterConfigs.key,
    async (client, version) => {
      const resources = [{ resourceType: 2, resourceName: 'plain', configs: [{ name: 'flush.policy', value: 'os' }] }]
      const { responses } = await client.request(AlterConfigs, version, { resources, validateOnly: true })
      assert.deepEqual([responses[0]!.errorCode, responses[0]!.resourceName], [0, 'plain'])
    },
  ],
  [
    IncrementalAlterConfigs.key,
    async (client, version) => {
      const configs = [{ name: 'flush.policy', configOperation: 0, value: 'os' }]
      const resources = [{ resourceType: 2, resourceName: 'plain', configs }]
      const { responses } = await client.request(IncrementalAlterConfigs, version, { resources, validateOnly: true })
      assert.deepEqual([responses[0]!.errorCode, responses[0]!.resourceName], [0, 'plain'])
    },
  ],
  [
    ListConfigResources.key,
    async (client, version) => {
      const body = version === 0 ? {} : { resourceTypes: [4] }
      const { errorCode, configResources } = await client.request(ListConfigResources, version, body)
      assert.deepEqual([errorCode, configResources.length], [0, version === 0 ? 0 : 1])
    },
  ],
  [
    DeleteRecords.key,
    async (client, version) => {
      const wanted = [{ name: 'plain', partitions: [{ partitionIndex: 0, offset: 0 }] }]
      const { topics } = await client.request(DeleteRecords, version, { topics: wanted, timeoutMs: 5000 })
      assert.deepEqual(topics[0]!.partitions, [{ partitionIndex: 0, lowWatermark: 0, errorCode: 0 }])
    },
  ],
  [
    OffsetForLeaderEpoch.key,
    async (client, version) => {
      const wanted = [{ topic: 'plain', partitions: [{ partition: 0, leaderEpoch: 0 }] }]
      const { topics } = await client.request(OffsetForLeaderEpoch, version, { topics: wanted })
      const [result] = topics[0]!.partitions
      assert.deepEqual([result!.errorCode, result!.partition, result!.leaderEpoch], [0, 0, version >= 1 ? 0 : -1])
      assert.ok(result!.endOffset > 0)
    },
  ],
  [
    DescribeLogDirs.key,
    async (client, version) => {
      const response = await client.request(DescribeLogDirs, version, { topics: null })
      const [directory] = response.results
      assert.deepEqual([response.errorCode, directory!.errorCode], [0, 0])
      const plain = directory!.topics.find(({ name }) => name === 'plain')
      assert.deepEqual([plain!.partitions[0]!.offsetLag, plain!.partitions[0]!.isFutureKey], [0, false])
      assert.ok(plain!.partitions[0]!.partitionSize > 0)
      if (version >= 4) assert.ok(directory!.usableBytes > 0 && directory!.totalBytes >= directory!.usableBytes)
      else assert.equal(directory!.totalBytes, -1)
    },
  ],
  [
    DescribeProducers.key,
    async (client, version) => {
      const { topics } = await client.request(DescribeProducers, version, {
        topics: [{ name: 'plain', partitionIndexes: [0, 9] }],
      })
      const results = topics[0]!.partitions.map(({ errorCode, activeProducers }) => [errorCode, activeProducers])
      assert.deepEqual(results, [
        [0, []],
        [3, []],
      ])
    },
  ],
  [
    DescribeCluster.key,
    async (client, version, listener) => {
      const endpointType = listener === 'CONTROLLER' ? 2 : 1
      // Version 0 cannot ask for controllers.
      if (version === 0 && endpointType === 2) {
        assert.equal(
          (await client.request(DescribeCluster, 0, { includeClusterAuthorizedOperations: false })).errorCode,
          114,
        )
        return
      }
      const response = await client.request(DescribeCluster, version, {
        includeClusterAuthorizedOperations: false,
        ...(version === 0 ? {} : { endpointType }),
      })
      assert.deepEqual(
        [response.errorCode, response.clusterId, response.controllerId],
        [0, broker.node.directory!.identity.clusterId, 1],
      )
      const { host, port } = broker.addressOf(listener)
      const [found] = response.brokers
      assert.deepEqual([found!.brokerId, found!.host, found!.port], [1, host, port])
    },
  ],
])

type Advertised = readonly { readonly apiKey: number; readonly minVersion: number; readonly maxVersion: number }[]

function keysOf({ apiKeys }: { readonly apiKeys: Advertised }): string[] {
  return apiKeys.map(({ apiKey, minVersion, maxVersion }) => `${apiKey}: ${minVersion}-${maxVersion}`)
}

const advertised = new Map<string, Advertised>()
for (const listener of ['PLAINTEXT', 'CONTROLLER']) {
  const { apiKeys } = await broker.use((client) => client.request(ApiVersions, 3, software), listener)
  advertised.set(listener, apiKeys)
}

test('each listener advertises what it serves', () => {
  assert.deepEqual(
    advertised.get('PLAINTEXT')!.map(({ apiKey }) => apiKey),
    [
      ...[0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23, 32, 33, 35, 37, 42, 43, 44, 45, 46, 47],
      ...[55, 57, 60, 61, 64, 68, 69, 74, 75, 80, 81],
    ],
  )
  assert.deepEqual(
    advertised.get('CONTROLLER')!.map(({ apiKey }) => apiKey),
    [1, 18, 19, 20, 33, 37, 43, 44, 45, 46, 52, 53, 54, 55, 56, 57, 58, 59, 60, 62, 63, 64, 67, 73, 80, 81, 82],
  )
  for (const { message, versions } of HANDLERS) {
    assert.ok(message.request.knows(versions[0]) && message.request.knows(versions[1]), message.name)
  }
})

for (const [listener, apis] of advertised) {
  for (const { apiKey, minVersion, maxVersion } of apis) {
    const { message } = HANDLERS.find((handler) => handler.message.key === apiKey)!

    test(`${listener}: ${message.name} v${minVersion} to v${maxVersion}`, async () => {
      await broker.use(async (client) => {
        for (let version = minVersion; version <= maxVersion; version++) {
          await exchanges.get(apiKey)!(client, version, listener)
        }
      }, listener)
    })

    if (apiKey === ApiVersions.key) continue
    test(`${listener}: ${message.name} in other versions closes the connection`, async () => {
      for (const version of [minVersion - 1, maxVersion + 1, 32767, -32768]) {
        await broker.use(async (client) => {
          client.write(rawFrame(apiKey, version, 1, Buffer.alloc(40)))
          await client.closed
          assert.equal(client.bytesReceived, 0, `v${version}`)
        }, listener)
      }
    })
  }

  test(`${listener}: an API key that is not advertised closes the connection`, async () => {
    const served = apis.map(({ apiKey }) => apiKey)
    for (const apiKey of [...Array(96).keys(), -1, 32767].filter((key) => !served.includes(key))) {
      await broker.use(async (client) => {
        client.write(rawFrame(apiKey, 0, 1, Buffer.alloc(40)))
        await client.closed
        assert.equal(client.bytesReceived, 0, `key ${apiKey}`)
      }, listener)
    }
  })

  test(`${listener}: ApiVersions in an unknown version is answered in version 0, and the connection goes on`, async () => {
    await broker.use(async (client) => {
      for (const version of [-1, 6, 32767]) {
        client.write(rawFrame(ApiVersions.key, version, 77, Buffer.alloc(3)))
        const frame = await client.frame()
        assert.equal(frame.toString('hex'), '0000004d002300000001001200000005')
      }
      assert.equal((await client.request(ApiVersions, 3, software)).errorCode, 0)
    }, listener)
  })
}

test('ApiVersions: a name that is no name of software is refused, and so is another cluster or node', async () => {
  await broker.use(async (client) => {
    for (const clientSoftwareName of ['', 'a b', '-x', 'x.', 'é']) {
      const response = await client.request(ApiVersions, 3, { ...software, clientSoftwareName })
      assert.deepEqual([response.errorCode, response.apiKeys], [42, []], clientSoftwareName)
    }
    const { clusterId } = broker.node.directory!.identity
    assert.equal((await client.request(ApiVersions, 5, { ...software, clusterId, nodeId: 1 })).errorCode, 0)
    assert.equal((await client.request(ApiVersions, 5, { ...software, clusterId, nodeId: 2 })).errorCode, 129)
    assert.equal((await client.request(ApiVersions, 5, { ...software, clusterId: 'other', nodeId: -1 })).errorCode, 129)
  })
})
