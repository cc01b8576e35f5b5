/**
 * What is too much for one decision and is done in pieces: the offsets of a group that is deleted, of a topic that is gone, those that have expired. Each
 * piece goes by what stands there then.
 */
import type { Uuid } from '../../base/uuid.js'
import { ErrorCode, type ErrorName } from '../../protocol/errors.js'
import type { Now, Ticket } from '../shard.js'
import { clientError } from './append-errors.js'
import { isExpired, isOfTopic } from './committed-offsets.js'
import type { DecisionDraft } from './decision-draft.js'
import type { Group, GroupContext } from './group.js'

/** Of one decision; what one request asks for may be more. */
export const RECORDS_OF_A_DECISION = 1000

export interface Chore {
  /** Does as much as the decision has room for. True: there is no more. */
  go(now: Now, draft: DecisionDraft): boolean
  /** The records of the last piece were refused. True: it is given up; false: it goes on. */
  refused(error: ErrorName, draft: DecisionDraft): boolean
}

/** Offsets that have lain there for too long, and groups that have none left and nobody in them. */
export class ExpiryChore implements Chore {
  readonly #context: GroupContext
  readonly #groupIds: string[]

  constructor(context: GroupContext) {
    this.#context = context
    this.#groupIds = [...context.groups.keys()].toReversed()
  }

  go(now: Now, draft: DecisionDraft): boolean {
    for (;;) {
      const groupId = this.#groupIds.at(-1)
      if (groupId === undefined) return true
      const group = this.#context.groups.get(groupId)
      if (group !== undefined && !this.#expire(group, now, draft)) return false
      this.#groupIds.pop()
      if (draft.recordCount >= RECORDS_OF_A_DECISION) return false
    }
  }

  /** What was refused is found again by the next check. */
  refused(): boolean {
    return false
  }

  /** False: there may be more. */
  #expire(group: Group, now: Now, draft: DecisionDraft): boolean {
    const { groupId } = group
    const { offsets, settings } = this.#context
    const room = RECORDS_OF_A_DECISION - draft.recordCount
    const retentionMs = settings()['offsets.retention.minutes'] * 60_000
    const unused = group.offsetsUnused()
    const { records, all } = offsets.tombstones(
      groupId,
      room,
      (topic, committed) => isExpired(committed, unused, retentionMs, now.wallMs) && !group.isSubscribedTo(topic),
    )
    draft.appendAll(records)
    if (records.length === room) return false
    if (all && group.isEmpty) draft.appendAll(group.tombstones())
    return true
  }
}

/** Offsets of topics that are gone. */
export class DeletedTopicsChore implements Chore {
  readonly #context: GroupContext
  readonly #topics: ReadonlyMap<string, Uuid>
  #groupIds: string[]

  /** Ids by name. */
  constructor(context: GroupContext, topics: ReadonlyMap<string, Uuid>) {
    this.#context = context
    this.#topics = topics
    this.#groupIds = [...context.offsets.groupIds]
  }

  go(_now: Now, draft: DecisionDraft): boolean {
    for (;;) {
      const groupId = this.#groupIds.at(-1)
      if (groupId === undefined) return true
      const room = RECORDS_OF_A_DECISION - draft.recordCount
      const { records } = this.#context.offsets.tombstones(groupId, room, (topic, committed) => {
        const gone = this.#topics.get(topic)
        return gone !== undefined && isOfTopic(committed, gone)
      })
      draft.appendAll(records)
      if (records.length === room) return false
      this.#groupIds.pop()
    }
  }

  refused(): boolean {
    this.#groupIds = [...this.#context.offsets.groupIds]
    return false
  }
}

/** DeleteGroups. */
export class DeleteGroupsChore implements Chore {
  readonly #context: GroupContext
  readonly #ticket: Ticket
  readonly #groupIds: string[]
  /** Of how many it stands in the log. */
  #done = 0
  #isAnswered = false
  readonly #results: { readonly groupId: string; readonly errorCode: number }[] = []

  constructor(context: GroupContext, groupIds: readonly string[], ticket: Ticket) {
    this.#context = context
    this.#ticket = ticket
    this.#groupIds = [...new Set(groupIds)].toReversed()
  }

  go(_now: Now, draft: DecisionDraft): boolean {
    this.#done = this.#results.length
    for (;;) {
      const groupId = this.#groupIds.at(-1)
      if (groupId === undefined) {
        draft.reply(this.#ticket, 'DeleteGroups', { throttleTimeMs: 0, results: this.#results })
        this.#isAnswered = true
        return true
      }
      const room = RECORDS_OF_A_DECISION - draft.recordCount
      const group = this.#context.groups.get(groupId)
      let error: ErrorName = 'NONE'
      if (group === undefined) error = 'GROUP_ID_NOT_FOUND'
      else if (!group.isEmpty) error = 'NON_EMPTY_GROUP'
      else {
        const { records } = this.#context.offsets.tombstones(groupId, room)
        draft.appendAll(records)
        if (records.length === room) return false
        draft.appendAll(group.tombstones())
      }
      this.#results.push({ groupId, errorCode: ErrorCode[error] })
      this.#groupIds.pop()
    }
  }

  refused(error: ErrorName, draft: DecisionDraft): boolean {
    if (this.#isAnswered) return true
    const refused = [...this.#results.slice(this.#done).map(({ groupId }) => groupId), ...this.#groupIds]
    const errorCode = ErrorCode[clientError(error)]
    const results = [...this.#results.slice(0, this.#done), ...refused.map((groupId) => ({ groupId, errorCode }))]
    draft.reply(this.#ticket, 'DeleteGroups', { throttleTimeMs: 0, results })
    return true
  }
}
