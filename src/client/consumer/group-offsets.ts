/** Committed offsets of one group, as a member of it or from outside: OffsetCommit and OffsetFetch in the versions that both sides know. */
import { ZERO_UUID } from '../../base/uuid.js'
import { ErrorCode } from '../../protocol/errors.js'
import { OffsetCommit } from '../../protocol/messages/offset-commit.js'
import { OffsetFetch } from '../../protocol/messages/offset-fetch.js'
import { serverError } from '../client-error.js'
import type { ClusterClient } from '../cluster-client.js'
import { groupBy } from '../group-by.js'
import type { CoordinatorLink } from './coordinator-link.js'
import type { MemberIdentity } from './membership/membership.js'
import { byTopic, keyOf, type TopicPartition } from './membership/topic-partition.js'

export interface OffsetToCommit extends TopicPartition {
  /** Of the next record to read. */
  readonly offset: number
  /** Of the record before; -1: unknown. */
  readonly leaderEpoch: number
  readonly metadata?: string
}

export interface CommittedOffset extends TopicPartition {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

/** From these versions on topics are named by id alone, and groups are asked for together. */
const TOPIC_IDS = 10
const SEVERAL_GROUPS = 8

export class GroupOffsets {
  readonly #client: ClusterClient
  readonly #link: CoordinatorLink
  readonly #groupId: string

  constructor(client: ClusterClient, link: CoordinatorLink, groupId: string) {
    this.#client = client
    this.#link = link
    this.#groupId = groupId
  }

  /** The code of Kafka for each partition that was refused. Rejects with `ClientError` where there was no answer. */
  async commit(offsets: readonly OffsetToCommit[], member: MemberIdentity): Promise<Map<string, number>> {
    const topics = [...groupBy(offsets, ({ topic }) => topic)].map(([name, those]) => ({
      name,
      topicId: this.#idOf(name),
      partitions: those.map(({ partition, offset, leaderEpoch, metadata = '' }) => {
        return {
          partitionIndex: partition,
          committedOffset: offset,
          committedLeaderEpoch: leaderEpoch,
          committedMetadata: metadata,
        }
      }),
    }))
    const body = {
      groupId: this.#groupId,
      generationIdOrMemberEpoch: member.generation,
      memberId: member.generation < 0 ? '' : member.memberId,
      groupInstanceId: member.generation < 0 ? null : member.groupInstanceId,
      topics,
    }
    return this.#link.call('offsets', {
      message: OffsetCommit,
      ...this.#newest(offsets),
      body: () => body,
      take: (response) => {
        const refused = new Map<string, number>()
        for (const { name, topicId, partitions } of response.topics) {
          const topic = this.#nameOf(name, topicId, offsets)
          for (const { partitionIndex, errorCode } of partitions) {
            if (errorCode !== ErrorCode.NONE) refused.set(keyOf({ topic, partition: partitionIndex }), errorCode)
          }
        }
        return refused
      },
    })
  }

  /** Those that have one. `member`: of a group of KIP-848, which checks it. Rejects with `ClientError`, retriable where it may come. */
  fetch(partitions: readonly TopicPartition[], member?: MemberIdentity): Promise<CommittedOffset[]> {
    const groupId = this.#groupId
    const topics = byTopic(partitions).map(({ topic, partitions: partitionIndexes }) => {
      return { name: topic, topicId: this.#idOf(topic), partitionIndexes }
    })
    const isMember = member !== undefined && member.generation >= 0
    const who = isMember ? { memberId: member.memberId, memberEpoch: member.generation } : {}
    return this.#link.call('offsets', {
      message: OffsetFetch,
      ...this.#newest(partitions),
      body: (version) => ({
        ...(version < SEVERAL_GROUPS ? { groupId, topics } : { groups: [{ groupId, ...who, topics }] }),
        // What an open transaction may still change is waited for.
        ...(version < 7 ? {} : { requireStable: true }),
      }),
      take: (response) => {
        const answer = response.groups[0] ?? {
          ...response,
          topics: response.topics.map((each) => ({ ...each, topicId: ZERO_UUID })),
        }
        if (answer.errorCode !== ErrorCode.NONE) throw serverError(answer.errorCode, `group ${groupId}`)
        return answer.topics.flatMap(({ name, topicId, partitions: those }) => {
          const topic = this.#nameOf(name, topicId, partitions)
          return those.flatMap(({ partitionIndex, committedOffset, committedLeaderEpoch, metadata, errorCode }) => {
            if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, `${topic}-${partitionIndex}`)
            if (committedOffset < 0) return []
            const found = { topic, partition: partitionIndex, offset: committedOffset }
            return [{ ...found, leaderEpoch: committedLeaderEpoch, metadata: metadata ?? '' }]
          })
        })
      },
    })
  }

  #idOf(topic: string): string {
    return this.#client.view.topics.get(topic)?.topicId ?? ZERO_UUID
  }

  #nameOf(name: string, topicId: string, among: readonly TopicPartition[]): string {
    return name !== '' ? name : (among.find(({ topic }) => this.#idOf(topic) === topicId)?.topic ?? '')
  }

  /** A topic whose id is not known can only be named by its name. */
  #newest(partitions: readonly TopicPartition[]): { readonly newest?: number } {
    return partitions.some(({ topic }) => this.#idOf(topic) === ZERO_UUID) ? { newest: TOPIC_IDS - 1 } : {}
  }
}
