/**
 * GroupChange: what one decision makes of a consumer group, before it stands in the log. It is asked as the group would be when all records so far were
 * applied, and each change is a record.
 */
import type { Uuid } from '../../../base/uuid.js'
import type { DecisionDraft } from '../decision-draft.js'
import type { GroupRecord } from '../group-records.js'
import { type ConsumerGroup, countExpression, countTopics, type ResolvedExpression } from './consumer-group.js'
import {
  type ConsumerMember,
  currentRecord,
  expressionOf,
  isReconciled,
  sameCurrent,
  sameWishes,
  wishesRecord,
} from './consumer-member.js'
import { NO_PARTITIONS, type PartitionSet, samePartitions, topicPartitions } from './partition-sets.js'

export class GroupChange {
  readonly group: ConsumerGroup
  readonly draft: DecisionDraft
  #epoch: number
  #targetEpoch: number
  #metadataHash: number
  /** Undefined: it is gone. */
  readonly #members = new Map<string, ConsumerMember | undefined>()
  readonly #expressions = new Map<string, ResolvedExpression | undefined>()
  readonly #targets = new Map<string, PartitionSet | undefined>()

  constructor(group: ConsumerGroup, draft: DecisionDraft) {
    this.group = group
    this.draft = draft
    this.#epoch = group.epoch
    this.#targetEpoch = group.targetEpoch
    this.#metadataHash = group.metadataHash
  }

  get groupId(): string {
    return this.group.groupId
  }

  get epoch(): number {
    return this.#epoch
  }

  get targetEpoch(): number {
    return this.#targetEpoch
  }

  get metadataHash(): number {
    return this.#metadataHash
  }

  member(memberId: string): ConsumerMember | undefined {
    return this.#members.has(memberId) ? this.#members.get(memberId) : this.group.members.get(memberId)
  }

  *members(): Generator<ConsumerMember> {
    for (const member of this.group.members.values()) if (!this.#members.has(member.memberId)) yield member
    for (const member of this.#members.values()) if (member !== undefined) yield member
  }

  get memberCount(): number {
    let count = this.group.members.size
    for (const [memberId, member] of this.#members) {
      if (this.group.members.has(memberId)) count -= member === undefined ? 1 : 0
      else count += member === undefined ? 0 : 1
    }
    return count
  }

  /** Whether everybody has what it should have. */
  get isSettled(): boolean {
    if (this.#epoch > this.#targetEpoch) return false
    for (const member of this.members()) if (!isReconciled(member, this.#targetEpoch)) return false
    return true
  }

  target(memberId: string): PartitionSet {
    return (
      (this.#targets.has(memberId) ? this.#targets.get(memberId) : this.group.targets.get(memberId)) ?? NO_PARTITIONS
    )
  }

  expression(expression: string): ResolvedExpression | undefined {
    return this.#expressions.has(expression)
      ? this.#expressions.get(expression)
      : this.group.expressions.get(expression)
  }

  /** Those that members are subscribed to. */
  subscribedExpressions(): Set<string> {
    const counts = new Map(this.group.subscribedExpressions)
    for (const [before, member] of this.#changed()) {
      if (before !== undefined) countExpression(counts, before, -1)
      if (member !== undefined) countExpression(counts, member, 1)
    }
    return new Set(counts.keys())
  }

  /** Also of those that are not there. */
  subscribedTopics(): Set<string> {
    const counts = new Map(this.group.namedTopics)
    for (const [before, member] of this.#changed()) {
      if (before !== undefined) countTopics(counts, before, -1)
      if (member !== undefined) countTopics(counts, member, 1)
    }
    const topics = new Set(counts.keys())
    for (const expression of this.subscribedExpressions()) {
      for (const topic of this.expression(expression)?.topics ?? []) topics.add(topic)
    }
    return topics
  }

  /** Each member as it was and as it is; undefined: not there. */
  *#changed(): Generator<readonly [before: ConsumerMember | undefined, member: ConsumerMember | undefined]> {
    for (const [memberId, member] of this.#members) yield [this.group.members.get(memberId), member]
  }

  topicsOf(member: ConsumerMember): Iterable<string> {
    const matched = this.expression(expressionOf(member))?.topics
    if (matched === undefined) return member.subscribedTopics
    return [...member.subscribedTopics, ...matched]
  }

  /** Whether somebody else than this member has it. As long as it has been given back in this decision alone, it is taken. */
  isTaken(topicId: Uuid, partition: number, memberId: string): boolean {
    const owner = this.group.ownerOf(topicId, partition)
    return owner !== undefined && owner !== memberId
  }

  // Changes

  #append(record: GroupRecord): void {
    this.draft.append(record)
  }

  /** What it wants; a record if that is new. */
  putWishes(member: ConsumerMember): void {
    const before = this.member(member.memberId)
    this.#members.set(member.memberId, member)
    if (before === undefined || !sameWishes(before, member)) this.#append(wishesRecord(this.groupId, member))
  }

  /** How far it has come; a record if that is new. */
  putCurrent(member: ConsumerMember): void {
    const before = this.member(member.memberId)
    this.#members.set(member.memberId, member)
    if (before === undefined || !sameCurrent(before, member)) this.#append(currentRecord(this.groupId, member))
  }

  removeMember(memberId: string): void {
    const key = { groupId: this.groupId, memberId }
    const member = this.member(memberId)
    this.#members.set(memberId, undefined)
    this.#targets.set(memberId, undefined)
    this.#append({ type: 'ConsumerGroupCurrentMemberAssignment', key, value: null })
    this.#append({ type: 'ConsumerGroupTargetAssignmentMember', key, value: null })
    this.#append({ type: 'ConsumerGroupMemberMetadata', key, value: null })
    if (member !== undefined) this.dropExpression(expressionOf(member))
  }

  /** The same static member, mostly under another id: it takes over the target, and what the one before had. */
  replaceMember(old: ConsumerMember, member: ConsumerMember): void {
    const target = this.target(old.memberId)
    // What takes a member away also ends its session.
    if (old.memberId !== member.memberId) {
      const key = { groupId: this.groupId, memberId: old.memberId }
      this.#members.set(old.memberId, undefined)
      this.#targets.set(old.memberId, undefined)
      this.#append({ type: 'ConsumerGroupCurrentMemberAssignment', key, value: null })
      this.#append({ type: 'ConsumerGroupTargetAssignmentMember', key, value: null })
      this.#append({ type: 'ConsumerGroupMemberMetadata', key, value: null })
    }
    this.#members.set(member.memberId, member)
    this.#append(wishesRecord(this.groupId, member))
    this.#appendTarget(member.memberId, target)
    this.#append(currentRecord(this.groupId, member))
  }

  /** If nobody is subscribed to it any more. */
  dropExpression(expression: string): void {
    if (expression === '' || this.expression(expression) === undefined) return
    if (!this.subscribedExpressions().has(expression)) this.putExpression(expression, undefined)
  }

  putExpression(regularExpression: string, resolved: ResolvedExpression | undefined): void {
    this.#expressions.set(regularExpression, resolved)
    this.#append({
      type: 'ConsumerGroupRegularExpression',
      key: { groupId: this.groupId, regularExpression },
      value:
        resolved === undefined
          ? null
          : { topics: [...resolved.topics].sort(), version: resolved.version, timestamp: resolved.timestampMs },
    })
  }

  /** The next epoch of the group. */
  bump(metadataHash: number): void {
    this.#epoch++
    this.#metadataHash = metadataHash
    const value = { epoch: this.#epoch, metadataHash }
    this.#append({ type: 'ConsumerGroupMetadata', key: { groupId: this.groupId }, value })
  }

  /** The target assignment of this epoch; only what is new is written. */
  putTargets(targets: ReadonlyMap<string, PartitionSet>, wallMs: number): void {
    for (const [memberId, target] of targets) {
      const known = this.#targets.has(memberId) ? this.#targets.get(memberId) : this.group.targets.get(memberId)
      if (known === undefined || !samePartitions(known, target)) this.#appendTarget(memberId, target)
    }
    this.#targetEpoch = this.#epoch
    this.#append({
      type: 'ConsumerGroupTargetAssignmentMetadata',
      key: { groupId: this.groupId },
      value: { assignmentEpoch: this.#epoch, assignmentTimestamp: wallMs },
    })
  }

  #appendTarget(memberId: string, target: PartitionSet): void {
    this.#targets.set(memberId, target)
    this.#append({
      type: 'ConsumerGroupTargetAssignmentMember',
      key: { groupId: this.groupId, memberId },
      value: { topicPartitions: topicPartitions(target) },
    })
  }
}
