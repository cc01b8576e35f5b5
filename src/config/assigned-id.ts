/**
 * The id of a node that is given none: it follows from the list of controllers, which is the same on every node, so that nodes that name each other do not
 * all take the default. Only what is written counts: no name is looked up.
 */
import { type Address, addressText, isAddressOf, type NamedController, namedController } from './named-controllers.js'
import type { NodeSettings } from './node-settings.js'
import { ConfigError } from './setting.js'

/** As in the settings; `advertised`: what others are told instead. */
interface Listener extends Address {
  readonly advertised: Address | undefined
}

/**
 * `controllers`: the listeners of this node that serve controllers. Undefined: nobody but this node is named, and the default will do.
 * Throws `ConfigError`.
 */
export function assignedId(
  settings: NodeSettings,
  named: readonly NamedController[],
  controllers: readonly Listener[],
): number | undefined {
  if (named.length === 0) return undefined
  if (!settings['process.roles'].has('controller')) {
    const sentence = 'process.roles=broker needs an id of its own, which no list of controllers gives: set node.id'
    throw new ConfigError('process.roles', sentence)
  }
  const voters = named.filter(({ id }) => id !== undefined)
  const haveIds = voters.length > 0
  const entries = haveIds ? voters : [...named].sort(byAddress)
  const own = entries.filter((entry) => controllers.some((listener) => isAddressOf(listener, entry)))
  const [only] = own
  if (only !== undefined && own.length === 1) return only.id ?? entries.indexOf(only) + 1
  if (!haveIds && own.length === entries.length) return undefined
  const key = haveIds ? 'controller.quorum.voters' : 'controller.quorum.bootstrap.servers'
  const list = (haveIds ? voters : named).map(namedController).join(',')
  const addresses = controllers.flatMap(({ host, port, advertised }) => [
    { host, port },
    ...(advertised ? [advertised] : []),
  ])
  const found =
    only === undefined
      ? `no address of this controller (${addresses.map(addressText).join(', ') || 'no listener'})`
      : `several addresses of this controller (${own.map(namedController).join(', ')})`
  throw new ConfigError(key, `${key}=${list} has ${found} to take an id from: set node.id`)
}

/** The same on every machine: neither its language nor the order in which the addresses were written counts. */
function byAddress(a: Address, b: Address): number {
  if (a.host !== b.host) return a.host < b.host ? -1 : 1
  return a.port - b.port
}
