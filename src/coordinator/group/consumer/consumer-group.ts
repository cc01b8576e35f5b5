/**
 * ConsumerGroup: a group of KIP-848 as it stands in the log: its epoch, what its members want and have, the target assignment and its epoch, and what
 * regular expressions stand for. Only records change it; what is kept beside the log (who was heard of when) lives in `GroupMemory`.
 */
import type { Uuid } from '../../../base/uuid.js'
import type { ErrorName } from '../../../protocol/errors.js'
import type { CommitClaim, Group, OffsetsUnused } from '../group.js'
import type { GroupRecord } from '../group-records.js'
import { type ConsumerMember, expressionOf, isReconciled } from './consumer-member.js'
import type { GroupMemory } from './group-memory.js'
import { eachPartition, NO_PARTITIONS, type PartitionSet } from './partition-sets.js'

/** From here on OffsetCommit has a member epoch (KIP-848). */
const COMMIT_WITH_EPOCH = 9

/** The topics that a regular expression stood for when it was last looked at. */
export interface ResolvedExpression {
  readonly topics: ReadonlySet<string>
  /** The offset of the metadata. */
  readonly version: number
  /** Wall time. */
  readonly timestampMs: number
}

interface Owner {
  readonly memberId: string
  readonly epoch: number
}

export class ConsumerGroup implements Group {
  readonly type = 'consumer'
  readonly protocolType = 'consumer'
  readonly groupId: string
  readonly memory: GroupMemory
  readonly members = new Map<string, ConsumerMember>()
  /** Member ids by instance id. */
  readonly staticMembers = new Map<string, string>()
  /** By member id. */
  readonly targets = new Map<string, PartitionSet>()
  readonly expressions = new Map<string, ResolvedExpression>()
  epoch = 0
  metadataHash = 0
  /** That of the target assignment. */
  targetEpoch = 0

  readonly #owners = new Map<Uuid, Map<number, Owner>>()
  /** How many members are subscribed to each. */
  readonly #expressionCounts = new Map<string, number>()
  /** How many members name each. */
  readonly #topicCounts = new Map<string, number>()
  #subscribedTopics: Map<string, number> | undefined

  constructor(groupId: string, memory: GroupMemory) {
    this.groupId = groupId
    this.memory = memory
  }

  get isEmpty(): boolean {
    return this.members.size === 0
  }

  get memberCount(): number {
    return this.members.size
  }

  get state(): string {
    if (this.isEmpty) return 'Empty'
    if (this.epoch > this.targetEpoch) return 'Assigning'
    for (const member of this.members.values()) if (!isReconciled(member, this.targetEpoch)) return 'Reconciling'
    return 'Stable'
  }

  staticMember(instanceId: string | null): ConsumerMember | undefined {
    return instanceId === null ? undefined : this.members.get(this.staticMembers.get(instanceId) ?? '')
  }

  targetOf(memberId: string): PartitionSet {
    return this.targets.get(memberId) ?? NO_PARTITIONS
  }

  /** The epoch of who has it or has yet to give it back; undefined: it is free. */
  partitionEpoch(topicId: Uuid, partition: number): number | undefined {
    return this.#owners.get(topicId)?.get(partition)?.epoch
  }

  /** Who has it or has yet to give it back. */
  ownerOf(topicId: Uuid, partition: number): string | undefined {
    return this.#owners.get(topicId)?.get(partition)?.memberId
  }

  /** Topics that are named, with the number of members, and those that expressions stand for. */
  get subscribedTopics(): ReadonlyMap<string, number> {
    if (this.#subscribedTopics !== undefined) return this.#subscribedTopics
    const topics = new Map(this.#topicCounts)
    for (const expression of this.#expressionCounts.keys()) {
      for (const topic of this.expressions.get(expression)?.topics ?? [])
        topics.set(topic, (topics.get(topic) ?? 0) + 1)
    }
    this.#subscribedTopics = topics
    return topics
  }

  /** Those that members name, with how many do. */
  get namedTopics(): ReadonlyMap<string, number> {
    return this.#topicCounts
  }

  /** With the number of members that are subscribed to each. */
  get subscribedExpressions(): ReadonlyMap<string, number> {
    return this.#expressionCounts
  }

  // What records do

  setMember(member: ConsumerMember): void {
    const before = this.members.get(member.memberId)
    if (before !== undefined) {
      this.#release(before)
      if (before.instanceId !== member.instanceId) this.#releaseInstance(before)
    }
    this.members.set(member.memberId, member)
    countExpression(this.#expressionCounts, member, 1)
    countTopics(this.#topicCounts, member, 1)
    if (member.instanceId !== null) this.staticMembers.set(member.instanceId, member.memberId)
    for (const set of [member.assigned, member.revoking]) {
      for (const [topicId, partition] of eachPartition(set)) this.#own(topicId, partition, member)
    }
    this.#subscribedTopics = undefined
  }

  removeMember(memberId: string): void {
    const member = this.members.get(memberId)
    if (member === undefined) return
    this.#release(member)
    this.members.delete(memberId)
    this.#releaseInstance(member)
    this.#subscribedTopics = undefined
  }

  #releaseInstance({ instanceId, memberId }: ConsumerMember): void {
    if (instanceId !== null && this.staticMembers.get(instanceId) === memberId) this.staticMembers.delete(instanceId)
  }

  setExpression(expression: string, resolved: ResolvedExpression | undefined): void {
    if (resolved === undefined) this.expressions.delete(expression)
    else this.expressions.set(expression, resolved)
    this.#subscribedTopics = undefined
  }

  #own(topicId: Uuid, partition: number, { memberId, epoch }: ConsumerMember): void {
    const owners = this.#owners.get(topicId) ?? new Map<number, Owner>()
    this.#owners.set(topicId, owners)
    owners.set(partition, { memberId, epoch })
  }

  /** What somebody else has taken meanwhile stays with that one: where records were compacted away, the last word counts. */
  #release(member: ConsumerMember): void {
    const { memberId, assigned, revoking } = member
    countExpression(this.#expressionCounts, member, -1)
    countTopics(this.#topicCounts, member, -1)
    for (const set of [assigned, revoking]) {
      for (const [topicId, partition] of eachPartition(set)) {
        const owners = this.#owners.get(topicId)
        if (owners?.get(partition)?.memberId !== memberId) continue
        owners.delete(partition)
        if (owners.size === 0) this.#owners.delete(topicId)
      }
    }
  }

  // As a group

  refusesCommit({ memberId, generationIdOrMemberEpoch, version }: CommitClaim): ErrorName | undefined {
    if (generationIdOrMemberEpoch < 0 && this.isEmpty) return undefined
    const member = this.members.get(memberId)
    if (member === undefined) return 'UNKNOWN_MEMBER_ID'
    if (member.classic === null && version < COMMIT_WITH_EPOCH) return 'UNSUPPORTED_VERSION'
    return refusesEpoch(member, generationIdOrMemberEpoch)
  }

  /** Commits are no signs of life here: heartbeats are. */
  committed(): void {}

  refusesFetch(memberId: string | null, memberEpoch: number): ErrorName | undefined {
    if (memberId === null && memberEpoch < 0) return undefined
    const member = this.members.get(memberId ?? '')
    return member === undefined ? 'UNKNOWN_MEMBER_ID' : refusesEpoch(member, memberEpoch)
  }

  refusesOffsetDelete(): ErrorName | undefined {
    return undefined
  }

  isSubscribedTo(topic: string): boolean {
    return this.subscribedTopics.has(topic)
  }

  offsetsUnused(): OffsetsUnused {
    return 'since commit'
  }

  /** In the order in which Kafka writes them: what a member has goes before the member. */
  tombstones(): GroupRecord[] {
    const { groupId } = this
    const records: GroupRecord[] = []
    for (const memberId of this.members.keys()) {
      records.push({ type: 'ConsumerGroupCurrentMemberAssignment', key: { groupId, memberId }, value: null })
    }
    for (const memberId of this.members.keys()) {
      records.push({ type: 'ConsumerGroupTargetAssignmentMember', key: { groupId, memberId }, value: null })
    }
    records.push({ type: 'ConsumerGroupTargetAssignmentMetadata', key: { groupId }, value: null })
    for (const memberId of this.members.keys()) {
      records.push({ type: 'ConsumerGroupMemberMetadata', key: { groupId, memberId }, value: null })
    }
    for (const regularExpression of this.expressions.keys()) {
      records.push({ type: 'ConsumerGroupRegularExpression', key: { groupId, regularExpression }, value: null })
    }
    records.push({ type: 'ConsumerGroupMetadata', key: { groupId }, value: null })
    return records
  }
}

function refusesEpoch({ epoch, classic }: ConsumerMember, claimed: number): ErrorName | undefined {
  if (claimed === epoch) return undefined
  return classic === null ? 'STALE_MEMBER_EPOCH' : 'ILLEGAL_GENERATION'
}

/** Adds to the number of members that are subscribed to the expression of this one. */
export function countExpression(counts: Map<string, number>, member: ConsumerMember, difference: 1 | -1): void {
  const expression = expressionOf(member)
  if (expression !== '') addTo(counts, expression, difference)
}

/** Adds to the number of members that name each of the topics of this one. */
export function countTopics(counts: Map<string, number>, member: ConsumerMember, difference: 1 | -1): void {
  for (const topic of member.subscribedTopics) addTo(counts, topic, difference)
}

function addTo(counts: Map<string, number>, key: string, difference: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + difference
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
