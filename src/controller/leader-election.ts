/**
 * Who leads a partition and who is in sync when a broker comes or goes, and when somebody looks after those that nobody leads.
 *
 *   - The first replica, in order of assignment, that is in sync and can be used leads.
 *   - Who goes leaves the ISR, so that the others need not wait for it, unless nobody else could lead: then there is no leader (-1) and the ISR stays as it
 *     is, because those replicas are the ones that hold what was committed.
 *   - Where the topic allows it (`unclean.leader.election.enable`), any replica that can be used leads then, alone in the ISR and recovering, and the record
 *     says so: what it does not have is lost.
 */
import type { Uuid } from '../base/uuid.js'
import { type BrokerImage, canLead, hasDirectory, isReplicaUsable, type MetadataImage } from '../metadata/image.js'
import { type Cause, type MetadataRecord, type PartitionState, RECOVERING } from '../metadata/records.js'
import { type ClusterView, type ElectionRules, rulesOf } from './election-rules.js'

export type PartitionChanges = Pick<
  Extract<MetadataRecord, { type: 'partitionChange' }>,
  'leader' | 'isr' | 'leaderRecoveryState'
>

/** What a partition has to be settled with. */
export interface Circumstances {
  /** Those who stay in sync, as far as somebody can lead. */
  readonly isr: readonly number[]
  readonly canLead: (brokerId: number) => boolean
  readonly rules: ElectionRules
}

/** The records by which a broker that goes away loses its leaderships and its places among those in sync. */
export function whenBrokerLeaves(view: ClusterView, brokerId: number, cause: Cause): MetadataRecord[] {
  return changes(view, cause, (partition, rules) => without(view.image, partition, brokerId, rules))
}

/** The records by which a broker loses the same for replicas in directories that it has no more. */
export function whenDirectoriesAreLost(
  view: ClusterView,
  broker: BrokerImage,
  logDirs: readonly Uuid[],
  cause: Cause,
): MetadataRecord[] {
  return changes(view, cause, (partition, rules) =>
    hasDirectory(partition, { ...broker, logDirs })
      ? undefined
      : without(view.image, partition, broker.brokerId, rules),
  )
}

/** The records by which partitions without a leader get one now that this broker can be used. */
export function whenBrokerIsUsable(view: ClusterView, brokerId: number, cause: Cause): MetadataRecord[] {
  const { image } = view
  const broker = image.brokers.get(brokerId)
  if (broker === undefined) return []
  return changes(view, cause, (partition, rules) => {
    if (partition.leader !== -1 || !partition.replicas.includes(brokerId)) return undefined
    const hasIts = hasDirectory(partition, broker)
    return settle(partition, {
      // The others of the ISR have not come back.
      isr: partition.isr.filter((id) => (id === brokerId ? hasIts : isReplicaUsable(image, partition, id))),
      canLead: (id) => (id === brokerId ? hasIts : canLead(image, partition, id)),
      rules,
    })
  })
}

/** The records by which partitions without a leader get one, if there is anybody whom their rules allow: at most so many. */
export function electWhereNobodyLeads(view: ClusterView, cause: Cause, most: number): MetadataRecord[] {
  return changes(view, cause, (partition, rules) => electOneOf(view.image, partition, rules), most)
}

/** What makes a leader for a partition that has none; undefined: there is nobody. */
export function electOneOf(
  image: MetadataImage,
  partition: PartitionState,
  rules: ElectionRules,
): PartitionChanges | undefined {
  if (partition.leader !== -1) return undefined
  const able = (id: number): boolean => canLead(image, partition, id)
  return settle(partition, { isr: partition.isr, canLead: able, rules })
}

/** Whether the lead can be given back to the first replica, from whoever has it. */
export function isPreferredReady(image: MetadataImage, partition: PartitionState): boolean {
  const [preferred] = partition.replicas
  return preferred !== undefined && partition.isr.includes(preferred) && canLead(image, partition, preferred)
}

/** The first replica, in order of assignment, that is in sync and alive; -1: none. */
export function elect(
  partition: Pick<PartitionState, 'replicas' | 'isr'>,
  alive: (brokerId: number) => boolean,
): number {
  return partition.replicas.find((id) => partition.isr.includes(id) && alive(id)) ?? -1
}

/** What changes when this replica goes; undefined: nothing. */
function without(
  image: MetadataImage,
  partition: PartitionState,
  brokerId: number,
  rules: ElectionRules,
): PartitionChanges | undefined {
  if (partition.leader === -1 || !partition.isr.includes(brokerId)) return undefined
  return settle(partition, {
    isr: partition.isr.filter((id) => id !== brokerId),
    canLead: (id) => id !== brokerId && canLead(image, partition, id),
    rules,
  })
}

/** What becomes of a partition; undefined: it stays as it is. */
function settle(partition: PartitionState, circumstances: Circumstances): PartitionChanges | undefined {
  const { leader, isr, leaderRecoveryState } = chosen(partition, circumstances)
  const changed: PartitionChanges = {
    ...(leader === partition.leader ? {} : { leader }),
    ...(sameMembers(isr, partition.isr) ? {} : { isr }),
    ...(leaderRecoveryState === undefined ? {} : { leaderRecoveryState }),
  }
  return Object.keys(changed).length === 0 ? undefined : changed
}

function chosen(
  { replicas, leader, isr: before }: PartitionState,
  { isr, canLead: able, rules }: Circumstances,
): { readonly leader: number; readonly isr: readonly number[]; readonly leaderRecoveryState?: number } {
  if (leader !== -1 && isr.includes(leader)) return { leader, isr }
  const inSync = elect({ replicas, isr }, able)
  if (inSync !== -1) return { leader: inSync, isr }
  const anybody = rules.unclean ? replicas.find(able) : undefined
  if (anybody !== undefined) return { leader: anybody, isr: [anybody], leaderRecoveryState: RECOVERING }
  return { leader: -1, isr: before }
}

export function sameMembers(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id))
}

function changes(
  view: ClusterView,
  cause: Cause,
  change: (partition: PartitionState, rules: ElectionRules) => PartitionChanges | undefined,
  most = Number.POSITIVE_INFINITY,
): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const topic of view.image.topicsById.values()) {
    const rules = rulesOf(view, topic)
    for (const [partitionId, partition] of topic.partitions.entries()) {
      const changed = change(partition, rules)
      if (changed === undefined) continue
      if (records.length >= most) return records
      const { topicId } = topic
      records.push({ type: 'partitionChange', topicId, partitionId, ...changed, cause: causeOf(changed, cause) })
    }
  }
  return records
}

/** Why a leader was elected who may not have all that was committed is to be seen from the record. */
function causeOf({ leaderRecoveryState }: PartitionChanges, cause: Cause): Cause {
  if (leaderRecoveryState !== RECOVERING) return cause
  return { reason: 'UNCLEAN_ELECTION', evidence: { ...cause.evidence, after: cause.reason } }
}
