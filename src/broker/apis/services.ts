/** What handlers work with: the parts of the node. */
import type { Clock } from '../../io/clock.js'
import type { LogLevels } from '../../io/logger.js'
import type { Address } from '../../io/network.js'
import type { Random } from '../../io/random.js'
import type { MetadataImage } from '../../metadata/image.js'
import { EMPTY_IMAGE } from '../../metadata/image.js'
import type { Release } from '../../metadata/release.js'
import type { Broker } from '../broker.js'
import type { Controller } from '../controller/controller.js'
import type { ControllerChannel } from '../controller/controller-channel.js'
import type { TopicMaker } from '../coordinators/internal-topics.js'
import type { Founding } from '../quorum/founding.js'
import type { Quorum } from '../quorum/quorum.js'
import type { Call } from '../server/handler.js'

export interface Services {
  readonly nodeId: number
  readonly clusterId: string
  readonly release: Release
  readonly clock: Clock
  readonly random: Random
  /** What `advertised.listeners` says, by listener; for the others clients are told the address by which they came. */
  readonly advertised: ReadonlyMap<string, Address>
  /** The settings that the node was started with, as text; all others were at their defaults. */
  readonly started: ReadonlyMap<string, string>
  /** Whether its settings name controllers besides itself. */
  readonly namesOthers: boolean
  readonly logLevels: LogLevels
  /** Undefined on a node without the broker's role. */
  readonly broker: Broker | undefined
  /** Undefined on a node without the controller's role. */
  readonly controller: Controller | undefined
  readonly channel: ControllerChannel
  readonly quorum: Quorum
  readonly founding: Founding
}

/** The broker, in handlers that are only on listeners of brokers. */
export function brokerOf({ broker }: Services): Broker {
  if (broker === undefined) throw new Error('a request for a broker on a node that is none')
  return broker
}

/** What topics go by that this broker has made. */
export function topicMakerOf(services: Services): TopicMaker {
  const { settings, image } = brokerOf(services)
  return { settings, image, given: services.started, namesOthers: services.namesOthers }
}

/** What this node goes by: as a broker what it has applied, else what is committed. */
export function imageOf({ broker, quorum }: Services): MetadataImage {
  return broker?.image ?? quorum.image ?? EMPTY_IMAGE
}

/** Where a client that came in here finds a broker; undefined: not by a listener of this name. */
export function endpointOf(
  services: Services,
  brokerId: number,
  call: Pick<Call<unknown>, 'listener' | 'local'>,
): Address | undefined {
  const { listener, local } = call
  if (brokerId === services.nodeId) return services.advertised.get(listener.name) ?? local
  return imageOf(services)
    .brokers.get(brokerId)
    ?.endpoints.find(({ name }) => name === listener.name)
}

/** What Kafka says of the operations that are authorized when everything is: those that the resource has, as bits. */
export const ALL_TOPIC_OPERATIONS = 3576
export const ALL_CLUSTER_OPERATIONS = 8096
/** Nobody has asked. */
export const OPERATIONS_NOT_ASKED = -2147483648
