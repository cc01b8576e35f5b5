/**
 * uniform: all get the same number of partitions, or one more, and keep what they have as far as that allows it. Where members want different topics it
 * comes as near as moving single partitions can: nobody has two more than somebody else who wants one of them.
 */
import type { Uuid } from '../../../../base/uuid.js'
import { addPartition, eachPartition } from '../partition-sets.js'
import { type AssignedMember, type AssignmentQuestion, subscribersByTopic } from './assignor.js'

/** Where members want different topics: how often all topics are gone through to balance them. It hardly ever takes more than a few. */
const MOST_PASSES = 64

type Assignment = Map<Uuid, Set<number>>

export function assignUniformly(question: AssignmentQuestion): Map<string, Assignment> {
  const members = [...question.members].sort((one, other) => (one.memberId < other.memberId ? -1 : 1))
  const plan = new Plan(members, question.partitionCount)
  if (members.every(({ topicIds }) => sameTopics(topicIds, members[0]!.topicIds))) plan.trimToQuota()
  plan.assignTheRest()
  plan.balance()
  return plan.result
}

function sameTopics(one: ReadonlySet<Uuid>, other: ReadonlySet<Uuid>): boolean {
  if (one === other) return true
  if (one.size !== other.size) return false
  for (const topicId of one) if (!other.has(topicId)) return false
  return true
}

class Plan {
  readonly #members: readonly AssignedMember[]
  /** Those that somebody wants, the hardest to balance first: many partitions for few subscribers. */
  readonly #topics: readonly Uuid[]
  readonly #subscribers: ReadonlyMap<Uuid, readonly number[]>
  readonly #assigned: Assignment[]
  readonly #loads: number[]
  /** By topic and partition; -1: nobody. */
  readonly #owners = new Map<Uuid, Int32Array>()

  constructor(members: readonly AssignedMember[], partitionCount: (topicId: Uuid) => number) {
    this.#members = members
    this.#subscribers = subscribersByTopic(members)
    this.#assigned = members.map(() => new Map())
    this.#loads = members.map(() => 0)
    const share = (topicId: Uuid) => partitionCount(topicId) / this.#subscribers.get(topicId)!.length
    this.#topics = [...this.#subscribers.keys()].sort(
      (one, other) => share(other) - share(one) || (one < other ? -1 : 1),
    )
    for (const topicId of this.#topics) this.#owners.set(topicId, new Int32Array(partitionCount(topicId)).fill(-1))
    this.#keep()
  }

  get result(): Map<string, Assignment> {
    return new Map(this.#members.map(({ memberId }, i) => [memberId, this.#assigned[i]!]))
  }

  /** All have what they had, if they still want it and it is still there. */
  #keep(): void {
    for (const [member, { topicIds, before }] of this.#members.entries()) {
      for (const [topicId, partitions] of before) {
        const owners = this.#owners.get(topicId)
        if (owners === undefined || !topicIds.has(topicId)) continue
        for (const partition of partitions) if (owners[partition] === -1) this.#give(topicId, partition, member)
      }
    }
  }

  #give(topicId: Uuid, partition: number, member: number): void {
    this.#owners.get(topicId)![partition] = member
    this.#loads[member]!++
    addPartition(this.#assigned[member]!, topicId, partition)
  }

  #take(topicId: Uuid, partition: number, member: number): void {
    this.#owners.get(topicId)![partition] = -1
    this.#loads[member]!--
    const partitions = this.#assigned[member]!.get(topicId)!
    partitions.delete(partition)
    if (partitions.size === 0) this.#assigned[member]!.delete(topicId)
  }

  /** Where all want the same: who has more than its share gives it back. The places for one more go to those who have it already. */
  trimToQuota(): void {
    let total = 0
    for (const owners of this.#owners.values()) total += owners.length
    const least = Math.floor(total / this.#members.length)
    let extra = total % this.#members.length
    for (const member of this.#members.keys()) {
      let surplus = this.#loads[member]! - least
      if (surplus > 0 && extra > 0) {
        extra--
        surplus--
      }
      if (surplus <= 0) continue
      const given = [...eachPartition(this.#assigned[member]!)].slice(-surplus)
      for (const [topicId, partition] of given) this.#take(topicId, partition, member)
    }
  }

  assignTheRest(): void {
    for (const topicId of this.#topics) {
      const owners = this.#owners.get(topicId)!
      const free: number[] = []
      for (const [partition, owner] of owners.entries()) if (owner === -1) free.push(partition)
      if (free.length === 0) continue
      const byLoad = new LeastLoaded(this.#subscribers.get(topicId)!, this.#loads)
      for (const partition of free) this.#give(topicId, partition, byLoad.next())
    }
  }

  balance(): void {
    for (let pass = 0; pass < MOST_PASSES; pass++) {
      let moved = false
      for (const topicId of this.#topics) if (this.#balanceTopic(topicId)) moved = true
      if (!moved) return
    }
  }

  /** From who has most and something of this topic to who has least, while that makes it better. */
  #balanceTopic(topicId: Uuid): boolean {
    const subscribers = this.#subscribers.get(topicId)!
    let moved = false
    for (;;) {
      let least = subscribers[0]!
      let most = -1
      for (const member of subscribers) {
        if (this.#loads[member]! < this.#loads[least]!) least = member
        if (this.#assigned[member]!.has(topicId) && (most === -1 || this.#loads[member]! > this.#loads[most]!))
          most = member
      }
      if (most === -1 || this.#loads[most]! - this.#loads[least]! < 2) return moved
      const partition = [...this.#assigned[most]!.get(topicId)!].at(-1)!
      this.#take(topicId, partition, most)
      this.#give(topicId, partition, least)
      moved = true
    }
  }
}

/** Of some members always the one that has least; the first of several. */
class LeastLoaded {
  readonly #loads: readonly number[]
  /** In the order of their loads when it began. */
  readonly #waiting: readonly number[]
  /** Those that have been drawn level, and share what comes in turn. */
  #level = 1
  #turn = 0

  constructor(members: readonly number[], loads: readonly number[]) {
    this.#loads = loads
    this.#waiting = [...members].sort((one, other) => loads[one]! - loads[other]! || one - other)
  }

  next(): number {
    if (this.#turn === this.#level) this.#turn = 0
    // A round begins: who has as little as these do joins in.
    if (this.#turn === 0) {
      const load = this.#loads[this.#waiting[0]!]!
      while (this.#level < this.#waiting.length && this.#loads[this.#waiting[this.#level]!]! <= load) this.#level++
    }
    return this.#waiting[this.#turn++]!
  }
}
