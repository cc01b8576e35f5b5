/**
 * Heartbeats: what a member of a consumer group says with ConsumerGroupHeartbeat, and what it is told: it joins with epoch 0, leaves with -1, goes for a while
 * with -2 (a static member), and otherwise says that it is there, what it has, and what it wants if that has changed (KIP-848).
 */
import { ErrorCode } from '../../../protocol/errors.js'
import type { Now, Ticket } from '../../shard.js'
import type { DecisionDraft } from '../decision-draft.js'
import type { GroupClient, GroupRequestOf, RequestOf } from '../group-requests.js'
import type { ConsumerGroup } from './consumer-group.js'
import { type ConsumerMember, LEAVING_EPOCH, LEAVING_STATIC_EPOCH, newMember, sortedNames } from './consumer-member.js'
import type { ConsumerSettings } from './consumer-settings.js'
import type { Fencing } from './fencing.js'
import { GroupChange } from './group-change.js'
import { GroupRefusal, noMember } from './group-refusal.js'
import type { GroupSteps } from './group-steps.js'
import {
  isWithin,
  NO_PARTITIONS,
  type PartitionSet,
  partitionSet,
  samePartitions,
  topicPartitions,
} from './partition-sets.js'

type Body = RequestOf<'ConsumerGroupHeartbeat'>

/** From here on members choose their ids themselves (KIP-1082). */
const CLIENTS_CHOOSE_IDS = 1
/** What stands in the key of a record. */
const LONGEST_ID_BYTES = 32_767

/** Who waits for what others have comes again no sooner, and when it has waited so many times longer than that, later. */
const SOONEST_AGAIN_MS = 1000
const WAITED_OF_AN_INTERVAL = 4

/** Finds the group of a request, or makes one: by a conversion, if a classic group has the name. */
export interface GroupFinder {
  /** An existing one. */
  find(groupId: string): ConsumerGroup | undefined
  /** For who joins. What it takes to make it stands in the draft. */
  findOrMake(groupId: string, now: Now, draft: DecisionDraft): GroupChange | GroupRefusal
  newMemberId(): string
}

export class Heartbeats {
  readonly #settings: ConsumerSettings
  readonly #steps: GroupSteps
  readonly #fencing: Fencing
  readonly #finder: GroupFinder

  constructor(settings: ConsumerSettings, steps: GroupSteps, fencing: Fencing, finder: GroupFinder) {
    this.#settings = settings
    this.#steps = steps
    this.#fencing = fencing
    this.#finder = finder
  }

  answer(request: GroupRequestOf<'ConsumerGroupHeartbeat'>, ticket: Ticket, now: Now, draft: DecisionDraft): void {
    const { body, version, client } = request
    const refused = this.#refuses(body, version) ?? this.#answer(body, client, ticket, now, draft)
    if (refused === undefined) return
    draft.reply(ticket, 'ConsumerGroupHeartbeat', {
      throttleTimeMs: 0,
      errorCode: ErrorCode[refused.error],
      errorMessage: refused.message,
      memberEpoch: 0,
      heartbeatIntervalMs: 0,
    })
  }

  #answer(body: Body, client: GroupClient, ticket: Ticket, now: Now, draft: DecisionDraft): GroupRefusal | undefined {
    switch (body.memberEpoch) {
      case LEAVING_EPOCH:
      case LEAVING_STATIC_EPOCH:
        return this.#leave(body, ticket, now, draft)
      default:
        return this.#beat(body, client, ticket, now, draft)
    }
  }

  // What is wrong with a request, whatever the group

  #refuses(body: Body, version: number): GroupRefusal | undefined {
    const { memberEpoch, memberId, serverAssignor, subscribedTopicRegex } = body
    const isChosen = version >= CLIENTS_CHOOSE_IDS || memberEpoch !== 0
    if (isChosen && isBlank(memberId)) return invalid("MemberId can't be empty.")
    if (isBlank(body.groupId)) return invalid("GroupId can't be empty.")
    if (isBlank(body.instanceId)) return invalid("InstanceId can't be empty.")
    if (isBlank(body.rackId)) return invalid("RackId can't be empty.")
    if ([memberId, body.groupId].some((id) => Buffer.byteLength(id) > LONGEST_ID_BYTES)) {
      return invalid('GroupId or MemberId is too long.')
    }
    if (memberEpoch === 0) {
      if (body.rebalanceTimeoutMs === -1) return invalid('RebalanceTimeoutMs must be provided in first request.')
      if (body.topicPartitions?.length !== 0) return invalid('TopicPartitions must be empty when (re-)joining.')
      if (body.subscribedTopicNames === null && subscribedTopicRegex === null) {
        return invalid('Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.')
      }
    } else if (memberEpoch === LEAVING_STATIC_EPOCH) {
      if (body.instanceId === null) return invalid("InstanceId can't be null.")
    } else if (memberEpoch < LEAVING_STATIC_EPOCH) return invalid('MemberEpoch is invalid.')
    const { assignors } = this.#settings
    if (serverAssignor !== null && !assignors.has(serverAssignor)) {
      const supported = [...assignors.keys()].join(', ')
      const sentence = `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${supported}.`
      return new GroupRefusal('UNSUPPORTED_ASSIGNOR', sentence)
    }
    return undefined
  }

  // Joining, and being there

  #beat(body: Body, client: GroupClient, ticket: Ticket, now: Now, draft: DecisionDraft): GroupRefusal | undefined {
    const { groupId, memberEpoch } = body
    const joins = memberEpoch === 0
    const known = this.#finder.find(groupId)
    const wrong = this.#refusesExpression(body, known)
    if (wrong !== undefined) return wrong
    if (!joins && known === undefined) return new GroupRefusal('GROUP_ID_NOT_FOUND', `Group ${groupId} not found`)
    if (known !== undefined) {
      const refused = this.#refusesMember(known, body)
      if (refused !== undefined) return refused
    }
    const change = known === undefined ? this.#finder.findOrMake(groupId, now, draft) : new GroupChange(known, draft)
    if (change instanceof GroupRefusal) return change
    const memberId = body.memberId === '' ? this.#finder.newMemberId() : body.memberId
    const { member, before } = this.#memberOf(change, memberId, body)
    const wanted = wishesFrom(member, body, client)
    const owned = body.topicPartitions === null ? undefined : partitionSet(body.topicPartitions)
    const next = this.#steps.advance(change, wanted, before, owned, now)
    const { memory } = change.group
    memory.set(memberId, 'session', now.monotonicMs + this.#settings.sessionTimeoutMs(groupId))
    // It may have spoken the classic protocol until now.
    memory.clear(memberId, 'join')
    memory.clear(memberId, 'sync')
    const isFull =
      joins || (body.rebalanceTimeoutMs !== -1 && body.subscribedTopicNames !== null && owned !== undefined)
    draft.reply(ticket, 'ConsumerGroupHeartbeat', {
      throttleTimeMs: 0,
      errorCode: 0,
      memberId,
      memberEpoch: next.epoch,
      heartbeatIntervalMs: this.#intervalMs(change.group, next, now),
      assignment:
        isFull || before === undefined || !samePartitions(before.assigned, next.assigned)
          ? { topicPartitions: topicPartitions(next.assigned) }
          : null,
    })
    return undefined
  }

  /**
   * Who waits for what others have is to come again soon: at the usual interval it would mostly find out a whole one later. Where they take their time it comes
   * less and less often.
   */
  #intervalMs({ groupId, memory }: ConsumerGroup, { memberId, state }: ConsumerMember, now: Now): number {
    const usualMs = this.#settings.heartbeatIntervalMs(groupId)
    if (state !== 'unreleased partitions') {
      memory.waitsNoMore(memberId)
      return usualMs
    }
    const waitedMs = memory.waitedMs(memberId, now.monotonicMs)
    return Math.min(usualMs, Math.max(SOONEST_AGAIN_MS, Math.floor(waitedMs / WAITED_OF_AN_INTERVAL)))
  }

  /** One that the group has already was looked at when it came. */
  #refusesExpression(
    { subscribedTopicRegex: expression }: Body,
    group: ConsumerGroup | undefined,
  ): GroupRefusal | undefined {
    if (expression === null || expression === '' || group?.expressions.has(expression) === true) return undefined
    const wrong = this.#steps.refusesExpression(expression)
    if (wrong === undefined) return undefined
    const sentence = `SubscribedTopicRegex \`${expression}\` is not a valid regular expression: ${wrong}.`
    return new GroupRefusal('INVALID_REGULAR_EXPRESSION', sentence)
  }

  /** Before anything is changed. */
  #refusesMember(group: ConsumerGroup, body: Body): GroupRefusal | undefined {
    const { groupId, memberId, memberEpoch, instanceId } = body
    const joins = memberEpoch === 0
    if (group.memberCount >= this.#settings.maxSize && !group.members.has(memberId)) {
      const sentence = `The consumer group has reached its maximum capacity of ${this.#settings.maxSize} members.`
      if (instanceId === null || group.staticMember(instanceId) === undefined) {
        return new GroupRefusal('GROUP_MAX_SIZE_REACHED', sentence)
      }
    }
    if (instanceId !== null) {
      const holder = group.staticMember(instanceId)
      if (!joins) return this.#refusesStatic(holder, body) ?? refusesEpoch(holder!, body)
      if (holder === undefined) return undefined
      if (holder.memberId === memberId && holder.epoch !== LEAVING_STATIC_EPOCH) return refusesEpoch(holder, body)
      if (holder.classic === null && holder.epoch !== LEAVING_STATIC_EPOCH) {
        const sentence = `Static member ${memberId} with instance id ${instanceId} cannot join the group because the instance id is owned by ${holder.memberId} member.`
        return new GroupRefusal('UNRELEASED_INSTANCE_ID', sentence)
      }
      return undefined
    }
    const member = group.members.get(memberId)
    if (member === undefined) return joins ? undefined : noMember(memberId, groupId)
    return refusesEpoch(member, body)
  }

  #refusesStatic(holder: ConsumerMember | undefined, { memberId, instanceId }: Body): GroupRefusal | undefined {
    if (holder === undefined) return new GroupRefusal('UNKNOWN_MEMBER_ID', `Instance id ${instanceId} is unknown.`)
    if (holder.memberId === memberId) return undefined
    const sentence = `Static member ${memberId} with instance id ${instanceId} was fenced by member ${holder.memberId}.`
    return new GroupRefusal('FENCED_INSTANCE_ID', sentence)
  }

  /** The member to go on with, and what it was; undefined: it is new. Who comes back under an instance id takes the place of who had it. */
  #memberOf(
    change: GroupChange,
    memberId: string,
    { instanceId, memberEpoch }: Body,
  ): { member: ConsumerMember; before: ConsumerMember | undefined } {
    const holder = change.group.staticMember(instanceId)
    if (memberEpoch === 0 && holder !== undefined && (holder.memberId !== memberId || holder.epoch < 0)) {
      const member = { ...holder, memberId, epoch: 0, previousEpoch: 0 }
      change.replaceMember(holder, member)
      return { member, before: member }
    }
    const known = change.member(memberId)
    return { member: known ?? newMember(memberId), before: known }
  }

  // Leaving

  #leave(body: Body, ticket: Ticket, now: Now, draft: DecisionDraft): GroupRefusal | undefined {
    const { groupId, memberId, instanceId, memberEpoch } = body
    const group = this.#finder.find(groupId)
    if (group === undefined) return new GroupRefusal('GROUP_ID_NOT_FOUND', `Group ${groupId} not found`)
    const member = instanceId === null ? group.members.get(memberId) : group.staticMember(instanceId)
    if (instanceId !== null) {
      const refused = this.#refusesStatic(member, body)
      if (refused !== undefined) return refused
    }
    if (member === undefined) return noMember(memberId, groupId)
    const change = new GroupChange(group, draft)
    if (memberEpoch === LEAVING_STATIC_EPOCH) {
      // Its place is kept until its session is over.
      change.putCurrent({ ...member, epoch: LEAVING_STATIC_EPOCH, revoking: NO_PARTITIONS })
      group.memory.clear(memberId, 'rebalance')
    } else {
      const again = (after: DecisionDraft): unknown => this.#leave(body, ticket, now, after)
      this.#fencing.fence(change, [{ member, reason: 'left' }], now, again)
    }
    draft.reply(ticket, 'ConsumerGroupHeartbeat', {
      throttleTimeMs: 0,
      errorCode: 0,
      memberId,
      memberEpoch,
      heartbeatIntervalMs: 0,
    })
    return undefined
  }
}

function invalid(message: string): GroupRefusal {
  return new GroupRefusal('INVALID_REQUEST', message)
}

function isBlank(text: string | null): boolean {
  return text !== null && text.trim() === ''
}

/** The answer that has brought it to its epoch may have been lost: then it comes with the one before, and has nothing that it should not have. Who joins again has nothing. */
function refusesEpoch(member: ConsumerMember, { memberEpoch, topicPartitions: has }: Body): GroupRefusal | undefined {
  const owned: PartitionSet | undefined = has === null ? undefined : partitionSet(has)
  if (member.state === 'unknown' && (owned === undefined || owned.size > 0)) {
    return fenced('The consumer group member is in a unknown state.')
  }
  if (memberEpoch === 0 || memberEpoch === member.epoch) return undefined
  if (memberEpoch > member.epoch) {
    return fenced(
      `The consumer group member has a greater member epoch (${memberEpoch}) than the one known by the group coordinator (${member.epoch}).`,
    )
  }
  if (memberEpoch === member.previousEpoch && owned !== undefined && isWithin(owned, member.assigned)) return undefined
  return fenced(
    `The consumer group member has a smaller member epoch (${memberEpoch}) than the one known by the group coordinator (${member.epoch}).`,
  )
}

function fenced(sentence: string): GroupRefusal {
  return new GroupRefusal('FENCED_MEMBER_EPOCH', `${sentence} The member must abandon all its partitions and rejoin.`)
}

/** What is not said stays as it is. */
function wishesFrom(member: ConsumerMember, body: Body, client: GroupClient): ConsumerMember {
  return {
    ...member,
    instanceId: body.instanceId ?? member.instanceId,
    rackId: body.rackId ?? member.rackId,
    rebalanceTimeoutMs: body.rebalanceTimeoutMs === -1 ? member.rebalanceTimeoutMs : body.rebalanceTimeoutMs,
    assignor: body.serverAssignor ?? member.assignor,
    subscribedTopics:
      body.subscribedTopicNames === null ? member.subscribedTopics : sortedNames(body.subscribedTopicNames),
    subscribedExpression: body.subscribedTopicRegex ?? member.subscribedExpression,
    clientId: client.clientId,
    clientHost: client.host,
    classic: null,
  }
}
