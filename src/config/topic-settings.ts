/**
 * The settings of a topic, as far as this version acts on them. Each falls back to a setting of the node, but for those that can only say what is so
 * anyway, because Kafka's tools set them; CreateTopics and AlterConfigs refuse any other key with INVALID_CONFIG.
 */
import type { NodeSettings } from './node-settings.js'
import { nodeSettings } from './node-settings.js'
import { boolean, integer, list, long, parseSetting, type Setting, type Values } from './setting.js'

/** A switch that nobody can turn on here. */
function off(doc: string, because: string): Setting<false> {
  const setting = boolean({ default: 'false', doc: `${doc} Only false: ${because}.` })
  return {
    ...setting,
    allowed: `false, because ${because}`,
    parse: (text) => (setting.parse(text) === false ? false : undefined),
  }
}

/** Replicas as PARTITION:BROKER with commas between, or a star for all of them. */
function replicaList(doc: string): Setting<readonly string[]> {
  const setting = list({ default: '', doc })
  return {
    ...setting,
    allowed: 'PARTITION:BROKER with commas between, or *',
    parse: (text) => {
      const items = setting.parse(text)!
      const isStar = items.length === 1 && items[0] === '*'
      return isStar || items.every((item) => /^\d+:\d+$/.test(item)) ? items : undefined
    },
  }
}

export const topicSettings = {
  'cleanup.policy': nodeSettings['log.cleanup.policy'],
  'compression.gzip.level': nodeSettings['compression.gzip.level'],
  'compression.lz4.level': nodeSettings['compression.lz4.level'],
  'compression.type': nodeSettings['compression.type'],
  'compression.zstd.level': nodeSettings['compression.zstd.level'],
  'delete.retention.ms': nodeSettings['log.cleaner.delete.retention.ms'],
  'file.delete.delay.ms': {
    ...nodeSettings['log.segment.delete.delay.ms'],
    doc: 'How long the files of a segment stay after it was removed from its log.',
  },
  'flush.messages': nodeSettings['log.flush.interval.messages'],
  'flush.ms': long({ min: 0, doc: 'How old what is not flushed may get.' }),
  'flush.policy': nodeSettings['log.flush.policy'],
  'follower.replication.throttled.replicas': replicaList(
    'Replicas for which follower.replication.throttled.rate of their broker holds.',
  ),
  'index.interval.bytes': nodeSettings['log.index.interval.bytes'],
  'internal.segment.bytes': integer({
    min: 1024,
    doc: 'As segment.bytes, without its lower bound: for tests that want many segments.',
  }),
  'leader.replication.throttled.replicas': replicaList(
    'Replicas to which a leader gives no more than leader.replication.throttled.rate of its broker; named by the leader.',
  ),
  'max.compaction.lag.ms': nodeSettings['log.cleaner.max.compaction.lag.ms'],
  'max.message.bytes': nodeSettings['message.max.bytes'],
  'message.timestamp.after.max.ms': nodeSettings['log.message.timestamp.after.max.ms'],
  'message.timestamp.before.max.ms': nodeSettings['log.message.timestamp.before.max.ms'],
  'message.timestamp.type': nodeSettings['log.message.timestamp.type'],
  'min.cleanable.dirty.ratio': nodeSettings['log.cleaner.min.cleanable.ratio'],
  'min.compaction.lag.ms': nodeSettings['log.cleaner.min.compaction.lag.ms'],
  'min.insync.replicas': nodeSettings['min.insync.replicas'],
  preallocate: off('Whether a segment gets its whole size when it is made.', 'segments grow as they are written here'),
  'remote.storage.enable': off('Whether old segments are moved elsewhere.', 'there is no tiered storage here'),
  'retention.bytes': nodeSettings['log.retention.bytes'],
  'retention.ms': long({ min: -1, doc: 'How long segments are kept; -1: for ever.' }),
  'segment.bytes': nodeSettings['log.segment.bytes'],
  'segment.index.bytes': nodeSettings['log.index.size.max.bytes'],
  'segment.jitter.ms': long({ min: 0, doc: 'By how much less than segment.ms the age may be, at random.' }),
  'segment.ms': long({ min: 1, doc: 'Age at which a segment is closed.' }),
  'unclean.leader.election.enable': nodeSettings['unclean.leader.election.enable'],
} as const

export type TopicSettings = Values<typeof topicSettings>
export type TopicSettingKey = keyof typeof topicSettings

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** Keys of the node, the first that is set counts; with the factor by which the value of a coarser one is multiplied. */
export type Fallbacks<Node> = readonly (keyof Node | readonly [key: keyof Node, factor: number])[]

/**
 * Where a topic's setting comes from when the topic itself does not set it. A topic's setting that is declared as one of the node's falls back
 * to that one, and need not stand here.
 */
const FALLBACKS: { readonly [Key in TopicSettingKey]?: Fallbacks<NodeSettings> } = {
  'file.delete.delay.ms': ['log.segment.delete.delay.ms'],
  'flush.ms': ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
  'follower.replication.throttled.replicas': [],
  'internal.segment.bytes': ['log.segment.bytes'],
  'leader.replication.throttled.replicas': [],
  preallocate: [],
  'remote.storage.enable': [],
  'retention.ms': ['log.retention.ms', ['log.retention.minutes', MINUTE_MS], ['log.retention.hours', HOUR_MS]],
  'segment.jitter.ms': ['log.roll.jitter.ms', ['log.roll.jitter.hours', HOUR_MS]],
  'segment.ms': ['log.roll.ms', ['log.roll.hours', HOUR_MS]],
}

const fallbacks = new Map(
  Object.entries(topicSettings).map(([key, setting]): [string, Fallbacks<NodeSettings>] => {
    const listed = FALLBACKS[key as TopicSettingKey]
    if (listed !== undefined) return [key, listed]
    const node = Object.entries(nodeSettings).find(([, each]) => (each as Setting<unknown>) === setting)?.[0]
    if (node === undefined) throw new Error(`${key} falls back to nothing: name its setting of the node in FALLBACKS`)
    return [key, [node as keyof NodeSettings]]
  }),
)

export function isTopicSetting(key: string): key is TopicSettingKey {
  return Object.hasOwn(topicSettings, key)
}

/** The settings of the node that a topic's falls back to; those that go before come first. */
export function synonymsOf(key: TopicSettingKey): readonly (keyof NodeSettings)[] {
  return fallbacks.get(key)!.map((each) => (typeof each === 'string' ? each : each[0]))
}

/** What the first of these that is set says; undefined: none is. A negative number stands for no limit in every unit. */
export function firstSet<Node>(node: Node, keys: Fallbacks<Node>): unknown {
  for (const each of keys) {
    const [key, factor] = Array.isArray(each) ? (each as [keyof Node, number]) : [each as keyof Node, 1]
    const value: unknown = node[key]
    if (value === undefined) continue
    if (factor === 1 || typeof value !== 'number') return value
    return value < 0 ? -1 : value * factor
  }
  return undefined
}

/** What holds for a topic with these overrides on this node. The overrides were checked when they were accepted. */
export function resolveTopicSettings(node: NodeSettings, overrides: ReadonlyMap<string, string>): TopicSettings {
  const values: Record<string, unknown> = {}
  for (const key of Object.keys(topicSettings) as TopicSettingKey[]) values[key] = resolved(node, overrides, key)
  if (!overrides.has('internal.segment.bytes')) values['internal.segment.bytes'] = values['segment.bytes']
  return values as TopicSettings
}

/** One of them, for who asks of many topics. */
export function resolveTopicSetting<Key extends Exclude<TopicSettingKey, 'internal.segment.bytes'>>(
  node: NodeSettings,
  overrides: ReadonlyMap<string, string>,
  key: Key,
): TopicSettings[Key] {
  return resolved(node, overrides, key) as TopicSettings[Key]
}

function resolved(node: NodeSettings, overrides: ReadonlyMap<string, string>, key: TopicSettingKey): unknown {
  const setting: Setting<unknown> = topicSettings[key]
  const keys = fallbacks.get(key)!
  const text = overrides.get(key) ?? (keys.length === 0 ? setting.default : undefined)
  return text === undefined ? firstSet(node, keys) : parseSetting(setting, key, text)
}
