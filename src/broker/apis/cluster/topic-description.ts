/** What clients are told of a partition, in whichever API they ask for it. */
import { isReplicaUsable, type MetadataImage } from '../../../metadata/image.js'
import type { PartitionState } from '../../../metadata/records.js'
import { ErrorCode } from '../../../protocol/errors.js'
import type { Call } from '../../server/handler.js'
import { endpointOf, type Services } from '../services.js'

export interface PartitionDescription {
  readonly errorCode: number
  readonly partitionIndex: number
  /** -1: none that this client can reach. */
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly replicaNodes: readonly number[]
  readonly isrNodes: readonly number[]
  readonly offlineReplicas: readonly number[]
}

export function describePartition(
  partition: PartitionState,
  partitionIndex: number,
  image: MetadataImage,
  services: Services,
  call: Pick<Call<unknown>, 'listener' | 'local'>,
): PartitionDescription {
  const { leader, leaderEpoch, replicas, isr } = partition
  const reachable = leader !== -1 && endpointOf(services, leader, call) !== undefined
  const unreachable = leader === -1 ? ErrorCode.LEADER_NOT_AVAILABLE : ErrorCode.LISTENER_NOT_FOUND
  return {
    errorCode: reachable ? ErrorCode.NONE : unreachable,
    partitionIndex,
    leaderId: reachable ? leader : -1,
    leaderEpoch,
    replicaNodes: replicas,
    isrNodes: isr,
    offlineReplicas: replicas.filter((id) => !isReplicaUsable(image, partition, id)),
  }
}
