/**
 * GroupShard: the groups of one partition of `__consumer_offsets`. It knows which kind of groups a request is for, applies what stands in the log, and
 * says when time itself has something to say.
 *
 * What a decision may be is bounded: what needs more records than one batch should have goes on in `expire`.
 */
import { unreachable } from '../../base/assert.js'
import type { Uuid } from '../../base/uuid.js'
import type { Random } from '../../io/random.js'
import type { MetadataDelta } from '../../metadata/delta.js'
import { EMPTY_IMAGE, type MetadataImage } from '../../metadata/image.js'
import { ErrorCode, type ErrorName } from '../../protocol/errors.js'
import type { Now, RecordPlace, Ticket } from '../shard.js'
import { isTooLarge, replyRefused } from './append-errors.js'
import { type Chore, DeletedTopicsChore, DeleteGroupsChore, ExpiryChore, RECORDS_OF_A_DECISION } from './chores.js'
import { ClassicGroups } from './classic-groups.js'
import { CommittedOffsets, type TopicsMeant } from './committed-offsets.js'
import { Deadline, Deadlines } from './deadlines.js'
import { DecisionDraft } from './decision-draft.js'
import { DecisionRoom, recordBytes } from './decision-room.js'
import type { ConsumerAnswers, Group, GroupContext, GroupKind } from './group.js'
import { describeClassic, listGroups } from './group-listings.js'
import type { GroupRecord } from './group-records.js'
import type { GroupDecision, GroupRequest, GroupShardContract } from './group-requests.js'
import type { GroupSettings } from './group-settings.js'
import { OffsetRequests } from './offset-requests.js'
import { type GroupExplanation, type GroupNote, RebalanceHistory } from './rebalance-history.js'

/** After records were refused, chores wait so long. */
const REFUSED_PAUSE_MS = 1000

/** Of more that are due at once the rest has a decision of its own: what comes from clients is not to wait for all. */
const DEADLINES_OF_A_DECISION = 1000

export interface GroupShardOptions {
  readonly settings: () => GroupSettings
  readonly random: Random
  /** Told of every reason for a rebalance, and of the end of each round. */
  readonly noted: (note: GroupNote) => void
  /** Groups of KIP-848; without them their requests are not supported. */
  readonly consumerGroups?: (context: GroupContext) => GroupKind & ConsumerAnswers
}

export class GroupShard implements GroupShardContract {
  /** Of all groups. */
  readonly offsets = new CommittedOffsets()
  readonly #context: GroupContext
  readonly #groups = new Map<string, Group>()
  readonly #deadlines = new Deadlines()
  readonly #history = new RebalanceHistory()
  readonly #classic: ClassicGroups
  readonly #consumer: (GroupKind & ConsumerAnswers) | undefined
  readonly #offsetRequests: OffsetRequests
  readonly #retentionCheck: Deadline
  #chores: Chore[] = []
  /** Monotonic: from when on chores go on. */
  #choresFromMs = 0
  #image: MetadataImage = EMPTY_IMAGE
  /** What the shell has been given last, and has not applied yet. */
  #draft = new DecisionDraft()
  /** Groups of which a record has gone: perhaps they have, and perhaps they are of the other kind now. */
  readonly #gone = new Set<string>()
  /** The chore of which the last decision is a piece. */
  #atWork: Chore | undefined
  /** Whether the last decision is about those whose time has come. */
  #isExpiry = false
  /** Whether it is about several of them, of which nobody knows which one is too much. */
  #isShared = false
  /** For them, whatever group they are of. */
  readonly #room = new DecisionRoom()

  constructor({ settings, random, noted, consumerGroups }: GroupShardOptions) {
    this.#context = {
      settings,
      random,
      deadlines: this.#deadlines,
      groups: this.#groups,
      offsets: this.offsets,
      image: () => this.#image,
      noted: (note) => {
        this.#history.take(note)
        noted(note)
      },
    }
    this.#classic = new ClassicGroups(this.#context)
    this.#consumer = consumerGroups?.(this.#context)
    this.#offsetRequests = new OffsetRequests(this.#context)
    this.#retentionCheck = new Deadline((now) => {
      if (!this.#chores.some((chore) => chore instanceof ExpiryChore)) this.#begin(new ExpiryChore(this.#context), now)
      this.#setRetentionCheck(now)
    })
  }

  // What there is

  get groups(): Iterable<Group> {
    return this.#groups.values()
  }

  /** Why this group has rebalanced, as far as this coordinator remembers; undefined: there is no such group. */
  explain(groupId: string): GroupExplanation | undefined {
    const group = this.#groups.get(groupId)
    if (group === undefined) return undefined
    const { type, state, memberCount } = group
    return { groupId, type, state, members: memberCount, rounds: this.#history.of(groupId) }
  }

  // The contract

  decide(request: GroupRequest, ticket: Ticket, now: Now): GroupDecision {
    const draft = this.#newDraft()
    this.#decide(request, ticket, now, draft)
    return draft.decision
  }

  apply(record: GroupRecord, place: RecordPlace): void {
    if (record.type === 'OffsetCommit') {
      this.offsets.apply(record)
      const { group } = record.key
      if (record.value !== null && !this.#groups.has(group)) this.#classic.foundSimple(group, place.timestampMs)
      return
    }
    if (!this.#classic.apply(record)) this.#consumer?.apply(record, place)
    if (record.value === null) this.#gone.add(groupOf(record))
  }

  loaded(image: MetadataImage, now: Now): GroupDecision {
    const draft = this.#newDraft()
    this.#image = image
    this.#setRetentionCheck(now)
    // Where a group made room for one of the other kind that was never written down, its offsets are still there.
    for (const groupId of this.offsets.groupIds) {
      if (!this.#groups.has(groupId)) this.#classic.foundSimple(groupId, now.wallMs)
    }
    this.#classic.loaded(now, draft)
    this.#consumer?.loaded(now, draft)
    return draft.decision
  }

  metadataChanged(image: MetadataImage, delta: MetadataDelta | undefined, now: Now): GroupDecision {
    const draft = this.#newDraft()
    const before = this.#image
    this.#image = image
    const gone = removedTopics(before, image, delta)
    if (gone.size > 0) this.#forgetTopics(gone, now)
    this.#consumer?.metadataChanged(delta, now, draft)
    return draft.decision
  }

  nextDeadlineMs(): number {
    const chores = this.#chores.length === 0 ? Number.POSITIVE_INFINITY : this.#choresFromMs
    return Math.min(chores, this.#deadlines.nextMs())
  }

  expire(now: Now): GroupDecision {
    const draft = this.#newDraft()
    this.#expireDue(now, draft)
    // A chore has a decision for itself, so that it can be told apart what was refused.
    if (draft.isEmpty && this.#choresFromMs <= now.monotonicMs) this.#work(now, draft)
    return draft.decision
  }

  refused(decision: GroupDecision, error: ErrorName, now: Now): GroupDecision {
    const refused = this.#draft
    const chore = this.#atWork
    const isExpiry = this.#isExpiry
    const instead = isTooLarge(error) && !this.#isShared ? refused.instead : undefined
    const draft = this.#newDraft()
    const refuse = (): void => {
      for (const reply of decision.replies) if (!draft.answers(reply.ticket)) replyRefused(reply, error, draft)
    }
    if (chore === undefined && instead === undefined) refuse()
    refused.repair(draft)
    if (instead !== undefined) {
      instead(draft)
      refuse()
    }
    if (isExpiry) this.#room.refused()
    if (chore !== undefined) {
      // One that is only too large has smaller pieces from now on.
      if (!isTooLarge(error)) this.#choresFromMs = now.monotonicMs + REFUSED_PAUSE_MS
      this.#chores = this.#chores.filter((each) => each !== chore)
      if (!chore.refused(error, draft)) this.#begin(chore, now)
    }
    return draft.decision
  }

  unloaded(): void {
    this.#groups.clear()
    this.#chores.length = 0
  }

  // Inside

  #newDraft(): DecisionDraft {
    this.#draft = new DecisionDraft()
    this.#atWork = undefined
    this.#isExpiry = false
    this.#isShared = false
    for (const groupId of this.#gone) if (!this.#groups.has(groupId)) this.#history.forget(groupId)
    this.#gone.clear()
    return this.#draft
  }

  /** What there is no room for is due again at once. */
  #expireDue(now: Now, draft: DecisionDraft): void {
    let room: number | undefined
    let bytes = 0
    let counted = 0
    for (let taken = 0; taken < DEADLINES_OF_A_DECISION && draft.recordCount < RECORDS_OF_A_DECISION; taken++) {
      const due = this.#deadlines.takeDue(now.monotonicMs)
      if (due === undefined) return
      due.whenDue(now, draft)
      if (draft.recordCount === counted) continue
      room ??= this.#room.take()
      this.#isShared = this.#isExpiry
      this.#isExpiry = true
      for (const record of draft.decision.records.slice(counted)) bytes += recordBytes(record)
      if (bytes >= room) return
      counted = draft.recordCount
    }
  }

  #decide(request: GroupRequest, ticket: Ticket, now: Now, draft: DecisionDraft): void {
    switch (request.api) {
      case 'JoinGroup':
        return this.#kindOf(request.body.groupId).join(request, ticket, now, draft)
      case 'SyncGroup':
        return this.#kindOf(request.body.groupId).sync(request, ticket, now, draft)
      case 'Heartbeat':
        return this.#kindOf(request.body.groupId).heartbeat(request, ticket, now, draft)
      case 'LeaveGroup':
        return this.#kindOf(request.body.groupId).leave(request, ticket, now, draft)
      case 'OffsetCommit':
        return this.#offsetRequests.commit(request, ticket, now, draft)
      case 'OffsetFetch':
        return this.#offsetRequests.fetch(request, ticket, draft)
      case 'OffsetDelete':
        return this.#offsetRequests.delete(request, ticket, draft)
      case 'DeleteGroups':
        return this.#deleteGroups(request.body.groupsNames, ticket, now, draft)
      case 'DescribeGroups': {
        const groups = request.body.groups.map((id) => describeClassic(id, this.#groups.get(id), request.version))
        return draft.reply(ticket, 'DescribeGroups', { groups })
      }
      case 'ListGroups':
        return draft.reply(ticket, 'ListGroups', { errorCode: 0, groups: listGroups(this.#groups.values(), request) })
      case 'ConsumerGroupHeartbeat':
        if (this.#consumer !== undefined) return this.#consumer.consumerHeartbeat(request, ticket, now, draft)
        return draft.reply(ticket, 'ConsumerGroupHeartbeat', {
          throttleTimeMs: 0,
          errorCode: ErrorCode.UNSUPPORTED_VERSION,
          memberEpoch: 0,
          heartbeatIntervalMs: 0,
        })
      case 'ConsumerGroupDescribe':
        return draft.reply(ticket, 'ConsumerGroupDescribe', {
          throttleTimeMs: 0,
          groups: request.body.groupIds.map((groupId) => this.#consumer?.describe(groupId) ?? unsupported(groupId)),
        })
      default:
        return unreachable(request)
    }
  }

  /** An empty group of the other kind makes room for a classic one. */
  #kindOf(groupId: string): GroupKind {
    const group = this.#groups.get(groupId)
    return group?.type === 'consumer' && !group.isEmpty && this.#consumer !== undefined ? this.#consumer : this.#classic
  }

  #deleteGroups(groupIds: readonly string[], ticket: Ticket, now: Now, draft: DecisionDraft): void {
    const chore = new DeleteGroupsChore(this.#context, groupIds, ticket)
    if (this.#chores.length > 0) return this.#begin(chore, now)
    this.#atWork = chore
    if (!chore.go(now, draft)) this.#begin(chore, now)
  }

  #forgetTopics(gone: TopicsMeant, now: Now): void {
    const waiting = this.#chores.find((chore) => chore instanceof DeletedTopicsChore && chore.takesMore)
    const chore = waiting instanceof DeletedTopicsChore ? waiting : new DeletedTopicsChore(this.#context)
    if (chore.take(gone) && waiting === undefined) this.#begin(chore, now)
  }

  #begin(chore: Chore, now: Now): void {
    if (this.#chores.length === 0) this.#choresFromMs = Math.max(this.#choresFromMs, now.monotonicMs)
    this.#chores.push(chore)
  }

  #work(now: Now, draft: DecisionDraft): void {
    const chore = this.#chores.shift()
    if (chore === undefined) return
    this.#atWork = chore
    // One after the other has its turn.
    if (!chore.go(now, draft)) this.#chores.push(chore)
  }

  #setRetentionCheck(now: Now): void {
    const intervalMs = this.#context.settings()['offsets.retention.check.interval.ms']
    this.#deadlines.set(this.#retentionCheck, now.monotonicMs + intervalMs)
  }
}

function groupOf({ key }: GroupRecord): string {
  return 'group' in key ? key.group : key.groupId
}

function unsupported(groupId: string) {
  return {
    errorCode: ErrorCode.UNSUPPORTED_VERSION,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
  }
}

/** Ids by name of those that were there and are not any more. */
function removedTopics(before: MetadataImage, after: MetadataImage, delta: MetadataDelta | undefined): TopicsMeant {
  const gone = new Map<string, Set<Uuid>>()
  for (const { name, topicId } of (delta?.removedTopics ?? before.topicsById).values()) {
    if (after.topicsById.has(topicId)) continue
    const ids = gone.get(name)
    if (ids === undefined) gone.set(name, new Set([topicId]))
    else ids.add(topicId)
  }
  return gone
}
