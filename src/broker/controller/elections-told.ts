/**
 * Tells the log of partitions that lose their last leader, and of leaders that may lack what was acknowledged. `NoReplicaOnlineException` is the name that operators
 * of Kafka look for when nobody can be elected.
 */
import type { Logger } from '../../io/logger.js'
import type { MetadataImage } from '../../metadata/image.js'
import type { MetadataRecord, PartitionChangeRecord } from '../../metadata/records.js'

type Named = Pick<PartitionChangeRecord, 'topicId' | 'partitionId' | 'leader'>

/** So many partitions are named of one decision. */
const MOST_NAMED = 20

/** Of these a broker will be back in a moment, and it is seen then whether it can lead. */
const AWAY_FOR_A_MOMENT: ReadonlySet<string> = new Set(['BROKER_SHUTS_DOWN', 'BROKER_REGISTERED', 'BROKER_RESTARTED'])

/** `image`: as it was before the records. */
export function tellOfElections(logger: Logger, image: MetadataImage, records: readonly MetadataRecord[]): void {
  const changes = records.filter((record) => record.type === 'partitionChange')
  const lost = changes.filter((change) => change.leader === -1 && stateOf(image, change)?.leader !== -1)
  const waiting = lost.filter(({ cause }) => AWAY_FOR_A_MOMENT.has(cause.reason))
  if (waiting.length > 0) {
    const found = { partitions: named(image, waiting), count: waiting.length }
    logger.info(found, 'nobody leads until a broker is back')
  }
  const leaderless = [
    ...lost.filter(({ cause }) => !AWAY_FOR_A_MOMENT.has(cause.reason)),
    ...stillLeaderless(image, records, changes),
  ]
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

/** With a replica on a broker that can be used from now on, and nobody leads all the same. */
function stillLeaderless(
  { topicsById }: MetadataImage,
  records: readonly MetadataRecord[],
  changes: readonly PartitionChangeRecord[],
): Named[] {
  const usable = records.flatMap((record) =>
    record.type === 'brokerRegistrationChange' && record.fenced === false ? [record.brokerId] : [],
  )
  if (usable.length === 0) return []
  const elected = new Set(
    changes.flatMap(({ topicId, partitionId, leader }) =>
      leader !== undefined && leader >= 0 ? [`${topicId}/${partitionId}`] : [],
    ),
  )
  const found: Named[] = []
  for (const { topicId, partitions } of topicsById.values()) {
    for (const [partitionId, { leader, replicas }] of partitions.entries()) {
      if (leader !== -1 || !usable.some((id) => replicas.includes(id))) continue
      if (!elected.has(`${topicId}/${partitionId}`)) found.push({ topicId, partitionId })
    }
  }
  return found
}

function stateOf({ topicsById }: MetadataImage, { topicId, partitionId }: PartitionChangeRecord) {
  return topicsById.get(topicId)?.partitions[partitionId]
}

function named({ topicsById }: MetadataImage, changes: readonly Named[]): string {
  const names = changes.slice(0, MOST_NAMED).map(({ topicId, partitionId, leader }) => {
    const name = `${topicsById.get(topicId)?.name ?? topicId}-${partitionId}`
    return leader === undefined || leader < 0 ? name : `${name} (broker ${leader})`
  })
  return names.join(' ')
}
