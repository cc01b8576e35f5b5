/**
 * ConsumerMember: one member of a consumer group (KIP-848): what it wants, and how far it has come with what it has. Never changed; a new one takes its
 * place. It stands in two records, its wishes (type 5) and its current assignment (type 8).
 */
import type { MemberProtocol } from '../classic-member.js'
import type { GroupRecord, GroupRecordOf } from '../group-records.js'
import { NO_PARTITIONS, type PartitionSet, partitionSet, samePartitions, topicPartitions } from './partition-sets.js'

/**
 * Stable: it has what it should have in its epoch. Unrevoked: it has yet to give something back. Unreleased: it waits for what others have. Unknown: a
 * version that is not known here has written it.
 */
export type MemberState = 'stable' | 'unrevoked partitions' | 'unreleased partitions' | 'unknown'

const STATE_CODES: Readonly<Record<MemberState, number>> = {
  stable: 0,
  'unrevoked partitions': 1,
  'unreleased partitions': 2,
  unknown: 127,
}

/** In the place of an epoch: it leaves, or it leaves and comes back (a static member). */
export const LEAVING_EPOCH = -1
export const LEAVING_STATIC_EPOCH = -2

/** What a member that speaks the classic protocol has told in its JoinGroup. */
export interface ClassicWishes {
  readonly sessionTimeoutMs: number
  readonly protocols: readonly MemberProtocol[]
}

export interface ConsumerMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  /** Sorted, each once. */
  readonly subscribedTopics: readonly string[]
  /** Null or empty: none. */
  readonly subscribedExpression: string | null
  readonly assignor: string | null
  /** Null: it speaks the protocol of consumer groups. */
  readonly classic: ClassicWishes | null

  readonly epoch: number
  readonly previousEpoch: number
  readonly state: MemberState
  readonly assigned: PartitionSet
  /** What it still has and has to give back. */
  readonly revoking: PartitionSet
}

export function newMember(memberId: string): ConsumerMember {
  return {
    memberId,
    instanceId: null,
    rackId: null,
    clientId: '',
    clientHost: '',
    rebalanceTimeoutMs: -1,
    subscribedTopics: [],
    subscribedExpression: null,
    assignor: null,
    classic: null,
    epoch: 0,
    previousEpoch: -1,
    state: 'stable',
    assigned: NO_PARTITIONS,
    revoking: NO_PARTITIONS,
  }
}

/** Whether nothing is left to do for it. */
export function isReconciled({ state, epoch }: ConsumerMember, targetEpoch: number): boolean {
  return state === 'stable' && epoch === targetEpoch
}

/** Empty: none. */
export function expressionOf({ subscribedExpression }: ConsumerMember): string {
  return subscribedExpression ?? ''
}

export function sortedNames(names: Iterable<string>): string[] {
  return [...new Set(names)].sort()
}

export function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, i) => name === other[i])
}

export function sameWishes(one: ConsumerMember, other: ConsumerMember): boolean {
  return (
    one.instanceId === other.instanceId &&
    one.rackId === other.rackId &&
    one.clientId === other.clientId &&
    one.clientHost === other.clientHost &&
    one.rebalanceTimeoutMs === other.rebalanceTimeoutMs &&
    one.subscribedExpression === other.subscribedExpression &&
    one.assignor === other.assignor &&
    sameNames(one.subscribedTopics, other.subscribedTopics) &&
    sameClassic(one.classic, other.classic)
  )
}

function sameClassic(one: ClassicWishes | null, other: ClassicWishes | null): boolean {
  if (one === null || other === null) return one === other
  if (one.sessionTimeoutMs !== other.sessionTimeoutMs || one.protocols.length !== other.protocols.length) return false
  return one.protocols.every(({ name, metadata }, i) => {
    const { name: otherName, metadata: otherMetadata } = other.protocols[i]!
    return name === otherName && Buffer.compare(metadata, otherMetadata) === 0
  })
}

export function sameCurrent(one: ConsumerMember, other: ConsumerMember): boolean {
  return (
    one.epoch === other.epoch &&
    one.previousEpoch === other.previousEpoch &&
    one.state === other.state &&
    samePartitions(one.assigned, other.assigned) &&
    samePartitions(one.revoking, other.revoking)
  )
}

export function wishesRecord(groupId: string, member: ConsumerMember): GroupRecord {
  const { classic } = member
  return {
    type: 'ConsumerGroupMemberMetadata',
    key: { groupId, memberId: member.memberId },
    value: {
      instanceId: member.instanceId,
      rackId: member.rackId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: [...member.subscribedTopics],
      subscribedTopicRegex: member.subscribedExpression,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      serverAssignor: member.assignor,
      classicMemberMetadata:
        classic === null
          ? null
          : { sessionTimeoutMs: classic.sessionTimeoutMs, supportedProtocols: [...classic.protocols] },
    },
  }
}

export function withWishes(
  member: ConsumerMember,
  value: NonNullable<GroupRecordOf<'ConsumerGroupMemberMetadata'>['value']>,
): ConsumerMember {
  const { classicMemberMetadata: classic } = value
  return {
    ...member,
    instanceId: value.instanceId,
    rackId: value.rackId,
    clientId: value.clientId,
    clientHost: value.clientHost,
    rebalanceTimeoutMs: value.rebalanceTimeoutMs,
    subscribedTopics: sortedNames(value.subscribedTopicNames),
    subscribedExpression: value.subscribedTopicRegex,
    assignor: value.serverAssignor,
    classic:
      classic === null
        ? null
        : {
            sessionTimeoutMs: classic.sessionTimeoutMs,
            protocols: classic.supportedProtocols.map(({ name, metadata }) => ({ name, metadata: metadata.slice() })),
          },
  }
}

export function currentRecord(groupId: string, member: ConsumerMember): GroupRecord {
  const withoutEpochs = (set: PartitionSet) =>
    topicPartitions(set).map((topic) => ({ ...topic, assignmentEpochs: null }))
  return {
    type: 'ConsumerGroupCurrentMemberAssignment',
    key: { groupId, memberId: member.memberId },
    value: {
      memberEpoch: member.epoch,
      previousMemberEpoch: member.previousEpoch,
      state: STATE_CODES[member.state],
      assignedPartitions: withoutEpochs(member.assigned),
      partitionsPendingRevocation: withoutEpochs(member.revoking),
    },
  }
}

export function withCurrent(
  member: ConsumerMember,
  value: GroupRecordOf<'ConsumerGroupCurrentMemberAssignment'>['value'],
): ConsumerMember {
  if (value === null) {
    const gone = { epoch: LEAVING_EPOCH, previousEpoch: LEAVING_EPOCH, state: 'stable' as const }
    return { ...member, ...gone, assigned: NO_PARTITIONS, revoking: NO_PARTITIONS }
  }
  return {
    ...member,
    epoch: value.memberEpoch,
    previousEpoch: value.previousMemberEpoch,
    state: stateOf(value.state),
    assigned: partitionSet(value.assignedPartitions),
    revoking: partitionSet(value.partitionsPendingRevocation),
  }
}

function stateOf(code: number): MemberState {
  for (const [state, known] of Object.entries(STATE_CODES)) if (known === code) return state as MemberState
  return 'unknown'
}
