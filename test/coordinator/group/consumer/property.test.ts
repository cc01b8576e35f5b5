/**
 * Consumer groups where anything may happen: members that come, go, die, are slow to give back and lose answers, topics that change, partitions that refuse, and
 * coordinators that move. What must always hold is looked at after every step; in the end everything comes to rest.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { eachPartition } from '../../../../src/coordinator/group/consumer/partition-sets.js'
import type { Rig } from '../rig.js'
import {
  addTopic,
  checkGroup,
  findGroup,
  growTopic,
  imageOf,
  Member,
  type MemberOptions,
  modernRig,
  removeTopic,
  settle,
  shown,
} from './modern-rig.js'

const TOPICS = ['t1', 't2', 't3']

const WISHES: readonly MemberOptions[] = [
  { topics: ['t1'], expression: '' },
  { topics: ['t1', 't2'], expression: '' },
  { topics: ['t2', 't3'], expression: '', assignor: 'range' },
  { topics: [], expression: 't[12]' },
  { topics: ['t3'], expression: 't.*' },
  { topics: TOPICS, expression: '' },
]

const MEMBERS = 3

type Step =
  | {
      readonly do: 'beat' | 'slow' | 'send' | 'hear' | 'lose' | 'reconcile' | 'leave' | 'die' | 'rest'
      readonly who: number
    }
  | { readonly do: 'want'; readonly who: number; readonly what: number }
  | { readonly do: 'time'; readonly ms: number }
  | { readonly do: 'add' | 'grow' | 'remove'; readonly topic: string }
  | { readonly do: 'hold' | 'commit' | 'move' | 'refuse' | 'reload' }

const who = fc.nat(MEMBERS - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('beat' as const), who }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('slow' as const), who }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('send' as const, 'hear' as const), who }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('reconcile' as const), who }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('lose', 'leave', 'die', 'rest'), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('want' as const), who, what: fc.nat(WISHES.length - 1) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('time' as const), ms: fc.constantFrom(100, 5000, 12_000, 46_000) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('add', 'grow', 'remove'), topic: fc.constantFrom(...TOPICS) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('hold', 'commit', 'move', 'refuse', 'reload') }) },
)

class Play {
  readonly rig: Rig
  readonly members: readonly Member[]
  /** The highest epoch of each member that was committed. */
  readonly #epochs = new Map<string, number>()

  constructor(statics: boolean) {
    this.rig = modernRig()
    addTopic(this.rig, 't1', 3)
    addTopic(this.rig, 't2', 2)
    this.members = Array.from({ length: MEMBERS }, (_, i) => {
      const instance = statics && i % 2 === 0 ? { instance: `i${i}` } : {}
      return new Member(this.rig, `m${i}`, { ...WISHES[i % WISHES.length]!, ...instance, rebalanceTimeoutMs: 20_000 })
    })
  }

  take(step: Step): void {
    const { rig } = this
    switch (step.do) {
      case 'time':
        return rig.advance(step.ms)
      case 'add':
        if (!rig.image.topicsByName.has(step.topic)) addTopic(rig, step.topic, 2)
        return
      case 'grow':
        if ((rig.image.topicsByName.get(step.topic)?.partitions.length ?? 9) < 6) growTopic(rig, step.topic, 1)
        return
      case 'remove':
        if (rig.image.topicsByName.has(step.topic)) removeTopic(rig, step.topic)
        return
      case 'hold':
        rig.isHeld = true
        return
      case 'commit':
        rig.isHeld = false
        return rig.commit()
      case 'refuse':
        rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
        return
      case 'reload':
        return this.#checkReload()
      case 'move':
        rig.move()
        this.#epochs.clear()
        for (const member of this.members) member.lose()
        return
      default:
        return this.#act(this.members[step.who]!, step)
    }
  }

  #act(member: Member, step: Extract<Step, { readonly who: number }>): void {
    switch (step.do) {
      case 'beat':
        if (!member.isWaiting) member.beat()
        return
      case 'slow':
        // It is told what to give back, and does not do it yet.
        if (!member.isWaiting) member.send()
        return member.hear()
      case 'send':
        if (!member.isWaiting) member.send()
        return
      case 'hear':
        return member.hear()
      case 'lose':
        return member.lose()
      case 'reconcile':
        member.reconcile()
        return
      case 'want':
        member.want(WISHES[step.what]!)
        return
      case 'die':
        return member.die()
      case 'leave':
      case 'rest': {
        if (!member.isThere || member.isWaiting || this.rig.isHeld || this.rig.refuseNext !== undefined) return
        member.leave(step.do === 'rest' && member.options.instance !== undefined ? -2 : -1)
        return
      }
    }
  }

  check(): void {
    const group = findGroup(this.rig.shard)
    if (group === undefined) return
    checkGroup(this.rig, group)
    for (const [memberId, { epoch }] of group.members) {
      if (epoch < 0) continue
      assert.ok(epoch >= (this.#epochs.get(memberId) ?? 0), `the epoch of ${memberId} fell to ${epoch}`)
      this.#epochs.set(memberId, epoch)
    }
    for (const memberId of this.#epochs.keys()) if (!group.members.has(memberId)) this.#epochs.delete(memberId)
    // Who is a member, and not one that has begun anew, may believe what it was told.
    const readers = new Map<string, string>()
    for (const { id, owned, epoch } of this.members) {
      if (epoch === 0 || !group.members.has(id)) continue
      for (const [topic, partition] of eachPartition(owned)) {
        const key = `${topic}-${partition}`
        assert.ok(!readers.has(key), `${id} and ${readers.get(key)} both read ${key}`)
        readers.set(key, id)
      }
    }
  }

  /** Who reads the log has the same. */
  #checkReload(): void {
    const group = findGroup(this.rig.shard)
    const copy = findGroup(this.rig.loadedCopy())
    assert.deepEqual(copy && imageOf(copy), group && imageOf(group))
  }

  comeToRest(): void {
    const { rig, members } = this
    rig.isHeld = false
    rig.refuseNext = undefined
    rig.commit()
    for (const member of members) {
      member.hear()
      member.lose()
    }
    settle(rig, members, 15)
    // Who has died without a word is gone by now, and what expressions stand for is known.
    for (let i = 0; i < 12; i++) {
      rig.advance(5000)
      for (const member of members) if (member.isThere) member.beat()
    }
    settle(rig, members, 15)
    this.check()
    this.#checkReload()
    const there = members.filter(({ isThere }) => isThere)
    const group = findGroup(rig.shard)
    if (there.length === 0) {
      assert.ok(group === undefined || group.isEmpty)
      return
    }
    assert.ok(group !== undefined)
    assert.equal(group.state, 'Stable')
    assert.deepEqual([...group.members.keys()].sort(), there.map(({ id }) => id).sort())
    for (const { id, owned } of there) assert.equal(shown(owned), shown(group.targetOf(id)), id)
  }
}

describe('consumer groups, as a property', () => {
  for (const statics of [false, true]) {
    it(`whatever happens, nothing is read twice, and all comes to rest${statics ? ' (with static members)' : ''}`, () => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
          const play = new Play(statics)
          for (const each of steps) {
            play.take(each)
            play.check()
          }
          play.comeToRest()
        }),
        { numRuns: 150 },
      )
    })
  }
})
