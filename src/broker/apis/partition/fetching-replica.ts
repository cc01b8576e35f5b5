/** Who fetches to follow: a replica that is named with the epoch of its broker's incarnation, from version 15 on (KIP-903). */
import type { ErrorName } from '../../../protocol/errors.js'
import type { Fetch } from '../../../protocol/messages/fetch.js'
import type { Infer } from '../../../protocol/schema.js'
import type { Broker, WantedPartition } from '../../broker.js'
import type { Partition } from '../../partition.js'

export interface FetchingReplica {
  readonly id: number
  /** -1: the version does not name it. */
  readonly brokerEpoch: number
}

const REPLICA_STATE_SINCE = 15

/** Undefined: a consumer. */
export function fetchingReplica(
  { replicaId, replicaState }: Infer<typeof Fetch.request>,
  version: number,
): FetchingReplica | undefined {
  const replica =
    version < REPLICA_STATE_SINCE
      ? { id: replicaId, brokerEpoch: -1 }
      : { id: replicaState.replicaId, brokerEpoch: replicaState.replicaEpoch }
  return replica.id < 0 ? undefined : replica
}

/** Why the leader does not count what this replica fetches, and gives it nothing. */
export function whyNotReplica(
  broker: Broker,
  partition: Partition,
  { id, brokerEpoch }: FetchingReplica,
  { currentLeaderEpoch }: WantedPartition,
): ErrorName | undefined {
  // With an epoch that is right, the follower knows of a partition of which this broker does not know everything yet.
  if (!partition.hasReplica(id)) return currentLeaderEpoch < 0 ? 'NOT_LEADER_OR_FOLLOWER' : 'UNKNOWN_LEADER_EPOCH'
  // Of an incarnation that is gone. A later one is not known here yet, and is not in sync before it is.
  const registered = broker.latest.brokers.get(id)?.brokerEpoch ?? -1
  return brokerEpoch >= 0 && brokerEpoch < registered ? 'NOT_LEADER_OR_FOLLOWER' : undefined
}
