/**
 * A node's configuration as it was given, checked and typed. Built from text (files, command line, a test's object); whatever is
 * wrong comes as a `ConfigError` that names key, value and what is allowed; keys that are not acted on come as lists to be warned about.
 */
import { nearest } from '../base/nearest.js'
import { assignedId } from './assigned-id.js'
import { checkGroupSettings } from './group-settings.js'
import { checkOwnId, isAddressOf, type NamedController, namedControllers } from './named-controllers.js'
import { type NodeSettings, nodeSettings } from './node-settings.js'
import { parseProperties } from './properties.js'
import { ConfigError, parseSetting } from './setting.js'
import { kindOfUnused, refuseUnprotected, UNUSED_SETTINGS, type UnusedKind } from './unused-settings.js'

export interface NodeConfig {
  readonly settings: NodeSettings
  readonly listeners: readonly ListenerConfig[]
  /** The controllers that form the quorum, or know it. None: this node is one of its own, until others join it. */
  readonly named: readonly NamedController[]
  /** What was set, as text, by key, and a `node.id` that follows from it: all others are at their defaults. */
  readonly given: ReadonlyMap<string, string>
  readonly unknownKeys: readonly string[]
  /** Settings of Kafka that are not acted on. */
  readonly withoutEffect: readonly string[]
  /** The same of TLS, SASL and authorization, which this version does not have. */
  readonly withoutProtection: readonly string[]
}

export interface ListenerConfig {
  readonly name: string
  /** Empty: every address. */
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly advertised: { readonly host: string; readonly port: number } | undefined
  readonly serves: 'broker' | 'controller'
  /** A listener of a broker that serves controllers, too: where they have none of their own. */
  readonly both: boolean
}

/** Reads a properties file's text; later entries replace earlier ones. Errors name the line. */
export function readConfigText(text: string): Map<string, string> {
  const entries = new Map<string, string>()
  for (const { key, value, line } of parseProperties(text)) {
    if (Object.hasOwn(nodeSettings, key)) {
      try {
        parseSetting<unknown>(nodeSettings[key as keyof NodeSettings], key, value)
      } catch (error) {
        if (error instanceof ConfigError) throw new ConfigError(key, `line ${line}: ${error.message}`)
        throw error
      }
    }
    entries.set(key, value)
  }
  return entries
}

/** Where a file sets a key for the last time, from 1; undefined: nowhere. */
export function lineOf(text: string, key: string): number | undefined {
  return parseProperties(text).findLast((property) => property.key === key)?.line
}

/** The setting that somebody may have meant who wrote this key. */
export function meantSetting(unknownKey: string): string | undefined {
  return nearest(unknownKey, [...Object.keys(nodeSettings), ...UNUSED_SETTINGS])
}

/** `entries`: keys and values as text. Throws `ConfigError`. */
export function nodeConfig(entries: ReadonlyMap<string, string> | Readonly<Record<string, string>>): NodeConfig {
  const given = entries instanceof Map ? entries : new Map(Object.entries(entries))
  const text = new Map(given)
  // Kafka's singular: used where the plural is not set.
  const single = text.get('log.dir')
  if (single !== undefined && !text.has('log.dirs')) text.set('log.dirs', single)
  text.delete('log.dir')
  takeBrokerId(text)
  refuseUnprotected(text)

  const settings: Record<string, unknown> = {}
  for (const [key, setting] of Object.entries(nodeSettings)) {
    const value = text.get(key) ?? setting.default
    if (value === undefined && setting.optional) continue
    if (value === undefined) throw new ConfigError(key, `${key} must be set: ${setting.doc}`)
    settings[key] = parseSetting<unknown>(setting, key, value)
  }
  checkGroupSettings(settings)
  const typed = settings as unknown as NodeSettings
  const directories = typed['log.dirs']
  if (directories.length === 0) throw new ConfigError('log.dirs', 'log.dirs must name a directory')
  const twice = directories.find((path, index) => directories.indexOf(path) < index)
  if (twice !== undefined) throw new ConfigError('log.dirs', `log.dirs names ${twice} twice`)
  const listeners = listenerConfigs(typed)
  const named = namedControllers(typed)
  const controllers = listeners.filter(({ serves, both }) => both || serves === 'controller')
  const assigned = text.has('node.id') ? undefined : assignedId(typed, named, controllers)
  if (assigned !== undefined) {
    settings['node.id'] = assigned
    text.set('node.id', String(assigned))
  }
  checkOwnId(typed, named)
  const isSetting = (key: string): boolean => Object.hasOwn(nodeSettings, key)
  const unused = (kind: UnusedKind): string[] =>
    [...text.keys()].filter((key) => !isSetting(key) && kindOfUnused(key, isSetting) === kind)
  return {
    settings: typed,
    listeners,
    named: others(typed, named, controllers),
    given: new Map([...text].filter(([key]) => isSetting(key))),
    unknownKeys: unused('unknown'),
    withoutEffect: unused('without effect'),
    withoutProtection: unused('security'),
  }
}

/** Kafka's older name of `node.id`: with both, they have to agree. */
function takeBrokerId(text: Map<string, string>): void {
  const brokerId = text.get('broker.id')
  if (brokerId === undefined) return
  const id = parseSetting(nodeSettings['node.id'], 'broker.id', brokerId)
  const nodeId = text.get('node.id')
  if (nodeId !== undefined && parseSetting(nodeSettings['node.id'], 'node.id', nodeId) !== id) {
    const sentence = `broker.id=${brokerId} is not allowed: it is another name of node.id, which is ${nodeId}`
    throw new ConfigError('broker.id', sentence)
  }
  text.set('node.id', brokerId)
  text.delete('broker.id')
}

/** Those that are named; none where that is this node alone, which may be spelled out. */
function others(
  settings: NodeSettings,
  named: readonly NamedController[],
  controllers: readonly ListenerConfig[],
): readonly NamedController[] {
  if (!settings['process.roles'].has('controller')) {
    if (named.length > 0) return named
    throw new ConfigError(
      'process.roles',
      'process.roles=broker needs controllers elsewhere: name them in controller.quorum.voters or controller.quorum.bootstrap.servers',
    )
  }
  const isHere = ({ id, ...address }: NamedController): boolean =>
    id === settings['node.id'] || (id === undefined && controllers.some((listener) => isAddressOf(listener, address)))
  return named.every(isHere) ? [] : named
}

function listenerConfigs(settings: NodeSettings): ListenerConfig[] {
  const roles = settings['process.roles']
  const controllerNames = settings['controller.listener.names']
  const advertised = new Map(
    settings['advertised.listeners'].map((text) => {
      const parsed = parseListener('advertised.listeners', text)
      return [parsed.name, parsed] as const
    }),
  )
  const names = new Set<string>()
  const isOnePort = roles.has('broker') && roles.has('controller') && controllerNames.length === 0
  const protocols = securityProtocols(settings['listener.security.protocol.map'])
  const listeners = settings.listeners.map((text): ListenerConfig => {
    const { name, host, port } = parseListener('listeners', text)
    const protocol = protocols.get(name) ?? (isProtocol(name) ? name : 'PLAINTEXT')
    if (protocol !== 'PLAINTEXT') {
      throw new ConfigError(
        'listeners',
        `listeners=${text} wants ${protocol}, and this version has neither TLS nor SASL: it can serve PLAINTEXT only`,
      )
    }
    if (names.has(name)) throw new ConfigError('listeners', `listeners has ${name} twice: each needs a name of its own`)
    names.add(name)
    const told = advertised.get(name)
    if (told !== undefined && told.host === '') {
      throw new ConfigError('advertised.listeners', `advertised.listeners gives no host for ${name}: clients need one`)
    }
    const serves = controllerNames.includes(name) || !roles.has('broker') ? 'controller' : 'broker'
    const both = isOnePort && serves === 'broker' && names.size === 1
    return { name, host, port, advertised: told && { host: told.host, port: told.port }, serves, both }
  })
  for (const name of advertised.keys()) {
    if (!names.has(name)) {
      throw new ConfigError('advertised.listeners', `advertised.listeners names ${name}, which listeners does not have`)
    }
  }
  for (const name of controllerNames) {
    if (!roles.has('controller')) {
      // There it says by which name the controllers' listeners go elsewhere.
      if (!names.has(name)) continue
      const sentence = `controller.listener.names names ${name} of listeners, and process.roles=broker has no controller to serve there`
      throw new ConfigError('controller.listener.names', sentence)
    }
    if (!names.has(name)) {
      throw new ConfigError('controller.listener.names', `controller.listener.names has ${name}, listeners does not`)
    }
  }
  if (roles.has('broker') && !listeners.some((listener) => listener.serves === 'broker')) {
    throw new ConfigError('listeners', 'listeners leaves none for clients: a broker needs one')
  }
  return listeners
}

const PROTOCOLS = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']

function isProtocol(name: string): boolean {
  return PROTOCOLS.includes(name)
}

/** Kafka's security protocols, by the name of the listener. */
function securityProtocols(map: readonly string[]): ReadonlyMap<string, string> {
  const protocols = new Map<string, string>()
  for (const item of map) {
    const [name = '', protocol = '', ...rest] = item.split(':').map((word) => word.trim().toUpperCase())
    if (name === '' || !isProtocol(protocol) || rest.length > 0) {
      const key = 'listener.security.protocol.map'
      throw new ConfigError(key, `${key}=${item} is not allowed: it must be NAME:PROTOCOL, of ${PROTOCOLS.join(', ')}`)
    }
    protocols.set(name, protocol)
  }
  return protocols
}

function parseListener(key: string, text: string): { name: string; host: string; port: number } {
  const match = /^([A-Za-z0-9_.-]+):\/\/(\[[^\]]*\]|[^:/]*):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65535) {
    throw new ConfigError(key, `${key}=${text} is not allowed: it must be NAME://host:port`)
  }
  return { name: match[1]!.toUpperCase(), host: match[2]!.replace(/^\[|\]$/g, ''), port }
}
