/**
 * The settings of a topic, as far as this version acts on them. Each falls back to a setting of the node; CreateTopics refuses any
 * other key with INVALID_CONFIG.
 */
import type { NodeSettings } from './node-settings.js'
import { nodeSettings } from './node-settings.js'
import { integer, parseSetting, type Values } from './setting.js'

export const topicSettings = {
  'flush.policy': nodeSettings['log.flush.policy'],
  'index.interval.bytes': nodeSettings['log.index.interval.bytes'],
  'internal.segment.bytes': integer({
    min: 1024,
    doc: 'As segment.bytes, without its lower bound: for tests that want many segments.',
  }),
  'max.message.bytes': nodeSettings['message.max.bytes'],
  'min.insync.replicas': nodeSettings['min.insync.replicas'],
  'segment.bytes': nodeSettings['log.segment.bytes'],
  'segment.index.bytes': nodeSettings['log.index.size.max.bytes'],
} as const

export type TopicSettings = Values<typeof topicSettings>
export type TopicSettingKey = keyof typeof topicSettings

/** Where a topic's setting comes from when the topic itself does not set it. */
const fallback: { readonly [Key in TopicSettingKey]: keyof NodeSettings } = {
  'flush.policy': 'log.flush.policy',
  'index.interval.bytes': 'log.index.interval.bytes',
  'internal.segment.bytes': 'log.segment.bytes',
  'max.message.bytes': 'message.max.bytes',
  'min.insync.replicas': 'min.insync.replicas',
  'segment.bytes': 'log.segment.bytes',
  'segment.index.bytes': 'log.index.size.max.bytes',
}

export function isTopicSetting(key: string): key is TopicSettingKey {
  return Object.hasOwn(topicSettings, key)
}

/** What holds for a topic with these overrides on this node. The overrides were checked when they were accepted. */
export function resolveTopicSettings(node: NodeSettings, overrides: ReadonlyMap<string, string>): TopicSettings {
  const values: Record<string, unknown> = {}
  for (const key of Object.keys(topicSettings) as TopicSettingKey[]) {
    const text = overrides.get(key)
    values[key] = text === undefined ? node[fallback[key]] : parseSetting<unknown>(topicSettings[key], key, text)
  }
  if (!overrides.has('internal.segment.bytes')) values['internal.segment.bytes'] = values['segment.bytes']
  return values as TopicSettings
}
