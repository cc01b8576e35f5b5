/** Which hosted partition a request means, by name or by id, or the error that says why there is none. */
import type { ErrorName } from '../../../protocol/errors.js'
import type { Broker } from '../../broker.js'
import { Partition } from '../../partition.js'

/** A request names its topics either way, by version; with an id the name says nothing. */
export interface TopicReference {
  readonly name: string
  readonly topicId: string | undefined
}

export function findPartition(
  broker: Broker,
  { name, topicId }: TopicReference,
  partition: number,
): Partition | ErrorName {
  const { image, replicas } = broker
  const topic = topicId === undefined ? image.topicsByName.get(name) : image.topicsById.get(topicId)
  if (topic === undefined) return topicId === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'UNKNOWN_TOPIC_ID'
  if (topic.partitions[partition] === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
  const hosted = replicas.find(topic.topicId, partition)
  if (hosted instanceof Partition) return hosted
  return hosted === 'offline' ? 'KAFKA_STORAGE_ERROR' : 'NOT_LEADER_OR_FOLLOWER'
}
