/** Sets of partitions, by the ids of their topics: what members have, give back and are to get. They are never changed; a topic without partitions is not in it. */
import type { Uuid } from '../../../base/uuid.js'

export type PartitionSet = ReadonlyMap<Uuid, ReadonlySet<number>>

/** As messages and records have it. */
export interface TopicPartitions {
  readonly topicId: Uuid
  readonly partitions: readonly number[]
}

export const NO_PARTITIONS: PartitionSet = new Map()

export function partitionSet(topics: Iterable<TopicPartitions>): PartitionSet {
  const set = new Map<Uuid, Set<number>>()
  for (const { topicId, partitions } of topics)
    for (const partition of partitions) addPartition(set, topicId, partition)
  return set
}

export function addPartition(set: Map<Uuid, Set<number>>, topicId: Uuid, partition: number): void {
  const partitions = set.get(topicId)
  if (partitions === undefined) set.set(topicId, new Set([partition]))
  else partitions.add(partition)
}

/** In the order of the ids, so that equal sets are equal bytes. */
export function topicPartitions(set: PartitionSet): { topicId: Uuid; partitions: number[] }[] {
  return [...set]
    .map(([topicId, partitions]) => ({ topicId, partitions: [...partitions].sort((a, b) => a - b) }))
    .sort((a, b) => (a.topicId < b.topicId ? -1 : 1))
}

export function has(set: PartitionSet, topicId: Uuid, partition: number): boolean {
  return set.get(topicId)?.has(partition) === true
}

export function* eachPartition(set: PartitionSet): Generator<readonly [topicId: Uuid, partition: number]> {
  for (const [topicId, partitions] of set) for (const partition of partitions) yield [topicId, partition]
}

export function sizeOf(set: PartitionSet): number {
  let size = 0
  for (const partitions of set.values()) size += partitions.size
  return size
}

export function filtered(set: PartitionSet, wanted: (topicId: Uuid, partition: number) => boolean): PartitionSet {
  const kept = new Map<Uuid, Set<number>>()
  for (const [topicId, partition] of eachPartition(set)) {
    if (wanted(topicId, partition)) addPartition(kept, topicId, partition)
  }
  return kept
}

export function union(one: PartitionSet, other: PartitionSet): PartitionSet {
  const both = new Map<Uuid, Set<number>>()
  for (const set of [one, other])
    for (const [topicId, partition] of eachPartition(set)) addPartition(both, topicId, partition)
  return both
}

export function overlaps(one: PartitionSet, other: PartitionSet): boolean {
  for (const [topicId, partition] of eachPartition(one)) if (has(other, topicId, partition)) return true
  return false
}

/** Whether all of the first are in the second. */
export function isWithin(one: PartitionSet, other: PartitionSet): boolean {
  for (const [topicId, partitions] of one) {
    const others = other.get(topicId)
    if (others === undefined) return false
    for (const partition of partitions) if (!others.has(partition)) return false
  }
  return true
}

export function samePartitions(one: PartitionSet, other: PartitionSet): boolean {
  return one === other || (one.size === other.size && sizeOf(one) === sizeOf(other) && isWithin(one, other))
}
