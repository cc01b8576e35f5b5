/**
 * ConsumerGroups: the kind of groups that KIP-848 has brought. The coordinator makes the assignment itself, in steps that each member goes alone; members
 * say with one request that they are there, what they want and what they have, and are answered with what they are to have.
 */
import type { MetadataDelta } from '../../../metadata/delta.js'
import type { MetadataImage } from '../../../metadata/image.js'
import { ErrorCode } from '../../../protocol/errors.js'
import type { Now, Ticket } from '../../shard.js'
import { ClassicGroup } from '../classic-group.js'
import { NO_BYTES } from '../classic-member.js'
import { joinRefusal } from '../classic-rounds.js'
import { Deadline } from '../deadlines.js'
import type { DecisionDraft } from '../decision-draft.js'
import type { ConsumerAnswers, DescribedConsumerGroup, GroupContext, GroupKind } from '../group.js'
import type { GroupRecord } from '../group-records.js'
import type { GroupRequestOf } from '../group-requests.js'
import { ClassicMembers } from './classic-members.js'
import { ConsumerGroup } from './consumer-group.js'
import { applyConsumerRecord } from './consumer-records.js'
import { ConsumerSettings } from './consumer-settings.js'
import { describeConsumerGroup } from './descriptions.js'
import { Downgrade } from './downgrade.js'
import { Fencing } from './fencing.js'
import { GroupChange } from './group-change.js'
import { GroupMemory } from './group-memory.js'
import { type GroupRefusal, noGroup } from './group-refusal.js'
import { GroupSteps } from './group-steps.js'
import { Heartbeats } from './heartbeats.js'
import { Upgrade } from './upgrade.js'

export class ConsumerGroups implements GroupKind, ConsumerAnswers {
  readonly type = 'consumer'
  readonly #context: GroupContext
  readonly #settings: ConsumerSettings
  readonly #steps: GroupSteps
  readonly #fencing: Fencing
  readonly #heartbeats: Heartbeats
  readonly #classicMembers: ClassicMembers
  readonly #upgrade: Upgrade
  /** By group id. */
  readonly #memories = new Map<string, GroupMemory>()

  constructor(context: GroupContext) {
    this.#context = context
    this.#settings = new ConsumerSettings(context)
    this.#steps = new GroupSteps(context, this.#settings)
    const downgrade = new Downgrade(context, this.#settings)
    this.#fencing = new Fencing(context, this.#steps, downgrade)
    this.#upgrade = new Upgrade(context, this.#settings)
    const newMemberId = (): string => this.#newMemberId()
    this.#classicMembers = new ClassicMembers(context, this.#settings, this.#steps, downgrade, newMemberId)
    this.#heartbeats = new Heartbeats(this.#settings, this.#steps, this.#fencing, {
      find: (groupId) => this.find(groupId),
      findOrMake: (groupId, now, draft) => this.#findOrMake(groupId, now, draft),
      newMemberId,
    })
  }

  /** The group of this id, if it is a consumer group. */
  find(groupId: string): ConsumerGroup | undefined {
    const group = this.#context.groups.get(groupId)
    return group instanceof ConsumerGroup ? group : undefined
  }

  consumerHeartbeat(
    request: GroupRequestOf<'ConsumerGroupHeartbeat'>,
    ticket: Ticket,
    now: Now,
    draft: DecisionDraft,
  ): void {
    this.#heartbeats.answer(request, ticket, now, draft)
  }

  describe(groupId: string): DescribedConsumerGroup {
    const group = this.find(groupId)
    const assignor = group === undefined ? '' : this.#steps.preferredAssignor(group.members.values())
    return describeConsumerGroup(groupId, group, assignor, this.#context.image())
  }

  // Members that speak the classic protocol

  join(request: GroupRequestOf<'JoinGroup'>, ticket: Ticket, now: Now, draft: DecisionDraft): void {
    const group = this.find(request.body.groupId)
    if (group !== undefined) return this.#classicMembers.join(group, request, ticket, now, draft)
    draft.reply(ticket, 'JoinGroup', joinRefusal('UNKNOWN_MEMBER_ID', request.body.memberId))
  }

  sync(request: GroupRequestOf<'SyncGroup'>, ticket: Ticket, now: Now, draft: DecisionDraft): void {
    const group = this.find(request.body.groupId)
    if (group !== undefined) return this.#classicMembers.sync(group, request, ticket, now, draft)
    draft.reply(ticket, 'SyncGroup', { errorCode: ErrorCode.UNKNOWN_MEMBER_ID, assignment: NO_BYTES })
  }

  heartbeat(request: GroupRequestOf<'Heartbeat'>, ticket: Ticket, now: Now, draft: DecisionDraft): void {
    const group = this.find(request.body.groupId)
    if (group !== undefined) return this.#classicMembers.heartbeat(group, request, ticket, now, draft)
    draft.reply(ticket, 'Heartbeat', { errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  }

  leave(request: GroupRequestOf<'LeaveGroup'>, ticket: Ticket, now: Now, draft: DecisionDraft): void {
    const group = this.find(request.body.groupId)
    if (group !== undefined) return this.#classicMembers.leave(group, request, ticket, now, draft)
    draft.reply(ticket, 'LeaveGroup', { errorCode: ErrorCode.UNKNOWN_MEMBER_ID, members: [] })
  }

  // The log, and what happens by itself

  apply(record: GroupRecord): boolean {
    const isOurs = applyConsumerRecord(record, this.#context, (groupId) => {
      return new ConsumerGroup(groupId, this.#memoryOf(groupId))
    })
    if (record.type === 'ConsumerGroupMetadata' && record.value === null) this.#memories.delete(record.key.groupId)
    return isOurs
  }

  loaded(now: Now): void {
    this.#steps.newTopicsVersion = this.#context.image().offset
    for (const group of this.#context.groups.values()) {
      if (!(group instanceof ConsumerGroup)) continue
      const sessionMs = this.#settings.sessionTimeoutMs(group.groupId)
      for (const member of group.members.values()) {
        const { memberId, classic, state, rebalanceTimeoutMs } = member
        group.memory.set(memberId, 'session', now.monotonicMs + (classic?.sessionTimeoutMs ?? sessionMs))
        if (state !== 'unrevoked partitions' || classic !== null) continue
        group.memory.set(memberId, 'rebalance', now.monotonicMs + rebalanceTimeoutMs)
      }
    }
  }

  /** Groups look at it when they next hear of a member: so it is one rebalance, whatever has changed. */
  metadataChanged(delta: MetadataDelta | undefined): void {
    const image = this.#context.image()
    if (delta === undefined || hasNewTopics(delta)) this.#steps.newTopicsVersion = image.offset
    const changed = delta === undefined || delta.changedBrokers.size > 0 ? undefined : changedTopics(delta, image)
    if (changed?.size === 0) return
    for (const group of this.#context.groups.values()) {
      if (!(group instanceof ConsumerGroup)) continue
      if (changed === undefined || [...changed].some((name) => group.isSubscribedTo(name))) {
        group.memory.isRefreshWanted = true
      }
    }
  }

  // Groups

  /** A group of the other kind that is empty makes room; one that is not is converted. */
  #findOrMake(groupId: string, now: Now, draft: DecisionDraft): GroupChange | GroupRefusal {
    const known = this.#context.groups.get(groupId)
    const isNew = !this.#memories.has(groupId)
    const memory = this.#memoryOf(groupId)
    draft.ifRefused(() => {
      if (isNew && this.find(groupId) === undefined) this.#forget(groupId)
    })
    if (known instanceof ClassicGroup && !known.isEmpty) {
      const converted = this.#upgrade.convert(known, memory, now, draft)
      if (isNew && !(converted instanceof GroupChange)) this.#forget(groupId)
      return converted
    }
    if (known !== undefined && !(known instanceof ClassicGroup)) return noGroup(groupId)
    if (known?.isStored === true) draft.appendAll(known.tombstones())
    return new GroupChange(new ConsumerGroup(groupId, memory), draft)
  }

  #memoryOf(groupId: string): GroupMemory {
    const known = this.#memories.get(groupId)
    if (known !== undefined) return known
    const check = new Deadline((now, draft) => this.#fencing.fenceLate(groupId, now, draft))
    const memory = new GroupMemory(this.#context.deadlines, check)
    this.#memories.set(groupId, memory)
    return memory
  }

  #forget(groupId: string): void {
    this.#memories.get(groupId)?.forgetAll()
    this.#memories.delete(groupId)
  }

  /** As Kafka's: a UUID in its short form. */
  #newMemberId(): string {
    const bytes = this.#context.random.bytes(16)
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    return Buffer.from(bytes).toString('base64url')
  }
}

function hasNewTopics(delta: MetadataDelta): boolean {
  for (const topicId of delta.changedPartitions.keys()) if (!delta.base.topicsById.has(topicId)) return true
  return false
}

function changedTopics(delta: MetadataDelta, image: MetadataImage): Set<string> {
  const names = new Set<string>()
  for (const { name } of delta.removedTopics.values()) names.add(name)
  for (const topicId of delta.changedPartitions.keys()) {
    const name = (image.topicsById.get(topicId) ?? delta.base.topicsById.get(topicId))?.name
    if (name !== undefined) names.add(name)
  }
  return names
}
