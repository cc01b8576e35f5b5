/** Admin: asks about the cluster and changes it. Each call is one of Kafka's administrative APIs; all reject with `ClientError`. */
import { ZERO_UUID } from '../../base/uuid.js'
import { ErrorCode } from '../../protocol/errors.js'
import { ApiVersions } from '../../protocol/messages/api-versions.js'
import { CreatePartitions } from '../../protocol/messages/create-partitions.js'
import { CreateTopics } from '../../protocol/messages/create-topics.js'
import { DeleteRecords } from '../../protocol/messages/delete-records.js'
import { DeleteTopics } from '../../protocol/messages/delete-topics.js'
import { DescribeCluster } from '../../protocol/messages/describe-cluster.js'
import { DescribeLogDirs } from '../../protocol/messages/describe-log-dirs.js'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.js'
import { UnregisterBroker } from '../../protocol/messages/unregister-broker.js'
import { UpdateFeatures } from '../../protocol/messages/update-features.js'
import type { Infer, InferInput } from '../../protocol/schema.js'
import { serverError } from '../client-error.js'
import type { ClusterClient } from '../cluster-client.js'
import type { BrokerView, TopicView } from '../cluster-view.js'
import { groupBy } from '../group-by.js'
import { alterConfigs, type ConfigChange, type ConfigEntry, type ConfigResource, describeConfigs } from './configs.js'
import { type ListedOffset, leaderOf, listOffsets, type OffsetQuery } from './list-offsets.js'

export interface NewTopic {
  readonly name: string
  /** Undefined: the broker's default. */
  readonly partitions?: number | undefined
  readonly replicationFactor?: number | undefined
  /** Instead of both numbers: for each partition its brokers, the preferred leader first. */
  readonly assignment?: readonly (readonly number[])[] | undefined
  readonly configs?: Readonly<Record<string, string>>
}

export interface ClusterDescription {
  readonly clusterId: string
  readonly controllerId: number
  readonly endpoints: readonly (BrokerView & { readonly isFenced: boolean })[]
}

export type QuorumDescription = Infer<(typeof DescribeQuorum)['response']>['topics'][number]['partitions'][number] & {
  readonly nodes: Infer<(typeof DescribeQuorum)['response']>['nodes']
}

export type ServedVersions = Infer<(typeof ApiVersions)['response']>

/** How far a feature may be moved (KIP-584): `unsafe` also where what the older level does not know is lost. */
export type UpgradeType = 'upgrade' | 'safe-downgrade' | 'unsafe-downgrade'

const UPGRADE_TYPES: readonly UpgradeType[] = ['upgrade', 'safe-downgrade', 'unsafe-downgrade']

export interface FeatureUpdate {
  readonly feature: string
  /** 0: the feature is switched off. */
  readonly level: number
}

export interface PartitionOffset {
  readonly topic: string
  readonly partition: number
  /** DeleteRecords: the first that stays; -1: none stays. */
  readonly offset: number
}

export type LogDirDescription = Infer<(typeof DescribeLogDirs)['response']>['results'][number]

export const METADATA_TOPIC = '__cluster_metadata'

/** What the server may take for it before it answers REQUEST_TIMED_OUT. */
const SERVER_TIMEOUT_MS = 30_000
const FIRST_WITH_TOPIC_IDS = 6

const CONTROLLERS = 2
const BROKERS = 1

export class Admin {
  readonly client: ClusterClient

  constructor(client: ClusterClient) {
    this.client = client
  }

  /** All topics, by name. */
  async listTopics(): Promise<TopicView[]> {
    await this.client.refresh(null)
    return [...this.client.view.topics.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Rejects with the first topic's error. */
  async createTopics(topics: readonly NewTopic[], options: { readonly validateOnly?: boolean } = {}): Promise<void> {
    const body: InferInput<(typeof CreateTopics)['request']> = {
      topics: topics.map(({ name, partitions, replicationFactor, assignment, configs = {} }) => ({
        name,
        numPartitions: assignment === undefined ? (partitions ?? -1) : -1,
        replicationFactor: assignment === undefined ? (replicationFactor ?? -1) : -1,
        assignments: (assignment ?? []).map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      })),
      validateOnly: options.validateOnly ?? false,
    }
    const response = await this.client.retrying('creating topics', () =>
      this.client.call('controller', CreateTopics, body),
    )
    for (const { name, errorCode, errorMessage } of response.topics) {
      if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, `topic ${name}`, errorMessage)
    }
  }

  /** Offsets by time, or at the special times of ListOffsets (-1 latest, -2 earliest, -3 largest timestamp ...). */
  listOffsets(queries: readonly OffsetQuery[]): Promise<ListedOffset[]> {
    return listOffsets(this.client, queries)
  }

  async describeCluster(options: { readonly controllers?: boolean } = {}): Promise<ClusterDescription> {
    const body = {
      includeClusterAuthorizedOperations: false,
      endpointType: options.controllers ? CONTROLLERS : BROKERS,
    }
    return this.client.retrying('describing the cluster', async () => {
      const response = await this.client.call('any', DescribeCluster, body)
      const { errorCode, errorMessage, clusterId, controllerId, brokers } = response
      if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, 'describing the cluster', errorMessage)
      const endpoints = brokers.map(({ brokerId, ...rest }) => ({ nodeId: brokerId, ...rest }))
      return { clusterId, controllerId, endpoints: endpoints.sort((a, b) => a.nodeId - b.nodeId) }
    })
  }

  /** Forgets a broker that is not to come back. */
  async unregisterBroker(nodeId: number): Promise<void> {
    const what = `unregistering broker ${nodeId}`
    await this.client.retrying(what, async () => {
      const { errorCode, errorMessage } = await this.client.call('controller', UnregisterBroker, { brokerId: nodeId })
      if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, what, errorMessage)
    })
  }

  async describeQuorum(): Promise<QuorumDescription> {
    const body = { topics: [{ topicName: METADATA_TOPIC, partitions: [{ partitionIndex: 0 }] }] }
    return this.client.retrying('describing the quorum', async () => {
      const response = await this.client.call('controller', DescribeQuorum, body)
      const partition = response.topics[0]?.partitions[0]
      const failed = response.errorCode !== ErrorCode.NONE ? response : partition
      if (partition === undefined || failed!.errorCode !== ErrorCode.NONE) {
        throw serverError(
          failed?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR,
          'describing the quorum',
          failed?.errorMessage,
        )
      }
      return { ...partition, nodes: response.nodes }
    })
  }

  /** What a broker serves, by API key, and the features of the cluster. */
  async apiVersions(nodeId: number): Promise<ServedVersions> {
    const body = { clientSoftwareName: 'lograft', clientSoftwareVersion: '1' }
    return this.client.retrying('asking for versions', async () => {
      const response = await this.client.call({ nodeId }, ApiVersions, body)
      if (response.errorCode !== ErrorCode.NONE) throw serverError(response.errorCode, `broker ${nodeId}`)
      return response
    })
  }

  /** Rejects with the first topic's error. */
  async deleteTopics(names: readonly string[]): Promise<void> {
    const { client } = this
    const response = await client.retrying('deleting topics', async () => {
      const connection = await client.connection('controller')
      const byName = (connection.versionOf(DeleteTopics) ?? FIRST_WITH_TOPIC_IDS) >= FIRST_WITH_TOPIC_IDS
      const topics = names.map((name) => ({ name, topicId: ZERO_UUID }))
      const body = byName ? { topics } : { topicNames: names }
      return client.call('controller', DeleteTopics, { ...body, timeoutMs: SERVER_TIMEOUT_MS })
    })
    for (const { name, errorCode, errorMessage } of response.responses) {
      if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, `topic ${name}`, errorMessage)
    }
  }

  /** Raises the number of partitions to `count`. `assignment`: the brokers of each new one. */
  async createPartitions(name: string, count: number, assignment?: readonly (readonly number[])[]): Promise<void> {
    const assignments = assignment?.map((brokerIds) => ({ brokerIds })) ?? null
    const body = { topics: [{ name, count, assignments }], timeoutMs: SERVER_TIMEOUT_MS, validateOnly: false }
    const { results } = await this.client.retrying('adding partitions', () =>
      this.client.call('controller', CreatePartitions, body),
    )
    for (const { errorCode, errorMessage } of results) {
      if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, `topic ${name}`, errorMessage)
    }
  }

  describeConfigs(resource: ConfigResource): Promise<ConfigEntry[]> {
    return describeConfigs(this.client, resource)
  }

  alterConfigs(resource: ConfigResource, changes: readonly ConfigChange[]): Promise<void> {
    return alterConfigs(this.client, resource, changes)
  }

  /** Removes the records before an offset; answers the first offset that each partition now has. Rejects for the first partition with an error. */
  async deleteRecords(wanted: readonly PartitionOffset[]): Promise<PartitionOffset[]> {
    const { client } = this
    return client.retrying('deleting records', async () => {
      await client.refresh([...new Set(wanted.map(({ topic }) => topic))])
      const byLeader = groupBy(wanted, ({ topic, partition }) => leaderOf(client, topic, partition))
      const answers = await Promise.all(
        [...byLeader].map(async ([nodeId, those]) => {
          const topics = [...groupBy(those, ({ topic }) => topic)].map(([name, partitions]) => ({
            name,
            partitions: partitions.map(({ partition, offset }) => ({ partitionIndex: partition, offset })),
          }))
          return client.call({ nodeId }, DeleteRecords, { topics, timeoutMs: SERVER_TIMEOUT_MS })
        }),
      )
      return answers.flatMap(({ topics }) =>
        topics.flatMap(({ name, partitions }) =>
          partitions.map(({ partitionIndex, lowWatermark, errorCode }) => {
            if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, `${name}-${partitionIndex}`)
            return { topic: name, partition: partitionIndex, offset: lowWatermark }
          }),
        ),
      )
    })
  }

  /** The data directories of a broker with what they hold; of these topics only, if they are named. */
  async describeLogDirs(nodeId: number, topics?: readonly string[]): Promise<readonly LogDirDescription[]> {
    const { client } = this
    return client.retrying('describing the log directories', async () => {
      await client.refresh(topics ?? [])
      const asked =
        topics?.map((topic) => {
          const partitions = client.view.topics.get(topic)?.partitions ?? []
          return { topic, partitions: partitions.map(({ partition }) => partition) }
        }) ?? null
      const response = await client.call({ nodeId }, DescribeLogDirs, { topics: asked })
      if (response.errorCode !== ErrorCode.NONE) throw serverError(response.errorCode, `broker ${nodeId}`)
      return response.results
    })
  }

  async updateFeatures(
    updates: readonly FeatureUpdate[],
    options: { readonly type: UpgradeType; readonly validateOnly?: boolean },
  ): Promise<void> {
    const upgradeType = UPGRADE_TYPES.indexOf(options.type) + 1
    const featureUpdates = updates.map(({ feature, level }) => ({ feature, maxVersionLevel: level, upgradeType }))
    const response = await this.client.retrying('changing features', () =>
      this.client.call('controller', UpdateFeatures, { featureUpdates, validateOnly: options.validateOnly ?? false }),
    )
    const { errorCode, errorMessage } = response
    if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, 'changing features', errorMessage)
    for (const result of response.results) {
      if (result.errorCode !== ErrorCode.NONE) throw serverError(result.errorCode, result.feature, result.errorMessage)
    }
  }
}
