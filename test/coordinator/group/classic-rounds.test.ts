import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorOf, GROUP, heartbeat, Rig, sendJoin, sendJoinWithId, sendSync, stableGroup, stateOf } from './rig.js'

/** Sends heartbeats for these until so much time has passed. */
function live(rig: Rig, ms: number, memberIds: readonly string[], generation: number): void {
  for (let passed = 0; passed < ms; passed += 1000) {
    rig.advance(1000)
    for (const id of memberIds) heartbeat(rig, id, generation)
  }
}

test('a member that is silent for its session is out, and the others come again', () => {
  const rig = new Rig()
  const { ids, generation } = stableGroup(rig, ['a', 'b'])
  live(rig, 9000, [ids['a']!], generation)
  assert.equal(stateOf(rig), 'Stable')
  live(rig, 1000, [ids['a']!], generation)
  assert.equal(stateOf(rig), 'PreparingRebalance')
  assert.equal(heartbeat(rig, ids['b']!, generation), 'UNKNOWN_MEMBER_ID')
  const answer = rig.answer('JoinGroup', sendJoin(rig, { memberId: ids['a']! }))!
  assert.deepEqual([answer.generationId, answer.leader, answer.members.length], [2, ids['a'], 1])
})

test('who asks for its assignment late, in a group that is stable already, has a whole session from then', () => {
  const rig = new Rig()
  const { ids, leader } = stableGroup(rig, ['a', 'b'])
  for (const memberId of Object.values(ids)) sendJoin(rig, { memberId, protocols: { range: 'new' } })
  const late = Object.values(ids).find((id) => id !== leader)!
  sendSync(rig, leader, 2, { assignments: { [late]: 'its share' } })
  assert.equal(stateOf(rig), 'Stable')
  live(rig, 9000, [leader], 2)
  assert.equal(errorOf(rig.answer('SyncGroup', sendSync(rig, late, 2))!), 'NONE')
  live(rig, 9000, [leader], 2)
  assert.equal(stateOf(rig), 'Stable')
  live(rig, 1000, [leader], 2)
  assert.equal(stateOf(rig), 'PreparingRebalance')
})

test('after a move everybody has a whole session', () => {
  const rig = new Rig()
  const { ids, generation } = stableGroup(rig, ['a', 'b'])
  rig.advance(9999)
  rig.move()
  rig.advance(9999)
  assert.equal(heartbeat(rig, ids['a']!, generation), 'NONE')
  rig.advance(1)
  assert.equal(heartbeat(rig, ids['b']!, generation), 'UNKNOWN_MEMBER_ID')
})

test('a round waits for members at most for the longest rebalance timeout, and goes on without who did not come', () => {
  const rig = new Rig()
  const { ids, generation } = stableGroup(rig, ['a', 'b'], { sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 20_000 })
  const ticket = sendJoin(rig, { memberId: ids['a']!, protocols: { range: 'new' }, rebalanceTimeoutMs: 20_000 })
  live(rig, 19_000, [ids['b']!], generation)
  assert.equal(rig.answer('JoinGroup', ticket), undefined)
  rig.advance(1000)
  const answer = rig.answer('JoinGroup', ticket)!
  assert.deepEqual([answer.generationId, answer.leader], [2, ids['a']])
  assert.equal(heartbeat(rig, ids['b']!, generation), 'UNKNOWN_MEMBER_ID')
})

test('who waits for a round has no session', () => {
  const rig = new Rig()
  const { ids, generation } = stableGroup(rig, ['a', 'b'], { sessionTimeoutMs: 6000 })
  const ticket = sendJoin(rig, { memberId: ids['a']!, protocols: { range: 'new' }, sessionTimeoutMs: 6000 })
  live(rig, 30_000, [ids['b']!], generation)
  assert.equal(rig.answer('JoinGroup', ticket), undefined)
  sendJoin(rig, { memberId: ids['b']! })
  assert.equal(errorOf(rig.answer('JoinGroup', ticket)!), 'NONE')
})

test('a new member whose join is never answered is forgotten after five minutes', () => {
  const rig = new Rig()
  const { ids, generation } = stableGroup(rig, ['a'], { rebalanceTimeoutMs: 600_000 })
  const { ticket } = sendJoinWithId(rig, { rebalanceTimeoutMs: 600_000 })
  live(rig, 299_000, [ids['a']!], generation)
  assert.equal(rig.answer('JoinGroup', ticket), undefined)
  live(rig, 1000, [ids['a']!], generation)
  assert.equal(errorOf(rig.answer('JoinGroup', ticket)!), 'UNKNOWN_MEMBER_ID')
})

test('who does not ask for its assignment within the rebalance timeout is out', () => {
  const rig = new Rig()
  const { ids, leader } = stableGroup(rig, ['a', 'b', 'c'], { sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 10_000 })
  for (const memberId of Object.values(ids)) {
    sendJoin(rig, { memberId, protocols: { range: 'new' }, sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 10_000 })
  }
  const [b, c] = Object.values(ids).filter((id) => id !== leader)
  const waiting = sendSync(rig, b!, 2)
  assert.equal(errorOf(rig.answer('SyncGroup', sendSync(rig, leader, 2, { assignments: {} }))!), 'NONE')
  assert.equal(errorOf(rig.answer('SyncGroup', waiting)!), 'NONE')
  assert.equal(stateOf(rig), 'Stable')
  rig.advance(10_000)
  assert.equal(stateOf(rig), 'PreparingRebalance')
  assert.equal(heartbeat(rig, c!, 2), 'UNKNOWN_MEMBER_ID')
  assert.equal(heartbeat(rig, b!, 2), 'REBALANCE_IN_PROGRESS')
})

test('while the leader has not assigned, the others wait; a round that begins meanwhile sends them back', () => {
  const rig = new Rig()
  const { ids, leader } = stableGroup(rig, ['a', 'b'])
  for (const memberId of Object.values(ids)) sendJoin(rig, { memberId, protocols: { range: 'new' } })
  const follower = Object.values(ids).find((id) => id !== leader)!
  const waiting = sendSync(rig, follower, 2)
  assert.equal(rig.answer('SyncGroup', waiting), undefined)
  assert.equal(heartbeat(rig, follower, 2), 'NONE')
  sendJoinWithId(rig)
  assert.equal(errorOf(rig.answer('SyncGroup', waiting)!), 'REBALANCE_IN_PROGRESS')
  assert.equal(errorOf(rig.answer('SyncGroup', sendSync(rig, leader, 2))!), 'REBALANCE_IN_PROGRESS')
})

test('all who wait are handed what is theirs, and nothing who was not thought of', () => {
  const rig = new Rig()
  const { ids, leader } = stableGroup(rig, ['a', 'b', 'c', 'd'])
  for (const memberId of Object.values(ids)) sendJoin(rig, { memberId, protocols: { range: 'new' } })
  const others = Object.values(ids).filter((id) => id !== leader)
  const waiting = others.map((id) => sendSync(rig, id, 2))
  const [first, second] = others
  const own = sendSync(rig, leader, 2, { assignments: { [leader]: 'mine', [first!]: 'one', [second!]: 'two' } })
  const handedOut = [...waiting, own].map((ticket) =>
    Buffer.from(rig.answer('SyncGroup', ticket)!.assignment).toString(),
  )
  assert.deepEqual(handedOut, ['one', 'two', '', 'mine'])
})

test('who syncs once more takes the place of its own earlier request', () => {
  const rig = new Rig()
  const { ids, leader } = stableGroup(rig, ['a', 'b'])
  for (const memberId of Object.values(ids)) sendJoin(rig, { memberId, protocols: { range: 'new' } })
  const follower = Object.values(ids).find((id) => id !== leader)!
  const first = sendSync(rig, follower, 2)
  const second = sendSync(rig, follower, 2)
  assert.equal(errorOf(rig.answer('SyncGroup', first)!), 'REBALANCE_IN_PROGRESS')
  sendSync(rig, leader, 2, { assignments: { [follower]: 'yours' } })
  assert.equal(Buffer.from(rig.answer('SyncGroup', second)!.assignment).toString(), 'yours')
})

test('SyncGroup with what does not fit', () => {
  const rig = new Rig()
  const error = (...[id, generation, options]: [string, number, Parameters<typeof sendSync>[3]?]) =>
    errorOf(rig.answer('SyncGroup', sendSync(rig, id, generation, options))!)
  assert.equal(error('x', 1), 'UNKNOWN_MEMBER_ID')
  assert.equal(error('x', 1, { groupId: '' }), 'INVALID_GROUP_ID')
  const { ids, generation } = stableGroup(rig, ['a'])
  assert.equal(error('x', generation), 'UNKNOWN_MEMBER_ID')
  assert.equal(error(ids['a']!, generation + 1), 'ILLEGAL_GENERATION')
  assert.equal(error(ids['a']!, generation, { protocolType: 'connect' }), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(error(ids['a']!, generation, { protocolName: 'sticky' }), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(error(ids['a']!, generation, { protocolType: 'consumer', protocolName: 'range' }), 'NONE')
})

test('Heartbeat with what does not fit', () => {
  const rig = new Rig()
  assert.equal(heartbeat(rig, 'x', 1), 'UNKNOWN_MEMBER_ID')
  assert.equal(heartbeat(rig, 'x', 1, { groupId: '' }), 'INVALID_GROUP_ID')
  const { ids, generation } = stableGroup(rig, ['a'])
  assert.equal(heartbeat(rig, 'x', generation), 'UNKNOWN_MEMBER_ID')
  assert.equal(heartbeat(rig, ids['a']!, generation + 1), 'ILLEGAL_GENERATION')
  assert.equal(heartbeat(rig, ids['a']!, generation, { instance: 'nobody' }), 'UNKNOWN_MEMBER_ID')
})

function leave(
  rig: Rig,
  members: readonly { memberId: string; groupInstanceId?: string | null }[],
  groupId = GROUP,
): string[] {
  const answer = rig.ask('LeaveGroup', 5, {
    groupId,
    memberId: '',
    members: members.map(({ memberId, groupInstanceId = null }) => ({ memberId, groupInstanceId, reason: 'closed' })),
  })
  return [errorOf(answer), ...answer.members!.map(errorOf)]
}

test('several leave at once: one round for those who stay', () => {
  const rig = new Rig()
  const { ids } = stableGroup(rig, ['a', 'b', 'c'])
  const ticket = sendJoin(rig, { memberId: ids['a']!, protocols: { range: 'new' } })
  const left = leave(rig, [{ memberId: ids['b']! }, { memberId: 'x' }, { memberId: ids['c']! }])
  assert.deepEqual(left, ['NONE', 'NONE', 'UNKNOWN_MEMBER_ID', 'NONE'])
  const answer = rig.answer('JoinGroup', ticket)!
  assert.deepEqual([answer.generationId, answer.members.length], [2, 1])
})

test('when the last leaves, the group is empty, and its generation goes on where it was', () => {
  const rig = new Rig()
  const { ids } = stableGroup(rig, ['a', 'b'])
  leave(
    rig,
    Object.values(ids).map((memberId) => ({ memberId })),
  )
  assert.equal(stateOf(rig), 'Empty')
  rig.move()
  assert.equal(stateOf(rig), 'Empty')
  assert.equal(stableGroup(rig, ['c']).generation, 3)
})

test('that a group is empty is written again until the partition takes it, so that nobody is there again after a move', () => {
  const rig = new Rig()
  const { ids } = stableGroup(rig, ['a'])
  rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
  leave(rig, [{ memberId: ids['a']! }])
  assert.equal(stateOf(rig), 'Empty')
  rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
  rig.advance(1500)
  rig.advance(1500)
  rig.move()
  assert.equal(stateOf(rig), 'Empty')
  assert.equal(stableGroup(rig, ['b']).generation, 3)
})

test('who leaves while it waits is answered, and who was only given an id can leave', () => {
  const rig = new Rig()
  const { ids } = stableGroup(rig, ['a', 'b'])
  const ticket = sendJoin(rig, { memberId: ids['a']!, protocols: { range: 'new' } })
  assert.deepEqual(leave(rig, [{ memberId: ids['a']! }]), ['NONE', 'NONE'])
  assert.equal(errorOf(rig.answer('JoinGroup', ticket)!), 'UNKNOWN_MEMBER_ID')
  const pending = rig.answer('JoinGroup', sendJoin(rig))!.memberId
  const other = sendJoin(rig, { memberId: ids['b']! })
  assert.equal(rig.answer('JoinGroup', other), undefined)
  assert.deepEqual(leave(rig, [{ memberId: pending }]), ['NONE', 'NONE'])
  assert.equal(errorOf(rig.answer('JoinGroup', other)!), 'NONE')
})

test('LeaveGroup before version 3 is for one member, and its error is the whole answer', () => {
  const rig = new Rig()
  const { ids } = stableGroup(rig, ['a'])
  const old = (memberId: string) => rig.ask('LeaveGroup', 2, { groupId: GROUP, memberId, members: [] })
  assert.equal(errorOf(old('x')), 'UNKNOWN_MEMBER_ID')
  assert.equal(errorOf(old(ids['a']!)), 'NONE')
  assert.equal(stateOf(rig), 'Empty')
  assert.deepEqual(leave(rig, [{ memberId: 'x' }], 'no such group'), ['NONE', 'UNKNOWN_MEMBER_ID'])
  assert.deepEqual(leave(rig, [], ''), ['INVALID_GROUP_ID'])
})

test('a round that was not written down begins again after a move, from the generation that was', () => {
  const rig = new Rig()
  const { ids, generation } = stableGroup(rig, ['a', 'b'])
  for (const memberId of Object.values(ids)) sendJoin(rig, { memberId, protocols: { range: 'new' } })
  assert.equal(stateOf(rig), 'CompletingRebalance')
  rig.move()
  assert.equal(stateOf(rig), 'Stable')
  for (const id of Object.values(ids)) {
    assert.equal(heartbeat(rig, id, generation + 1), 'ILLEGAL_GENERATION')
    assert.equal(heartbeat(rig, id, generation), 'NONE')
  }
})

test('an assignment is handed out when it is committed, and not if it was lost', () => {
  const rig = new Rig()
  const { ids, leader } = stableGroup(rig, ['a', 'b'])
  for (const memberId of Object.values(ids)) sendJoin(rig, { memberId, protocols: { range: 'new' } })
  rig.isHeld = true
  const ticket = sendSync(rig, leader, 2, { assignments: { [leader]: 'lost' } })
  assert.equal(rig.answer('SyncGroup', ticket), undefined)
  assert.deepEqual(rig.move(), [ticket])
  rig.isHeld = false
  rig.commit()
  assert.equal(errorOf(rig.answer('SyncGroup', sendSync(rig, leader, 2))!), 'ILLEGAL_GENERATION')
  const synced = rig.answer('SyncGroup', sendSync(rig, ids['a']!, 1))!
  assert.equal(Buffer.from(synced.assignment).toString(), 'for a')
})

test('an assignment that the partition does not take is nobody s: they are told so and come again', () => {
  const rig = new Rig()
  const { ids, leader } = stableGroup(rig, ['a', 'b'])
  for (const memberId of Object.values(ids)) sendJoin(rig, { memberId, protocols: { range: 'new' } })
  const follower = Object.values(ids).find((id) => id !== leader)!
  const waiting = sendSync(rig, follower, 2)
  rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
  const ticket = sendSync(rig, leader, 2, { assignments: { [leader]: 'refused' } })
  assert.equal(errorOf(rig.answer('SyncGroup', ticket)!), 'COORDINATOR_NOT_AVAILABLE')
  assert.equal(errorOf(rig.answer('SyncGroup', waiting)!), 'COORDINATOR_NOT_AVAILABLE')
  assert.equal(stateOf(rig), 'PreparingRebalance')
  for (const memberId of Object.values(ids)) sendJoin(rig, { memberId, protocols: { range: 'new' } })
  assert.equal(stateOf(rig), 'CompletingRebalance')
})
