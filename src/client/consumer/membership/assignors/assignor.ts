/**
 * Assignor: how the leader of a classic group deals partitions out. A function of what all members say; what a member says of itself beside its topics is
 * the assignor's user data. Names, order of members and user data are those of Kafka's consumers, because one group may have both.
 */
import type { Subscription } from '../consumer-protocol.js'
import type { TopicPartition } from '../topic-partition.js'

export interface AssignedMember extends Subscription {
  readonly memberId: string
  readonly groupInstanceId: string | null
}

/** Of each topic that exists. */
export type PartitionCounts = ReadonlyMap<string, number>

/** By member id; every member has an entry. */
export type Assignments = Map<string, TopicPartition[]>

/** What a member had last, and in which generation; -1: none. */
export interface LastAssignment {
  readonly partitions: readonly TopicPartition[]
  readonly generationId: number
}

export interface Assignor {
  /** In `protocols` of JoinGroup. */
  readonly name: string
  /** Members keep what they have while the group rebalances (KIP-429). */
  readonly isCooperative: boolean
  userData(last: LastAssignment): Uint8Array | null
  assign(counts: PartitionCounts, members: readonly AssignedMember[]): Assignments
}

/** Static members first, by their instance; then the others, by their id. So a static member keeps its place when it comes back. */
export function inOrder(members: readonly AssignedMember[]): AssignedMember[] {
  return [...members].sort((a, b) => {
    if (a.groupInstanceId !== null && b.groupInstanceId !== null) return compare(a.groupInstanceId, b.groupInstanceId)
    if (a.groupInstanceId !== null) return -1
    if (b.groupInstanceId !== null) return 1
    return compare(a.memberId, b.memberId)
  })
}

export function nothingYet(members: readonly AssignedMember[]): Assignments {
  return new Map(members.map(({ memberId }) => [memberId, []]))
}

/** Topics that somebody wants and that exist, by name. */
export function wantedTopics(counts: PartitionCounts, members: readonly AssignedMember[]): string[] {
  return [...new Set(members.flatMap(({ topics }) => topics))].filter((topic) => counts.has(topic)).sort(compare)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
