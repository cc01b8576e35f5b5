/**
 * Settings of a node that are changed while it runs (KIP-226). What was set for one broker goes before what was set for all of them, and
 * both before what the node was started with.
 */
import { type NodeSettings, nodeSettings } from './node-settings.js'
import { type Dynamic, parseSetting, type Setting } from './setting.js'
import { synonymsOf, type TopicSettingKey, topicSettings } from './topic-settings.js'

export type NodeSettingKey = keyof NodeSettings

/** What topics fall back to first can be changed for all of them at once, as in Kafka. */
const DEFAULTS_OF_TOPICS: ReadonlySet<string> = new Set(
  (Object.keys(topicSettings) as TopicSettingKey[]).flatMap((key) => synonymsOf(key).slice(0, 1)),
)

/** Keys that answer one question in several units, those that go before first. */
const FAMILIES: readonly (readonly NodeSettingKey[])[] = (Object.keys(topicSettings) as TopicSettingKey[])
  .map(synonymsOf)
  .filter(({ length }) => length > 1)

export function isNodeSetting(key: string): key is NodeSettingKey {
  return Object.hasOwn(nodeSettings, key)
}

export function dynamicOf(key: NodeSettingKey): Dynamic {
  return nodeSettings[key].dynamic ?? (DEFAULTS_OF_TOPICS.has(key) ? 'cluster-wide' : 'read-only')
}

/** The setting itself and those in other units that may speak instead of it. */
export function familyOf(key: NodeSettingKey): readonly NodeSettingKey[] {
  return FAMILIES.find((family) => family.includes(key)) ?? [key]
}

/**
 * What holds on a node that was started with these settings. `ofBroker` and `ofCluster` were checked when they were accepted: what this release
 * cannot read was accepted by another one, and is passed over.
 */
export function withDynamic(
  settings: NodeSettings,
  ofCluster: ReadonlyMap<string, string>,
  ofBroker: ReadonlyMap<string, string>,
): NodeSettings {
  if (ofCluster.size === 0 && ofBroker.size === 0) return settings
  const changed: Record<string, unknown> = { ...settings }
  for (const [key, text] of [...ofCluster, ...ofBroker]) {
    if (!isNodeSetting(key) || dynamicOf(key) === 'read-only') continue
    const value = (nodeSettings[key] as Setting<unknown>).parse(text)
    if (value !== undefined) changed[key] = value
  }
  return changed as unknown as NodeSettings
}

/** The same check as for a file. Throws `ConfigError`. */
export function checkNodeSetting(key: NodeSettingKey, text: string): void {
  parseSetting<unknown>(nodeSettings[key], key, text)
}
