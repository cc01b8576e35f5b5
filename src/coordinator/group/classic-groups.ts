/**
 * ClassicGroups: what members of classic groups ask, answered as Kafka 4 does: JoinGroup with ids that are given first (KIP-394), static members that
 * take their place again (KIP-345), SyncGroup, Heartbeat and LeaveGroup.
 */
import { ErrorCode, type ErrorName } from '../../protocol/errors.js'
import type { Now, Ticket } from '../shard.js'
import { ClassicGroup, type StoredMember } from './classic-group.js'
import { type ClassicMember, type MemberWishes, NO_BYTES, sameProtocols, wishesOf } from './classic-member.js'
import {
  answerJoin,
  answerSync,
  ClassicRounds,
  causeOf,
  joinRefusal,
  NEW_MEMBER_JOIN_TIMEOUT_MS,
} from './classic-rounds.js'
import type { DecisionDraft } from './decision-draft.js'
import { type GroupContext, type GroupKind, isGroupId } from './group.js'
import type { GroupRecord, GroupRecordOf } from './group-records.js'
import type { GroupRequestOf, RequestOf } from './group-requests.js'
import type { RebalanceCause, RebalanceReason } from './rebalance-history.js'

/** From here on a member is first given its id (KIP-394), and may be told that it need not assign (KIP-814). */
const JOIN_WITH_KNOWN_ID = 4
const JOIN_WITHOUT_ASSIGNING = 9

/** Characters of a client's name in the id that is made of it. */
const NAME_IN_MEMBER_ID = 255

type Join = GroupRequestOf<'JoinGroup'>

interface LeaveAnswer {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly errorCode: number
}

/** A JoinGroup on its way. */
interface Joining {
  readonly request: Join
  readonly wishes: MemberWishes
  readonly ticket: Ticket
  readonly now: Now
  readonly draft: DecisionDraft
}

export class ClassicGroups implements GroupKind {
  readonly type = 'classic'
  readonly #context: GroupContext
  readonly #rounds: ClassicRounds
  #isLoaded = false

  constructor(context: GroupContext) {
    this.#context = context
    this.#rounds = new ClassicRounds(context)
  }

  /** The group of this id, if it is a classic one. */
  find(groupId: string): ClassicGroup | undefined {
    const group = this.#context.groups.get(groupId)
    return group instanceof ClassicGroup ? group : undefined
  }

  join(request: Join, ticket: Ticket, now: Now, draft: DecisionDraft): void {
    const { body, version } = request
    const settings = this.#context.settings()
    const refuse = (error: ErrorName, memberId = body.memberId): void =>
      draft.reply(ticket, 'JoinGroup', joinRefusal(error, memberId))
    if (!isGroupId(body.groupId)) return refuse('INVALID_GROUP_ID')
    if (
      body.sessionTimeoutMs < settings['group.min.session.timeout.ms'] ||
      body.sessionTimeoutMs > settings['group.max.session.timeout.ms']
    ) {
      return refuse('INVALID_SESSION_TIMEOUT')
    }
    const group = this.find(body.groupId) ?? (body.memberId === '' ? this.#found(body.groupId, now, draft) : undefined)
    if (group === undefined) return refuse('UNKNOWN_MEMBER_ID')
    const isAccepted = this.#accepts(group, body.memberId, settings['group.max.size'])
    const joining: Joining = { request, wishes: wishesOf(body, version), ticket, now, draft }
    if (!isAccepted) {
      this.#turnAway(group, joining)
      refuse('GROUP_MAX_SIZE_REACHED', '')
    } else if (!group.supports(body.protocolType, body.protocols)) {
      refuse('INCONSISTENT_GROUP_PROTOCOL')
    } else if (body.memberId === '') this.#joinNew(group, joining)
    else this.#joinAgain(group, joining)
    this.#rounds.forgetIfNothing(group)
  }

  /** In the place of an empty group of the other kind, if there is one. */
  #found(groupId: string, now: Now, draft: DecisionDraft): ClassicGroup {
    const { groups } = this.#context
    const before = groups.get(groupId)
    const group = this.#rounds.newGroup(groupId, now.wallMs)
    groups.set(groupId, group)
    if (before !== undefined) {
      draft.appendAll(before.tombstones())
      draft.ifRefused((after) => {
        this.#rounds.dissolve(group, after)
        groups.set(groupId, before)
      })
    }
    return group
  }

  #accepts(group: ClassicGroup, memberId: string, maxSize: number): boolean {
    const member = group.members.get(memberId)
    switch (group.state) {
      case 'Empty':
        return true
      case 'PreparingRebalance':
        return member?.joining !== undefined || group.members.size < maxSize || group.awaitingJoin < maxSize
      case 'CompletingRebalance':
      case 'Stable':
        return member !== undefined || group.members.size < maxSize
    }
  }

  #turnAway(group: ClassicGroup, { request, now, draft }: Joining): void {
    const { memberId } = request.body
    this.#rounds.dropPending(group, memberId)
    const member = group.members.get(memberId)
    if (member !== undefined) this.#rounds.removeMember(group, member, draft)
    this.#rounds.joinOnIfAllAreThere(group, now, draft)
  }

  #joinNew(group: ClassicGroup, joining: Joining): void {
    const { request, ticket, now, draft } = joining
    const { groupInstanceId, sessionTimeoutMs } = request.body
    const memberId = this.#newMemberId(groupInstanceId ?? request.client.clientId)
    if (groupInstanceId !== null) {
      const known = group.members.get(group.staticMembers.get(groupInstanceId) ?? '')
      if (known === undefined) this.#addMember(group, memberId, joining)
      else this.#replaceStatic(group, known, memberId, joining)
    } else if (request.version >= JOIN_WITH_KNOWN_ID) {
      this.#rounds.addPending(group, memberId, sessionTimeoutMs, now)
      draft.reply(ticket, 'JoinGroup', joinRefusal('MEMBER_ID_REQUIRED', memberId))
    } else this.#addMember(group, memberId, joining)
  }

  #joinAgain(group: ClassicGroup, joining: Joining): void {
    const { request, ticket, now, draft, wishes } = joining
    const { memberId, groupInstanceId, reason } = request.body
    if (groupInstanceId === null && this.#rounds.dropPending(group, memberId)) {
      return this.#addMember(group, memberId, joining)
    }
    const refused = group.refusesMember(memberId, groupInstanceId)
    const member = group.members.get(memberId)
    if (refused !== undefined || member === undefined) {
      return draft.reply(ticket, 'JoinGroup', joinRefusal(refused ?? 'UNKNOWN_MEMBER_ID', memberId))
    }
    const isSame = sameProtocols(member.protocols, wishes.protocols)
    const isLeaderOfStable = group.state === 'Stable' && group.leader === memberId
    if (group.state !== 'PreparingRebalance' && isSame && !isLeaderOfStable) {
      // It has missed the answer, or asks for it once more: nothing has changed.
      return draft.reply(ticket, 'JoinGroup', group.joinAnswer(member, { ticket, version: request.version }))
    }
    let cause: RebalanceReason = 'changed what it wants'
    if (isSame) cause = isLeaderOfStable ? 'leader asked' : 'joined'
    this.#takeWishes(group, member, joining)
    if (group.state === 'PreparingRebalance' && isSame) this.#rounds.joinOnIfAllAreThere(group, now, draft)
    else this.#rounds.rebalance(group, causeOf(cause, member, now, reason), now, draft)
  }

  #addMember(group: ClassicGroup, memberId: string, joining: Joining): void {
    const { request, wishes, ticket, now, draft } = joining
    const { groupInstanceId, protocolType, reason } = request.body
    const member: ClassicMember = {
      memberId,
      groupInstanceId,
      clientId: request.client.clientId,
      clientHost: request.client.host,
      ...wishes,
      assignment: NO_BYTES,
      joining: { ticket, version: request.version },
      syncing: undefined,
      isNew: true,
      session: this.#rounds.newSession(group, memberId),
    }
    if (group.isFirstRound) group.newMemberAdded = true
    group.add(member, protocolType)
    this.#context.deadlines.set(member.session, now.monotonicMs + NEW_MEMBER_JOIN_TIMEOUT_MS)
    this.#rounds.rebalance(group, causeOf('joined', member, now, reason), now, draft)
  }

  /** Who waited until now with the same id has lost its answer. */
  #takeWishes(group: ClassicGroup, member: ClassicMember, { request, wishes, ticket, draft }: Joining): void {
    answerJoin(member, 'REBALANCE_IN_PROGRESS', draft)
    answerSync(member, 'REBALANCE_IN_PROGRESS', draft)
    group.change(member, wishes)
    member.joining = { ticket, version: request.version }
  }

  #replaceStatic(group: ClassicGroup, old: ClassicMember, memberId: string, joining: Joining): void {
    const { request, wishes, ticket, now, draft } = joining
    const { version, body } = request
    const leaderBefore = group.leader
    answerJoin(old, 'FENCED_INSTANCE_ID', draft)
    answerSync(old, 'FENCED_INSTANCE_ID', draft)
    const member: ClassicMember = {
      ...old,
      ...wishes,
      memberId,
      joining: undefined,
      syncing: undefined,
      session: this.#rounds.newSession(group, memberId),
    }
    group.replace(old, member)
    this.#context.deadlines.clear(old.session)
    this.#rounds.extendSession(member, now)
    const cause = causeOf('static member replaced', member, now, body.reason)
    if (group.state !== 'Stable' || group.awaitsRound || group.selectProtocol() !== group.protocol) {
      member.joining = { ticket, version }
      return this.#rounds.rebalance(group, cause, now, draft)
    }
    this.#rounds.noteWithoutRound(group, cause)
    draft.append(group.record())
    draft.ifRefused(() => {
      group.replace(member, old)
      this.#context.deadlines.clear(member.session)
      this.#rounds.extendSession(old, now)
    })
    const mayLead = version >= JOIN_WITHOUT_ASSIGNING
    draft.reply(ticket, 'JoinGroup', {
      ...group.joinAnswer(member, { ticket, version }),
      // Before there was a way to say that it need not assign, it is told that somebody else leads.
      ...(mayLead ? { skipAssignment: group.leader === memberId } : { leader: leaderBefore ?? '', members: [] }),
    })
  }

  sync({ body }: GroupRequestOf<'SyncGroup'>, ticket: Ticket, now: Now, draft: DecisionDraft): void {
    const { memberId, groupInstanceId, generationId, assignments } = body
    const group = this.find(body.groupId)
    const refuse = (error: ErrorName): void =>
      draft.reply(ticket, 'SyncGroup', { errorCode: ErrorCode[error], assignment: NO_BYTES })
    if (!isGroupId(body.groupId)) return refuse('INVALID_GROUP_ID')
    if (group === undefined || group.isEmpty) return refuse('UNKNOWN_MEMBER_ID')
    const refused = group.refusesMember(memberId, groupInstanceId) ?? syncRefusal(group, body, generationId)
    const member = group.members.get(memberId)
    if (refused !== undefined || member === undefined) return refuse(refused ?? 'UNKNOWN_MEMBER_ID')
    this.#rounds.synced(group, memberId)
    if (group.state === 'Stable') {
      const { protocolType, protocol } = group
      // As for who waited. Kafka 4 has dropped that (Kafka 3 did it): who is late and just told what is its own may be out before its first heartbeat.
      this.#rounds.extendSession(member, now)
      draft.reply(ticket, 'SyncGroup', {
        errorCode: 0,
        protocolType,
        protocolName: protocol,
        assignment: member.assignment,
      })
      return
    }
    answerSync(member, 'REBALANCE_IN_PROGRESS', draft)
    member.syncing = ticket
    if (group.leader !== memberId) return
    const byMember = new Map(assignments.map(({ memberId: id, assignment }) => [id, new Uint8Array(assignment)]))
    this.#rounds.assign(group, byMember, now, draft)
  }

  heartbeat({ body }: GroupRequestOf<'Heartbeat'>, ticket: Ticket, now: Now, draft: DecisionDraft): void {
    const error = this.#heard(body, now)
    draft.reply(ticket, 'Heartbeat', { errorCode: ErrorCode[error] })
  }

  #heard({ groupId, memberId, groupInstanceId, generationId }: RequestOf<'Heartbeat'>, now: Now): ErrorName {
    if (!isGroupId(groupId)) return 'INVALID_GROUP_ID'
    const group = this.find(groupId)
    if (group === undefined) return 'UNKNOWN_MEMBER_ID'
    const refused = group.refusesMember(memberId, groupInstanceId)
    if (refused !== undefined) return refused
    if (generationId !== group.generation) return 'ILLEGAL_GENERATION'
    this.#rounds.extendSession(group.members.get(memberId)!, now)
    return group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE'
  }

  leave({ body, version }: GroupRequestOf<'LeaveGroup'>, ticket: Ticket, now: Now, draft: DecisionDraft): void {
    if (!isGroupId(body.groupId)) {
      return draft.reply(ticket, 'LeaveGroup', { errorCode: ErrorCode.INVALID_GROUP_ID, members: [] })
    }
    const group = this.find(body.groupId)
    const alone = { memberId: body.memberId, groupInstanceId: null, reason: null }
    const leaving = version < 3 ? [alone] : body.members
    const members: LeaveAnswer[] = []
    const gone: RebalanceCause[] = []
    for (const { memberId, groupInstanceId, reason } of leaving) {
      const left = group === undefined ? 'UNKNOWN_MEMBER_ID' : this.#leave(group, memberId, groupInstanceId, draft)
      if (typeof left === 'object') gone.push(causeOf('left', left, now, reason))
      const error = typeof left === 'string' ? left : 'NONE'
      members.push({ memberId, groupInstanceId, errorCode: ErrorCode[error] })
    }
    const errorCode = version < 3 ? members[0]!.errorCode : 0
    draft.reply(ticket, 'LeaveGroup', { errorCode, members: version < 3 ? [] : members })
    if (group === undefined) return
    this.#rounds.rebalanceForAll(group, gone, now, draft)
    this.#rounds.joinOnIfAllAreThere(group, now, draft)
    this.#rounds.forgetIfNothing(group)
  }

  /** The member that it was; undefined: it had only been given an id. */
  #leave(
    group: ClassicGroup,
    memberId: string,
    groupInstanceId: string | null,
    draft: DecisionDraft,
  ): ClassicMember | undefined | ErrorName {
    if (memberId !== '' && this.#rounds.dropPending(group, memberId)) return undefined
    // Who administers the group may name a static member without knowing its id.
    const id = memberId === '' && groupInstanceId !== null ? group.staticMembers.get(groupInstanceId) : memberId
    if (id === undefined) return 'UNKNOWN_MEMBER_ID'
    const refused = group.refusesMember(id, groupInstanceId)
    const member = group.members.get(id)
    if (refused !== undefined || member === undefined) return refused ?? 'UNKNOWN_MEMBER_ID'
    this.#rounds.removeMember(group, member, draft)
    return member
  }

  apply(record: GroupRecord): boolean {
    if (record.type !== 'GroupMetadata') return false
    this.#apply(record)
    return true
  }

  #apply({ key, value }: GroupRecordOf<'GroupMetadata'>): void {
    const { groups } = this.#context
    const known = this.find(key.group)
    if (value === null) {
      if (known !== undefined) groups.delete(key.group)
      return
    }
    const group = known ?? this.#rounds.newGroup(key.group, value.currentStateTimestamp)
    groups.set(key.group, group)
    group.take(value, this.#isLoaded, (stored) => this.#storedMember(group, stored))
  }

  #storedMember(group: ClassicGroup, stored: StoredMember): ClassicMember {
    const { memberId, groupInstanceId, clientId, clientHost, sessionTimeout, rebalanceTimeout } = stored
    return {
      memberId,
      groupInstanceId,
      clientId,
      clientHost,
      sessionTimeoutMs: sessionTimeout,
      rebalanceTimeoutMs: rebalanceTimeout === -1 ? sessionTimeout : rebalanceTimeout,
      protocols: [{ name: stored.protocol, metadata: new Uint8Array(stored.subscription) }],
      assignment: NO_BYTES,
      joining: undefined,
      syncing: undefined,
      isNew: false,
      session: this.#rounds.newSession(group, memberId),
    }
  }

  loaded(now: Now, draft: DecisionDraft): void {
    const maxSize = this.#context.settings()['group.max.size']
    this.#isLoaded = true
    for (const group of this.#context.groups.values()) {
      if (!(group instanceof ClassicGroup)) continue
      for (const member of group.members.values()) this.#rounds.extendSession(member, now)
      const cause = group.members.size > maxSize ? 'group too large' : group.awaitsRound ? 'converted' : undefined
      if (cause !== undefined) this.#rounds.beginRound(group, causeOf(cause, undefined, now), now, draft)
    }
  }

  /** Members look after the topics themselves. */
  metadataChanged(): void {}

  /** A group that has only committed: of offsets without members. */
  foundSimple(groupId: string, wallMs: number): void {
    this.#context.groups.set(groupId, this.#rounds.newGroup(groupId, wallMs))
  }

  #newMemberId(name: string): string {
    // A pair of surrogates that is cut through is none, and would be another character in an answer.
    const prefix = name.slice(0, NAME_IN_MEMBER_ID).toWellFormed()
    const bytes = this.#context.random.bytes(16)
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    const hex = Buffer.from(bytes).toString('hex')
    return `${prefix}-${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }
}

function syncRefusal(group: ClassicGroup, body: RequestOf<'SyncGroup'>, generationId: number): ErrorName | undefined {
  if (generationId !== group.generation) return 'ILLEGAL_GENERATION'
  const { protocolType, protocolName } = body
  if (protocolType !== null && protocolType !== group.protocolType) return 'INCONSISTENT_GROUP_PROTOCOL'
  // Kafka looks at the name first. But in a consumer group each was told the one that it likes best, which need not be that of the group that it has become meanwhile: clients would give up.
  if (group.state === 'PreparingRebalance' || group.awaitsRound) return 'REBALANCE_IN_PROGRESS'
  const isOther = protocolName !== null && group.protocol !== null && protocolName !== group.protocol
  return isOther ? 'INCONSISTENT_GROUP_PROTOCOL' : undefined
}
