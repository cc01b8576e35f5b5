/**
 * Whether what was read is still there after a leader change (KIP-320): the leader says where the epoch of the last record that was read ends in its log. What
 * stands behind that in the log of the leader before is gone, or other records are in its place.
 */
import { ErrorCode } from '../../protocol/errors.js'
import { OffsetForLeaderEpoch } from '../../protocol/messages/offset-for-leader-epoch.js'
import type { Message } from '../../protocol/schema.js'
import type { ClusterClient } from '../cluster-client.js'
import { groupBy } from '../group-by.js'
import { keyOf, type TopicPartition } from './membership/topic-partition.js'

/** As a consumer, and no replica. */
const CONSUMER = -1
/** Before, a consumer needs to be allowed what only brokers are. */
const FOR_CONSUMERS_SINCE = 3

export interface PositionToCheck extends TopicPartition {
  /** Of the next record. */
  readonly offset: number
  /** Of the record before. */
  readonly fetchedEpoch: number
  /** In which the leader is asked. */
  readonly leaderEpoch: number
}

/** Still there; gone from an offset on, with the epoch of what is in front of it (both -1: not known); or Kafka's code for why it cannot be told. */
export type PositionVerdict =
  | { readonly type: 'there' }
  | { readonly type: 'truncated'; readonly endOffset: number; readonly endEpoch: number }
  | { readonly type: 'refused'; readonly errorCode: number }

/** By `keyOf`. A broker that is too old to be asked is believed. Rejects with `ClientError`. */
export async function checkPositions(
  client: ClusterClient,
  nodeId: number,
  positions: readonly PositionToCheck[],
): Promise<Map<string, PositionVerdict>> {
  const connection = await client.connection({ nodeId })
  const version = connection.versionOf(OffsetForLeaderEpoch as unknown as Message)
  if (version === undefined || version < FOR_CONSUMERS_SINCE) {
    return new Map(positions.map((position) => [keyOf(position), { type: 'there' }]))
  }
  const asked = new Map(positions.map((position) => [keyOf(position), position]))
  const topics = [...groupBy(positions, ({ topic }) => topic)].map(([topic, those]) => ({
    topic,
    partitions: those.map(({ partition, leaderEpoch, fetchedEpoch }) => {
      return { partition, currentLeaderEpoch: leaderEpoch, leaderEpoch: fetchedEpoch }
    }),
  }))
  const answer = await client.call({ nodeId }, OffsetForLeaderEpoch, { replicaId: CONSUMER, topics })
  const verdicts = new Map<string, PositionVerdict>()
  for (const { topic, partitions } of answer.topics) {
    for (const { partition, errorCode, leaderEpoch, endOffset } of partitions) {
      const position = asked.get(keyOf({ topic, partition }))
      if (position === undefined) continue
      verdicts.set(keyOf(position), verdictOn(position, errorCode, leaderEpoch, endOffset))
    }
  }
  return verdicts
}

function verdictOn(
  { offset }: PositionToCheck,
  errorCode: number,
  endEpoch: number,
  endOffset: number,
): PositionVerdict {
  if (errorCode !== ErrorCode.NONE) return { type: 'refused', errorCode }
  if (endOffset < 0 || endEpoch < 0) return { type: 'truncated', endOffset: -1, endEpoch: -1 }
  return endOffset < offset ? { type: 'truncated', endOffset, endEpoch } : { type: 'there' }
}
