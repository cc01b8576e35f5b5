/** From classic groups to consumer groups and back, while members go on reading (KIP-848, online upgrade and downgrade). */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { commit, errorOf, fetchOffsets, type Rig, sendJoin, sendJoinWithId, sendSync, stableGroup } from '../rig.js'
import { assignment, ClassicClient, type ClassicOptions, subscription } from './classic-client.js'
import {
  addTopic,
  ask,
  checkGroup,
  findGroup,
  GROUP,
  groupOf,
  growTopic,
  imageOf,
  joining,
  Member,
  modernRig,
  shown,
} from './modern-rig.js'

const ORDERS: ClassicOptions = { topics: ['orders'] }

function typeOf(rig: Rig): string {
  const [group] = [...rig.shard.groups]
  return group === undefined ? 'none' : `${group.type} ${group.state}`
}

/** All of them in turn. */
function go(rig: Rig, classics: readonly ClassicClient[], moderns: readonly Member[], rounds = 25): void {
  for (let i = 0; i < rounds; i++) {
    for (const classic of classics) if (classic.isThere) classic.step()
    for (const modern of moderns) {
      modern.hear()
      if (modern.isThere && !modern.isWaiting) modern.beat()
    }
    rig.advance(1000)
  }
}

function classicGroup(names: readonly string[], options: Partial<ClassicOptions> = {}, settings = {}) {
  const rig = modernRig({ settings })
  addTopic(rig, 'orders', 4)
  const classics = names.map((name) => new ClassicClient(rig, name, { ...ORDERS, ...options }))
  for (const classic of classics) classic.step()
  go(rig, classics, [])
  assert.equal(typeOf(rig), 'classic Stable')
  return { rig, classics }
}

function everything(classics: readonly ClassicClient[], moderns: readonly Member[]): string[] {
  const owned = [...classics.map((each) => each.owned), ...moderns.map((each) => shown(each.owned)!.split(' '))]
  return owned
    .flat()
    .filter((partition) => partition !== '')
    .sort()
}

const ALL_ORDERS = ['orders-0', 'orders-1', 'orders-2', 'orders-3']

describe('from a classic group to a consumer group', () => {
  it('the first member that speaks the new protocol converts it; the others go on and give back', () => {
    const { rig, classics } = classicGroup(['a', 'b'])
    assert.deepEqual(
      classics.map(({ owned }) => owned),
      [
        ['orders-0', 'orders-2'],
        ['orders-1', 'orders-3'],
      ],
    )
    commit(rig, 'orders', { 0: 5 }, { memberId: classics[0]!.id, generation: 1 })
    const modern = new Member(rig, 'c', { topics: ['orders'] })
    assert.equal(modern.beat(), '')
    assert.equal(typeOf(rig), 'consumer Reconciling')
    checkGroup(rig, groupOf(rig.shard))
    // Who has what before has it still.
    assert.equal(shown(groupOf(rig.shard).members.get(classics[0]!.id)!.assigned), 'orders-0 orders-2')
    classics[0]!.step()
    assert.equal(classics[0]!.lastError, 'REBALANCE_IN_PROGRESS')
    go(rig, classics, [modern])
    assert.equal(typeOf(rig), 'consumer Stable')
    assert.deepEqual(everything(classics, [modern]), ALL_ORDERS)
    assert.notEqual(shown(modern.owned), '')
    assert.deepEqual(fetchOffsets(rig, { orders: [0] }), { orders: { 0: 5 } })
    const { epoch } = groupOf(rig.shard)
    const claim = { memberId: classics[0]!.id, version: 8 }
    assert.deepEqual(commit(rig, 'orders', { 0: 6 }, { ...claim, generation: epoch }), ['NONE'])
    assert.deepEqual(commit(rig, 'orders', { 0: 6 }, { ...claim, generation: epoch - 1 }), ['ILLEGAL_GENERATION'])
    const { groups } = rig.ask('ConsumerGroupDescribe', 1, { groupIds: [GROUP], includeAuthorizedOperations: false })
    assert.deepEqual(groups[0]!.members.map(({ memberType }) => memberType).sort(), [0, 0, 1])
  })

  it('stands in the log: after a move it is the same group', () => {
    const { rig, classics } = classicGroup(['a', 'b'])
    const modern = new Member(rig, 'c', { topics: ['orders'] })
    modern.beat()
    const before = imageOf(groupOf(rig.shard))
    rig.move()
    assert.deepEqual(imageOf(groupOf(rig.shard)), before)
    go(rig, classics, [modern])
    assert.equal(typeOf(rig), 'consumer Stable')
    assert.deepEqual(everything(classics, [modern]), ALL_ORDERS)
  })

  it('if the partition refuses it, the classic group goes on as it was', () => {
    const { rig, classics } = classicGroup(['a', 'b'])
    rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
    assert.equal(errorOf(ask(rig, joining('c', ['orders']))), 'COORDINATOR_NOT_AVAILABLE')
    assert.equal(typeOf(rig), 'classic Stable')
    go(rig, classics, [], 60)
    assert.equal(typeOf(rig), 'classic Stable')
    for (const classic of classics) classic.isThere = false
    rig.advance(200_000)
    assert.equal(typeOf(rig), 'classic Empty')
  })

  it('who waits in a round is told to come again, and comes to the consumer group', () => {
    const { rig, classics } = classicGroup(['a', 'b'])
    const late = new ClassicClient(rig, 'd', ORDERS).step()
    assert.equal(late.isWaiting, true)
    const modern = new Member(rig, 'c', { topics: ['orders'] })
    modern.beat()
    late.hear()
    assert.equal(late.lastError, 'REBALANCE_IN_PROGRESS')
    go(rig, [...classics, late], [modern])
    assert.equal(typeOf(rig), 'consumer Stable')
    assert.equal(groupOf(rig.shard).memberCount, 4)
    assert.deepEqual(everything([...classics, late], [modern]), ALL_ORDERS)
  })

  it('also before its first round is over', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 4)
    const classic = new ClassicClient(rig, 'a', ORDERS).step()
    const modern = new Member(rig, 'c', { topics: ['orders'] })
    modern.beat()
    assert.match(typeOf(rig), /^consumer/)
    go(rig, [classic], [modern])
    assert.equal(typeOf(rig), 'consumer Stable')
    assert.deepEqual(everything([classic], [modern]), ALL_ORDERS)
    assert.equal(groupOf(rig.shard).memberCount, 2)
  })

  it('what a cooperative member has just been told to give up is not given to others before it has joined again', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 4)
    const wants = (...owned: number[]) => ({ 'cooperative-sticky': subscription(['orders'], owned) })
    const { ticket, memberId } = sendJoinWithId(rig, { protocols: wants(0, 1, 2, 3) })
    rig.advance(10_000)
    assert.equal(rig.answer('JoinGroup', ticket)?.generationId, 1)
    const kept = assignment(new Map([['orders', [0, 1]]])).toString('latin1')
    rig.answer('SyncGroup', sendSync(rig, memberId, 1, { assignments: { [memberId]: kept } }))
    const modern = new Member(rig, 'c', { topics: ['orders'] })
    modern.beat()
    rig.move()
    checkGroup(rig, groupOf(rig.shard))
    for (let n = 0; n < 3; n++) assert.equal(modern.beat() ?? '', '')
    const again = sendJoin(rig, { memberId, protocols: wants(0, 1) })
    assert.equal(rig.answer('JoinGroup', again)?.errorCode, 0)
    assert.equal(modern.beat(), 'orders-2 orders-3')
  })

  it('a static member changes its protocol, and keeps what it has', () => {
    const { rig, classics } = classicGroup(['a'], { instance: 'i' })
    classics[0]!.isThere = false
    const modern = new Member(rig, 'c', { topics: ['orders'], instance: 'i' })
    assert.equal(modern.beat(), ALL_ORDERS.join(' '))
    assert.deepEqual([...groupOf(rig.shard).members.keys()], ['c'])
    assert.equal(typeOf(rig), 'consumer Stable')
    rig.move()
    checkGroup(rig, groupOf(rig.shard))
    assert.equal(typeOf(rig), 'consumer Stable')
  })

  it('a static member changes its protocol while another one joins: that one gets its part all the same', () => {
    const { rig, classics } = classicGroup(['a'], { instance: 'i' })
    const other = new ClassicClient(rig, 'b', ORDERS).step()
    assert.equal(typeOf(rig), 'classic PreparingRebalance')
    const modern = new Member(rig, 'c', { topics: ['orders'], instance: 'i' })
    modern.beat()
    classics[0]!.die()
    go(rig, [other], [modern])
    assert.equal(typeOf(rig), 'consumer Stable')
    assert.notDeepEqual(other.owned, [])
    assert.deepEqual(everything([other], [modern]), ALL_ORDERS)
  })

  it('a static member changes its protocol before the leader has seen that a topic has grown', () => {
    const { rig, classics } = classicGroup(['a'], { instance: 'i' })
    classics[0]!.die()
    growTopic(rig, 'orders', 2)
    const modern = new Member(rig, 'c', { topics: ['orders'], instance: 'i' })
    modern.beat()
    go(rig, [], [modern])
    assert.deepEqual(everything([], [modern]), [...ALL_ORDERS, 'orders-4', 'orders-5'])
  })

  it('an empty group of the other kind makes room, either way, and keeps its offsets', () => {
    const { rig, classics } = classicGroup(['a'])
    commit(rig, 'orders', { 0: 5 }, { memberId: classics[0]!.id, generation: 1 })
    classics[0]!.leave()
    assert.equal(typeOf(rig), 'classic Empty')
    const modern = new Member(rig, 'c', { topics: ['orders'] })
    modern.beat()
    assert.equal(typeOf(rig), 'consumer Stable')
    rig.move()
    assert.equal(typeOf(rig), 'consumer Stable')
    modern.leave()
    const again = new ClassicClient(rig, 'a', ORDERS).step()
    go(rig, [again], [])
    assert.equal(typeOf(rig), 'classic Stable')
    rig.move()
    assert.equal(typeOf(rig), 'classic Stable')
    assert.deepEqual(fetchOffsets(rig, { orders: [0] }), { orders: { 0: 5 } })
  })

  it('not of members that are no consumers, or of whom it cannot be read what they want', () => {
    for (const protocolType of ['connect', 'consumer']) {
      const rig = modernRig()
      sendJoinWithId(rig, { protocolType, protocols: { range: Buffer.from([0, 9, 9]) } })
      rig.advance(10_000)
      assert.equal(errorOf(ask(rig, joining('c', ['orders']))), 'GROUP_ID_NOT_FOUND', protocolType)
      assert.match(typeOf(rig), /^classic/)
    }
    const rig = modernRig()
    stableGroup(rig, ['a'])
    assert.equal(errorOf(ask(rig, joining('c', ['orders']))), 'GROUP_ID_NOT_FOUND')
    assert.equal(typeOf(rig), 'classic Stable')
  })

  it('as the policy says', () => {
    for (const [policy, up, down] of [
      ['bidirectional', true, true],
      ['upgrade', true, false],
      ['downgrade', false, true],
      ['DISABLED', false, false],
    ] as const) {
      const { rig, classics } = classicGroup(['a'])
      rig.settings = { ...rig.settings, 'group.consumer.migration.policy': policy }
      const modern = new Member(rig, 'c', { topics: ['orders'] })
      modern.beat()
      assert.equal(typeOf(rig).split(' ')[0], up ? 'consumer' : 'classic', policy)
      if (!up) {
        rig.settings = { ...rig.settings, 'group.consumer.migration.policy': 'bidirectional' }
        modern.beat()
        rig.settings = { ...rig.settings, 'group.consumer.migration.policy': policy }
      }
      go(rig, classics, [modern])
      modern.leave()
      assert.equal(typeOf(rig).split(' ')[0], down ? 'classic' : 'consumer', policy)
    }
  })

  it('a group that would be too large is left as it is', () => {
    const { rig } = classicGroup(['a', 'b'], {}, { 'group.consumer.max.size': 1 })
    assert.equal(errorOf(ask(rig, joining('c', ['orders']))), 'GROUP_ID_NOT_FOUND')
    assert.equal(typeOf(rig), 'classic Stable')
  })
})

describe('members of the classic protocol in a consumer group', () => {
  function mixed(options: Partial<ClassicOptions> = {}) {
    const rig = modernRig()
    addTopic(rig, 'orders', 4)
    const modern = new Member(rig, 'c', { topics: ['orders'] })
    modern.beat()
    const classic = new ClassicClient(rig, 'a', { ...ORDERS, ...options }).step()
    go(rig, [classic], [modern])
    assert.equal(typeOf(rig), 'consumer Stable')
    assert.deepEqual(everything([classic], [modern]), ALL_ORDERS)
    assert.equal(classic.owned.length, 2)
    return { rig, modern, classic }
  }

  it('join, are given their part, and hear of changes by heartbeats', () => {
    const { rig, modern, classic } = mixed()
    growTopic(rig, 'orders', 2)
    modern.beat()
    classic.step()
    assert.equal(classic.lastError, 'REBALANCE_IN_PROGRESS')
    go(rig, [classic], [modern])
    assert.deepEqual(everything([classic], [modern]), [...ALL_ORDERS, 'orders-4', 'orders-5'])
  })

  it('leave, also by their instance alone', () => {
    const { rig, modern, classic } = mixed({ instance: 'i' })
    const members = [
      { memberId: 'c', groupInstanceId: null, reason: null },
      { memberId: 'x', groupInstanceId: 'i', reason: null },
      { memberId: '', groupInstanceId: 'i', reason: null },
    ]
    const answer = rig.ask('LeaveGroup', 5, { groupId: GROUP, memberId: '', members })
    assert.deepEqual(answer.members!.map(errorOf), ['UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID', 'NONE'])
    classic.die()
    go(rig, [], [modern])
    assert.equal(shown(modern.owned), ALL_ORDERS.join(' '))
  })

  it('are put out when they are not heard of, do not join or do not ask for their assignment', () => {
    {
      const { rig, modern, classic } = mixed({ sessionTimeoutMs: 10_000 })
      classic.isThere = false
      go(rig, [], [modern], 12)
      assert.deepEqual([...groupOf(rig.shard).members.keys()], ['c'])
    }
    for (const stopsAt of ['join', 'sync']) {
      const { rig, modern, classic } = mixed({ rebalanceTimeoutMs: 20_000 })
      growTopic(rig, 'orders', 2)
      modern.beat()
      classic.step()
      if (stopsAt === 'sync') classic.step()
      const { generation, id } = classic
      for (let i = 0; i < 22; i++) {
        modern.beat()
        rig.ask('Heartbeat', 4, { groupId: GROUP, generationId: generation, memberId: id, groupInstanceId: null })
        rig.advance(1000)
      }
      assert.deepEqual([...groupOf(rig.shard).members.keys()], ['c'], stopsAt)
    }
  })

  it('are refused as members of classic groups are', () => {
    const { rig, classic } = mixed()
    const beat = (memberId: string, generationId: number, groupInstanceId: string | null = null) =>
      errorOf(rig.ask('Heartbeat', 4, { groupId: GROUP, generationId, memberId, groupInstanceId }))
    assert.equal(beat(classic.id, classic.generation), 'NONE')
    assert.equal(beat(classic.id, classic.generation - 1), 'ILLEGAL_GENERATION')
    assert.equal(beat('x', classic.generation), 'UNKNOWN_MEMBER_ID')
    assert.equal(beat('c', classic.generation), 'UNKNOWN_MEMBER_ID')
    assert.equal(beat(classic.id, classic.generation, 'i'), 'UNKNOWN_MEMBER_ID')
    const join = (protocolType: string, protocols: Record<string, string>) =>
      errorOf(rig.answer('JoinGroup', sendJoinWithId(rig, { protocolType, protocols }).ticket)!)
    assert.equal(join('connect', { range: 'x' }), 'INCONSISTENT_GROUP_PROTOCOL')
    assert.equal(join('consumer', { other: 'x' }), 'INCONSISTENT_GROUP_PROTOCOL')
    assert.equal(join('consumer', { range: '' }), 'INCONSISTENT_GROUP_PROTOCOL')
  })
})

/** A consumer group at rest with one member of its own protocol; of the others one likes another assignor best than the rest. */
function mixedGroup() {
  const { rig, classics } = classicGroup(['a', 'b'], { protocols: ['range', 'roundrobin'] })
  const late = new ClassicClient(rig, 'c', { ...ORDERS, protocols: ['roundrobin', 'range'] }).step()
  const modern = new Member(rig, 'd', { topics: ['orders'] })
  modern.beat()
  const all = [...classics, late]
  go(rig, all, [modern])
  assert.equal(typeOf(rig), 'consumer Stable')
  assert.deepEqual(everything(all, [modern]), ALL_ORDERS)
  return { rig, modern, late, classics: all }
}

describe('from a consumer group to a classic group', () => {
  it('when the last member that speaks the new protocol leaves; the others go through a round', () => {
    const { rig, classics } = classicGroup(['a', 'b'])
    const modern = new Member(rig, 'c', { topics: ['orders'] })
    modern.beat()
    go(rig, classics, [modern])
    commit(rig, 'orders', { 0: 5 }, { memberId: classics[0]!.id, generation: classics[0]!.generation })
    modern.leave()
    assert.equal(typeOf(rig), 'classic Stable')
    rig.advance(1)
    assert.equal(typeOf(rig), 'classic PreparingRebalance')
    go(rig, classics, [])
    assert.equal(typeOf(rig), 'classic Stable')
    assert.deepEqual(everything(classics, []), ALL_ORDERS)
    assert.deepEqual(fetchOffsets(rig, { orders: [0] }), { orders: { 0: 5 } })
    rig.move()
    assert.equal(typeOf(rig), 'classic Stable')
    assert.equal(findGroup(rig.shard), undefined)
  })

  it('also when it is put out; and then sessions of the classic group run', () => {
    const { rig, classics } = classicGroup(['a', 'b'])
    const modern = new Member(rig, 'c', { topics: ['orders'] })
    modern.beat()
    go(rig, classics, [modern])
    modern.die()
    go(rig, classics, [], 60)
    assert.equal(typeOf(rig), 'classic Stable')
    assert.deepEqual(everything(classics, []), ALL_ORDERS)
    classics[0]!.isThere = false
    go(rig, classics, [], 120)
    assert.equal(typeOf(rig), 'classic Stable')
    assert.deepEqual(everything([classics[1]!], []), ALL_ORDERS)
  })

  it('when its place is taken by a static member of the classic protocol', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 4)
    const modern = new Member(rig, 'c', { topics: ['orders'], instance: 'i' })
    modern.beat()
    const classic = new ClassicClient(rig, 'a', ORDERS).step()
    go(rig, [classic], [modern])
    modern.isThere = false
    const other = new ClassicClient(rig, 'd', { ...ORDERS, instance: 'i' }).step()
    assert.match(typeOf(rig), /^classic/)
    go(rig, [classic, other], [])
    assert.equal(typeOf(rig), 'classic Stable')
    assert.deepEqual(everything([classic, other], []), ALL_ORDERS)
    rig.move()
    assert.equal(typeOf(rig), 'classic Stable')
  })

  it('when its place is taken by a static member that likes another assignor: it is told the one that all know', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 4)
    const modern = new Member(rig, 'c', { topics: ['orders'], instance: 'i' })
    modern.beat()
    const classic = new ClassicClient(rig, 'a', ORDERS).step()
    go(rig, [classic], [modern])
    modern.isThere = false
    const other = new ClassicClient(rig, 'd', { ...ORDERS, instance: 'i', protocols: ['roundrobin', 'range'] }).step()
    assert.match(typeOf(rig), /^classic/)
    assert.equal(other.state, 'joined')
    other.step()
    assert.notEqual(other.lastError, 'INCONSISTENT_GROUP_PROTOCOL')
    go(rig, [classic, other], [])
    assert.equal(typeOf(rig), 'classic Stable')
    assert.deepEqual(everything([classic, other], []), ALL_ORDERS)
  })

  it('who was told its own assignor, and not the one that all know, is told to come again', () => {
    for (const waitMs of [0, 1]) {
      const { rig, modern, late, classics } = mixedGroup()
      // It hears of an epoch, and joins for it.
      addTopic(rig, 'bills', 1)
      modern.want({ topics: ['orders', 'bills'] }).beat()
      late.step()
      assert.equal(late.lastError, 'REBALANCE_IN_PROGRESS')
      late.step()
      assert.equal(late.state, 'joined')
      modern.leave()
      assert.match(typeOf(rig), /^classic/)
      rig.advance(waitMs)
      late.step()
      assert.equal(late.lastError, 'REBALANCE_IN_PROGRESS', `after ${waitMs} ms`)
      go(rig, classics, [])
      assert.equal(typeOf(rig), 'classic Stable')
      assert.deepEqual(everything(classics, []), ALL_ORDERS)
    }
  })

  it('if the coordinator moves before their round, the next one begins it', () => {
    const { rig, modern, classics } = mixedGroup()
    modern.leave()
    assert.equal(typeOf(rig), 'classic Stable')
    rig.move()
    assert.equal(typeOf(rig), 'classic PreparingRebalance')
    // Nor is it over for the one after that.
    rig.move()
    assert.equal(typeOf(rig), 'classic PreparingRebalance')
    go(rig, classics, [])
    assert.equal(typeOf(rig), 'classic Stable')
    assert.deepEqual(everything(classics, []), ALL_ORDERS)
    rig.move()
    assert.equal(typeOf(rig), 'classic Stable')
  })

  it('and back before their round: nobody is given what they still read', () => {
    const { rig, classics } = classicGroup(['a'])
    const modern = new Member(rig, 'c', { topics: ['orders'] })
    modern.beat()
    modern.leave()
    assert.equal(typeOf(rig), 'classic Stable')
    assert.equal(modern.beat(), '')
    assert.match(typeOf(rig), /^consumer/)
    assert.deepEqual(everything(classics, [modern]), ALL_ORDERS)
    go(rig, classics, [modern])
    assert.equal(typeOf(rig), 'consumer Stable')
    assert.deepEqual(everything(classics, [modern]), ALL_ORDERS)
  })

  it('if the partition refuses it, the consumer group goes on', () => {
    const { rig, classics } = classicGroup(['a', 'b'])
    const modern = new Member(rig, 'c', { topics: ['orders'] })
    modern.beat()
    go(rig, classics, [modern])
    rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
    modern.leave()
    assert.equal(typeOf(rig), 'consumer Stable')
    go(rig, classics, [], 60)
    assert.equal(typeOf(rig), 'classic Stable')
    assert.deepEqual(everything(classics, []), ALL_ORDERS)
  })
})

describe('a conversion to a classic group that the partition would never take', () => {
  /** The classic record does not fit any more, and what takes one member away does. */
  function largeGroup(names = ['a', 'b']) {
    const { rig, classics } = classicGroup(names)
    const modern = new Member(rig, 'c', { topics: ['orders'], ...(names.length > 2 && { instance: 'i' }) })
    modern.beat()
    go(rig, classics, [modern])
    rig.maxBatchBytes = 400
    return { rig, classics, modern }
  }

  function refusals(rig: Rig): number {
    return rig.notes.filter(({ what }) => what === 'not converted').length
  }

  it('is said once, who leaves has left, and the group goes on as it is', () => {
    const { rig, classics, modern } = largeGroup()
    assert.equal(errorOf(modern.leave()), 'NONE')
    assert.match(typeOf(rig), /^consumer/)
    assert.equal(groupOf(rig.shard).memberCount, 2)
    assert.equal(refusals(rig), 1)
    rig.maxBatchBytes = Number.POSITIVE_INFINITY
    go(rig, classics, [], 60)
    assert.equal(typeOf(rig), 'consumer Stable')
    assert.deepEqual(everything(classics, []), ALL_ORDERS)
    assert.equal(refusals(rig), 1)
  })

  it('also where the member is put out: nothing is tried again without a change', () => {
    const { rig, classics, modern } = largeGroup()
    modern.die()
    let refused = 0
    const { shard } = rig
    const refuse = shard.refused.bind(shard)
    shard.refused = (...all) => {
      refused++
      return refuse(...all)
    }
    for (let i = 0; i < 50; i++) {
      for (const classic of classics) classic.step()
      rig.advance(1000)
      if (groupOf(rig.shard).memberCount === 2) rig.maxBatchBytes = Number.POSITIVE_INFINITY
    }
    assert.equal(refused, 1)
    assert.equal(refusals(rig), 1)
    go(rig, classics, [])
    assert.equal(typeOf(rig), 'consumer Stable')
    assert.deepEqual(everything(classics, []), ALL_ORDERS)
  })

  it('also where a static member of the classic protocol takes the place', () => {
    const { rig, classics, modern } = largeGroup(['a', 'b', 'e'])
    modern.isThere = false
    rig.maxBatchBytes = 1000
    const other = new ClassicClient(rig, 'd', { ...ORDERS, instance: 'i' }).step()
    assert.equal(other.lastError, 'NONE')
    assert.equal(refusals(rig), 1)
    rig.maxBatchBytes = Number.POSITIVE_INFINITY
    go(rig, [...classics, other], [])
    assert.equal(typeOf(rig), 'consumer Stable')
    assert.deepEqual(everything([...classics, other], []), ALL_ORDERS)
  })

  it('is tried again when the group has changed', () => {
    const { rig, classics, modern } = largeGroup()
    modern.leave()
    rig.maxBatchBytes = Number.POSITIVE_INFINITY
    modern.beat()
    go(rig, classics, [modern])
    modern.leave()
    go(rig, classics, [])
    assert.equal(typeOf(rig), 'classic Stable')
    assert.deepEqual(everything(classics, []), ALL_ORDERS)
  })
})

describe('members that stand in the log as nobody could have joined', () => {
  const place = { offset: 99, timestampMs: 0, producerId: -1, producerEpoch: -1 }

  function forge(rig: Rig, memberId: string, protocols: readonly string[]): void {
    const value = {
      instanceId: null,
      rackId: null,
      clientId: '',
      clientHost: '',
      subscribedTopicNames: ['orders'],
      subscribedTopicRegex: null,
      rebalanceTimeoutMs: 60_000,
      serverAssignor: null,
      classicMemberMetadata: {
        sessionTimeoutMs: 45_000,
        supportedProtocols: protocols.map((name) => ({ name, metadata: new Uint8Array([0, 1, 2]) })),
      },
    }
    rig.shard.apply({ type: 'ConsumerGroupMemberMetadata', key: { groupId: GROUP, memberId }, value }, place)
  }

  it('without a protocol that all of them know: the group stays as it is', () => {
    for (const [first, second] of [
      [['range'], ['roundrobin']],
      [['range'], []],
    ] as const) {
      const rig = modernRig()
      addTopic(rig, 'orders', 4)
      const modern = new Member(rig, 'c', { topics: ['orders'] })
      modern.beat()
      forge(rig, 'x', first)
      forge(rig, 'y', second)
      assert.equal(errorOf(modern.leave()), 'NONE')
      assert.match(typeOf(rig), /^consumer/)
      assert.deepEqual([...groupOf(rig.shard).members.keys()], ['x', 'y'])
      assert.equal(rig.notes.filter(({ what }) => what === 'not converted').length, 1)
    }
  })

  it('twice in a classic group, once with an instance id: who comes under that is a new member', () => {
    const rig = modernRig()
    const member = { memberId: 'm', clientId: '', clientHost: '', rebalanceTimeout: 60_000, sessionTimeout: 45_000 }
    const bytes = { subscription: new Uint8Array(0), assignment: new Uint8Array(0) }
    rig.shard.apply(
      {
        type: 'GroupMetadata',
        key: { group: GROUP },
        value: {
          protocolType: 'consumer',
          generation: 1,
          protocol: 'range',
          leader: 'm',
          currentStateTimestamp: 0,
          members: [
            { ...member, ...bytes, groupInstanceId: 'i' },
            { ...member, ...bytes, groupInstanceId: null },
          ],
        },
      },
      place,
    )
    new ClassicClient(rig, 'd', { ...ORDERS, instance: 'i' }).step()
    assert.equal(typeOf(rig), 'classic PreparingRebalance')
  })
})

describe('both ways, as a property', () => {
  const CLASSICS = 3
  const MODERNS = 2
  const who = fc.nat(CLASSICS + MODERNS - 1)
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.record({ do: fc.constant('step' as const), who }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'die' as const, 'lose' as const), who }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom('time' as const), who: fc.constantFrom(1, 3000, 11_000, 46_000) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('move' as const, 'refuse' as const, 'grow' as const), who }),
    },
  )

  it('whatever happens, nothing is read twice in a consumer group, and all comes to rest', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
        const rig = modernRig({ settings: { 'group.initial.rebalance.delay.ms': 0 } })
        addTopic(rig, 'orders', 3)
        const classics = Array.from({ length: CLASSICS }, (_, i) => {
          const instance = i === 0 ? { instance: 'i' } : {}
          return new ClassicClient(rig, `k${i}`, { ...ORDERS, ...instance, rebalanceTimeoutMs: 20_000 })
        })
        const moderns = Array.from({ length: MODERNS }, (_, i) => new Member(rig, `m${i}`, { topics: ['orders'] }))
        const check = (): void => {
          const group = findGroup(rig.shard)
          if (group === undefined) return
          checkGroup(rig, group)
          const readers = new Set<string>()
          const owned = [
            ...moderns
              .filter(({ id, epoch }) => epoch > 0 && group.members.has(id))
              .map((each) => shown(each.owned)!.split(' ')),
            ...classics.filter(({ id }) => group.members.has(id)).map((each) => each.owned),
          ]
          for (const partition of owned.flat()) {
            if (partition === '') continue
            assert.ok(!readers.has(partition), `${partition} is read twice`)
            readers.add(partition)
          }
        }
        for (const { do: what, who: number } of steps) {
          const modern = moderns[number - CLASSICS]
          const classic = classics[number]
          if (what === 'time') rig.advance(number)
          else if (what === 'move') {
            rig.move()
            for (const each of classics) each.lose()
            for (const each of moderns) each.lose()
          } else if (what === 'refuse') rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
          else if (what === 'grow') {
            if (rig.image.topicsByName.get('orders')!.partitions.length < 6) growTopic(rig, 'orders', 1)
          } else if (classic !== undefined) {
            if (what === 'step') classic.step()
            else if (what === 'lose') classic.lose()
            else if (what === 'die') classic.die()
            else if (classic.isThere && !classic.isWaiting && classic.id !== '') classic.leave()
          } else if (modern !== undefined) {
            if (what === 'step') modern.beat()
            else if (what === 'lose') modern.lose()
            else if (what === 'die') modern.die()
            else if (modern.isThere) modern.leave()
          }
          check()
        }
        rig.refuseNext = undefined
        go(rig, classics, moderns, 150)
        check()
        const there = [...classics, ...moderns].filter(({ isThere }) => isThere)
        if (there.length === 0) return
        assert.match(typeOf(rig), / Stable$/)
        const partitions = rig.image.topicsByName.get('orders')!.partitions.map((_, i) => `orders-${i}`)
        // Consumers of classic groups look after new partitions themselves, which these do not.
        if (typeOf(rig) === 'consumer Stable') {
          assert.deepEqual(
            everything(
              classics.filter(({ isThere }) => isThere),
              moderns.filter(({ isThere }) => isThere),
            ),
            partitions,
          )
        }
      }),
      { numRuns: 120 },
    )
  })
})
