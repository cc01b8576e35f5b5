/**
 * ClassicMembers: members of a consumer group that speak the classic protocol, while their group is being moved to the new one. JoinGroup takes them a step
 * towards their target assignment, SyncGroup tells them what they have, and Heartbeat when to come again (KIP-848, online upgrade).
 */
import { ErrorCode, type ErrorName } from '../../../protocol/errors.js'
import type { Now, Ticket } from '../../shard.js'
import { NO_BYTES, wishesOf } from '../classic-member.js'
import { joinRefusal } from '../classic-rounds.js'
import type { DecisionDraft } from '../decision-draft.js'
import type { GroupContext } from '../group.js'
import type { GroupRequestOf, RequestOf } from '../group-requests.js'
import type { ConsumerGroup } from './consumer-group.js'
import { type ConsumerMember, newMember, sortedNames } from './consumer-member.js'
import type { ConsumerSettings } from './consumer-settings.js'
import type { Downgrade } from './downgrade.js'
import {
  byTopicId,
  CONSUMER_PROTOCOL,
  decodeSubscription,
  encodeAssignment,
  type Subscription,
} from './embedded-protocol.js'
import type { Leaving } from './fencing.js'
import { GroupChange } from './group-change.js'
import type { GroupSteps } from './group-steps.js'
import { eachPartition, has, type PartitionSet } from './partition-sets.js'

/** From here on a new member is first given its id (KIP-394). */
const JOIN_WITH_KNOWN_ID = 4
/** From here on several members leave with one request (KIP-345). */
const LEAVE_OF_MANY = 3

type JoinBody = RequestOf<'JoinGroup'>

export class ClassicMembers {
  readonly #context: GroupContext
  readonly #settings: ConsumerSettings
  readonly #steps: GroupSteps
  readonly #downgrade: Downgrade
  readonly #newMemberId: () => string

  constructor(
    context: GroupContext,
    settings: ConsumerSettings,
    steps: GroupSteps,
    downgrade: Downgrade,
    newMemberId: () => string,
  ) {
    this.#context = context
    this.#settings = settings
    this.#steps = steps
    this.#downgrade = downgrade
    this.#newMemberId = newMemberId
  }

  join(
    group: ConsumerGroup,
    request: GroupRequestOf<'JoinGroup'>,
    ticket: Ticket,
    now: Now,
    draft: DecisionDraft,
  ): void {
    const { body, version } = request
    const { groupInstanceId } = body
    const refuse = (error: ErrorName, memberId = body.memberId): void =>
      draft.reply(ticket, 'JoinGroup', joinRefusal(error, memberId))
    const subscription = decodeSubscription(body.protocols[0]?.metadata ?? NO_BYTES)
    const owned = byTopicId(subscription?.ownedPartitions ?? [], this.#context.image())
    const refused = this.#refusesJoin(group, body, owned)
    if (refused !== undefined) return refuse(refused, refused === 'GROUP_MAX_SIZE_REACHED' ? '' : body.memberId)
    if (subscription === undefined) return refuse('INCONSISTENT_GROUP_PROTOCOL')
    const memberId = body.memberId === '' ? this.#newMemberId() : body.memberId
    if (body.memberId === '' && groupInstanceId === null && version >= JOIN_WITH_KNOWN_ID) {
      return refuse('MEMBER_ID_REQUIRED', memberId)
    }
    const change = new GroupChange(group, draft)
    const holder = group.staticMember(groupInstanceId)
    const { member, before } = this.#memberOf(change, memberId, holder)
    const wanted = this.#wanted(member, request, subscription)
    const next = this.#steps.advance(change, wanted, before, owned, now)
    const isReplaced = holder !== undefined && holder.memberId !== memberId
    const again = (after: DecisionDraft): void => this.join(group, request, ticket, now, after)
    const converted =
      isReplaced && this.#downgrade.isDue(group, new Set([holder.memberId]))
        ? this.#downgrade.convert(change, new Set([holder.memberId]), next, now, again)
        : undefined
    const { memory } = group
    memory.clear(memberId, 'join')
    memory.set(memberId, 'session', now.monotonicMs + body.sessionTimeoutMs)
    memory.set(memberId, 'sync', now.monotonicMs + next.rebalanceTimeoutMs)
    draft.reply(ticket, 'JoinGroup', {
      errorCode: 0,
      generationId: next.epoch,
      protocolType: CONSUMER_PROTOCOL,
      // It says this again when it asks for its assignment, and of a classic group then.
      protocolName: converted ?? protocolOf(next),
      leader: '',
      skipAssignment: false,
      memberId,
      members: [],
    })
  }

  #refusesJoin(group: ConsumerGroup, body: JoinBody, owned: PartitionSet): ErrorName | undefined {
    const { memberId, groupInstanceId, sessionTimeoutMs } = body
    const settings = this.#context.settings()
    if (
      sessionTimeoutMs < settings['group.min.session.timeout.ms'] ||
      sessionTimeoutMs > settings['group.max.session.timeout.ms']
    ) {
      return 'INVALID_SESSION_TIMEOUT'
    }
    const holder = group.staticMember(groupInstanceId)
    if (group.memberCount >= this.#settings.maxSize && !group.members.has(memberId) && holder === undefined) {
      return 'GROUP_MAX_SIZE_REACHED'
    }
    if (!supports(group, body)) return 'INCONSISTENT_GROUP_PROTOCOL'
    // Whether it may have what it has cannot be told: it is to let go of it, and to join again.
    const isUnclear = (holder ?? group.members.get(memberId))?.state === 'unknown'
    if (isUnclear && owned.size > 0) return 'UNKNOWN_MEMBER_ID'
    if (groupInstanceId === null || memberId === '') return undefined
    if (holder === undefined) return 'UNKNOWN_MEMBER_ID'
    return holder.memberId === memberId ? undefined : 'FENCED_INSTANCE_ID'
  }

  #memberOf(
    change: GroupChange,
    memberId: string,
    holder: ConsumerMember | undefined,
  ): { member: ConsumerMember; before: ConsumerMember | undefined } {
    if (holder !== undefined && holder.memberId !== memberId) {
      const member = { ...holder, memberId, epoch: 0, previousEpoch: 0 }
      change.replaceMember(holder, member)
      return { member, before: member }
    }
    const known = change.member(memberId)
    return { member: known ?? newMember(memberId), before: known }
  }

  #wanted(
    member: ConsumerMember,
    { body, version, client }: GroupRequestOf<'JoinGroup'>,
    subscription: Subscription,
  ): ConsumerMember {
    const { rebalanceTimeoutMs, sessionTimeoutMs, protocols } = wishesOf(body, version)
    return {
      ...member,
      instanceId: body.groupInstanceId ?? member.instanceId,
      rackId: subscription.rackId || member.rackId,
      rebalanceTimeoutMs,
      subscribedTopics: sortedNames(subscription.topics),
      subscribedExpression: null,
      clientId: client.clientId,
      clientHost: client.host,
      classic: { sessionTimeoutMs, protocols },
    }
  }

  sync(
    group: ConsumerGroup,
    { body }: GroupRequestOf<'SyncGroup'>,
    ticket: Ticket,
    now: Now,
    draft: DecisionDraft,
  ): void {
    const { memberId, groupInstanceId, generationId, protocolType, protocolName } = body
    const member = findMember(group, memberId, groupInstanceId)
    const refuse = (error: ErrorName): void =>
      draft.reply(ticket, 'SyncGroup', { errorCode: ErrorCode[error], assignment: NO_BYTES })
    if (typeof member === 'string') return refuse(member)
    if (generationId !== member.epoch) return refuse('ILLEGAL_GENERATION')
    if (protocolType !== null && protocolType !== CONSUMER_PROTOCOL) return refuse('INCONSISTENT_GROUP_PROTOCOL')
    if (protocolName !== null && protocolName !== protocolOf(member)) return refuse('INCONSISTENT_GROUP_PROTOCOL')
    // Who has yet to give back does that first, and comes again then by itself.
    if (group.epoch > member.epoch && member.state !== 'unrevoked partitions') {
      this.#expectJoin(group, member, now)
      return refuse('REBALANCE_IN_PROGRESS')
    }
    const { sessionTimeoutMs, protocols } = member.classic!
    group.memory.clear(memberId, 'sync')
    group.memory.set(memberId, 'session', now.monotonicMs + sessionTimeoutMs)
    draft.reply(ticket, 'SyncGroup', {
      errorCode: 0,
      protocolType,
      protocolName,
      assignment: encodeAssignment(member.assigned, protocols[0]?.metadata ?? NO_BYTES, this.#context.image()),
    })
  }

  heartbeat(
    group: ConsumerGroup,
    { body }: GroupRequestOf<'Heartbeat'>,
    ticket: Ticket,
    now: Now,
    draft: DecisionDraft,
  ): void {
    const member = findMember(group, body.memberId, body.groupInstanceId)
    let error: ErrorName = 'NONE'
    if (typeof member === 'string') error = member
    else if (body.generationId !== member.epoch) error = 'ILLEGAL_GENERATION'
    else {
      group.memory.set(member.memberId, 'session', now.monotonicMs + member.classic!.sessionTimeoutMs)
      if (shouldJoin(group, member)) {
        error = 'REBALANCE_IN_PROGRESS'
        this.#expectJoin(group, member, now)
      }
    }
    draft.reply(ticket, 'Heartbeat', { errorCode: ErrorCode[error] })
  }

  #expectJoin({ memory }: ConsumerGroup, { memberId, rebalanceTimeoutMs }: ConsumerMember, now: Now): void {
    memory.setIfUnset(memberId, 'join', now.monotonicMs + rebalanceTimeoutMs)
  }

  leave(
    group: ConsumerGroup,
    request: GroupRequestOf<'LeaveGroup'>,
    ticket: Ticket,
    now: Now,
    draft: DecisionDraft,
  ): void {
    const { body, version } = request
    const asked = version < LEAVE_OF_MANY ? [{ memberId: body.memberId, groupInstanceId: null }] : body.members
    const leaving = new Map<string, Leaving>()
    const answers = asked.map(({ memberId, groupInstanceId }) => {
      // Who administers the group may name a static member without knowing its id.
      const id = memberId === '' ? (group.staticMember(groupInstanceId)?.memberId ?? '') : memberId
      const member = findMember(group, id, groupInstanceId)
      const error = typeof member === 'string' ? member : leaving.has(id) ? 'UNKNOWN_MEMBER_ID' : 'NONE'
      if (typeof member !== 'string') leaving.set(id, { member, reason: 'left' })
      return { memberId: error === 'NONE' ? id : memberId, groupInstanceId, errorCode: ErrorCode[error] }
    })
    if (leaving.size > 0) this.#steps.remove(new GroupChange(group, draft), [...leaving.values()], now)
    const errorCode = version < LEAVE_OF_MANY ? answers[0]!.errorCode : 0
    draft.reply(ticket, 'LeaveGroup', { errorCode, members: version < LEAVE_OF_MANY ? [] : answers })
  }
}

/** One that speaks the classic protocol; or why it is not. */
function findMember(group: ConsumerGroup, memberId: string, instanceId: string | null): ConsumerMember | ErrorName {
  const member = instanceId === null ? group.members.get(memberId) : group.staticMember(instanceId)
  if (member === undefined) return 'UNKNOWN_MEMBER_ID'
  if (member.memberId !== memberId) return 'FENCED_INSTANCE_ID'
  return member.classic === null ? 'UNKNOWN_MEMBER_ID' : member
}

/** Each answers with the first that it knows itself: nobody assigns by it. */
function protocolOf({ classic }: ConsumerMember): string {
  return classic?.protocols[0]?.name ?? ''
}

/** Whether there is a protocol that all members of the classic protocol know: they may have to go on with it among themselves. */
function supports({ members }: ConsumerGroup, { protocolType, protocols, memberId }: JoinBody): boolean {
  if (protocolType !== CONSUMER_PROTOCOL) return false
  const others = [...members.values()].filter((member) => member.classic !== null && member.memberId !== memberId)
  return protocols.some(({ name }) =>
    others.every(({ classic }) => classic!.protocols.some((protocol) => protocol.name === name)),
  )
}

/** There is a new epoch, it has something to give back, or what it waits for is free. */
function shouldJoin(group: ConsumerGroup, member: ConsumerMember): boolean {
  if (member.epoch < group.epoch || member.state === 'unrevoked partitions') return true
  if (member.state !== 'unreleased partitions') return false
  for (const [topicId, partition] of eachPartition(group.targetOf(member.memberId))) {
    if (!has(member.assigned, topicId, partition) && group.ownerOf(topicId, partition) !== undefined) return false
  }
  return true
}
