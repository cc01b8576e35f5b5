/** Topics that the cluster keeps for itself, and how the broker makes the one that groups are kept in, when somebody first asks for it. */
import type { NodeSettings } from '../../config/node-settings.js'
import type { MetadataImage } from '../../metadata/image.js'
import type { CreateTopics } from '../../protocol/messages/create-topics.js'
import type { InferInput } from '../../protocol/schema.js'

export const OFFSETS_TOPIC = '__consumer_offsets'
export const TRANSACTION_TOPIC = '__transaction_state'
export const SHARE_STATE_TOPIC = '__share_group_state'

const INTERNAL_TOPICS = new Set([OFFSETS_TOPIC, TRANSACTION_TOPIC, SHARE_STATE_TOPIC])

/** Whether clients only look at it. */
export function isInternal(topic: string): boolean {
  return INTERNAL_TOPICS.has(topic)
}

/** As AdminClient calls itself where it may write to internal topics. */
export const ADMIN_CLIENT_ID = '__admin_client'

export type CreatableTopic = InferInput<typeof CreateTopics.request>['topics'][number]

/** What a new topic of a broker goes by. */
export interface TopicMaker {
  readonly settings: NodeSettings
  readonly image: MetadataImage
  /** Settings that stand in the node's file or on its command line. */
  readonly given: ReadonlyMap<string, unknown>
  /** Whether the node's settings name controllers besides itself. */
  readonly namesOthers: boolean
}

/** A topic that a broker makes because somebody asks for it: an internal one is made as it must be, whoever asks. */
export function creatableTopic(name: string, maker: TopicMaker): CreatableTopic {
  if (name !== OFFSETS_TOPIC) return { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] }
  const { settings } = maker
  return {
    name,
    numPartitions: settings['offsets.topic.num.partitions'],
    replicationFactor: offsetsReplicationFactor(maker),
    assignments: [],
    configs: [
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'segment.bytes', value: String(settings['offsets.topic.segment.bytes']) },
      { name: 'compression.type', value: 'producer' },
    ],
  }
}

/**
 * As Kafka: with fewer brokers than `offsets.topic.replication.factor` the topic is not made, and groups have to wait, for offsets with one replica would stay
 * with one. But a node that names nobody else, and has no other broker with it, is a cluster of one: there nothing is to come, and unless the setting says
 * otherwise there is one replica, as in the settings that Kafka brings along for a single node.
 */
export function offsetsReplicationFactor({ settings, image, given, namesOthers }: TopicMaker): number {
  const key = 'offsets.topic.replication.factor'
  return !given.has(key) && !namesOthers && image.brokers.size === 1 ? 1 : settings[key]
}
