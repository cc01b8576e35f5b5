/** What groups have committed: read, set for a group without members, and forgotten (KIP-496). */
import { ErrorCode } from '../../protocol/errors.js'
import { OffsetCommit } from '../../protocol/messages/offset-commit.js'
import { OffsetDelete } from '../../protocol/messages/offset-delete.js'
import { OffsetFetch } from '../../protocol/messages/offset-fetch.js'
import { type ClientError, serverError } from '../client-error.js'
import type { ClusterClient } from '../cluster-client.js'
import { groupBy } from '../group-by.js'
import { askCoordinators, type ByGroup, onlyAnswer } from './coordinators.js'
import type { TopicPartition } from './groups.js'

export interface GroupOffset extends TopicPartition {
  readonly offset: number
  /** -1: not known. */
  readonly leaderEpoch: number
  readonly metadata: string
}

export interface NewGroupOffset extends TopicPartition {
  readonly offset: number
  readonly leaderEpoch?: number
  readonly metadata?: string
}

/** From the next on topics are told by their ids, and one that is gone could not be told at all. */
const LAST_WITH_NAMES = 9
const FIRST_WITH_SEVERAL = 8
const FIRST_WITH_STABLE = 7

const NO_OFFSET = -1

/** All that the groups have committed, by topic and partition; a group that is not there has nothing. */
export function fetchGroupOffsets(
  client: ClusterClient,
  groupIds: readonly string[],
): Promise<Map<string, readonly GroupOffset[] | ClientError>> {
  return askCoordinators(client, 'reading committed offsets', groupIds, async (nodeId, ids) => {
    const version = (await client.connection({ nodeId })).versionOf(OffsetFetch) ?? LAST_WITH_NAMES
    if (version >= FIRST_WITH_SEVERAL) {
      const body = { groups: ids.map((groupId) => ({ groupId, topics: null })), requireStable: false }
      const options = { newestVersion: LAST_WITH_NAMES }
      const { groups } = await client.call({ nodeId }, OffsetFetch, body, options)
      return new Map(groups.map((group) => [group.groupId, offsetsOf(group.groupId, group.errorCode, group.topics)]))
    }
    const stable = version >= FIRST_WITH_STABLE ? { requireStable: false } : {}
    const answers = await Promise.all(
      ids.map(async (groupId) => {
        const body = { groupId, topics: null, ...stable }
        const { errorCode, topics } = await client.call({ nodeId }, OffsetFetch, body)
        return [groupId, offsetsOf(groupId, errorCode, topics)] as const
      }),
    )
    return new Map(answers)
  })
}

interface FetchedTopic {
  readonly name: string
  readonly partitions: readonly {
    readonly partitionIndex: number
    readonly committedOffset: number
    readonly committedLeaderEpoch: number
    readonly metadata: string | null
    readonly errorCode: number
  }[]
}

function offsetsOf(
  groupId: string,
  errorCode: number,
  topics: readonly FetchedTopic[],
): readonly GroupOffset[] | ClientError {
  if (errorCode !== ErrorCode.NONE) return serverError(errorCode, `group ${groupId}`)
  const found: GroupOffset[] = []
  for (const { name, partitions } of topics) {
    for (const { partitionIndex, committedOffset, committedLeaderEpoch, metadata, errorCode: code } of partitions) {
      if (code !== ErrorCode.NONE) return serverError(code, `${name}-${partitionIndex} of group ${groupId}`)
      if (committedOffset === NO_OFFSET) continue
      found.push({
        topic: name,
        partition: partitionIndex,
        offset: committedOffset,
        leaderEpoch: committedLeaderEpoch,
        metadata: metadata ?? '',
      })
    }
  }
  return found.sort(byPartition)
}

/** Commits for a group that has no members, which may not be there yet. Rejects for the first partition that was not taken. */
export async function alterGroupOffsets(
  client: ClusterClient,
  groupId: string,
  offsets: readonly NewGroupOffset[],
): Promise<void> {
  if (offsets.length === 0) return
  const topics = [...groupBy(offsets, ({ topic }) => topic)].map(([name, those]) => ({
    name,
    partitions: those.map(({ partition, offset, leaderEpoch, metadata }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch ?? -1,
      committedMetadata: metadata ?? '',
    })),
  }))
  const answers = await askCoordinators<undefined>(client, 'committing offsets', [groupId], async (nodeId) => {
    const options = { newestVersion: LAST_WITH_NAMES }
    const response = await client.call({ nodeId }, OffsetCommit, { groupId, topics }, options)
    return new Map([[groupId, firstError(groupId, response.topics)]])
  })
  onlyRefusal(answers, groupId)
}

/** By partition undefined where its offset is forgotten, else why it is not. Rejects where the group as a whole is refused. */
export async function deleteGroupOffsets(
  client: ClusterClient,
  groupId: string,
  partitions: readonly TopicPartition[],
): Promise<(TopicPartition & { readonly error: ClientError | undefined })[]> {
  const topics = [...groupBy(partitions, ({ topic }) => topic)].map(([name, those]) => ({
    name,
    partitions: those.map(({ partition }) => ({ partitionIndex: partition })),
  }))
  type Answer = Awaited<ReturnType<typeof deleteGroupOffsets>>
  const answers = await askCoordinators<Answer>(client, 'deleting offsets', [groupId], async (nodeId) => {
    const response = await client.call({ nodeId }, OffsetDelete, { groupId, topics })
    if (response.errorCode !== ErrorCode.NONE) {
      return new Map([[groupId, serverError(response.errorCode, `group ${groupId}`)]])
    }
    const answered = response.topics.flatMap(({ name, partitions: those }) =>
      those.map(({ partitionIndex, errorCode }) => ({
        topic: name,
        partition: partitionIndex,
        error: errorCode === ErrorCode.NONE ? undefined : serverError(errorCode, `${name}-${partitionIndex}`),
      })),
    )
    return new Map([[groupId, answered.sort(byPartition)]])
  })
  return onlyAnswer(answers, groupId)
}

function firstError(
  groupId: string,
  topics: readonly {
    readonly name: string
    readonly partitions: readonly { readonly partitionIndex: number; readonly errorCode: number }[]
  }[],
): ClientError | undefined {
  for (const { name, partitions } of topics) {
    for (const { partitionIndex, errorCode } of partitions) {
      if (errorCode !== ErrorCode.NONE) return serverError(errorCode, `${name}-${partitionIndex} of group ${groupId}`)
    }
  }
  return undefined
}

function onlyRefusal(answers: ByGroup<undefined>, groupId: string): void {
  const answer = answers.get(groupId)
  if (answer !== undefined) throw answer
}

/** By topic, then by number. */
export function byPartition(a: TopicPartition, b: TopicPartition): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1
  return a.partition - b.partition
}
