import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorOf, GROUP, heartbeat, Rig, type StableGroup, sendJoin, sendSync, stableGroup, stateOf } from './rig.js'

function staticGroup(rig: Rig): StableGroup {
  return stableGroup(rig, ['a', 'b'], { statics: true })
}

function follower({ ids, leader }: StableGroup): readonly [name: string, id: string] {
  return Object.entries(ids).find(([, id]) => id !== leader)!
}

test('a static member that comes back takes its place and its assignment again, and nobody else notices', () => {
  const rig = new Rig()
  const group = staticGroup(rig)
  const [name, oldId] = follower(group)
  const answer = rig.answer('JoinGroup', sendJoin(rig, { instance: name }))!
  assert.deepEqual([errorOf(answer), answer.generationId, answer.skipAssignment], ['NONE', group.generation, false])
  assert.match(answer.memberId, new RegExp(`^${name}-`))
  assert.notEqual(answer.memberId, oldId)
  assert.equal(stateOf(rig), 'Stable')
  const synced = rig.answer('SyncGroup', sendSync(rig, answer.memberId, group.generation, { instance: name }))!
  assert.equal(Buffer.from(synced.assignment).toString(), `for ${name}`)
  assert.equal(heartbeat(rig, group.leader, group.generation), 'NONE')
  assert.equal(heartbeat(rig, oldId, group.generation, { instance: name }), 'FENCED_INSTANCE_ID')
  assert.equal(heartbeat(rig, oldId, group.generation), 'UNKNOWN_MEMBER_ID')
})

test('so it is after a move, too', () => {
  const rig = new Rig()
  const group = staticGroup(rig)
  const [name, oldId] = follower(group)
  const { memberId } = rig.answer('JoinGroup', sendJoin(rig, { instance: name }))!
  rig.move()
  assert.equal(heartbeat(rig, oldId, group.generation, { instance: name }), 'FENCED_INSTANCE_ID')
  assert.equal(heartbeat(rig, memberId, group.generation, { instance: name }), 'NONE')
})

test('a static leader that comes back is told that it need not assign, or, before version 9, that another leads', () => {
  for (const version of [9, 8]) {
    const rig = new Rig()
    const { leader, generation, ids } = staticGroup(rig)
    const [name] = Object.entries(ids).find(([, id]) => id === leader)!
    const answer = rig.answer('JoinGroup', sendJoin(rig, { instance: name, version }))!
    assert.equal(answer.generationId, generation)
    assert.equal(answer.leader, version === 9 ? answer.memberId : leader)
    assert.equal(answer.skipAssignment, version === 9)
    assert.equal(answer.members.length, version === 9 ? 2 : 0)
  }
})

test('one that comes back with other protocols begins a round if another would be chosen', () => {
  const rig = new Rig()
  const group = stableGroup(rig, ['a', 'b'], { statics: true, protocols: { range: '', sticky: '' } })
  const [name] = follower(group)
  const ticket = sendJoin(rig, { instance: name, protocols: { sticky: '' } })
  assert.equal(rig.answer('JoinGroup', ticket), undefined)
  assert.equal(stateOf(rig), 'PreparingRebalance')
})

test('one that comes back while the assignment is awaited begins a round: the leader knows it by its old id', () => {
  const rig = new Rig()
  const { ids } = staticGroup(rig)
  for (const [name, memberId] of Object.entries(ids))
    sendJoin(rig, { memberId, instance: name, protocols: { range: 'new' } })
  assert.equal(stateOf(rig), 'CompletingRebalance')
  const waiting = sendSync(rig, ids['b']!, 2, { instance: 'b' })
  sendJoin(rig, { instance: 'b', protocols: { range: 'new' } })
  assert.equal(stateOf(rig), 'PreparingRebalance')
  assert.equal(errorOf(rig.answer('SyncGroup', waiting)!), 'FENCED_INSTANCE_ID')
})

test('one that waits for a round, and comes back, fences what it was', () => {
  const rig = new Rig()
  const { ids } = staticGroup(rig)
  const old = sendJoin(rig, { memberId: ids['b']!, instance: 'b', protocols: { range: 'new' } })
  const ticket = sendJoin(rig, { instance: 'b', protocols: { range: 'new' } })
  assert.equal(errorOf(rig.answer('JoinGroup', old)!), 'FENCED_INSTANCE_ID')
  sendJoin(rig, { memberId: ids['a']!, instance: 'a' })
  assert.equal(errorOf(rig.answer('JoinGroup', ticket)!), 'NONE')
})

test('a static member that does not come to a round stays for its session, and the round goes on without it', () => {
  const rig = new Rig()
  const options = { statics: true, sessionTimeoutMs: 40_000, rebalanceTimeoutMs: 10_000 }
  const group = stableGroup(rig, ['a', 'b'], options)
  const [name, memberId] = follower(group)
  const ticket = sendJoin(rig, { ...options, instance: name, memberId, protocols: { range: 'new' } })
  rig.advance(10_000)
  const answer = rig.answer('JoinGroup', ticket)!
  assert.deepEqual([errorOf(answer), answer.leader, answer.members.length], ['NONE', memberId, 2], 'who has come leads')
  const assignments = { [memberId]: 'all', [group.leader]: 'for later' }
  sendSync(rig, memberId, 2, { instance: name, assignments })
  assert.equal(stateOf(rig), 'Stable')
})

test('with nobody of the static members there the round waits on, until sessions end', () => {
  const rig = new Rig()
  const group = stableGroup(rig, ['a', 'b'], { statics: true, sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 10_000 })
  rig.ask('LeaveGroup', 5, {
    groupId: GROUP,
    memberId: '',
    members: [{ memberId: '', groupInstanceId: follower(group)[0], reason: null }],
  })
  rig.advance(20_000)
  assert.equal(stateOf(rig), 'PreparingRebalance')
  rig.advance(20_000)
  assert.equal(stateOf(rig), 'Empty')
})

test('a rebalance timeout of 0 or less does not let a round without anybody go round and round', () => {
  for (const rebalanceTimeoutMs of [0, -1, -60_000]) {
    const rig = new Rig()
    const { ids } = stableGroup(rig, ['a', 'b'], { statics: true, sessionTimeoutMs: 30_000 })
    for (const instance of Object.keys(ids)) {
      const ticket = sendJoin(rig, { instance, sessionTimeoutMs: 30_000, rebalanceTimeoutMs })
      assert.equal(errorOf(rig.answer('JoinGroup', ticket)!), 'NONE')
    }
    const members = [{ memberId: '', groupInstanceId: 'b', reason: null }]
    rig.ask('LeaveGroup', 5, { groupId: GROUP, memberId: '', members })
    rig.advance(1)
    const againMs = rig.shard.nextDeadlineMs() - rig.monotonicMs
    assert.ok(againMs >= 500, `it is looked at again in ${againMs} ms`)
    assert.equal(stateOf(rig), 'PreparingRebalance')
    rig.advance(40_000)
    assert.equal(stateOf(rig), 'Empty')
  }
})

test('an administrator removes a static member by its instance id', () => {
  const rig = new Rig()
  const { ids, generation } = staticGroup(rig)
  const remove = (memberId: string, groupInstanceId: string) =>
    rig
      .ask('LeaveGroup', 5, { groupId: GROUP, memberId: '', members: [{ memberId, groupInstanceId, reason: null }] })
      .members!.map(errorOf)
  assert.deepEqual(remove('', 'nobody'), ['UNKNOWN_MEMBER_ID'])
  assert.deepEqual(remove(ids['a']!, 'b'), ['FENCED_INSTANCE_ID'])
  assert.deepEqual(remove('', 'b'), ['NONE'])
  assert.equal(heartbeat(rig, ids['b']!, generation), 'UNKNOWN_MEMBER_ID')
})

test('a place that could not be written down stays whose it was', () => {
  const rig = new Rig()
  const group = staticGroup(rig)
  const [name, oldId] = follower(group)
  rig.refuseNext = 'NOT_LEADER_OR_FOLLOWER'
  const answer = rig.answer('JoinGroup', sendJoin(rig, { instance: name }))!
  assert.equal(errorOf(answer), 'NOT_COORDINATOR')
  assert.equal(heartbeat(rig, oldId, group.generation, { instance: name }), 'NONE')
  rig.advance(9999)
  assert.equal(heartbeat(rig, oldId, group.generation, { instance: name }), 'NONE', 'it has its session')
})
