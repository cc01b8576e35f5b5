/**
 * In which directories of their brokers replicas are (KIP-858): brokers say so when they have opened them. A replica whose directory its broker does not
 * register any more is offline.
 */

import type { Decision } from '../base/decision.js'
import { ZERO_UUID } from '../base/uuid.js'
import type { Cause, MetadataRecord, PartitionState } from '../metadata/records.js'
import { ErrorCode } from '../protocol/errors.js'
import type { AssignReplicasToDirs } from '../protocol/messages/assign-replicas-to-dirs.js'
import type { Infer, InferInput } from '../protocol/schema.js'
import type { DecisionContext } from './context.js'

type Request = Infer<typeof AssignReplicasToDirs.request>
type Reply = InferInput<typeof AssignReplicasToDirs.response>

export function assignReplicasToDirs(
  { image }: DecisionContext,
  { brokerId, brokerEpoch, directories }: Request,
): Decision<MetadataRecord, Reply> {
  const refuse = (errorCode: number): Decision<MetadataRecord, Reply> => ({
    records: [],
    replies: [{ throttleTimeMs: 0, errorCode, directories: [] }],
  })
  const broker = image.brokers.get(brokerId)
  if (broker === undefined) return refuse(ErrorCode.BROKER_ID_NOT_REGISTERED)
  if (broker.brokerEpoch !== brokerEpoch) return refuse(ErrorCode.STALE_BROKER_EPOCH)
  const records: MetadataRecord[] = []
  const cause: Cause = { reason: 'BROKER_REGISTERED', evidence: { incarnation: broker.incarnationId } }
  const assign = (directory: string, topicId: string, partitionId: number): number => {
    const partition = image.topicsById.get(topicId)?.partitions[partitionId]
    if (partition === undefined) return ErrorCode.UNKNOWN_TOPIC_ID
    const place = partition.replicas.indexOf(brokerId)
    if (place < 0) return ErrorCode.NOT_LEADER_OR_FOLLOWER
    if (directoryOf(partition, brokerId) === directory) return ErrorCode.NONE
    const moved = partition.replicas.map((id) => (id === brokerId ? directory : directoryOf(partition, id)))
    records.push({ type: 'partitionChange', topicId, partitionId, directories: moved, cause })
    return ErrorCode.NONE
  }
  const answered = directories.map(({ id, topics }) => ({
    id,
    topics: topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: broker.logDirs.includes(id) ? assign(id, topicId, partitionIndex) : ErrorCode.LOG_DIR_NOT_FOUND,
      })),
    })),
  }))
  return { records, replies: [{ throttleTimeMs: 0, errorCode: ErrorCode.NONE, directories: answered }] }
}

function directoryOf({ replicas, directories }: PartitionState, brokerId: number): string {
  return directories[replicas.indexOf(brokerId)] ?? ZERO_UUID
}
