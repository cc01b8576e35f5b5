/**
 * What is too much for one decision and is done in pieces: the offsets of a group that is deleted, of a topic that is gone, those that have expired. Each
 * piece goes by what stands there then.
 */
import { type Uuid, ZERO_UUID } from '../../base/uuid.js'
import { ErrorCode, type ErrorName } from '../../protocol/errors.js'
import type { Now, Ticket } from '../shard.js'
import { clientError, isTooLarge } from './append-errors.js'
import { type CommittedOffset, isExpired, type TopicsMeant } from './committed-offsets.js'
import type { DecisionDraft } from './decision-draft.js'
import type { GroupContext } from './group.js'

/** Of one decision; what one request asks for may be more. */
export const RECORDS_OF_A_DECISION = 1000

export interface Chore {
  /** Does as much as the decision has room for. True: there is no more. */
  go(now: Now, draft: DecisionDraft): boolean
  /** The records of the last piece were refused. True: it is given up; false: it goes on. What it answers is its own affair. */
  refused(error: ErrorName, draft: DecisionDraft): boolean
}

/**
 * Goes from group to group. A piece that is too large for a batch is made half as large, until it fits; a group of which not even one record does is passed
 * over, so that it is not in the way of all others.
 */
abstract class GroupByGroup implements Chore {
  protected readonly context: GroupContext
  protected groupIds: readonly string[]
  /** Groups that are done, and that were done before the last piece. */
  protected at = 0
  protected pieceAt = 0
  #limit = RECORDS_OF_A_DECISION
  #pieceRecords = 0
  /** The last group of the piece that has records in it. */
  #recordsAt = 0

  constructor(context: GroupContext, groupIds: Iterable<string>) {
    this.context = context
    this.groupIds = [...groupIds]
  }

  go(now: Now, draft: DecisionDraft): boolean {
    this.pieceAt = this.at
    const isDone = this.#goOn(now, draft)
    this.#pieceRecords = draft.recordCount
    if (isDone) this.ended(draft)
    return isDone
  }

  refused(error: ErrorName, draft: DecisionDraft): boolean {
    if (!isTooLarge(error)) return this.interrupted(error, draft)
    if (this.#limit > 1) {
      this.#limit = Math.max(1, Math.floor(Math.min(this.#limit, this.#pieceRecords) / 2))
      this.at = this.pieceAt
    } else {
      this.at = this.#recordsAt + 1
      this.passedOver(error, this.#recordsAt)
    }
    return false
  }

  #goOn(now: Now, draft: DecisionDraft): boolean {
    for (; this.at < this.groupIds.length; this.at++) {
      const before = draft.recordCount
      const room = this.#limit - before
      if (room <= 0) return false
      const isDone = this.clear(this.at, room, now, draft)
      if (draft.recordCount > before) this.#recordsAt = this.at
      if (!isDone) return false
    }
    return true
  }

  /** Of one group. False: there may be more of it. */
  protected abstract clear(at: number, room: number, now: Now, draft: DecisionDraft): boolean
  /** The partition takes nothing for now. True: it is given up. */
  protected abstract interrupted(error: ErrorName, draft: DecisionDraft): boolean
  /** A record of this group is too large for a batch. */
  protected passedOver(_error: ErrorName, _at: number): void {}
  protected ended(_draft: DecisionDraft): void {}
}

/**
 * Offsets that have lain there for too long, those of topics that went while nobody here looked, and groups that have none left and nobody in them.
 */
export class ExpiryChore extends GroupByGroup {
  constructor(context: GroupContext) {
    super(context, context.groups.keys())
  }

  protected override clear(at: number, room: number, now: Now, draft: DecisionDraft): boolean {
    const { groups, offsets, settings } = this.context
    const group = groups.get(this.groupIds[at]!)
    if (group === undefined) return true
    const unused = group.offsetsUnused()
    const retentionMs = settings()['offsets.retention.minutes'] * 60_000
    const { records, all } = offsets.tombstones(group.groupId, room, (topic, committed) => {
      if (this.#isOfGoneTopic(committed, now)) return true
      return isExpired(committed, unused, retentionMs, now.wallMs) && !group.isSubscribedTo(topic)
    })
    draft.appendAll(records)
    if (records.length === room) return false
    if (all && group.isEmpty) draft.appendAll(group.tombstones())
    return true
  }

  /** What was refused is found again by the next check. */
  protected override interrupted(): boolean {
    return false
  }

  /** A topic that is deleted while the groups move is noticed by neither coordinator. A commit that is new may be ahead of the metadata here. */
  #isOfGoneTopic({ topicId, commitTimestampMs }: CommittedOffset, now: Now): boolean {
    const { image, settings } = this.context
    if (topicId === ZERO_UUID || image().topicsById.has(topicId)) return false
    return now.wallMs - commitTimestampMs >= settings()['offsets.retention.check.interval.ms']
  }
}

/**
 * Offsets of topics that are gone. What is passed over, or forgotten because the shard moves, is found again by the check of what has expired. As long as the
 * first group is not done it takes more topics: where the partition takes nothing there is one chore for all of them, and it remembers no more than there is.
 */
export class DeletedTopicsChore extends GroupByGroup {
  readonly #concerned = new Set<string>()
  readonly #topics = new Map<string, Set<Uuid>>()

  constructor(context: GroupContext) {
    super(context, [])
  }

  get takesMore(): boolean {
    return this.at === 0
  }

  /** False: there is nothing to do for them. */
  take(gone: TopicsMeant): boolean {
    const { groupIds, topics } = this.context.offsets.concernedBy(gone)
    for (const groupId of groupIds) this.#concerned.add(groupId)
    for (const [name, ids] of topics) this.#topics.set(name, new Set([...(this.#topics.get(name) ?? []), ...ids]))
    this.groupIds = [...this.#concerned]
    return topics.size > 0
  }

  protected override clear(at: number, room: number, _now: Now, draft: DecisionDraft): boolean {
    const { records } = this.context.offsets.tombstones(this.groupIds[at]!, room, (topic, committed) => {
      return this.#topics.get(topic)?.has(committed.topicId) === true
    })
    draft.appendAll(records)
    return records.length < room
  }

  protected override interrupted(): boolean {
    this.at = this.pieceAt
    return false
  }
}

/** DeleteGroups. */
export class DeleteGroupsChore extends GroupByGroup {
  readonly #ticket: Ticket
  /** In the order of the groups. */
  readonly #errors: ErrorName[] = []

  constructor(context: GroupContext, groupIds: readonly string[], ticket: Ticket) {
    super(context, new Set(groupIds))
    this.#ticket = ticket
  }

  protected override clear(at: number, room: number, _now: Now, draft: DecisionDraft): boolean {
    const { groups, offsets } = this.context
    const groupId = this.groupIds[at]!
    const group = groups.get(groupId)
    this.#errors[at] = 'NONE'
    if (group === undefined) this.#errors[at] = 'GROUP_ID_NOT_FOUND'
    else if (!group.isEmpty) this.#errors[at] = 'NON_EMPTY_GROUP'
    else {
      const { records } = offsets.tombstones(groupId, room)
      draft.appendAll(records)
      if (records.length === room) return false
      draft.appendAll(group.tombstones())
    }
    return true
  }

  protected override passedOver(error: ErrorName, at: number): void {
    this.#errors[at] = clientError(error)
  }

  /** What was done before the last piece stands in the log. */
  protected override interrupted(error: ErrorName, draft: DecisionDraft): boolean {
    for (let at = this.pieceAt; at < this.groupIds.length; at++) {
      if (at >= this.at || this.#errors[at] === 'NONE') this.#errors[at] = clientError(error)
    }
    this.ended(draft)
    return true
  }

  protected override ended(draft: DecisionDraft): void {
    const results = this.groupIds.map((groupId, at) => ({ groupId, errorCode: ErrorCode[this.#errors[at]!] }))
    draft.reply(this.#ticket, 'DeleteGroups', { throttleTimeMs: 0, results })
  }
}
