/**
 * The controllers that a node's settings name: `controller.quorum.voters` (id@host:port) and `controller.quorum.bootstrap.servers`
 * (host:port). As in Kafka both may be set; then all of them are asked.
 */
import type { NodeSettings } from './node-settings.js'
import { ConfigError } from './setting.js'

/** The largest quorum: more voters make every commit slower and hardly survive more. */
export const MAX_VOTERS = 7

export interface NamedController {
  /** Undefined: whoever answers there. */
  readonly id: number | undefined
  readonly host: string
  readonly port: number
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** `1@host:port`, as in the setting. */
export function namedController({ id, ...address }: NamedController): string {
  return id === undefined ? addressText(address) : `${id}@${addressText(address)}`
}

export function addressText({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

const THIS_MACHINE: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1'])

/** Whether one reaches a listener by an address, as far as that can be seen without asking for names. */
export function isAddressOf(
  { host, port, advertised }: Address & { readonly advertised: Address | undefined },
  named: Address,
): boolean {
  if (advertised?.host === named.host && advertised.port === named.port) return true
  return port === named.port && (host === named.host || (host === '' && THIS_MACHINE.has(named.host)))
}

/** The same for every order in which they may be written: nodes with equal texts name the same. */
export function canonicalText(named: readonly NamedController[]): string {
  return named.map(namedController).sort().join(',')
}

/** Both settings, voters first; a server that is a voter's address is not named twice. Throws `ConfigError`. */
export function namedControllers(settings: NodeSettings): NamedController[] {
  const voters = settings['controller.quorum.voters'].map((text) => parsed('controller.quorum.voters', text))
  const servers = settings['controller.quorum.bootstrap.servers'].map((text) =>
    parsed('controller.quorum.bootstrap.servers', text),
  )
  if (voters.length > MAX_VOTERS) {
    const sentence = `controller.quorum.voters names ${voters.length} voters, and a quorum has at most ${MAX_VOTERS}`
    throw new ConfigError('controller.quorum.voters', sentence)
  }
  for (const [index, voter] of voters.entries()) {
    const before = voters.slice(0, index)
    if (before.some(({ id }) => id === voter.id)) {
      throw new ConfigError('controller.quorum.voters', `controller.quorum.voters names the id ${voter.id} twice`)
    }
    const other = before.find((each) => isSameAddress(each, voter))
    if (other === undefined) continue
    const sentence = `controller.quorum.voters has one address for the voters ${other.id} and ${voter.id}`
    throw new ConfigError('controller.quorum.voters', sentence)
  }
  const named = [...voters]
  for (const server of servers) if (!named.some((each) => isSameAddress(each, server))) named.push(server)
  return named
}

/** Voters name this node if it is a controller, and only then. Throws `ConfigError`. */
export function checkOwnId(settings: NodeSettings, named: readonly NamedController[]): void {
  const voters = named.filter(({ id }) => id !== undefined)
  if (voters.length === 0) return
  const nodeId = settings['node.id']
  const isNamed = voters.some(({ id }) => id === nodeId)
  const list = voters.map(namedController).join(',')
  if (settings['process.roles'].has('controller')) {
    if (isNamed) return
    const sentence = `controller.quorum.voters=${list} does not name node ${nodeId}, which is this controller: add it, or set node.id`
    throw new ConfigError('controller.quorum.voters', sentence)
  }
  if (!isNamed) return
  const sentence = `controller.quorum.voters=${list} names node ${nodeId}, which is this node, and process.roles=broker makes it no controller`
  throw new ConfigError('controller.quorum.voters', sentence)
}

function parsed(
  key: 'controller.quorum.voters' | 'controller.quorum.bootstrap.servers',
  text: string,
): NamedController {
  const withId = key === 'controller.quorum.voters'
  const match = /^(?:(\d{1,10})@)?(\[[^\]]+\]|[^:/@\s]+):(\d{1,5})$/.exec(text)
  const id = match?.[1] === undefined ? undefined : Number(match[1])
  const port = Number(match?.[3])
  if (match === null || (id !== undefined) !== withId || (id ?? 0) > 0x7fff_ffff || port < 1 || port > 65535) {
    throw new ConfigError(key, `${key}=${text} is not allowed: it must be ${withId ? 'id@' : ''}host:port`)
  }
  return { id, host: match[2]!.replace(/^\[|\]$/g, ''), port }
}

function isSameAddress(a: Address, b: Address): boolean {
  return a.host === b.host && a.port === b.port
}
