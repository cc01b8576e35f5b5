/**
 * Which replica a consumer should read from, by racks (KIP-392): with `replica.selector.class` the leader names one in the consumer's rack, of those that are in
 * sync, can be reached, and have what is asked for: the one that has most. It names none where it is in that rack itself.
 */

import type { Partition } from '../../partition.js'
import type { Call } from '../../server/handler.js'
import { brokerOf, endpointOf, type Services } from '../services.js'

const RACK_AWARE = 'org.apache.kafka.common.replica.RackAwareReplicaSelector'

/** Undefined: the leader. Of a follower, too: who reads there stays there. */
export function nearerReplica(
  services: Services,
  call: Pick<Call<unknown>, 'listener' | 'local'>,
  { leading }: Partition,
  rack: string,
  offset: number,
): number | undefined {
  const broker = brokerOf(services)
  if (leading === undefined || rack === '' || broker.settings['replica.selector.class'] !== RACK_AWARE) return undefined
  const { brokers } = broker.latest
  const isThere = (id: number): boolean => brokers.get(id)?.rack === rack
  if (isThere(services.nodeId)) return undefined
  let nearest: number | undefined
  for (const id of leading.isr) {
    const isUsable = id !== services.nodeId && isThere(id) && brokers.get(id)?.fenced === false
    if (!isUsable || leading.positionOf(id) < offset || endpointOf(services, id, call) === undefined) continue
    if (nearest === undefined || leading.positionOf(id) > leading.positionOf(nearest)) nearest = id
  }
  return nearest
}
