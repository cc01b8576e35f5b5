/**
 * GroupSteps: the steps that every change of a consumer group takes, whichever protocol its member speaks: regular expressions are resolved, the group's
 * epoch is raised if what its members want or the topics have changed, the target assignment is made for a new epoch, and the member goes a step towards it.
 */
import { assert } from '../../../base/assert.js'
import type { Uuid } from '../../../base/uuid.js'
import { CompiledExpressions } from '../../regex/compiled-expressions.js'
import { type Meter, RegularExpression } from '../../regex/regular-expression.js'
import type { Now } from '../../shard.js'
import { RECORD_OVERHEAD_BYTES } from '../decision-room.js'
import type { GroupContext } from '../group.js'
import type { RebalanceReason } from '../rebalance-history.js'
import type { AssignedMember } from './assignors/assignor.js'
import { type ConsumerMember, expressionOf, isReconciled, sameNames } from './consumer-member.js'
import type { ConsumerSettings } from './consumer-settings.js'
import type { GroupChange } from './group-change.js'
import { TopicHashes } from './metadata-hash.js'
import type { PartitionSet } from './partition-sets.js'
import { reconcile } from './reconciliation.js'

/** Kafka's: how soon expressions are looked at again, whoever brings another. */
const EXPRESSIONS_REST_MS = 10_000
/** What compiling expressions and matching them with all topics may cost at once; a state of one of them is a step. About a tenth of a second. */
const MATCHING_STEPS = 10_000_000
/** What the topics of one expression may take in its record: half of what a batch may have by default, for it also has to say who gets their partitions. */
export const LARGEST_RESOLUTION_BYTES = 512 * 1024
/** Of a string in a record. */
const LENGTH_BYTES = 2

export class GroupSteps {
  readonly #context: GroupContext
  readonly #settings: ConsumerSettings
  readonly #hashes = new TopicHashes()
  readonly #compiled = new CompiledExpressions()
  /** The offset of the metadata that last brought a topic. */
  newTopicsVersion = -1

  constructor(context: GroupContext, settings: ConsumerSettings) {
    this.#context = context
    this.#settings = settings
  }

  /**
   * A member has said what it wants, and what it has (undefined: it has not). `before` is what it was: undefined, if it is new. The member as it is then.
   */
  advance(
    change: GroupChange,
    wanted: ConsumerMember,
    before: ConsumerMember | undefined,
    owned: PartitionSet | undefined,
    now: Now,
  ): ConsumerMember {
    const { memory } = change.group
    change.putWishes(wanted)
    const isNewGroup = change.epoch === 0
    const wantsOther = before === undefined || !sameNames(before.subscribedTopics, wanted.subscribedTopics)
    const matchesOther = this.#resolveExpressions(change, before, wanted, now)
    if (isNewGroup || wantsOther || matchesOther)
      this.#raise(change, before === undefined ? 'joined' : 'changed what it wants', wanted, now)
    else if (memory.isRefreshWanted) {
      const hash = this.#hashes.hashOf(change.subscribedTopics(), this.#context.image())
      if (hash !== change.metadataHash) this.#raise(change, 'metadata changed', undefined, now)
    }
    memory.isRefreshWanted = false
    change.draft.ifRefused(() => {
      memory.isRefreshWanted = true
    })
    if (change.epoch > change.targetEpoch) this.#assign(change, now)
    return this.#reconcile(change, change.member(wanted.memberId) ?? wanted, owned, now)
  }

  /** Members go; who is left is assigned again when the next of them is heard of. */
  remove(
    change: GroupChange,
    members: readonly { readonly member: ConsumerMember; readonly reason: RebalanceReason }[],
    now: Now,
  ): void {
    for (const { member } of members) change.removeMember(member.memberId)
    change.bump(this.hashOf(change.subscribedTopics()))
    for (const { member, reason } of members) this.#note(change, reason, member, now)
    if (change.memberCount === 0) this.#noteEnd(change, 'empty', now)
  }

  hashOf(topics: Iterable<string>): number {
    return this.#hashes.hashOf(topics, this.#context.image())
  }

  #raise(change: GroupChange, reason: RebalanceReason, member: ConsumerMember | undefined, now: Now): void {
    change.bump(this.hashOf(change.subscribedTopics()))
    this.#note(change, reason, member, now)
  }

  #note(change: GroupChange, reason: RebalanceReason, member: ConsumerMember | undefined, now: Now): void {
    const { memberId = '', instanceId = null, clientId = '', clientHost = '' } = member ?? {}
    change.group.memory.rebalancingSinceMs ??= now.monotonicMs
    this.#context.noted({
      groupId: change.groupId,
      type: 'consumer',
      what: 'cause',
      cause: {
        reason,
        atMs: now.wallMs,
        memberId,
        groupInstanceId: instanceId,
        clientId,
        clientHost,
        clientReason: null,
      },
      rebalances: true,
      generation: change.epoch,
    })
  }

  #noteEnd(change: GroupChange, what: 'assigned' | 'empty', now: Now): void {
    const { memory } = change.group
    if (memory.rebalancingSinceMs === undefined) return
    const tookMs = now.monotonicMs - memory.rebalancingSinceMs
    memory.rebalancingSinceMs = undefined
    const { groupId, epoch, memberCount } = change
    this.#context.noted({ groupId, type: 'consumer', what, tookMs, generation: epoch, members: memberCount })
  }

  // Regular expressions

  /** True: the group has to be assigned again. */
  #resolveExpressions(
    change: GroupChange,
    before: ConsumerMember | undefined,
    wanted: ConsumerMember,
    now: Now,
  ): boolean {
    const { memory } = change.group
    const expression = expressionOf(wanted)
    const old = before === undefined ? '' : expressionOf(before)
    const isOther = old !== expression
    if (isOther) change.dropExpression(old)
    const expressions = change.subscribedExpressions()
    let raises = isOther && (expression === '' || change.expression(expression) !== undefined)
    if (expressions.size === 0) return raises
    const agoMs = now.monotonicMs - memory.expressionsResolvedMs
    const resolved = [...expressions].map((each) => change.expression(each))
    const isAnyNew = resolved.some((each) => each === undefined)
    const version = Math.min(...resolved.map((each) => each?.version ?? -1))
    const isOld = version < this.newTopicsVersion || agoMs > this.#settings.expressionRefreshMs
    const sinceMs = memory.expressionsLeftSinceMs ?? now.wallMs
    if (!(isOld || isAnyNew || memory.expressionsLeftSinceMs !== undefined) || agoMs < EXPRESSIONS_REST_MS)
      return raises
    memory.expressionsResolvedMs = now.monotonicMs
    memory.expressionsLeftSinceMs = undefined
    const room = memory.expressionRoom.take()
    // Then it is not all done again with the next heartbeat.
    change.draft.ifRefused(() => {
      memory.expressionsResolvedMs = now.monotonicMs
      memory.expressionsLeftSinceMs = sinceMs
      memory.expressionRoom.refused()
    })
    const image = this.#context.image()
    const meter = { steps: 0 }
    let bytes = 0
    for (const each of inTurn(expressions, change)) {
      const { version: lookedAt = -1, timestampMs = -1 } = change.expression(each) ?? {}
      if (lookedAt >= this.newTopicsVersion && timestampMs >= sinceMs) continue
      const spent = meter.steps
      const known = change.expression(each)?.topics ?? new Set()
      const compiled = this.#compiled.get(each, meter)
      // What could not be read was refused when it came; if a later version has written it, it matches nothing. What takes too long, or has become too much, stays as it is.
      const matching =
        compiled instanceof RegularExpression
          ? matchingTopics(compiled, image.topicsByName.keys(), meter)
          : new Set<string>()
      // It has not had the whole time for itself: it is the first the next time.
      if (matching === 'too long' && spent > 0) {
        memory.expressionsLeftSinceMs = sinceMs
        break
      }
      const topics = typeof matching === 'string' ? known : matching
      const before = bytes
      bytes += RECORD_OVERHEAD_BYTES + Buffer.byteLength(change.groupId) + Buffer.byteLength(each) + bytesOf(topics)
      // The next heartbeat goes on.
      if (before > 0 && bytes > room) {
        memory.expressionsLeftSinceMs = sinceMs
        memory.expressionsResolvedMs = Number.NEGATIVE_INFINITY
        break
      }
      change.putExpression(each, { topics, version: image.offset, timestampMs: now.wallMs })
      if (!sameNames([...known].sort(), [...topics].sort())) raises = true
    }
    return raises || (isOther && isAnyNew)
  }

  /** Half a sentence; undefined: it can be resolved. */
  refusesExpression(text: string): string | undefined {
    const expression = this.#compiled.get(text)
    if (!(expression instanceof RegularExpression)) return expression.message
    const topics = matchingTopics(expression, this.#context.image().topicsByName.keys(), { steps: 0 })
    if (topics === 'too long') return 'it takes too long to match it with all topics'
    return topics === 'too many' ? 'it stands for more topics than fit into one record' : undefined
  }

  // The target assignment

  #assign(change: GroupChange, now: Now): void {
    const image = this.#context.image()
    const members: AssignedMember[] = []
    // Most members of a group want the same.
    let topicIds: Set<Uuid> | undefined
    let last: ConsumerMember | undefined
    for (const member of change.members()) {
      if (topicIds === undefined || last === undefined || !wantSame(last, member)) {
        topicIds = new Set<Uuid>()
        for (const name of change.topicsOf(member)) {
          const topic = image.topicsByName.get(name)
          if (topic !== undefined) topicIds.add(topic.topicId)
        }
      }
      last = member
      const { memberId, instanceId } = member
      members.push({ memberId, instanceId, topicIds, before: change.target(memberId) })
    }
    const assignor = this.#settings.assignors.get(this.preferredAssignor(change.members()))!
    const partitionCount = (topicId: Uuid): number => image.topicsById.get(topicId)?.partitions.length ?? 0
    change.putTargets(assignor({ members, partitionCount }), now.wallMs)
  }

  /** What most members want who want a certain one; else the default. */
  preferredAssignor(members: Iterable<ConsumerMember>): string {
    const { assignors, defaultAssignor } = this.#settings
    const votes = new Map<string, number>()
    for (const { assignor } of members) {
      if (assignor !== null && assignors.has(assignor)) votes.set(assignor, (votes.get(assignor) ?? 0) + 1)
    }
    let preferred = defaultAssignor
    for (const [name, count] of votes) if (count > (votes.get(preferred) ?? 0)) preferred = name
    return preferred
  }

  // The current assignment

  #reconcile(change: GroupChange, member: ConsumerMember, owned: PartitionSet | undefined, now: Now): ConsumerMember {
    const { targetEpoch } = change
    if (isReconciled(member, targetEpoch)) return member
    const { memberId } = member
    const next = reconcile(member, {
      targetEpoch,
      target: change.target(memberId),
      owned,
      isTaken: (topicId, partition) => change.isTaken(topicId, partition, memberId),
    })
    assert(
      next !== 'fenced',
      () => `member ${memberId} of ${change.groupId} is in an unknown state, and was not refused`,
    )
    if (next === member) return member
    const before = change.member(memberId)
    change.putCurrent(next)
    if (next !== before && isReconciled(next, targetEpoch) && change.isSettled) this.#noteEnd(change, 'assigned', now)
    if (next === before || next.classic !== null) return next
    // Members of the classic protocol give back when they join again, and have their time for that.
    if (next.state === 'unrevoked partitions') {
      change.group.memory.set(memberId, 'rebalance', now.monotonicMs + next.rebalanceTimeoutMs)
    } else change.group.memory.clear(memberId, 'rebalance')
    return next
  }
}

function wantSame(one: ConsumerMember, other: ConsumerMember): boolean {
  return (
    sameNames(one.subscribedTopics, other.subscribedTopics) && one.subscribedExpression === other.subscribedExpression
  )
}

/** Those first that were looked at longest ago. */
function inTurn(expressions: ReadonlySet<string>, change: GroupChange): string[] {
  const lookedAt = (each: string) => change.expression(each) ?? { version: -1, timestampMs: -1 }
  return [...expressions].sort((one, other) => {
    const [first, second] = [lookedAt(one), lookedAt(other)]
    return first.version - second.version || first.timestampMs - second.timestampMs
  })
}

/** Why not: it takes too long, or they do not fit into a record. */
function matchingTopics(
  expression: RegularExpression,
  names: Iterable<string>,
  meter: Meter,
): Set<string> | 'too long' | 'too many' {
  const topics = new Set<string>()
  for (const name of names) {
    if (meter.steps > MATCHING_STEPS) return 'too long'
    if (expression.matches(name, meter)) topics.add(name)
  }
  return bytesOf(topics) > LARGEST_RESOLUTION_BYTES ? 'too many' : topics
}

/** As they stand in the record, at most. */
function bytesOf(topics: Iterable<string>): number {
  let bytes = 0
  for (const topic of topics) bytes += LENGTH_BYTES + Buffer.byteLength(topic)
  return bytes
}
