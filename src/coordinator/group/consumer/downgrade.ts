/**
 * Downgrade: when the last member that speaks the protocol of consumer groups leaves, and those that are left speak the classic one, the group becomes a classic
 * group in one decision, and its members go through a round (KIP-848, online downgrade).
 */
import type { Now } from '../../shard.js'
import { ClassicGroup } from '../classic-group.js'
import type { ClassicMember } from '../classic-member.js'
import { ClassicRounds, causeOf } from '../classic-rounds.js'
import { Deadline } from '../deadlines.js'
import type { GroupContext } from '../group.js'
import type { ConsumerGroup } from './consumer-group.js'
import type { ConsumerMember } from './consumer-member.js'
import type { ConsumerSettings } from './consumer-settings.js'
import { CONSUMER_PROTOCOL, encodeAssignment } from './embedded-protocol.js'
import type { GroupChange } from './group-change.js'

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
    return isAnyGoneModern && staying > 0 && staying <= this.#settings.classicMaxSize && this.#settings.allowsDowngrade
  }

  /** With the target assignment of the consumer group as the last that was agreed on. What came in the place of who goes stays. The protocol that all know is returned. */
  convert(change: GroupChange, gone: ReadonlySet<string>, replacement: ConsumerMember | undefined, now: Now): string {
    const { group, groupId, draft } = change
    const staying = [...change.members()].filter(({ memberId }) => !gone.has(memberId))
    draft.appendAll(group.tombstones())
    if (replacement !== undefined) draft.appendAll(memberTombstones(groupId, replacement.memberId))
    const classic = this.#rounds.newGroup(groupId, now.wallMs)
    for (const member of staying) classic.add(this.#classicMember(classic, member), CONSUMER_PROTOCOL)
    classic.generation = change.epoch
    classic.protocol = classic.selectProtocol()
    const image = this.#context.image()
    const assignments = new Map<string, Uint8Array>()
    for (const { memberId, protocols } of classic.members.values()) {
      const metadata = protocols.find(({ name }) => name === classic.protocol)!.metadata
      assignments.set(memberId, encodeAssignment(change.target(memberId), metadata, image))
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
