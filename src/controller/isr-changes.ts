/**
 * AlterPartition: the leader of a partition says who is in sync (KIP-497, KIP-841, KIP-903). What holds then is decided here, and only here:
 *
 *   - An ISR has the leader in it and nobody who is not a replica, and all of it may be used in just the incarnations that the leader has heard.
 *   - It follows upon the state that the leader has seen: by epochs, of which a lower one comes from what was before, and a higher one from a controller after
 *     this one.
 *   - No leader changes by it, and so no leader epoch, but where it ends a move of the replicas (`moving-replicas.ts`), and where the leader hands over,
 *     because what it has is not what was committed: then one of those in sync leads that it names, and it is not in sync itself, nor eligible.
 *
 * Sources: KIP-497, KIP-704, KIP-841, KIP-903, KAFKA-14154 (a leader that knows more than its controller).
 */
import type { Decision } from '../base/decision.js'
import { canLead, type MetadataImage } from '../metadata/image.js'
import { type Cause, type MetadataRecord, type PartitionState, RECOVERED, RECOVERING } from '../metadata/records.js'
import { ErrorCode, type ErrorName } from '../protocol/errors.js'
import type { AlterPartition } from '../protocol/messages/alter-partition.js'
import type { Infer, InferInput } from '../protocol/schema.js'
import type { DecisionContext } from './context.js'
import { rulesOf } from './election-rules.js'
import { handedOver, withProposed } from './leader-election.js'
import { sameMembers } from './moving-replicas.js'
import { MAX_RECORDS_PER_REQUEST } from './new-partitions.js'

type Request = Infer<typeof AlterPartition.request>
type Reply = InferInput<typeof AlterPartition.response>
type Proposal = Request['topics'][number]['partitions'][number]
type Answer = Reply['topics'][number]['partitions'][number]

/** The epoch was not told, as by leaders that speak v2. */
const ANY_EPOCH = -1

interface Member {
  readonly brokerId: number
  readonly brokerEpoch: number
}

export function alterPartition(
  context: DecisionContext,
  { brokerId, brokerEpoch, topics }: Request,
): Decision<MetadataRecord, Reply> {
  const { image } = context
  if (image.brokers.get(brokerId)?.brokerEpoch !== brokerEpoch) {
    return {
      records: [],
      replies: [{ throttleTimeMs: 0, errorCode: ErrorCode.STALE_BROKER_EPOCH, topics: [] }],
    }
  }
  const records: MetadataRecord[] = []
  const changed = new Set<string>()
  const decide = (topicId: string, proposal: Proposal): Answer => {
    const { partitionIndex: partitionId } = proposal
    const topic = image.topicsById.get(topicId)
    if (topic === undefined) return refused(partitionId, 'UNKNOWN_TOPIC_ID')
    const partition = topic.partitions[partitionId]
    if (partition === undefined) return refused(partitionId, 'UNKNOWN_TOPIC_OR_PARTITION')
    const key = `${topicId}-${partitionId}`
    // What stands here a second time was made before the first was decided.
    if (changed.has(key)) return refused(partitionId, 'INVALID_UPDATE_VERSION')
    const members = membersOf(proposal)
    const error = refusal(image, partition, { brokerId, proposal, members })
    if (error !== undefined) return refused(partitionId, error)
    const isr = members.map((member) => member.brokerId)
    const { leaderRecoveryState } = proposal
    if (sameMembers(isr, partition.isr) && leaderRecoveryState === partition.leaderRecoveryState) {
      return accepted(partitionId, partition)
    }
    if (records.length >= MAX_RECORDS_PER_REQUEST) return refused(partitionId, 'OPERATION_NOT_ATTEMPTED')
    const cause: Cause = {
      reason: proposal.handsOver ? 'LEADER_HANDED_OVER' : 'ISR_PROPOSED',
      evidence: { leader: String(brokerId), leaderEpoch: String(partition.leaderEpoch) },
    }
    const recovery = leaderRecoveryState === partition.leaderRecoveryState ? {} : { leaderRecoveryState }
    const rules = rulesOf(context, topic)
    const changes = proposal.handsOver
      ? handedOver(image, partition, isr, rules)
      : withProposed(image, partition, isr, rules)
    records.push({ type: 'partitionChange', topicId, partitionId, ...changes, ...recovery, cause })
    changed.add(key)
    // The replicas have moved, and the sender has to hear from the metadata what it is now.
    if (changes.leader !== undefined) return refused(partitionId, 'NEW_LEADER_ELECTED')
    return accepted(partitionId, {
      ...partition,
      isr,
      leaderRecoveryState,
      partitionEpoch: partition.partitionEpoch + 1,
    })
  }
  const answered = topics.map(({ topicId, partitions }) => ({
    topicId,
    partitions: partitions.map((proposal) => decide(topicId, proposal)),
  }))
  return { records, replies: [{ throttleTimeMs: 0, errorCode: ErrorCode.NONE, topics: answered }] }
}

function membersOf({ newIsr, newIsrWithEpochs }: Proposal): readonly Member[] {
  if (newIsrWithEpochs.length > 0) return newIsrWithEpochs
  return newIsr.map((brokerId) => ({ brokerId, brokerEpoch: ANY_EPOCH }))
}

/** The order is a promise: a leader that is behind, or before whom this controller is behind, is told that first. */
function refusal(
  image: MetadataImage,
  partition: PartitionState,
  asked: { readonly brokerId: number; readonly proposal: Proposal; readonly members: readonly Member[] },
): ErrorName | undefined {
  const { brokerId, proposal, members } = asked
  const { leaderEpoch, partitionEpoch } = proposal
  if (leaderEpoch > partition.leaderEpoch || partitionEpoch > partition.partitionEpoch) return 'NOT_CONTROLLER'
  if (brokerId !== partition.leader || leaderEpoch < partition.leaderEpoch) return 'FENCED_LEADER_EPOCH'
  if (partitionEpoch < partition.partitionEpoch) return 'INVALID_UPDATE_VERSION'
  const isInOrder = proposal.handsOver ? isHandover(partition, members) : isWellFormed(partition, members)
  if (!isInOrder || !isLegalRecovery(partition, proposal, members)) return 'INVALID_REQUEST'
  const eligible = members.every((member) => isEligible(image, partition, member))
  return eligible ? undefined : 'INELIGIBLE_REPLICA'
}

function isWellFormed({ leader, replicas }: PartitionState, members: readonly Member[]): boolean {
  const ids = new Set(members.map(({ brokerId }) => brokerId))
  return ids.has(leader) && ids.size === members.length && [...ids].every((id) => replicas.includes(id))
}

/** Nobody comes into the ISR by it, and who recovers has nobody to hand over to. */
function isHandover({ leader, isr, leaderRecoveryState }: PartitionState, members: readonly Member[]): boolean {
  const ids = new Set(members.map(({ brokerId }) => brokerId))
  const isWhole = ids.size === members.length && ids.size > 0 && leaderRecoveryState === RECOVERED
  return isWhole && [...ids].every((id) => id !== leader && isr.includes(id))
}

/** Recovering begins with an unclean election and nowhere else; as long as it lasts nobody can be in sync with who recovers. */
function isLegalRecovery(
  partition: PartitionState,
  { leaderRecoveryState }: Proposal,
  members: readonly Member[],
): boolean {
  if (leaderRecoveryState === RECOVERED) return true
  return leaderRecoveryState === RECOVERING && partition.leaderRecoveryState === RECOVERING && members.length === 1
}

function isEligible(image: MetadataImage, partition: PartitionState, { brokerId, brokerEpoch }: Member): boolean {
  if (!canLead(image, partition, brokerId)) return false
  return brokerEpoch === ANY_EPOCH || image.brokers.get(brokerId)?.brokerEpoch === brokerEpoch
}

function accepted(partitionIndex: number, state: PartitionState): Answer {
  const { leader: leaderId, leaderEpoch, isr, leaderRecoveryState, partitionEpoch } = state
  return {
    partitionIndex,
    errorCode: ErrorCode.NONE,
    leaderId,
    leaderEpoch,
    isr: [...isr],
    leaderRecoveryState,
    partitionEpoch,
  }
}

function refused(partitionIndex: number, error: ErrorName): Answer {
  return {
    partitionIndex,
    errorCode: ErrorCode[error],
    leaderId: -1,
    leaderEpoch: -1,
    isr: [],
    leaderRecoveryState: RECOVERED,
    partitionEpoch: -1,
  }
}
