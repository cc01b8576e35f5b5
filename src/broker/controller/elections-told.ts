/**
 * Tells the log of partitions that lose their last leader, and of leaders that may lack what was acknowledged. `NoReplicaOnlineException` is the name that operators
 * of Kafka look for when nobody can be elected.
 */
import type { Logger } from '../../io/logger.js'
import type { MetadataImage } from '../../metadata/image.js'
import type { MetadataRecord, PartitionChangeRecord } from '../../metadata/records.js'

/** So many partitions are named of one decision. */
const MOST_NAMED = 20

/** `image`: as it was before the records. */
export function tellOfElections(logger: Logger, image: MetadataImage, records: readonly MetadataRecord[]): void {
  const changes = records.filter((record) => record.type === 'partitionChange')
  const leaderless = changes.filter((change) => change.leader === -1 && stateOf(image, change)?.leader !== -1)
  if (leaderless.length > 0) {
    const found = { partitions: named(image, leaderless), count: leaderless.length }
    logger.warn(found, 'NoReplicaOnlineException: no replica that may lead is online')
  }
  const unclean = changes.filter(({ cause }) => cause.reason === 'UNCLEAN_ELECTION')
  if (unclean.length > 0) {
    const found = { partitions: named(image, unclean), count: unclean.length }
    logger.warn(found, 'leaders elected that were not in sync: acknowledged records may be lost')
  }
}

function stateOf({ topicsById }: MetadataImage, { topicId, partitionId }: PartitionChangeRecord) {
  return topicsById.get(topicId)?.partitions[partitionId]
}

function named({ topicsById }: MetadataImage, changes: readonly PartitionChangeRecord[]): string {
  const names = changes.slice(0, MOST_NAMED).map(({ topicId, partitionId, leader }) => {
    const name = `${topicsById.get(topicId)?.name ?? topicId}-${partitionId}`
    return leader === undefined || leader < 0 ? name : `${name} (broker ${leader})`
  })
  return names.join(' ')
}
