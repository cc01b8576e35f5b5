/**
 * The settings of one group (KIP-848, resource type GROUP), whichever node coordinates it: each goes before the setting of the node that has the same name with
 * `group.` in front, and stays within the node's bounds for that.
 */
import { groupSettings } from './group-settings.js'
import type { NodeSettings } from './node-settings.js'
import { ConfigError, parseSetting } from './setting.js'

const SESSION = 'consumer.session.timeout.ms'
const HEARTBEAT = 'consumer.heartbeat.interval.ms'

export const singleGroupSettings = {
  [HEARTBEAT]: {
    ...groupSettings['group.consumer.heartbeat.interval.ms'],
    doc: 'How often members of this consumer group are told to send heartbeats.',
  },
  [SESSION]: {
    ...groupSettings['group.consumer.session.timeout.ms'],
    doc: 'A member of this consumer group that is silent for so long is taken out of it.',
  },
} as const

export type SingleGroupSettingKey = keyof typeof singleGroupSettings

type Aspect = 'value' | 'least' | 'most'

/** What the node says: the value for groups that do not set it, and the least and the most that they may. */
const OF_NODE = {
  [HEARTBEAT]: {
    value: 'group.consumer.heartbeat.interval.ms',
    least: 'group.consumer.min.heartbeat.interval.ms',
    most: 'group.consumer.max.heartbeat.interval.ms',
  },
  [SESSION]: {
    value: 'group.consumer.session.timeout.ms',
    least: 'group.consumer.min.session.timeout.ms',
    most: 'group.consumer.max.session.timeout.ms',
  },
} as const satisfies Readonly<Record<SingleGroupSettingKey, Readonly<Record<Aspect, keyof NodeSettings>>>>

/** As far as groups go by it. */
type OfNode = Pick<NodeSettings, (typeof OF_NODE)[SingleGroupSettingKey][Aspect]>

export function isSingleGroupSetting(key: string): key is SingleGroupSettingKey {
  return Object.hasOwn(singleGroupSettings, key)
}

/** The setting of the node that counts where the group sets nothing. */
export function nodeSettingOf(key: SingleGroupSettingKey): keyof NodeSettings {
  return OF_NODE[key].value
}

/** What holds for a group with these overrides on this node. The overrides were checked when they were accepted; bounds may have changed since. */
export function singleGroupSetting(
  node: OfNode,
  overrides: ReadonlyMap<string, string>,
  key: SingleGroupSettingKey,
): number {
  const { value, least, most } = OF_NODE[key]
  const own = overrides.get(key)
  const wanted = own === undefined ? undefined : singleGroupSettings[key].parse(own)
  return Math.min(Math.max(wanted ?? node[value], node[least]), node[most])
}

/** Throws `ConfigError` for what is out of the node's bounds, and where what holds then contradicts itself. */
export function checkSingleGroupSettings(node: OfNode, overrides: ReadonlyMap<string, string>): void {
  const values = new Map<SingleGroupSettingKey, number>()
  for (const key of Object.keys(singleGroupSettings) as SingleGroupSettingKey[]) {
    const { value, least, most } = OF_NODE[key]
    const own = overrides.get(key)
    const number = own === undefined ? node[value] : parseSetting<number>(singleGroupSettings[key], key, own)
    values.set(key, number)
    const [low, high] = [node[least], node[most]]
    if (own !== undefined && (number < low || number > high)) {
      const bounds = `${least}, which is ${low}, and at most ${most}, which is ${high}`
      throw new ConfigError(key, `${key}=${own} is not allowed: it must be at least ${bounds}`)
    }
  }
  const [session, heartbeat] = [values.get(SESSION)!, values.get(HEARTBEAT)!]
  if (session <= heartbeat) {
    throw new ConfigError(
      SESSION,
      `${SESSION}=${session} is not allowed: it must be more than ${HEARTBEAT}, which is ${heartbeat}`,
    )
  }
}
