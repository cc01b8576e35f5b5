/**
 * Downgrade: when the last member that speaks the protocol of consumer groups leaves, and those that are left speak the classic one, the group becomes a classic
 * group in one decision, and its members go through a round (KIP-848, online downgrade). A group that cannot become one stays what it is, which is said once,
 * until something about it changes.
 */
import type { Now } from '../../shard.js'
import { ClassicGroup } from '../classic-group.js'
import type { ClassicMember } from '../classic-member.js'
import { ClassicRounds, causeOf } from '../classic-rounds.js'
import { Deadline } from '../deadlines.js'
import type { Repair } from '../decision-draft.js'
import type { GroupContext } from '../group.js'
import type { ConsumerGroup } from './consumer-group.js'
import type { ConsumerMember } from './consumer-member.js'
import type { ConsumerSettings } from './consumer-settings.js'
import { CONSUMER_PROTOCOL, encodeAssignment } from './embedded-protocol.js'
import type { GroupChange } from './group-change.js'
import { union } from './partition-sets.js'

export class Downgrade {
  readonly #context: GroupContext
  readonly #settings: ConsumerSettings
  readonly #rounds: ClassicRounds

  constructor(context: GroupContext, settings: ConsumerSettings) {
    this.#context = context
    this.#settings = settings
    this.#rounds = new ClassicRounds(context)
  }

  /** Whether it becomes a classic group when these go, or are replaced. */
  isDue(group: ConsumerGroup, gone: ReadonlySet<string>): boolean {
    let staying = 0
    let isAnyGoneModern = false
    for (const { memberId, classic } of group.members.values()) {
      if (gone.has(memberId)) isAnyGoneModern ||= classic === null
      else if (classic === null) return false
      else staying++
    }
    if (!isAnyGoneModern || staying === 0 || group.memory.tooLargeAtEpoch === group.epoch) return false
    return staying <= this.#settings.classicMaxSize && this.#settings.allowsDowngrade
  }

  /**
   * With what each has as the last assignment that was agreed on (Kafka: what each is to have): if the group is converted back before their round, nobody else is given
   * what they read. What came in the place of who goes stays. The protocol that all of them know; undefined: it cannot be, and nothing is decided. `instead` decides for a group that stays what it is, if
   * it turns out to be too large.
   */
  convert(
    change: GroupChange,
    gone: ReadonlySet<string>,
    replacement: ConsumerMember | undefined,
    now: Now,
    instead: Repair,
  ): string | undefined {
    const { group, groupId, draft } = change
    const staying = [...change.members()].filter(({ memberId }) => !gone.has(memberId))
    const classic = this.#rounds.newGroup(groupId, now.wallMs)
    for (const member of staying) classic.add(this.#classicMember(classic, member), CONSUMER_PROTOCOL)
    const members = staying.length
    if (!classic.sharesProtocol) {
      const why = 'there is no protocol that all of its members know'
      this.#context.noted({ groupId, type: 'consumer', what: 'not converted', why, members })
      return undefined
    }
    draft.ifTooLarge((after) => {
      group.memory.tooLargeAtEpoch = group.epoch
      const why = 'its records do not fit into one batch'
      this.#context.noted({ groupId, type: 'consumer', what: 'not converted', why, members })
      instead(after)
    })
    draft.appendAll(group.tombstones())
    if (replacement !== undefined) draft.appendAll(memberTombstones(groupId, replacement.memberId))
    classic.generation = change.epoch
    classic.awaitsRound = true
    classic.protocol = classic.selectProtocol()
    const image = this.#context.image()
    const assignments = new Map<string, Uint8Array>()
    for (const { memberId, assigned, revoking } of staying) {
      const { protocols } = classic.members.get(memberId)!
      const metadata = protocols.find(({ name }) => name === classic.protocol)!.metadata
      assignments.set(memberId, encodeAssignment(union(assigned, revoking), metadata, image))
    }
    draft.append(classic.record(assignments))
    this.#beginRoundSoon(change, now)
    return classic.protocol
  }

  #classicMember(group: ClassicGroup, member: ConsumerMember): ClassicMember {
    const { memberId, instanceId, clientId, clientHost, rebalanceTimeoutMs, classic } = member
    return {
      memberId,
      groupInstanceId: instanceId,
      clientId,
      clientHost,
      rebalanceTimeoutMs,
      sessionTimeoutMs: classic!.sessionTimeoutMs,
      protocols: classic!.protocols,
      assignment: new Uint8Array(0),
      joining: undefined,
      syncing: undefined,
      isNew: false,
      session: this.#rounds.newSession(group, memberId),
    }
  }

  /** When its records have been applied: before, there is no such group. */
  #beginRoundSoon({ groupId, draft }: GroupChange, now: Now): void {
    const { deadlines, groups } = this.#context
    const begin = new Deadline((at, after) => {
      const group = groups.get(groupId)
      if (!(group instanceof ClassicGroup) || group.state !== 'Stable') return
      for (const member of group.members.values()) this.#rounds.extendSession(member, at)
      this.#rounds.beginRound(group, causeOf('converted', undefined, at), at, after)
    })
    deadlines.set(begin, now.monotonicMs + 1)
    draft.ifRefused(() => deadlines.clear(begin))
  }
}

function memberTombstones(groupId: string, memberId: string) {
  const key = { groupId, memberId }
  return [
    { type: 'ConsumerGroupCurrentMemberAssignment' as const, key, value: null },
    { type: 'ConsumerGroupTargetAssignmentMember' as const, key, value: null },
    { type: 'ConsumerGroupMemberMetadata' as const, key, value: null },
  ]
}
