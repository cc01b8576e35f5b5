/**
 * The network where it cannot be changed: this process stands in front of all listeners, under the addresses that nodes advertise. It needs no rights. Connections themselves are always
 * taken, also where a link is cut: then nothing comes through them.
 */
import type { Fronts } from '../../beds/address.js'
import type { Surroundings } from '../../beds/bed.js'
import type { Backend, Fault } from '../fault.js'
import { flakyFault, partitionFaults, requestFaults, resetFault, slowFaults } from './link-faults.js'
import { NETWORK_FAMILY } from './namespaces.js'
import { KafkaProxy } from './proxy.js'
import { AddressBook } from './readdressed.js'
import { NODE_VARIABLE, nodeOf, showsOwners } from './socket-owner.js'

export const PROXY = 'proxy'
const HOST = '127.0.0.1'
/** Faults that are done to links of clients, alone or too. */
const OF_CLIENTS = /^(?!isolate|partition)(?!.* of nodes)/

export function proxyBackend(): Backend {
  const proxy = new KafkaProxy()
  return {
    name: PROXY,
    family: NETWORK_FAMILY,
    probe: async () => (showsOwners() ? undefined : 'there is no /proc/net/tcp, which says who has connected'),
    prepare: async (nodes, surroundings) => {
      for (const id of nodes) {
        const given = surroundings.get(id)!
        const { host, ports } = given
        const front = async (
          port: number,
          sourceOf: Parameters<KafkaProxy['listen']>[0]['sourceOf'],
        ): Promise<string> => `${HOST}:${await proxy.listen({ host: HOST, to: id, target: { host, port }, sourceOf })}`
        const changed: Surroundings = {
          ...given,
          environment: { ...given.environment, [NODE_VARIABLE]: String(id) },
          advertised: {
            clients: await front(ports.clients, () => 'clients'),
            nodes: await front(ports.nodes, nodeOf),
            controllers: await front(ports.controllers, nodeOf),
          },
        }
        surroundings.set(id, changed)
      }
    },
    faults: faultsBy(proxy),
    restore: () => proxy.close(),
  }
}

/** In front of a cluster that nobody here has started: of its links only those to clients go through the proxy, of which an `AddressBed` gets `frontsBy`. */
export function clientsProxyBackend(proxy: KafkaProxy): Backend {
  return {
    name: PROXY,
    family: NETWORK_FAMILY,
    probe: async () => undefined,
    prepare: async () => {},
    faults: faultsBy(proxy).filter(({ name }) => OF_CLIENTS.test(name)),
    restore: () => proxy.close(),
  }
}

export function frontsBy(proxy: KafkaProxy): Fronts {
  return async (brokers) => {
    const book = new AddressBook()
    const fronts = new Map<number, string>()
    for (const { nodeId, host, port } of brokers) {
      const target = { host, port, book }
      const front = await proxy.listen({ host: HOST, to: nodeId, target, sourceOf: () => 'clients' })
      book.add(nodeId, { host: HOST, port: front }, target)
      fronts.set(nodeId, `${HOST}:${front}`)
    }
    return fronts
  }
}

function faultsBy(proxy: KafkaProxy): readonly Fault[] {
  return [
    ...partitionFaults(PROXY, proxy),
    flakyFault(PROXY, proxy),
    resetFault(PROXY, proxy),
    ...slowFaults(PROXY, proxy),
    ...requestFaults(PROXY, proxy),
  ]
}
