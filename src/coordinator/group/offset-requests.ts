/**
 * OffsetRequests: OffsetCommit, OffsetFetch and OffsetDelete. Whether a member may do it is said by its group; a group that nobody knows is made by a
 * commit that names no generation.
 *
 * Topics that the client may not see, or that are not there, are taken out and answered before a request comes here.
 */
import { type Uuid, ZERO_UUID } from '../../base/uuid.js'
import { ErrorCode, type ErrorName } from '../../protocol/errors.js'
import type { Now, Ticket } from '../shard.js'
import { type CommittedOffset, isOfTopic, offsetTombstone } from './committed-offsets.js'
import type { DecisionDraft } from './decision-draft.js'
import { type GroupContext, isGroupId } from './group.js'
import type { GroupRequestOf, RequestOf, ResponseOf } from './group-requests.js'

const NO_OFFSET = -1
const UNKNOWN_LEADER_EPOCH = -1
/** As long as the setting says. */
const DEFAULT_RETENTION = -1

/** From here on topics are named by their ids. */
const COMMIT_BY_TOPIC_ID = 10
const FETCH_BY_TOPIC_ID = 10
/** From here on a group that is not there is told as such. */
const COMMIT_TELLS_OF_GROUP = 9

type CommitTopic = RequestOf<'OffsetCommit'>['topics'][number]
type FetchedGroup = RequestOf<'OffsetFetch'>['groups'][number]
type GroupAnswer = NonNullable<ResponseOf<'OffsetFetch'>['groups']>[number]
type TopicAnswer = GroupAnswer['topics'][number]

interface NamedTopic {
  readonly name: string
  readonly topicId: Uuid
}

export class OffsetRequests {
  readonly #context: GroupContext

  constructor(context: GroupContext) {
    this.#context = context
  }

  commit(request: GroupRequestOf<'OffsetCommit'>, ticket: Ticket, now: Now, draft: DecisionDraft): void {
    const { body, version } = request
    const refused = this.#refusesCommit(request)
    if (refused === undefined) this.#context.groups.get(body.groupId)?.committed(body.memberId, now)
    const maxMetadata = this.#context.settings()['offset.metadata.max.bytes']
    const topics = body.topics.map((topic) => {
      const named = this.#named(topic, version >= COMMIT_BY_TOPIC_ID)
      const partitions = topic.partitions.map((partition) => {
        const isTooLong = (partition.committedMetadata?.length ?? 0) > maxMetadata
        let error = refused
        if (named === undefined) error ??= 'UNKNOWN_TOPIC_ID'
        else if (isTooLong) error ??= 'OFFSET_METADATA_TOO_LARGE'
        else if (error === undefined) this.#append(body, named, partition, now, draft)
        return { partitionIndex: partition.partitionIndex, errorCode: ErrorCode[error ?? 'NONE'] }
      })
      return { name: topic.name, topicId: topic.topicId, partitions }
    })
    draft.reply(ticket, 'OffsetCommit', { topics })
  }

  #refusesCommit({ body, version }: GroupRequestOf<'OffsetCommit'>): ErrorName | undefined {
    const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch } = body
    const group = this.#context.groups.get(groupId)
    if (group !== undefined) {
      return group.refusesCommit({ memberId, groupInstanceId, generationIdOrMemberEpoch, version })
    }
    if (generationIdOrMemberEpoch < 0) return undefined
    return version >= COMMIT_TELLS_OF_GROUP ? 'GROUP_ID_NOT_FOUND' : 'ILLEGAL_GENERATION'
  }

  #append(
    { groupId, retentionTimeMs }: RequestOf<'OffsetCommit'>,
    { name, topicId }: NamedTopic,
    partition: CommitTopic['partitions'][number],
    now: Now,
    draft: DecisionDraft,
  ): void {
    draft.append({
      type: 'OffsetCommit',
      key: { group: groupId, topic: name, partition: partition.partitionIndex },
      value: {
        offset: partition.committedOffset,
        leaderEpoch: partition.committedLeaderEpoch,
        metadata: partition.committedMetadata ?? '',
        // Version 1 says it itself.
        commitTimestamp: partition.commitTimestamp === -1 ? now.wallMs : partition.commitTimestamp,
        expireTimestamp: retentionTimeMs === DEFAULT_RETENTION ? -1 : laterBy(now.wallMs, retentionTimeMs),
        topicId,
      },
    })
  }

  fetch({ body, version }: GroupRequestOf<'OffsetFetch'>, ticket: Ticket, draft: DecisionDraft): void {
    const groups = body.groups.map((wanted) => this.#fetchGroup(wanted, version))
    draft.reply(ticket, 'OffsetFetch', { groups })
  }

  #fetchGroup(wanted: FetchedGroup, version: number): GroupAnswer {
    const { groupId, memberId, memberEpoch, topics } = wanted
    const byId = version >= FETCH_BY_TOPIC_ID
    const refused = this.#context.groups.get(groupId)?.refusesFetch(memberId, memberEpoch)
    if (refused !== undefined) return { groupId, topics: [], errorCode: ErrorCode[refused] }
    const answered =
      topics === null ? this.#allOffsets(groupId, byId) : topics.map((topic) => this.#offsets(groupId, topic, byId))
    return { groupId, topics: answered, errorCode: 0 }
  }

  #offsets(groupId: string, topic: NonNullable<FetchedGroup['topics']>[number], byId: boolean): TopicAnswer {
    const named = this.#named(topic, byId)
    const partitions = topic.partitionIndexes.map((partitionIndex) => {
      if (named === undefined) return partitionAnswer(partitionIndex, undefined, 'UNKNOWN_TOPIC_ID')
      const committed = this.#context.offsets.of(groupId, named.name, partitionIndex)
      const fits = committed !== undefined && isOfTopic(committed, named.topicId)
      return partitionAnswer(partitionIndex, fits ? committed : undefined)
    })
    return { name: topic.name, topicId: topic.topicId, partitions }
  }

  #allOffsets(groupId: string, byId: boolean): TopicAnswer[] {
    const topics: TopicAnswer[] = []
    for (const [name, offsets] of this.#context.offsets.allOf(groupId)) {
      const topicId = this.#context.image().topicsByName.get(name)?.topicId
      // What is not there has no name in a version that names topics by their ids.
      if (byId && topicId === undefined) continue
      const partitions = [...offsets]
        .filter(([, committed]) => isOfTopic(committed, topicId ?? ZERO_UUID))
        .map(([partition, committed]) => partitionAnswer(partition, committed))
      if (partitions.length > 0) topics.push({ name, topicId: topicId ?? ZERO_UUID, partitions })
    }
    return topics
  }

  delete({ body }: GroupRequestOf<'OffsetDelete'>, ticket: Ticket, draft: DecisionDraft): void {
    const { groupId } = body
    const group = this.#context.groups.get(groupId)
    let refused: ErrorName | undefined
    if (!isGroupId(groupId)) refused = 'INVALID_GROUP_ID'
    else if (group === undefined) refused = 'GROUP_ID_NOT_FOUND'
    else refused = group.refusesOffsetDelete()
    if (refused !== undefined || group === undefined) {
      const errorCode = ErrorCode[refused ?? 'GROUP_ID_NOT_FOUND']
      return draft.reply(ticket, 'OffsetDelete', { throttleTimeMs: 0, errorCode, topics: [] })
    }
    const topics = body.topics.map(({ name, partitions }) => {
      const errorCode = ErrorCode[group.isSubscribedTo(name) ? 'GROUP_SUBSCRIBED_TO_TOPIC' : 'NONE']
      const indexes = new Set(partitions.map(({ partitionIndex }) => partitionIndex))
      for (const partition of indexes) {
        if (errorCode !== 0 || this.#context.offsets.of(groupId, name, partition) === undefined) continue
        draft.append(offsetTombstone(groupId, name, partition))
      }
      return { name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })) }
    })
    draft.reply(ticket, 'OffsetDelete', { throttleTimeMs: 0, errorCode: 0, topics })
  }

  /** Undefined: of this id there is no topic. One that has only a name is kept under it, and with the id that it has now, if it has one. */
  #named({ name, topicId }: NamedTopic, byId: boolean): NamedTopic | undefined {
    const image = this.#context.image()
    if (!byId && topicId === ZERO_UUID) return { name, topicId: image.topicsByName.get(name)?.topicId ?? ZERO_UUID }
    // Who has looked the other up knows better: its metadata may be newer than what is known here.
    if (name !== '') return { name, topicId }
    const known = image.topicsById.get(topicId)
    return known === undefined ? undefined : { name: known.name, topicId }
  }
}

/** What is beyond it could be written, and not be read any more. */
function laterBy(wallMs: number, retentionMs: number): number {
  return Math.min(wallMs + retentionMs, Number.MAX_SAFE_INTEGER)
}

function partitionAnswer(
  partitionIndex: number,
  committed: CommittedOffset | undefined,
  error: ErrorName = 'NONE',
): TopicAnswer['partitions'][number] {
  return {
    partitionIndex,
    committedOffset: committed?.offset ?? NO_OFFSET,
    committedLeaderEpoch: committed?.leaderEpoch ?? UNKNOWN_LEADER_EPOCH,
    metadata: committed?.metadata ?? '',
    errorCode: ErrorCode[error],
  }
}
