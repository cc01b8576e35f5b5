/** Which hosted partition a request means, by name or by id, or the error that says why there is none. */
import { ZERO_UUID } from '../../../base/uuid.js'
import type { ErrorName } from '../../../protocol/errors.js'
import type { Broker } from '../../broker.js'
import { Partition } from '../../partition.js'

/** A request names its topics either way, by version. */
export interface TopicReference {
  readonly name: string
  readonly topicId: string
}

export function findPartition(
  broker: Broker,
  { name, topicId }: TopicReference,
  partition: number,
): Partition | ErrorName {
  const { image, replicas } = broker
  const byId = topicId !== ZERO_UUID
  const topic = byId ? image.topicsById.get(topicId) : image.topicsByName.get(name)
  if (topic === undefined) return byId ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
  if (topic.partitions[partition] === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
  const hosted = replicas.find(topic.topicId, partition)
  if (hosted instanceof Partition) return hosted
  return hosted === 'offline' ? 'KAFKA_STORAGE_ERROR' : 'NOT_LEADER_OR_FOLLOWER'
}
