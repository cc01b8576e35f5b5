/** Offsets by time: each leader is asked for its partitions, and again where leadership moved. */
import { ErrorCode } from '../../protocol/errors.js'
import { ListOffsets } from '../../protocol/messages/list-offsets.js'
import { ClientError, serverError } from '../client-error.js'
import type { ClusterClient } from '../cluster-client.js'
import { groupBy } from '../group-by.js'

/** Special times of ListOffsets. */
export const LATEST = -1
export const EARLIEST = -2
export const MAX_TIMESTAMP = -3
export const EARLIEST_LOCAL = -4
export const LATEST_TIERED = -5
export const EARLIEST_PENDING_UPLOAD = -6

const READ_UNCOMMITTED = 0
const READ_COMMITTED = 1

export interface OffsetQuery {
  readonly topic: string
  readonly partition: number
  /** Milliseconds since 1970, or one of the special times. */
  readonly timestamp: number
}

export interface ListedOffset extends OffsetQuery {
  /** -1: there is no such record. */
  readonly offset: number
  readonly leaderEpoch: number
  /** Of the record that was found; -1 where none was looked for. */
  readonly foundTimestamp: number
}

/** In the order of the queries. Rejects for the first partition that has an error. */
export async function listOffsets(
  client: ClusterClient,
  queries: readonly OffsetQuery[],
  options: { readonly committed?: boolean } = {},
): Promise<ListedOffset[]> {
  const isolationLevel = options.committed === true ? READ_COMMITTED : READ_UNCOMMITTED
  return client.retrying('listing offsets', async () => {
    const names = [...new Set(queries.map(({ topic }) => topic))]
    await client.refresh(names)
    const byLeader = groupBy(queries, ({ topic, partition }) => leaderOf(client, topic, partition))
    const answers = await Promise.all(
      [...byLeader].map(async ([nodeId, asked]) => {
        const topics = [...groupBy(asked, ({ topic }) => topic)].map(([name, partitions]) => ({
          name,
          partitions: partitions.map(({ partition, timestamp }) => ({ partitionIndex: partition, timestamp })),
        }))
        return client.call({ nodeId }, ListOffsets, { replicaId: -1, isolationLevel, topics })
      }),
    )
    const found = new Map<string, ListedOffset>()
    for (const { name, partitions } of answers.flatMap(({ topics }) => topics)) {
      for (const { partitionIndex, errorCode, timestamp, offset, leaderEpoch } of partitions) {
        const key = `${name}-${partitionIndex}`
        if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, key)
        const listed = { topic: name, partition: partitionIndex, timestamp, offset, leaderEpoch }
        found.set(key, { ...listed, foundTimestamp: timestamp })
      }
    }
    return queries.map((query) => {
      const listed = found.get(`${query.topic}-${query.partition}`)
      if (listed === undefined) {
        throw new ClientError('UNKNOWN_SERVER_ERROR', `no offset came for ${query.topic}-${query.partition}`)
      }
      return { ...listed, timestamp: query.timestamp }
    })
  })
}

/** Throws `ClientError`: for good where there is no such partition, else to be tried again. */
export function leaderOf(client: ClusterClient, topic: string, partition: number): number {
  const { view } = client
  const known = view.topics.get(topic)
  if (known === undefined) {
    const code = view.topicErrors.get(topic) ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    if (code !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) throw serverError(code, `topic ${topic}`)
    throw new ClientError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} does not exist`)
  }
  if (view.partition(topic, partition) === undefined) {
    const count = known.partitions.length
    throw new ClientError(
      'UNKNOWN_TOPIC_OR_PARTITION',
      `topic ${topic} has no partition ${partition}, only 0 to ${count - 1}`,
    )
  }
  const leader = view.leaderOf(topic, partition)
  if (leader === undefined) throw serverError(ErrorCode.LEADER_NOT_AVAILABLE, `${topic}-${partition}`)
  return leader
}
