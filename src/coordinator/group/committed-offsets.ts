/**
 * CommittedOffsets: what groups have committed, by group, topic and partition, as the log has it. It changes by `apply` alone. Which commit is taken is
 * said by the group; this only knows offsets.
 *
 * Offsets of open transactions will have a place of their own beside these; until transactions are there, no offset is unstable.
 */
import { type Uuid, ZERO_UUID } from '../../base/uuid.js'
import type { OffsetsUnused } from './group.js'
import type { GroupRecord, GroupRecordOf } from './group-records.js'

export interface CommittedOffset {
  readonly offset: number
  /** -1: not known. */
  readonly leaderEpoch: number
  readonly metadata: string
  /** Wall time. */
  readonly commitTimestampMs: number
  /** Wall time, if the client has said how long it is kept; -1: as long as the setting says. */
  readonly expireTimestampMs: number
  /** Zero: not known. */
  readonly topicId: Uuid
}

/** By name of a topic, the ids of which offsets are meant; zero among them: those of which it is not known. */
export type TopicsMeant = ReadonlyMap<string, ReadonlySet<Uuid>>

type ByPartition = Map<number, CommittedOffset>
type ByTopic = Map<string, ByPartition>

export class CommittedOffsets {
  readonly #groups = new Map<string, ByTopic>()
  #size = 0

  /** Of all groups. */
  get size(): number {
    return this.#size
  }

  get groupIds(): Iterable<string> {
    return this.#groups.keys()
  }

  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  of(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(groupId)?.get(topic)?.get(partition)
  }

  /** By topic and partition. */
  allOf(groupId: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> {
    return this.#groups.get(groupId) ?? NONE
  }

  apply({ key, value }: GroupRecordOf<'OffsetCommit'>): void {
    const topics = this.#groups.get(key.group)
    const partitions = topics?.get(key.topic)
    if (value === null) {
      if (topics === undefined || partitions === undefined || !partitions.delete(key.partition)) return
      this.#size--
      if (partitions.size === 0) topics.delete(key.topic)
      if (topics.size === 0) this.#groups.delete(key.group)
      return
    }
    const committed: CommittedOffset = {
      offset: value.offset,
      leaderEpoch: value.leaderEpoch,
      metadata: value.metadata,
      commitTimestampMs: value.commitTimestamp,
      expireTimestampMs: value.expireTimestamp,
      topicId: value.topicId,
    }
    if (partitions?.has(key.partition) !== true) this.#size++
    if (partitions !== undefined) partitions.set(key.partition, committed)
    else if (topics !== undefined) topics.set(key.topic, new Map([[key.partition, committed]]))
    else this.#groups.set(key.group, new Map([[key.topic, new Map([[key.partition, committed]])]]))
  }

  /** Which groups have offsets of these topics, and of which of them; what is not known of an offset counts as well. */
  concernedBy(gone: TopicsMeant): { readonly groupIds: ReadonlySet<string>; readonly topics: TopicsMeant } {
    const groupIds = new Set<string>()
    const concerned = new Map<string, Set<Uuid>>()
    for (const [groupId, topics] of this.#groups) {
      for (const name of topics.size < gone.size ? topics.keys() : gone.keys()) {
        const ids = gone.get(name)
        if (ids === undefined) continue
        for (const { topicId } of topics.get(name)?.values() ?? []) {
          if (topicId !== ZERO_UUID && !ids.has(topicId)) continue
          groupIds.add(groupId)
          const known = concerned.get(name)
          if (known === undefined) concerned.set(name, new Set([topicId]))
          else known.add(topicId)
        }
      }
    }
    return { groupIds, topics: concerned }
  }

  /** Tombstones of at most so many offsets of a group, of all or of those that are meant. */
  tombstones(
    groupId: string,
    limit: number,
    meant: (topic: string, committed: CommittedOffset) => boolean = () => true,
  ): { readonly records: GroupRecord[]; readonly all: boolean } {
    const records: GroupRecord[] = []
    let all = true
    for (const [topic, partitions] of this.allOf(groupId)) {
      for (const [partition, committed] of partitions) {
        if (!meant(topic, committed)) all = false
        else if (records.length === limit) return { records, all: false }
        else records.push(offsetTombstone(groupId, topic, partition))
      }
    }
    return { records, all }
  }
}

const NONE: ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> = new Map()

export function offsetTombstone(group: string, topic: string, partition: number): GroupRecordOf<'OffsetCommit'> {
  return { type: 'OffsetCommit', key: { group, topic, partition }, value: null }
}

/** Whether an offset has lain there for longer than it is to be kept. */
export function isExpired(
  committed: CommittedOffset,
  unused: OffsetsUnused,
  retentionMs: number,
  wallMs: number,
): boolean {
  if (unused === 'in use') return false
  if (committed.expireTimestampMs !== -1) return wallMs >= committed.expireTimestampMs
  const since = unused === 'since commit' ? committed.commitTimestampMs : unused.sinceMs
  return wallMs - since >= retentionMs
}

/** Whether an offset was committed for the topic that has this id: where one of both is not known, it is. */
export function isOfTopic({ topicId }: CommittedOffset, wanted: Uuid): boolean {
  return topicId === ZERO_UUID || wanted === ZERO_UUID || topicId === wanted
}
