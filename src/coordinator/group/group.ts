/**
 * Group: what the shard has to know of a group, of whichever kind. A group id belongs to one group, classic or consumer (KIP-848).
 *
 * A kind of groups is a `GroupKind`: it answers what members ask, takes the records of its groups, and makes groups. The shard finds the group by
 * its id and asks the kind; a name that nobody has, or whose group is empty, goes to the kind that the request belongs to (JoinGroup: classic,
 * ConsumerGroupHeartbeat: consumer). All that is the same for both (committed offsets, ListGroups, DeleteGroups, expiry) asks the `Group`.
 *
 * The consumer kind lives in `consumer/` and is given to the shard at construction, like `ClassicGroups`: it implements `GroupKind` and `ConsumerAnswers`
 * and holds the same `GroupContext`. A conversion replaces the group in `context.groups` when its records are applied: `apply` of the kind that the record
 * belongs to does it, and the tombstones of the other kind, which stand in front in the same decision, leave alone what is not theirs.
 */
import type { Random } from '../../io/random.js'
import type { MetadataDelta } from '../../metadata/delta.js'
import type { MetadataImage } from '../../metadata/image.js'
import type { ErrorName } from '../../protocol/errors.js'
import type { Now, RecordPlace, Ticket } from '../shard.js'
import type { CommittedOffsets } from './committed-offsets.js'
import type { Deadlines } from './deadlines.js'
import type { DecisionDraft } from './decision-draft.js'
import type { GroupRecord } from './group-records.js'
import type { GroupApi, GroupReplyOf, GroupRequestOf } from './group-requests.js'
import type { GroupSettings } from './group-settings.js'
import type { GroupNote } from './rebalance-history.js'

/** As ListGroups shows it. */
export type GroupType = 'classic' | 'consumer'

export interface Group {
  readonly groupId: string
  readonly type: GroupType
  /** Kafka's name of the state: `Stable`, `Empty`, ... */
  readonly state: string
  /** Empty if it has none, as a group of commits without members. */
  readonly protocolType: string
  readonly isEmpty: boolean
  readonly memberCount: number

  /** Why these offsets are not taken; undefined: they are. */
  refusesCommit(commit: CommitClaim): ErrorName | undefined
  /** A commit that was taken: of a classic member a sign of life. */
  committed(memberId: string, now: Now): void
  /** Why offsets are not told to this member; asked from version 9 on. A null member and -1: nobody in particular. */
  refusesFetch(memberId: string | null, memberEpoch: number): ErrorName | undefined
  /** Why no offset may be deleted, whatever the topic. */
  refusesOffsetDelete(): ErrorName | undefined
  /** Offsets of a topic that somebody reads neither expire nor are deleted. */
  isSubscribedTo(topic: string): boolean
  /** Since when offsets lie there unused. */
  offsetsUnused(): OffsetsUnused
  /** What has to stand in the log for it to be gone; its offsets are not meant. */
  tombstones(): GroupRecord[]
}

export interface CommitClaim {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationIdOrMemberEpoch: number
  readonly version: number
}

/** Each since its commit; all since a moment (wall time); or they are in use. */
export type OffsetsUnused = 'since commit' | 'in use' | { readonly sinceMs: number }

/** What a member asks of its own group. */
export type MemberApi = 'JoinGroup' | 'SyncGroup' | 'Heartbeat' | 'LeaveGroup'

export interface GroupKind {
  readonly type: GroupType
  /** The answer goes into the draft, in this decision or a later one. The group is one of this kind, or, for its own first request, not there or empty. */
  join(request: GroupRequestOf<'JoinGroup'>, ticket: Ticket, now: Now, draft: DecisionDraft): void
  sync(request: GroupRequestOf<'SyncGroup'>, ticket: Ticket, now: Now, draft: DecisionDraft): void
  heartbeat(request: GroupRequestOf<'Heartbeat'>, ticket: Ticket, now: Now, draft: DecisionDraft): void
  leave(request: GroupRequestOf<'LeaveGroup'>, ticket: Ticket, now: Now, draft: DecisionDraft): void
  /** Takes a record of its own types; false: it is not one. */
  apply(record: GroupRecord, place: RecordPlace): boolean
  /** The log has been read to its end. Sessions begin. */
  loaded(now: Now, draft: DecisionDraft): void
  /** `context.image()` is the new one. */
  metadataChanged(delta: MetadataDelta | undefined, now: Now, draft: DecisionDraft): void
}

/** What only the consumer kind answers. */
export interface ConsumerAnswers {
  consumerHeartbeat(
    request: GroupRequestOf<'ConsumerGroupHeartbeat'>,
    ticket: Ticket,
    now: Now,
    draft: DecisionDraft,
  ): void
  /** One group; without authorized operations. */
  describe(groupId: string): DescribedConsumerGroup
}

export type DescribedConsumerGroup = GroupReplyOf<'ConsumerGroupDescribe'>['body']['groups'][number]

/** The classic or the consumer groups, and what both are made of. */
export interface GroupContext {
  readonly settings: () => GroupSettings
  readonly random: Random
  readonly deadlines: Deadlines
  /** By id. */
  readonly groups: Map<string, Group>
  readonly offsets: CommittedOffsets
  /** The metadata as this broker knows it. */
  readonly image: () => MetadataImage
  /** Keeps the reason of a rebalance. */
  readonly noted: (note: GroupNote) => void
}

/** Kafka refuses what names no group. */
export function isGroupId(groupId: string): boolean {
  return groupId !== ''
}

export type { GroupApi }
