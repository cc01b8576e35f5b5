/** What a client knows of the cluster: brokers, topics, and who leads which partition. Built from Metadata's answers. */
import { ZERO_UUID } from '../base/uuid.js'
import { ErrorCode } from '../protocol/errors.js'
import type { Metadata } from '../protocol/messages/metadata.js'
import type { Infer } from '../protocol/schema.js'

type MetadataResponse = Infer<(typeof Metadata)['response']>

export interface BrokerView {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

export interface PartitionView {
  readonly partition: number
  /** -1: none at the moment. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly offlineReplicas: readonly number[]
}

export interface TopicView {
  readonly name: string
  readonly topicId: string
  readonly isInternal: boolean
  /** By number. */
  readonly partitions: readonly PartitionView[]
}

export class ClusterView {
  clusterId: string | null = null
  /** -1: none is known. */
  controllerId = -1
  readonly brokers = new Map<number, BrokerView>()
  readonly topics = new Map<string, TopicView>()
  /** Codes of topics that the last answer had an error for. */
  readonly topicErrors = new Map<string, number>()

  /**
   * Takes an answer in: brokers are replaced, topics that it names too; `all`: it names every topic there is. A broker may know less than another that was asked
   * before: a leader that is known does not give way to an earlier one.
   */
  update(response: MetadataResponse, all: boolean): void {
    this.clusterId = response.clusterId
    this.controllerId = response.controllerId
    this.brokers.clear()
    for (const { nodeId, host, port, rack } of response.brokers) this.brokers.set(nodeId, { nodeId, host, port, rack })
    const before = new Map(this.topics)
    if (all) this.topics.clear()
    this.topicErrors.clear()
    for (const { errorCode, name, topicId, isInternal, partitions } of response.topics) {
      if (name === null) continue
      if (errorCode !== ErrorCode.NONE) {
        this.topics.delete(name)
        this.topicErrors.set(name, errorCode)
        continue
      }
      const views = partitions.map(
        ({ partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes, offlineReplicas }) => ({
          partition: partitionIndex,
          leader: leaderId,
          leaderEpoch,
          replicas: replicaNodes,
          isr: isrNodes,
          offlineReplicas,
        }),
      )
      views.sort((a, b) => a.partition - b.partition)
      const known = before.get(name)
      const isSame = topicId !== ZERO_UUID && known?.topicId === topicId
      this.topics.set(name, { name, topicId, isInternal, partitions: isSame ? newest(views, known) : views })
    }
  }

  partition(topic: string, partition: number): PartitionView | undefined {
    return this.topics.get(topic)?.partitions.find((each) => each.partition === partition)
  }

  /** Undefined: unknown, or there is no leader at the moment. */
  leaderOf(topic: string, partition: number): number | undefined {
    const leader = this.partition(topic, partition)?.leader
    return leader === undefined || leader < 0 ? undefined : leader
  }
}

/** Of each partition what was said of its latest leader. */
function newest(views: readonly PartitionView[], known: TopicView): PartitionView[] {
  const before = new Map(known.partitions.map((view) => [view.partition, view]))
  return views.map((view) => {
    const other = before.get(view.partition)
    return other !== undefined && other.leaderEpoch > view.leaderEpoch ? other : view
  })
}
