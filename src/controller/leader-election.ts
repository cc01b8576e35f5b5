/**
 * Who leads a partition, who is in sync and who is eligible when a broker comes or goes, and when what elections go by has changed.
 *
 *   - The first replica, in order of assignment, that is in sync and can be used leads; if there is none, the first that is eligible (`eligible-replicas.ts`),
 *     alone in the ISR.
 *   - Who goes leaves the ISR, so that the others need not wait for it, unless nobody else could lead: then there is no leader (-1) and the ISR stays as it
 *     is, because those replicas are the ones that hold what was committed. With eligible replicas it leaves in any case, and is eligible.
 *   - Where the topic allows it (`unclean.leader.election.enable`), any replica that can be used leads then, alone in the ISR and recovering, and the record
 *     says so: what it does not have is lost.
 */
import { type Uuid, ZERO_UUID } from '../base/uuid.js'
import { type BrokerImage, canLead, hasDirectory, isReplicaUsable, type MetadataImage } from '../metadata/image.js'
import { type Cause, type MetadataRecord, type PartitionState, RECOVERING } from '../metadata/records.js'
import { type ClusterView, type ElectionRules, rulesOf } from './election-rules.js'
import { eligibleBeside } from './eligible-replicas.js'
import { type Arrangement, afterMove, directoriesOf, elect, sameMembers, sameOrder } from './moving-replicas.js'

export type PartitionChanges = Omit<
  Extract<MetadataRecord, { type: 'partitionChange' }>,
  'type' | 'topicId' | 'partitionId' | 'cause'
>

/** What a partition has to be settled with. */
interface Circumstances {
  /** Those who stay in sync, as far as somebody can lead. */
  readonly isr: readonly number[]
  readonly canLead: (brokerId: number) => boolean
  readonly rules: ElectionRules
  /** Who may have lost what it had. */
  readonly lost?: number
}

interface Chosen {
  readonly leader: number
  readonly isr: readonly number[]
  readonly leaderRecoveryState?: number
}

/** A start of a broker, as its registration tells of it. */
export interface BrokerStart {
  readonly brokerId: number
  readonly logDirs: readonly Uuid[]
  /** What was known of the broker before. */
  readonly before: BrokerImage | undefined
  /** Its last stop took nothing that it had. */
  readonly isClean: boolean
}

/** The records by which a broker that goes away loses its leaderships and its places among those in sync, at most so many. */
export function whenBrokerLeaves(view: ClusterView, brokerId: number, cause: Cause, most?: number): MetadataRecord[] {
  return changes(view, cause, (partition, rules) => without(view.image, partition, brokerId, rules), most)
}

/** The records by which a broker that starts anew loses the same: it may not have any more what it was thought to have. */
export function whenBrokerStarts(view: ClusterView, start: BrokerStart, cause: Cause): MetadataRecord[] {
  return changes(view, cause, (partition, rules) => {
    const isLost = !(hasKept(partition, start) && (start.isClean || rules.survivesCrashes))
    return without(view.image, partition, start.brokerId, rules, isLost)
  })
}

/** Whether what the replica is in is there. Where that was never told it is in one of those that there were. */
function hasKept({ replicas, directories }: PartitionState, { brokerId, logDirs, before }: BrokerStart): boolean {
  const directory = directories[replicas.indexOf(brokerId)] ?? ZERO_UUID
  if (directory !== ZERO_UUID) return logDirs.includes(directory)
  return before?.logDirs.every((each) => logDirs.includes(each)) ?? false
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
      : without(view.image, partition, broker.brokerId, rules, true),
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

/** The records by which partitions follow rules that were others before, at most so many: who leads where nobody did, and who is eligible. */
export function whenRulesChange(view: ClusterView, cause: Cause, most: number): MetadataRecord[] {
  const { image } = view
  return changes(view, cause, (partition, rules) => settledAsItIs(image, partition, rules), most)
}

/** What a leader's proposal of an ISR makes of its partition, besides. */
export function withProposed(
  image: MetadataImage,
  partition: PartitionState,
  isr: readonly number[],
  rules: ElectionRules,
): PartitionChanges {
  const { leader } = partition
  return changesTo(partition, { leader, isr }, { canLead: (id) => canLead(image, partition, id), rules })
}

/** What becomes of a partition whose leader goes because it has lost what was committed: one of these leads, who are in sync and can be used. */
export function handedOver(
  image: MetadataImage,
  partition: PartitionState,
  isr: readonly number[],
  rules: ElectionRules,
): PartitionChanges {
  const able = (id: number): boolean => canLead(image, partition, id)
  const leader = elect({ replicas: partition.replicas, isr }, able)
  return changesTo(partition, { leader, isr }, { canLead: able, rules, lost: partition.leader })
}

/** What becomes of a partition whose replicas are others from now on; who is none any more is not in sync. */
export function arranged(
  image: MetadataImage,
  partition: PartitionState,
  arrangement: Arrangement,
  rules: ElectionRules,
): PartitionChanges {
  const isr = partition.isr.filter((id) => arrangement.replicas.includes(id))
  const directories = directoriesOf(partition, arrangement.replicas, image)
  const then = { ...partition, ...arrangement, directories, isr }
  const able = (id: number): boolean => canLead(image, then, id)
  return changesTo(partition, chosen(then, { isr, canLead: able, rules }), { canLead: able, rules }, then)
}

/** What makes a leader for a partition that has none; undefined: there is nobody. */
export function electOneOf(
  image: MetadataImage,
  partition: PartitionState,
  rules: ElectionRules,
): PartitionChanges | undefined {
  const settled = settledAsItIs(image, partition, rules)
  return settled?.leader === undefined ? undefined : settled
}

/** Whether the lead can be given back to the first replica, from whoever has it. */
export function isPreferredReady(image: MetadataImage, partition: PartitionState): boolean {
  const [preferred] = partition.replicas
  return preferred !== undefined && partition.isr.includes(preferred) && canLead(image, partition, preferred)
}

/** What changes when this replica goes; undefined: nothing. */
function without(
  image: MetadataImage,
  partition: PartitionState,
  brokerId: number,
  rules: ElectionRules,
  isLost = false,
): PartitionChanges | undefined {
  if (!partition.replicas.includes(brokerId)) return undefined
  return settle(partition, {
    isr: partition.isr.filter((id) => id !== brokerId),
    canLead: (id) => id !== brokerId && canLead(image, partition, id),
    rules,
    ...(isLost ? { lost: brokerId } : {}),
  })
}

/** What becomes of a partition about which nothing has changed but the rules, or who is there. */
function settledAsItIs(
  image: MetadataImage,
  partition: PartitionState,
  rules: ElectionRules,
): PartitionChanges | undefined {
  return settle(partition, { isr: partition.isr, canLead: (id) => canLead(image, partition, id), rules })
}

/** What becomes of a partition; undefined: it stays as it is. */
function settle(partition: PartitionState, circumstances: Circumstances): PartitionChanges | undefined {
  const changed = changesTo(partition, chosen(partition, circumstances), circumstances)
  return Object.keys(changed).length === 0 ? undefined : changed
}

/** What has to be written for `next` to hold, and what follows: replicas that move have arrived when enough of them are in sync. */
function changesTo(
  before: PartitionState,
  next: Chosen,
  { canLead: able, rules, lost }: Omit<Circumstances, 'isr'>,
  arrangement: PartitionState = before,
): PartitionChanges {
  const arrived = afterMove({ ...arrangement, ...next }, rules, able)
  const after = { ...arrangement, ...next, ...arrived }
  const isGone = before.replicas.some((id) => !after.replicas.includes(id))
  return {
    ...(sameOrder(after.replicas, before.replicas) ? {} : { replicas: after.replicas, directories: after.directories }),
    ...(sameMembers(after.addingReplicas, before.addingReplicas) ? {} : { addingReplicas: after.addingReplicas }),
    ...(sameMembers(after.removingReplicas, before.removingReplicas)
      ? {}
      : { removingReplicas: after.removingReplicas }),
    // Who is no replica any more must not be heard by the leader that it knew.
    ...(after.leader === before.leader && arrived === undefined && !isGone ? {} : { leader: after.leader }),
    ...(sameMembers(after.isr, before.isr) ? {} : { isr: after.isr }),
    ...(next.leaderRecoveryState === undefined ? {} : { leaderRecoveryState: next.leaderRecoveryState }),
    ...eligibleChanges({ ...before, replicas: after.replicas }, after.isr, rules, (id) => id === lost),
  }
}

function eligibleChanges(
  partition: PartitionState,
  isr: readonly number[],
  rules: ElectionRules,
  isLost: (brokerId: number) => boolean,
): PartitionChanges {
  const { eligibleLeaderReplicas, lastKnownElr } = eligibleBeside(isr, partition, rules, isLost)
  return {
    ...(sameMembers(eligibleLeaderReplicas, partition.eligibleLeaderReplicas) ? {} : { eligibleLeaderReplicas }),
    ...(sameMembers(lastKnownElr, partition.lastKnownElr) ? {} : { lastKnownElr }),
  }
}

function chosen(
  { replicas, leader, isr: before, eligibleLeaderReplicas, lastKnownElr }: PartitionState,
  { isr, canLead: able, rules }: Circumstances,
): Chosen {
  if (leader !== -1 && isr.includes(leader)) return { leader, isr }
  const inSync = elect({ replicas, isr }, able)
  if (inSync !== -1) return { leader: inSync, isr }
  const eligible = replicas.find((id) => eligibleLeaderReplicas.includes(id) && able(id))
  if (eligible !== undefined) return { leader: eligible, isr: [eligible] }
  // Who had all that was committed once lacks least.
  const anybody = rules.unclean
    ? (replicas.find((id) => lastKnownElr.includes(id) && able(id)) ?? replicas.find(able))
    : undefined
  if (anybody !== undefined) return { leader: anybody, isr: [anybody], leaderRecoveryState: RECOVERING }
  return { leader: -1, isr: rules.keepsEligible ? isr : before }
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
