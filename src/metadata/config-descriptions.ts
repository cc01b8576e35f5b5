/**
 * What DescribeConfigs says of a setting: its value, where that comes from, and what else would count if it were not set there (KIP-226). The first
 * synonym is the one that counts.
 */
import { dynamicOf, familyOf, isNodeSetting, type NodeSettingKey } from '../config/dynamic-settings.js'
import { type NodeSettings, nodeSettings } from '../config/node-settings.js'
import { type Setting, type SettingType, valueText, wholeNumber } from '../config/setting.js'
import {
  nodeSettingOf,
  type SingleGroupSettingKey,
  singleGroupSetting,
  singleGroupSettings,
} from '../config/single-group-settings.js'
import { resolveTopicSettings, synonymsOf, type TopicSettingKey, topicSettings } from '../config/topic-settings.js'
import type { DescribeConfigs } from '../protocol/messages/describe-configs.js'
import type { InferInput } from '../protocol/schema.js'

export type ConfigEntry = InferInput<typeof DescribeConfigs.response>['results'][number]['configs'][number]
type Synonym = NonNullable<ConfigEntry['synonyms']>[number]

/** Kafka's `ConfigSource`. */
export const SOURCE = {
  TOPIC: 1,
  DYNAMIC_BROKER: 2,
  DYNAMIC_DEFAULT_BROKER: 3,
  STATIC_BROKER: 4,
  DEFAULT: 5,
  DYNAMIC_BROKER_LOGGER: 6,
  GROUP: 8,
} as const

/** Kafka's `ConfigDef.Type` on the wire. */
const TYPE: Readonly<Record<SettingType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  long: 5,
  double: 6,
  list: 7,
  password: 9,
}

/** Where settings of a broker come from: what was set for it, for all brokers, and when it was started. */
export interface ConfigSources {
  readonly settings: NodeSettings
  readonly ofBroker: ReadonlyMap<string, string>
  readonly ofCluster: ReadonlyMap<string, string>
  readonly started: ReadonlyMap<string, string>
}

export interface DescribeOptions {
  readonly synonyms: boolean
  readonly documentation: boolean
  /** Say whether it is a default instead of where it comes from: the oldest clients' way. */
  readonly isDefault: boolean
}

/** Kafka does not show these as long as nobody has set them. */
const INTERNAL_PREFIX = 'internal.'

/** Of a topic with these overrides. */
export function describeTopicConfigs(
  sources: ConfigSources,
  overrides: ReadonlyMap<string, string>,
  options: DescribeOptions,
): ConfigEntry[] {
  const values = resolveTopicSettings(sources.settings, overrides)
  return (Object.keys(topicSettings) as TopicSettingKey[])
    .filter((name) => !name.startsWith(INTERNAL_PREFIX) || overrides.has(name))
    .map((name) => {
      const setting = topicSettings[name]
      const own = overrides.get(name)
      const synonyms = synonymsFrom(sources, synonymsOf(name), setting)
      if (own !== undefined) synonyms.unshift({ name, value: shown(setting, own), source: SOURCE.TOPIC })
      return entry(name, setting, values[name], synonyms, false, options)
    })
}

/** Of a group with these overrides. */
export function describeGroupConfigs(
  sources: ConfigSources,
  overrides: ReadonlyMap<string, string>,
  options: DescribeOptions,
): ConfigEntry[] {
  return (Object.keys(singleGroupSettings) as SingleGroupSettingKey[]).map((name) => {
    const setting: Setting<unknown> = singleGroupSettings[name]
    const own = overrides.get(name)
    const synonyms = synonymsFrom(sources, [nodeSettingOf(name)], setting)
    if (own !== undefined) synonyms.unshift({ name, value: shown(setting, own), source: SOURCE.GROUP })
    return entry(name, setting, singleGroupSetting(sources.settings, overrides, name), synonyms, false, options)
  })
}

/** What a node was started with, where only the values are known: those that are not the defaults. */
export function startedWith(settings: NodeSettings): ReadonlyMap<string, string> {
  const started = new Map<string, string>()
  for (const key of Object.keys(nodeSettings) as NodeSettingKey[]) {
    const setting = nodeSettings[key] as Setting<unknown>
    const value = settings[key]
    const byDefault = setting.default === undefined ? undefined : setting.parse(setting.default)
    if (value !== undefined && valueText(value) !== valueText(byDefault)) started.set(key, valueText(value))
  }
  return started
}

/** All settings of this broker. */
export function describeBrokerConfigs(sources: ConfigSources, options: DescribeOptions): ConfigEntry[] {
  return (Object.keys(nodeSettings) as NodeSettingKey[]).map((name) => {
    const setting = nodeSettings[name] as Setting<unknown>
    const all = synonymsFrom(sources, familyOf(name), setting)
    // What speaks in another unit counts for topics, and is not the value of this key.
    const first = all.findIndex((synonym) => synonym.name === name)
    const synonyms = first < 0 ? [] : all.slice(first)
    return entry(name, setting, sources.settings[name], synonyms, dynamicOf(name) === 'read-only', options)
  })
}

/** What was set for all brokers. */
export function describeClusterConfigs({ ofCluster }: ConfigSources, options: DescribeOptions): ConfigEntry[] {
  return [...ofCluster].flatMap(([name, text]) => {
    if (!isNodeSetting(name)) return []
    const setting = nodeSettings[name] as Setting<unknown>
    const synonyms = [{ name, value: shown(setting, text), source: SOURCE.DYNAMIC_DEFAULT_BROKER }]
    return [entry(name, setting, setting.parse(text), synonyms, dynamicOf(name) === 'read-only', options)]
  })
}

function synonymsFrom(
  { ofBroker, ofCluster, started }: ConfigSources,
  keys: readonly NodeSettingKey[],
  setting: Setting<unknown>,
): Synonym[] {
  const synonyms: Synonym[] = []
  const add = (name: string, text: string | undefined, source: number): void => {
    if (text !== undefined) synonyms.push({ name, value: shown(setting, text), source })
  }
  // A finer unit goes before a coarser one, wherever the two were set.
  for (const name of keys) {
    const isDynamic = dynamicOf(name) !== 'read-only'
    if (isDynamic) add(name, ofBroker.get(name), SOURCE.DYNAMIC_BROKER)
    if (isDynamic) add(name, ofCluster.get(name), SOURCE.DYNAMIC_DEFAULT_BROKER)
    add(name, started.get(name), SOURCE.STATIC_BROKER)
    add(name, nodeSettings[name].default, SOURCE.DEFAULT)
  }
  return synonyms
}

function entry(
  name: string,
  setting: Setting<unknown>,
  value: unknown,
  synonyms: readonly Synonym[],
  readOnly: boolean,
  options: DescribeOptions,
): ConfigEntry {
  const configSource = synonyms[0]?.source ?? SOURCE.DEFAULT
  return {
    name,
    value: value === undefined ? null : shown(setting, asWritten(setting, value, synonyms[0]?.value)),
    readOnly,
    ...(options.isDefault ? { isDefault: configSource === SOURCE.DEFAULT } : {}),
    configSource,
    isSensitive: setting.type === 'password',
    synonyms: options.synonyms ? synonyms : [],
    configType: TYPE[setting.type],
    documentation: options.documentation ? setting.doc : null,
  }
}

/**
 * A value, by how somebody wrote it where the value alone does not say all: longs above 2^53, fractions as Java writes them, values of several
 * parts. `text` may be that of another unit; then it is passed over.
 */
function asWritten(setting: Setting<unknown>, value: unknown, text: string | null | undefined): string {
  const isNumber = typeof value === 'number'
  const hasParts = typeof value === 'object' && !Array.isArray(value) && !(value instanceof Set)
  if (text == null || !(isNumber ? setting.parse(text) === value : hasParts)) return valueText(value)
  return setting.type === 'long' ? String(wholeNumber(text)) : text.trim()
}

function shown({ type }: Setting<unknown>, text: string): string | null {
  return type === 'password' ? null : text
}

/** Of a log level. */
export function describeLogger(name: string, level: string): ConfigEntry {
  return {
    name,
    value: level,
    readOnly: false,
    configSource: SOURCE.DYNAMIC_BROKER_LOGGER,
    isSensitive: false,
    synonyms: [],
    configType: TYPE.string,
    documentation: null,
  }
}
