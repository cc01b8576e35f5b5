/**
 * What holds of a group of KIP-848 at any moment, on whichever coordinator, as the published specification of the protocol has it: a partition is that of one member, or to be given back by one;
 * who has come to the target has nothing that is meant for others; epochs of members never fall; who is stable has what it should have.
 */
import { assert } from '../base/assert.js'
import { ConsumerGroup } from '../coordinator/group/consumer/consumer-group.js'
import { eachPartition, isWithin, samePartitions } from '../coordinator/group/consumer/partition-sets.js'
import type { Group, GroupType } from '../coordinator/group/group.js'

export class NextGroupRules {
  /** By member id: the highest that was seen. A coordinator that loads anew has other groups. */
  readonly #epochs = new WeakMap<ConsumerGroup, Map<string, number>>()

  /** By group id: of which kind it was when it was looked at last. */
  readonly #types = new Map<string, GroupType>()
  readonly #count: (what: string) => void

  /** `count`: of what was looked at, and what has happened to groups. */
  constructor(count: (what: string) => void) {
    this.#count = count
  }

  /** A group of either kind. */
  look(group: Group, where: string): void {
    if (group instanceof ConsumerGroup) {
      this.#check(group, where)
      this.#count('what holds of a group of KIP-848 is looked at')
    }
    const { groupId, type, isEmpty } = group
    const before = this.#types.get(groupId)
    if (isEmpty) this.#types.delete(groupId)
    else this.#types.set(groupId, type)
    if (isEmpty || before === undefined || before === type) return
    this.#count(type === 'consumer' ? 'a group is upgraded' : 'a group is downgraded')
  }

  #check(group: ConsumerGroup, where: string): void {
    const { groupId, epoch, targetEpoch, members, targets } = group
    const who = `${where}: ${groupId} in epoch ${epoch}`
    assert(targetEpoch <= epoch, () => `${who} has a target of epoch ${targetEpoch}`)
    const owners = new Map<string, string>()
    for (const { memberId, assigned, revoking } of members.values()) {
      for (const [topicId, partition] of [...eachPartition(assigned), ...eachPartition(revoking)]) {
        const name = `${topicId}-${partition}`
        const other = owners.get(name)
        assert(other === undefined, () => `${who}: both ${other} and ${memberId} have ${name}`)
        const owner = group.ownerOf(topicId, partition)
        assert(owner === memberId, () => `${who}: ${memberId} has ${name}, and ${owner} is taken for its owner`)
        owners.set(name, memberId)
      }
    }
    const meant = new Map<string, string>()
    for (const [memberId, target] of targets) {
      assert(members.has(memberId), () => `${who} has a target for ${memberId}, which is no member`)
      for (const [topicId, partition] of eachPartition(target)) {
        const name = `${topicId}-${partition}`
        assert(!meant.has(name), () => `${who}: ${name} is meant for ${meant.get(name)} and ${memberId}`)
        meant.set(name, memberId)
      }
    }
    this.#checkMembers(group, who)
  }

  #checkMembers(group: ConsumerGroup, who: string): void {
    const { epoch: groupEpoch, targetEpoch, members } = group
    const before = this.#epochs.get(group)
    const now = new Map<string, number>()
    for (const { memberId, epoch, state, assigned, revoking } of members.values()) {
      const highest = before?.get(memberId) ?? 0
      now.set(memberId, Math.max(epoch, highest))
      // It has said that it comes back (-2).
      if (epoch < 0) continue
      const is = `${memberId} is ${state} in epoch ${epoch}`
      assert(epoch <= groupEpoch, () => `${who}: ${is}`)
      assert(epoch >= highest, () => `${who}: ${is}, and has been in ${highest}`)
      if (epoch !== targetEpoch) continue
      const target = group.targetOf(memberId)
      assert(isWithin(assigned, target), () => `${who}: ${is}, and has what is meant for others`)
      const isDone = state === 'stable'
      assert(!isDone || samePartitions(assigned, target), () => `${who}: ${is}, and has not all that it should have`)
      assert(!isDone || revoking.size === 0, () => `${who}: ${is}, and is to give something back`)
    }
    this.#epochs.set(group, now)
    if (group.state !== 'Stable') return
    for (const { memberId, epoch } of members.values())
      assert(epoch === groupEpoch, () => `${who} is stable, and ${memberId} is in epoch ${epoch}`)
  }
}
