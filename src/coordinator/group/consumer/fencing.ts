/** Fencing: members leave a consumer group, or are put out of it because they were too late. If only members of the classic protocol are left, the group becomes a classic one. */
import type { Now } from '../../shard.js'
import type { DecisionDraft, Repair } from '../decision-draft.js'
import { RECORD_OVERHEAD_BYTES } from '../decision-room.js'
import type { GroupContext } from '../group.js'
import type { RebalanceReason } from '../rebalance-history.js'
import { ConsumerGroup } from './consumer-group.js'
import { type ConsumerMember, expressionOf } from './consumer-member.js'
import type { Downgrade } from './downgrade.js'
import { GroupChange } from './group-change.js'
import type { GroupSteps } from './group-steps.js'

/** After records were refused, who was late is looked at again. */
const REFUSED_PAUSE_MS = 1000

export interface Leaving {
  readonly member: ConsumerMember
  readonly reason: RebalanceReason
}

export class Fencing {
  readonly #context: GroupContext
  readonly #steps: GroupSteps
  readonly #downgrade: Downgrade

  constructor(context: GroupContext, steps: GroupSteps, downgrade: Downgrade) {
    this.#context = context
    this.#steps = steps
    this.#downgrade = downgrade
  }

  /** `again`: does the same with a draft of its own, where the group turns out to be too large for a classic one. */
  fence(change: GroupChange, leaving: readonly Leaving[], now: Now, again: Repair): void {
    if (leaving.length === 0) return
    const gone = new Set(leaving.map(({ member }) => member.memberId))
    const isDue = this.#downgrade.isDue(change.group, gone)
    if (isDue && this.#downgrade.convert(change, gone, undefined, now, again) !== undefined) return
    this.#steps.remove(change, leaving, now)
  }

  /** The time of some members of this group may have come. As many go at once as there is room for. */
  fenceLate(groupId: string, now: Now, draft: DecisionDraft): void {
    const group = this.#context.groups.get(groupId)
    if (!(group instanceof ConsumerGroup)) return
    const { memory } = group
    const room = memory.room.take()
    let bytes = 0
    const leaving: Leaving[] = []
    memory.takeLate(now.monotonicMs, ({ memberId, reason }) => {
      const member = group.members.get(memberId)
      if (member === undefined) return true
      bytes += tombstoneBytes(groupId, member)
      if (leaving.length > 0 && bytes > room) return false
      leaving.push({ member, reason })
      return true
    })
    if (leaving.length > 0) this.#putOut(group, leaving, now, draft)
  }

  #putOut(group: ConsumerGroup, leaving: readonly Leaving[], now: Now, draft: DecisionDraft): void {
    const { memory } = group
    draft.ifRefused(() => {
      memory.room.refused()
      for (const { member } of leaving) {
        memory.set(member.memberId, 'session', now.monotonicMs + REFUSED_PAUSE_MS)
      }
    })
    const again = (after: DecisionDraft): void => this.#putOut(group, leaving, now, after)
    this.fence(new GroupChange(group, draft), leaving, now, again)
  }
}

/** Of the records that take it away; with its expression, which may go with it. */
function tombstoneBytes(groupId: string, member: ConsumerMember): number {
  const groupBytes = Buffer.byteLength(groupId) + RECORD_OVERHEAD_BYTES
  const expression = expressionOf(member)
  return (
    3 * (groupBytes + Buffer.byteLength(member.memberId)) +
    (expression === '' ? 0 : groupBytes + Buffer.byteLength(expression))
  )
}
