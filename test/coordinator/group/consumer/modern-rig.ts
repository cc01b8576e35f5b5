/**
 * Members of consumer groups as clients are them, on the rig of group shards: they give back before they say so, ask with everything when they join or have
 * lost an answer, and begin anew when they are fenced. Topics with partitions, and what must always be true of a consumer group.
 */
import assert from 'node:assert/strict'
import { ConsumerGroup } from '../../../../src/coordinator/group/consumer/consumer-group.js'
import { ConsumerGroups } from '../../../../src/coordinator/group/consumer/consumer-groups.js'
import { isReconciled } from '../../../../src/coordinator/group/consumer/consumer-member.js'
import {
  eachPartition,
  isWithin,
  type PartitionSet,
  partitionSet,
  samePartitions,
} from '../../../../src/coordinator/group/consumer/partition-sets.js'
import type { RequestOf, ResponseOf } from '../../../../src/coordinator/group/group-requests.js'
import type { GroupShard } from '../../../../src/coordinator/group/group-shard.js'
import type { Ticket } from '../../../../src/coordinator/shard.js'
import type { ErrorName } from '../../../../src/protocol/errors.js'
import { errorOf, Rig, type RigOptions } from '../rig.js'

export const GROUP = 'readers'

export const CAUSE = { reason: 'SETTINGS_CHANGED', evidence: {} } as const

type Heartbeat = RequestOf<'ConsumerGroupHeartbeat'>
type Answer = ResponseOf<'ConsumerGroupHeartbeat'>

export function modernRig(options: RigOptions = {}): Rig {
  return new Rig({ consumerGroups: (context) => new ConsumerGroups(context), ...options })
}

// Topics

/** Its id is its name with something behind it. */
export function topicId(name: string): string {
  return `${name}_`.padEnd(21, '0').concat('A')
}

export function addTopic(rig: Rig, name: string, partitions: number, replicas: readonly number[] = []): void {
  rig.changeMetadata((delta, offset) => {
    delta.replay({ type: 'topic', topicId: topicId(name), name }, offset())
    for (let i = 0; i < partitions; i++) delta.replay(partitionRecord(name, i, replicas), offset())
  })
}

export function growTopic(rig: Rig, name: string, partitions: number): void {
  const from = rig.image.topicsByName.get(name)!.partitions.length
  rig.changeMetadata((delta, offset) => {
    for (let i = from; i < from + partitions; i++) delta.replay(partitionRecord(name, i, []), offset())
  })
}

export function removeTopic(rig: Rig, name: string): void {
  rig.changeMetadata((delta, offset) =>
    delta.replay({ type: 'removeTopic', topicId: topicId(name), cause: CAUSE }, offset()),
  )
}

function partitionRecord(name: string, partitionId: number, replicas: readonly number[]) {
  return {
    type: 'partition' as const,
    topicId: topicId(name),
    partitionId,
    replicas,
    directories: replicas.map(() => 'AAAAAAAAAAAAAAAAAAAAAA'),
    isr: replicas,
    removingReplicas: [],
    addingReplicas: [],
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    leader: replicas[0] ?? -1,
    leaderRecoveryState: 0,
    leaderEpoch: 0,
    partitionEpoch: 0,
    cause: CAUSE,
  }
}

// Asking

export const NOTHING_SAID: Heartbeat = {
  groupId: GROUP,
  memberId: '',
  memberEpoch: 0,
  instanceId: null,
  rackId: null,
  rebalanceTimeoutMs: -1,
  subscribedTopicNames: null,
  subscribedTopicRegex: null,
  serverAssignor: null,
  topicPartitions: null,
}

export function ask(rig: Rig, fields: Partial<Heartbeat>, version = 1): Answer {
  return rig.ask('ConsumerGroupHeartbeat', version, { ...NOTHING_SAID, ...fields })
}

/** What a member sends that joins. */
export function joining(memberId: string, topics: readonly string[] | null, more: Partial<Heartbeat> = {}): Heartbeat {
  const subscribedTopicNames = topics === null ? null : [...topics]
  return { ...NOTHING_SAID, memberId, rebalanceTimeoutMs: 60_000, subscribedTopicNames, topicPartitions: [], ...more }
}

/** `orders-0 orders-1`, or what was not said. */
export function shown(partitions: Answer['assignment'] | PartitionSet): string | null {
  if (partitions === null || partitions === undefined) return null
  const set = 'topicPartitions' in partitions ? partitionSet(partitions.topicPartitions) : partitions
  return [...eachPartition(set)]
    .map(([id, partition]) => `${id.slice(0, id.indexOf('_'))}-${partition}`)
    .sort()
    .join(' ')
}

export function groupOf(shard: GroupShard, groupId = GROUP): ConsumerGroup {
  const group = [...shard.groups].find((each) => each.groupId === groupId)
  assert.ok(group instanceof ConsumerGroup, `${groupId} is no consumer group`)
  return group
}

export function findGroup(shard: GroupShard, groupId = GROUP): ConsumerGroup | undefined {
  const group = [...shard.groups].find((each) => each.groupId === groupId)
  return group instanceof ConsumerGroup ? group : undefined
}

// A client

export interface MemberOptions {
  readonly topics?: readonly string[]
  readonly expression?: string
  readonly instance?: string
  readonly assignor?: string
  readonly groupId?: string
  readonly rebalanceTimeoutMs?: number
}

export class Member {
  readonly rig: Rig
  readonly id: string
  options: MemberOptions
  epoch = 0
  /** What it reads. */
  owned: PartitionSet = new Map()
  /** It is to have this, and has yet to give back what is not in it. */
  target: PartitionSet | undefined
  isThere = false
  lastError: ErrorName = 'NONE'
  #sendsAll = true
  #saysOwned = true
  #waiting: { readonly ticket: Ticket; readonly joins: boolean } | undefined

  constructor(rig: Rig, id: string, options: MemberOptions = {}) {
    this.rig = rig
    this.id = id
    this.options = options
  }

  get isWaiting(): boolean {
    return this.#waiting !== undefined
  }

  /** Gives back and takes what it was told to. */
  reconcile(): this {
    if (this.target === undefined) return this
    this.owned = this.target
    this.target = undefined
    this.#saysOwned = true
    return this
  }

  /** Says that it is there, and reconciles at once; gives what it has then. */
  beat(): string {
    this.send()
    this.hear()
    this.reconcile()
    return shown(this.owned)!
  }

  send(): void {
    const { topics = null, expression = null, instance = null, assignor = null, groupId = GROUP } = this.options
    const { rebalanceTimeoutMs = 60_000 } = this.options
    const all = this.#sendsAll || this.epoch === 0
    const ticket = this.rig.send('ConsumerGroupHeartbeat', 1, {
      ...NOTHING_SAID,
      groupId,
      memberId: this.id,
      memberEpoch: this.epoch,
      instanceId: instance,
      rebalanceTimeoutMs: all ? rebalanceTimeoutMs : -1,
      subscribedTopicNames: all ? (topics === null ? [] : [...topics]) : null,
      subscribedTopicRegex: all ? (expression ?? '') : null,
      serverAssignor: all ? assignor : null,
      topicPartitions:
        all || this.#saysOwned
          ? [...this.owned].map(([id, partitions]) => ({ topicId: id, partitions: [...partitions] }))
          : null,
    })
    this.isThere = true
    this.#waiting = { ticket, joins: this.epoch === 0 }
    this.#sendsAll = false
    this.#saysOwned = false
  }

  /** Takes the answer, if there is one. */
  hear(): void {
    if (this.#waiting === undefined) return
    const { ticket, joins } = this.#waiting
    const answer = this.rig.answer('ConsumerGroupHeartbeat', ticket)
    if (answer === undefined) return
    this.#waiting = undefined
    this.lastError = errorOf(answer)
    switch (this.lastError) {
      case 'NONE':
        break
      case 'FENCED_MEMBER_EPOCH':
      case 'UNKNOWN_MEMBER_ID':
      case 'GROUP_ID_NOT_FOUND':
        return this.beginAnew()
      default:
        this.#sendsAll = true
        if (joins) this.beginAnew()
        return
    }
    this.epoch = answer.memberEpoch
    if (answer.assignment === null || answer.assignment === undefined) return
    this.target = partitionSet(answer.assignment.topicPartitions)
    // Nothing to give back: it begins to read at once.
    if (isWithin(this.owned, this.target)) this.reconcile()
  }

  /** The answer does not come. */
  lose(): void {
    if (this.#waiting === undefined) return
    this.#waiting = undefined
    this.#sendsAll = true
  }

  beginAnew(): void {
    this.epoch = 0
    this.owned = new Map()
    this.target = undefined
    this.#sendsAll = true
    this.#waiting = undefined
  }

  /** Changes what it wants. */
  want(options: MemberOptions): this {
    this.options = { ...this.options, ...options }
    this.#sendsAll = true
    return this
  }

  leave(epoch = -1): Answer {
    const { instance = null, groupId = GROUP } = this.options
    this.isThere = false
    this.beginAnew()
    return ask(this.rig, { groupId, memberId: this.id, memberEpoch: epoch, instanceId: instance })
  }

  die(): void {
    this.isThere = false
    this.beginAnew()
  }
}

/** All of them in turn, until nothing moves any more. */
export function settle(rig: Rig, members: readonly Member[], rounds = 30): void {
  for (let i = 0; i < rounds; i++) {
    for (const member of members) if (member.isThere) member.beat()
    rig.advance(1000)
  }
}

// What must always be true

export function checkGroup(rig: Rig, group: ConsumerGroup): void {
  const targeted = new Set<string>()
  for (const [memberId, target] of group.targets) {
    for (const [id, partition] of eachPartition(target)) {
      assert.ok(!targeted.has(`${id}-${partition}`), `${id}-${partition} is targeted to ${memberId} and somebody else`)
      targeted.add(`${id}-${partition}`)
    }
  }
  if (!group.isEmpty && group.epoch === group.targetEpoch && !group.memory.isRefreshWanted) {
    const wanted = new Set<string>()
    for (const name of group.subscribedTopics.keys()) {
      const topic = rig.image.topicsByName.get(name)
      topic?.partitions.forEach((_, partition) => {
        wanted.add(`${topic.topicId}-${partition}`)
      })
    }
    assert.deepEqual([...targeted].sort(), [...wanted].sort(), 'the target is what the group is subscribed to')
  }
  const owners = new Map<string, string>()
  for (const member of group.members.values()) {
    const target = group.targetOf(member.memberId)
    assert.ok(member.epoch <= group.targetEpoch || member.epoch <= group.epoch)
    if (member.epoch === group.targetEpoch) {
      const isRid = isWithin(member.assigned, target) && member.revoking.size === 0
      assert.ok(isRid, `${member.memberId} at the target epoch has what is not for it`)
    }
    if (isReconciled(member, group.targetEpoch)) {
      assert.ok(samePartitions(member.assigned, target), `${member.memberId} is stable, and has not its target`)
    }
    for (const set of [member.assigned, member.revoking]) {
      for (const [id, partition] of eachPartition(set)) {
        const key = `${id}-${partition}`
        assert.ok(!owners.has(key), `${key} belongs to ${owners.get(key)} and ${member.memberId}`)
        owners.set(key, member.memberId)
        assert.equal(group.ownerOf(id, partition), member.memberId)
        assert.equal(group.partitionEpoch(id, partition), member.epoch)
      }
    }
  }
  for (const topic of rig.image.topicsById.values()) {
    topic.partitions.forEach((_, partition) => {
      const owner = group.ownerOf(topic.topicId, partition)
      assert.equal(
        owner,
        owners.get(`${topic.topicId}-${partition}`),
        'a partition has an epoch as long as it has an owner',
      )
    })
  }
  if (group.state === 'Stable') {
    assert.equal(group.epoch, group.targetEpoch)
    for (const member of group.members.values()) assert.ok(isReconciled(member, group.epoch))
  }
}

/** All that stands in the log of a group, for comparing. */
export function imageOf(group: ConsumerGroup): unknown {
  const { epoch, metadataHash, targetEpoch, members, targets, expressions, staticMembers } = group
  const sorted = <T>(map: ReadonlyMap<string, T>) => [...map].sort(([one], [other]) => (one < other ? -1 : 1))
  return structuredClone({
    epoch,
    metadataHash,
    targetEpoch,
    members: sorted(members),
    targets: sorted(targets),
    expressions: sorted(expressions),
    staticMembers: sorted(staticMembers),
  })
}
