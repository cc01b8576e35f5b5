/**
 * ClassicRounds: the rounds by which a classic group comes from one generation to the next, and the deadlines that keep them going: who has to join
 * and until when, what happens to who does not, and what begins the next round.
 *
 * Nothing of a round stands in the log but its end: the leader's assignment, or that the group is empty.
 */
import { assert } from '../../base/assert.js'
import { ErrorCode, type ErrorName } from '../../protocol/errors.js'
import type { Now } from '../shard.js'
import { ClassicGroup } from './classic-group.js'
import type { ClassicMember } from './classic-member.js'
import { NO_BYTES } from './classic-member.js'
import { Deadline } from './deadlines.js'
import type { DecisionDraft } from './decision-draft.js'
import type { GroupContext } from './group.js'
import type { RebalanceCause, RebalanceReason } from './rebalance-history.js'

/** A new member does not know its id before its first round is over, so that it is not its session that counts: Kafka's time for it. */
export const NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * 60 * 1000

/** A round to which nobody has come is looked at again no sooner than this, however short its members have said that it is. */
const NOBODY_JOINED_PAUSE_MS = 1000

/** That a group is empty is written again so long after it was refused. */
const REFUSED_PAUSE_MS = 1000

/** Members that were given an id and have not come back with it, for each group; of more the oldest are forgotten. */
const PENDING_MEMBERS = 10_000

export class ClassicRounds {
  readonly #context: GroupContext

  constructor(context: GroupContext) {
    this.#context = context
  }

  /** A group of which nothing stands in the log yet. */
  newGroup(groupId: string, wallMs: number): ClassicGroup {
    const group: ClassicGroup = new ClassicGroup(groupId, wallMs, {
      join: new Deadline((now, draft) => this.#joinIsDue(group, now, draft)),
      sync: new Deadline((now, draft) => this.#syncIsDue(group, now, draft)),
      extendSession: (member, now) => this.extendSession(member, now),
    })
    return group
  }

  // Sessions

  newSession(group: ClassicGroup, memberId: string): Deadline {
    return new Deadline((now, draft) => this.#sessionIsOver(group, memberId, now, draft))
  }

  extendSession(member: ClassicMember, now: Now): void {
    this.#context.deadlines.set(member.session, now.monotonicMs + member.sessionTimeoutMs)
  }

  addPending(group: ClassicGroup, memberId: string, sessionTimeoutMs: number, now: Now): void {
    const [oldest] = group.pendingMembers.keys()
    if (group.pendingMembers.size >= PENDING_MEMBERS && oldest !== undefined) this.dropPending(group, oldest)
    const session = this.newSession(group, memberId)
    group.pendingMembers.set(memberId, session)
    this.#context.deadlines.set(session, now.monotonicMs + sessionTimeoutMs)
  }

  /** False: it is not one. */
  dropPending(group: ClassicGroup, memberId: string): boolean {
    const session = group.pendingMembers.get(memberId)
    if (session === undefined) return false
    this.#context.deadlines.clear(session)
    return group.pendingMembers.delete(memberId)
  }

  /** Who waits is told that it is no member any more. */
  removeMember(group: ClassicGroup, member: ClassicMember, draft: DecisionDraft): void {
    answerJoin(member, 'UNKNOWN_MEMBER_ID', draft)
    answerSync(member, 'UNKNOWN_MEMBER_ID', draft)
    this.#context.deadlines.clear(member.session)
    group.remove(member.memberId)
  }

  #sessionIsOver(group: ClassicGroup, memberId: string, now: Now, draft: DecisionDraft): void {
    if (group.pendingMembers.delete(memberId)) {
      this.joinOnIfAllAreThere(group, now, draft)
      this.forgetIfNothing(group)
      return
    }
    const member = group.members.get(memberId)
    // Who waits for an answer is not expected to say anything.
    if (member === undefined || (!member.isNew && (member.joining ?? member.syncing) !== undefined)) return
    this.removeMember(group, member, draft)
    this.rebalance(group, causeOf('timed out', member, now), now, draft)
  }

  // Rounds

  /** Something has changed: a round begins, or the one that runs may be over by it. */
  rebalance(group: ClassicGroup, cause: RebalanceCause, now: Now, draft: DecisionDraft): void {
    if (group.state === 'PreparingRebalance') {
      this.#note(group, cause, true)
      this.joinOnIfAllAreThere(group, now, draft)
    } else this.beginRound(group, cause, now, draft)
  }

  /** Several things at once: one round. */
  rebalanceForAll(group: ClassicGroup, causes: readonly RebalanceCause[], now: Now, draft: DecisionDraft): void {
    const last = causes.at(-1)
    if (last === undefined) return
    for (const cause of causes.slice(0, -1)) this.#note(group, cause, true)
    this.rebalance(group, last, now, draft)
  }

  beginRound(group: ClassicGroup, cause: RebalanceCause, now: Now, draft: DecisionDraft): void {
    const { deadlines } = this.#context
    if (group.state === 'CompletingRebalance') {
      for (const member of group.members.values()) {
        member.assignment = NO_BYTES
        if (answerSync(member, 'REBALANCE_IN_PROGRESS', draft)) this.extendSession(member, now)
      }
    }
    group.pendingSyncs.clear()
    deadlines.clear(group.syncDeadline)
    group.isFirstRound = group.isEmpty
    group.newMemberAdded = false
    group.roundStartedMs = now.monotonicMs
    group.transitionTo('PreparingRebalance', now)
    this.#note(group, cause, true)
    if (group.isFirstRound) {
      const delayMs = this.#context.settings()['group.initial.rebalance.delay.ms']
      deadlines.set(group.joinDeadline, now.monotonicMs + delayMs)
      return
    }
    deadlines.set(group.joinDeadline, now.monotonicMs + group.rebalanceTimeoutMs)
    this.joinOnIfAllAreThere(group, now, draft)
  }

  /** The first round of a group waits for its time, however many are there. */
  joinOnIfAllAreThere(group: ClassicGroup, now: Now, draft: DecisionDraft): void {
    if (group.state !== 'PreparingRebalance' || group.isFirstRound || !group.hasAllJoined) return
    this.#completeJoin(group, now, draft)
  }

  #joinIsDue(group: ClassicGroup, now: Now, draft: DecisionDraft): void {
    if (group.isAheadOfLog && group.state === 'Empty' && this.#context.groups.get(group.groupId) === group) {
      return this.#storeEmpty(group, now, draft)
    }
    if (group.state !== 'PreparingRebalance') return
    if (group.isFirstRound && group.newMemberAdded) {
      const delayMs = this.#context.settings()['group.initial.rebalance.delay.ms']
      const latestMs = group.roundStartedMs + Math.max(group.rebalanceTimeoutMs, delayMs)
      if (now.monotonicMs < latestMs) {
        group.newMemberAdded = false
        this.#context.deadlines.set(group.joinDeadline, Math.min(now.monotonicMs + delayMs, latestMs))
        return
      }
    }
    this.#completeJoin(group, now, draft)
  }

  #completeJoin(group: ClassicGroup, now: Now, draft: DecisionDraft): void {
    const { deadlines } = this.#context
    deadlines.clear(group.joinDeadline)
    for (const member of [...group.members.values()]) {
      // A static member may be away for as long as its session lasts.
      if (member.joining !== undefined || member.groupInstanceId !== null) continue
      this.removeMember(group, member, draft)
      this.#note(group, causeOf('did not join in time', member, now), true)
    }
    if (group.members.size > 0 && !group.electLeader()) {
      deadlines.set(group.joinDeadline, now.monotonicMs + Math.max(group.rebalanceTimeoutMs, NOBODY_JOINED_PAUSE_MS))
      return
    }
    group.beginGeneration(now)
    if (group.isEmpty) {
      this.#storeEmpty(group, now, draft)
      this.#noteEnd(group, 'empty', now)
      return
    }
    for (const member of group.members.values()) {
      const { joining } = member
      if (joining !== undefined) {
        draft.reply(joining.ticket, 'JoinGroup', group.joinAnswer(member, joining))
        member.joining = undefined
      }
      member.isNew = false
      this.extendSession(member, now)
      group.pendingSyncs.add(member.memberId)
    }
    deadlines.set(group.syncDeadline, now.monotonicMs + group.rebalanceTimeoutMs)
    this.#noteEnd(group, 'joined', now)
  }

  /** Until the log has it, its members would be there again after a move. */
  #storeEmpty(group: ClassicGroup, now: Now, draft: DecisionDraft): void {
    draft.append(group.record())
    draft.ifRefused(() => {
      group.isAheadOfLog = true
      this.#context.deadlines.set(group.joinDeadline, now.monotonicMs + REFUSED_PAUSE_MS)
    })
  }

  #syncIsDue(group: ClassicGroup, now: Now, draft: DecisionDraft): void {
    if (group.state !== 'CompletingRebalance' && group.state !== 'Stable') return
    const causes: RebalanceCause[] = []
    for (const memberId of [...group.pendingSyncs]) {
      const member = group.members.get(memberId)
      if (member === undefined) continue
      this.removeMember(group, member, draft)
      causes.push(causeOf('did not sync in time', member, now))
    }
    this.rebalanceForAll(group, causes, now, draft)
  }

  // Assignments

  synced(group: ClassicGroup, memberId: string): void {
    group.pendingSyncs.delete(memberId)
    if (group.pendingSyncs.size === 0) this.#context.deadlines.clear(group.syncDeadline)
  }

  /** The leader's assignment goes into the log, and to everyone who waits for it. */
  assign(group: ClassicGroup, assignments: ReadonlyMap<string, Uint8Array>, now: Now, draft: DecisionDraft): void {
    assert(group.state === 'CompletingRebalance', () => `group ${group.groupId} is ${group.state}, and is assigned`)
    const waiting = [...group.members.values()].filter(({ syncing }) => syncing !== undefined)
    draft.append(group.record(assignments))
    for (const member of waiting) {
      draft.reply(member.syncing!, 'SyncGroup', {
        errorCode: 0,
        protocolType: group.protocolType,
        protocolName: group.protocol,
        assignment: assignments.get(member.memberId) ?? NO_BYTES,
      })
      member.syncing = undefined
      this.extendSession(member, now)
    }
    this.#noteEnd(group, 'assigned', now)
    draft.ifRefused((after) => {
      const leader = group.members.get(group.leader ?? '')
      this.rebalance(group, causeOf('assignment not stored', leader, now), now, after)
    })
  }

  // Groups

  /** A group of which nothing stands anywhere is none. */
  forgetIfNothing(group: ClassicGroup): void {
    if (group.isStored || !group.isEmpty || group.pendingMembers.size > 0) return
    if (this.#context.offsets.has(group.groupId) || this.#context.groups.get(group.groupId) !== group) return
    this.#context.groups.delete(group.groupId)
  }

  /** It never was: who waits has to come again. */
  dissolve(group: ClassicGroup, draft: DecisionDraft): void {
    const { deadlines } = this.#context
    for (const member of group.members.values()) {
      answerJoin(member, 'COORDINATOR_NOT_AVAILABLE', draft)
      deadlines.clear(member.session)
    }
    for (const session of group.pendingMembers.values()) deadlines.clear(session)
    deadlines.clear(group.joinDeadline)
  }

  noteWithoutRound(group: ClassicGroup, cause: RebalanceCause): void {
    this.#note(group, cause, false)
  }

  #note({ groupId, type, generation }: ClassicGroup, cause: RebalanceCause, rebalances: boolean): void {
    this.#context.noted({
      groupId,
      type,
      what: 'cause',
      cause,
      rebalances,
      generation: generation + (rebalances ? 1 : 0),
    })
  }

  #noteEnd(group: ClassicGroup, what: 'joined' | 'assigned' | 'empty', now: Now): void {
    const { groupId, type, generation, members } = group
    const tookMs = now.monotonicMs - group.roundStartedMs
    this.#context.noted({ groupId, type, what, tookMs, generation, members: members.size })
  }
}

/** True: it waited. */
export function answerJoin(member: ClassicMember, error: ErrorName, draft: DecisionDraft): boolean {
  if (member.joining === undefined) return false
  draft.reply(
    member.joining.ticket,
    'JoinGroup',
    joinRefusal(error, error === 'UNKNOWN_MEMBER_ID' ? '' : member.memberId),
  )
  member.joining = undefined
  return true
}

/** True: it waited. */
export function answerSync(member: ClassicMember, error: ErrorName, draft: DecisionDraft): boolean {
  if (member.syncing === undefined) return false
  draft.reply(member.syncing, 'SyncGroup', { errorCode: ErrorCode[error], assignment: NO_BYTES })
  member.syncing = undefined
  return true
}

export function joinRefusal(error: ErrorName, memberId: string) {
  return {
    errorCode: ErrorCode[error],
    generationId: -1,
    protocolType: null,
    protocolName: '',
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  }
}

export function causeOf(
  reason: RebalanceReason,
  member: ClassicMember | undefined,
  now: Now,
  clientReason: string | null = null,
): RebalanceCause {
  const { memberId = '', groupInstanceId = null, clientId = '', clientHost = '' } = member ?? {}
  return { reason, atMs: now.wallMs, memberId, groupInstanceId, clientId, clientHost, clientReason }
}
