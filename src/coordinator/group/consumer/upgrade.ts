/**
 * Upgrade: the first member that speaks the protocol of consumer groups joins a classic group of consumers, and the group becomes a consumer group in one
 * decision: its members keep what they have and go on with the classic protocol (KIP-848, online upgrade).
 */
import type { Uuid } from '../../../base/uuid.js'
import type { Now } from '../../shard.js'
import type { ClassicGroup } from '../classic-group.js'
import { answerJoin, answerSync } from '../classic-rounds.js'
import type { Deadline } from '../deadlines.js'
import type { DecisionDraft } from '../decision-draft.js'
import type { GroupContext } from '../group.js'
import { ConsumerGroup } from './consumer-group.js'
import { type ConsumerMember, currentRecord, newMember, sortedNames, wishesRecord } from './consumer-member.js'
import type { ConsumerSettings } from './consumer-settings.js'
import { byTopicId, CONSUMER_PROTOCOL, decodeAssignment, decodeSubscription } from './embedded-protocol.js'
import { GroupChange } from './group-change.js'
import type { GroupMemory } from './group-memory.js'
import { GroupRefusal, noGroup } from './group-refusal.js'
import { filtered, type PartitionSet, topicPartitions } from './partition-sets.js'

export class Upgrade {
  readonly #context: GroupContext
  readonly #settings: ConsumerSettings

  constructor(context: GroupContext, settings: ConsumerSettings) {
    this.#context = context
    this.#settings = settings
  }

  /** The consumer group that it becomes, whose records stand in the draft; or why it does not. */
  convert(classic: ClassicGroup, memory: GroupMemory, now: Now, draft: DecisionDraft): GroupChange | GroupRefusal {
    const { groupId } = classic
    const isOfConsumers = classic.protocolType === CONSUMER_PROTOCOL
    if (!this.#settings.allowsUpgrade || !isOfConsumers || classic.memberCount > this.#settings.maxSize) {
      return noGroup(groupId)
    }
    const members = this.#members(classic)
    if (members === undefined) {
      const sentence = `Cannot upgrade classic group ${groupId} to consumer group because the embedded consumer protocol is malformed.`
      return new GroupRefusal('GROUP_ID_NOT_FOUND', sentence)
    }
    this.#stop(classic, now, draft)
    draft.appendAll(classic.tombstones())
    const group = new ConsumerGroup(groupId, memory)
    for (const member of members) {
      group.setMember(member)
      group.targets.set(member.memberId, member.assigned)
      const sessionTimeoutMs = member.classic!.sessionTimeoutMs
      memory.set(member.memberId, 'session', now.monotonicMs + sessionTimeoutMs)
    }
    draft.ifRefused(() => memory.forgetAll())
    group.epoch = group.targetEpoch = classic.generation
    // No topic has been looked at for it yet (nor in Kafka): whoever brings it about, there is a new epoch, and who was to get its part by a round of the classic group gets it by that.
    memory.isRefreshWanted = true
    write(group, now, draft)
    return new GroupChange(group, draft)
  }

  /** Who waits is told to come again, and no deadline of the classic group comes any more. */
  #stop(classic: ClassicGroup, now: Now, draft: DecisionDraft): void {
    const { deadlines } = this.#context
    const stopped: [Deadline, number][] = []
    const stop = (deadline: Deadline): void => {
      if (deadline.atMs !== Number.POSITIVE_INFINITY) stopped.push([deadline, deadline.atMs])
      deadlines.clear(deadline)
    }
    for (const member of classic.members.values()) {
      answerJoin(member, 'REBALANCE_IN_PROGRESS', draft)
      answerSync(member, 'REBALANCE_IN_PROGRESS', draft)
      stop(member.session)
    }
    for (const session of classic.pendingMembers.values()) stop(session)
    stop(classic.joinDeadline)
    stop(classic.syncDeadline)
    draft.ifRefused(() => {
      for (const [deadline, atMs] of stopped) deadlines.set(deadline, atMs)
      for (const member of classic.members.values()) {
        deadlines.set(member.session, now.monotonicMs + member.sessionTimeoutMs)
      }
    })
  }

  /** Undefined: of one of them it cannot be read what it wants or has. */
  #members(classic: ClassicGroup): ConsumerMember[] | undefined {
    const image = this.#context.image()
    const protocol = classic.protocol ?? classic.selectProtocol()
    const members: ConsumerMember[] = []
    const owned: PartitionSet[] = []
    const taken = new Set<string>()
    const take = (topicId: Uuid, partition: number): boolean => {
      const isNew = !taken.has(`${topicId}-${partition}`)
      taken.add(`${topicId}-${partition}`)
      return isNew
    }
    for (const member of classic.members.values()) {
      const metadata = member.protocols.find(({ name }) => name === protocol)?.metadata
      const subscription = metadata === undefined ? undefined : decodeSubscription(metadata)
      const assigned = decodeAssignment(member.assignment, image)
      if (subscription === undefined || assigned === undefined) return undefined
      members.push({
        ...newMember(member.memberId),
        instanceId: member.groupInstanceId,
        rackId: subscription.rackId || null,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeoutMs: member.rebalanceTimeoutMs,
        subscribedTopics: sortedNames(subscription.topics),
        classic: { sessionTimeoutMs: member.sessionTimeoutMs, protocols: member.protocols },
        epoch: classic.generation,
        previousEpoch: classic.generation,
        // Assignors of clients may give a partition to two members; here it belongs to one.
        assigned: filtered(assigned, take),
      })
      owned.push(byTopicId(subscription.ownedPartitions, image))
    }
    return members.map((member, n) => withRevoking(member, filtered(owned[n]!, take)))
  }
}

/** What a cooperative member had when it joined and is not to have any more it may still read until it joins again (KIP-429). */
function withRevoking(member: ConsumerMember, revoking: PartitionSet): ConsumerMember {
  return revoking.size === 0 ? member : { ...member, state: 'unrevoked partitions', revoking }
}

/** In Kafka's order. */
function write(
  { groupId, members, epoch, targetEpoch, metadataHash, targets }: ConsumerGroup,
  now: Now,
  draft: DecisionDraft,
): void {
  for (const member of members.values()) draft.append(wishesRecord(groupId, member))
  draft.append({ type: 'ConsumerGroupMetadata', key: { groupId }, value: { epoch, metadataHash } })
  for (const [memberId, target] of targets) {
    const value = { topicPartitions: topicPartitions(target) }
    draft.append({ type: 'ConsumerGroupTargetAssignmentMember', key: { groupId, memberId }, value })
  }
  const value = { assignmentEpoch: targetEpoch, assignmentTimestamp: now.wallMs }
  draft.append({ type: 'ConsumerGroupTargetAssignmentMetadata', key: { groupId }, value })
  for (const member of members.values()) draft.append(currentRecord(groupId, member))
}
