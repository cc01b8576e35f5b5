/** Which nodes a cluster has, within what they are started, and the settings that make them find each other: the same keys for lograft and for Apache Kafka. */
import { join } from 'node:path'
import type { Prng } from '../../src/base/prng.js'
import type { BedNode, Surroundings } from './bed.js'
import { fixedPort } from './fixed-port.js'

export type Roles = BedNode['roles']

export interface LayoutOptions {
  /** Broker and controller in one, or brokers where there are controllers beside them. */
  readonly nodes: number
  /** Apart from the nodes; 0: the nodes are controllers, too. */
  readonly controllers?: number
  /** Nodes more, which are not started with the others. */
  readonly spares?: number
  /** Of all nodes, over those that the layout itself needs. */
  readonly settings?: Readonly<Record<string, string>>
  /** Where everything is kept. */
  readonly directory: string
}

export interface NodePlan {
  readonly id: number
  readonly roles: Roles
  readonly isSpare: boolean
}

/** Ids of controllers that are apart. */
const FIRST_CONTROLLER = 101
const REPLICAS = 3
const IN_SYNC = 2
const HOST = '127.0.0.1'

const NODES_LISTENER = 'NODES'
const CLIENTS_LISTENER = 'CLIENTS'
export const CONTROLLERS_LISTENER = 'CONTROLLER'

export function nodePlans({ nodes, controllers = 0, spares = 0 }: LayoutOptions): readonly NodePlan[] {
  const roles: Roles = controllers > 0 ? ['broker'] : ['broker', 'controller']
  const plans = Array.from({ length: nodes + spares }, (_, index) => {
    return { id: index + 1, roles, isSpare: index >= nodes }
  })
  const apart = Array.from({ length: controllers }, (_, index): NodePlan => {
    return { id: FIRST_CONTROLLER + index, roles: ['controller'], isSpare: false }
  })
  return [...apart, ...plans]
}

/** On this machine, on free ports that stay theirs: back-ends of faults change it before a bed is made of it. */
export async function plainSurroundings(options: LayoutOptions, random: Prng): Promise<Map<number, Surroundings>> {
  const taken = new Set<number>()
  const port = async (): Promise<number> => {
    for (;;) {
      const found = await fixedPort(random)
      if (taken.has(found)) continue
      taken.add(found)
      return found
    }
  }
  const surroundings = new Map<number, Surroundings>()
  for (const { id } of nodePlans(options)) {
    surroundings.set(id, {
      prefix: [],
      environment: {},
      host: HOST,
      ports: { clients: await port(), nodes: await port(), controllers: await port() },
      advertised: {},
      dataPath: join(options.directory, `data-${id}`),
    })
  }
  return surroundings
}

export function clientsAddress({ host, ports, advertised }: Surroundings): string {
  return advertised.clients ?? `${host}:${ports.clients}`
}

export function controllersAddress({ host, ports, advertised }: Surroundings): string {
  return advertised.controllers ?? `${host}:${ports.controllers}`
}

/** What stands in the file of a node, but for what only one of the programs needs. */
export function settingsOf(
  { id, roles }: NodePlan,
  plans: readonly NodePlan[],
  surroundings: ReadonlyMap<number, Surroundings>,
  given: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const { host, ports, advertised, dataPath } = surroundings.get(id)!
  const own = surroundings.get(id)!
  const isController = roles.includes('controller')
  const isBroker = roles.includes('broker')
  const brokers = plans.filter((plan) => plan.roles.includes('broker') && !plan.isSpare).length
  const replicas = String(Math.min(REPLICAS, brokers))
  // A broker of lograft talks to others on the first listener, one of Kafka on the one that is named for it.
  const listeners = [
    ...(isBroker
      ? [
          [NODES_LISTENER, `${host}:${ports.nodes}`, advertised.nodes ?? `${host}:${ports.nodes}`],
          [CLIENTS_LISTENER, `${host}:${ports.clients}`, clientsAddress(own)],
        ]
      : []),
    ...(isController ? [[CONTROLLERS_LISTENER, `${host}:${ports.controllers}`, controllersAddress(own)]] : []),
  ]
  const list = (column: 1 | 2): string => listeners.map((each) => `${each[0]}://${each[column]}`).join(',')
  const names = [NODES_LISTENER, CLIENTS_LISTENER, CONTROLLERS_LISTENER]
  return {
    'node.id': String(id),
    'process.roles': roles.join(','),
    listeners: list(1),
    'advertised.listeners': list(2),
    'listener.security.protocol.map': names.map((name) => `${name}:PLAINTEXT`).join(','),
    'controller.listener.names': CONTROLLERS_LISTENER,
    ...(isBroker ? { 'inter.broker.listener.name': NODES_LISTENER } : {}),
    'controller.quorum.bootstrap.servers': founders(plans)
      .map((plan) => controllersAddress(surroundings.get(plan.id)!))
      .join(','),
    // Who becomes a voter is what faults of membership decide.
    'controller.quorum.auto.join.enable': 'false',
    'log.dirs': dataPath,
    'default.replication.factor': replicas,
    'min.insync.replicas': String(Math.min(IN_SYNC, brokers)),
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': String(Math.min(IN_SYNC, brokers)),
    'auto.create.topics.enable': 'false',
    ...given,
  }
}

/** Who is a voter at the beginning. */
export function founders(plans: readonly NodePlan[]): readonly NodePlan[] {
  return plans.filter(({ roles, isSpare }) => roles.includes('controller') && !isSpare)
}

export function propertiesText(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}
