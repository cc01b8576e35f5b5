import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClassicGroup } from '../../../src/coordinator/group/classic-group.js'
import { errorOf, GROUP, heartbeat, Rig, sendJoin, sendJoinWithId, sendSync, stableGroup, stateOf } from './rig.js'

test('a first member is given an id, joins with it, waits for others, leads, and is assigned what it says', () => {
  const rig = new Rig()
  const first = rig.answer('JoinGroup', sendJoin(rig, { clientId: 'anna' }))
  assert.equal(errorOf(first!), 'MEMBER_ID_REQUIRED')
  assert.match(first!.memberId, /^anna-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  const { memberId } = first!
  const ticket = sendJoin(rig, { memberId })
  assert.equal(stateOf(rig), 'PreparingRebalance')
  rig.advance(2999)
  assert.equal(rig.answer('JoinGroup', ticket), undefined)
  rig.advance(1)
  const joined = rig.answer('JoinGroup', ticket)!
  assert.deepEqual(
    {
      ...joined,
      members: joined.members.map((member) => ({ ...member, metadata: Buffer.from(member.metadata).toString() })),
    },
    {
      errorCode: 0,
      generationId: 1,
      protocolType: 'consumer',
      protocolName: 'range',
      leader: memberId,
      skipAssignment: false,
      memberId,
      members: [{ memberId, groupInstanceId: null, metadata: 'wants' }],
    },
  )
  assert.equal(stateOf(rig), 'CompletingRebalance')
  const synced = rig.answer('SyncGroup', sendSync(rig, memberId, 1, { assignments: { [memberId]: 'all' } }))!
  assert.deepEqual([errorOf(synced), synced.protocolType, synced.protocolName], ['NONE', 'consumer', 'range'])
  assert.equal(Buffer.from(synced.assignment).toString(), 'all')
  assert.equal(stateOf(rig), 'Stable')
  assert.equal(heartbeat(rig, memberId, 1), 'NONE')
})

test('a group of two is stable, and stays so while both send heartbeats', () => {
  const rig = new Rig()
  const { ids, generation } = stableGroup(rig, ['a', 'b'])
  for (let i = 0; i < 10; i++) {
    rig.advance(9000)
    for (const id of Object.values(ids)) assert.equal(heartbeat(rig, id, generation), 'NONE')
  }
  assert.equal(stateOf(rig, GROUP), 'Stable')
})

test('a member that comes later begins a round, in which the others come again', () => {
  const rig = new Rig()
  const { ids, generation, leader } = stableGroup(rig, ['a', 'b'])
  const { ticket } = sendJoinWithId(rig, { clientId: 'c' })
  assert.equal(heartbeat(rig, ids['a']!, generation), 'REBALANCE_IN_PROGRESS')
  const again = Object.values(ids).map((memberId) => sendJoin(rig, { memberId }))
  const answers = [...again, ticket].map((each) => rig.answer('JoinGroup', each)!)
  assert.deepEqual(
    answers.map(({ generationId, leader: named }) => [generationId, named]),
    answers.map(() => [2, leader]),
  )
  assert.deepEqual(
    answers.map(({ members }) => members.length),
    answers.map(({ memberId }) => (memberId === leader ? 3 : 0)),
  )
})

test('before version 4 a member is not given its id first', () => {
  const rig = new Rig()
  const ticket = sendJoin(rig, { version: 3, clientId: 'old' })
  rig.advance(3000)
  const answer = rig.answer('JoinGroup', ticket)!
  assert.equal(errorOf(answer), 'NONE')
  assert.match(answer.memberId, /^old-/)
})

test('version 0 has one timeout for both: a round waits as long as a session', () => {
  const rig = new Rig()
  const { ids } = stableGroup(rig, ['a', 'b'], { version: 0, sessionTimeoutMs: 8000, rebalanceTimeoutMs: -1 })
  const ticket = sendJoin(rig, {
    version: 0,
    memberId: ids['a']!,
    protocols: { range: 'other' },
    sessionTimeoutMs: 8000,
  })
  rig.advance(7999)
  assert.equal(rig.answer('JoinGroup', ticket), undefined)
  rig.advance(1)
  assert.equal(errorOf(rig.answer('JoinGroup', ticket)!), 'NONE')
})

test('a name of protocol that is not there is null only where versions know null', () => {
  const rig = new Rig()
  assert.equal(rig.answer('JoinGroup', sendJoin(rig, { version: 6, groupId: '' }))!.protocolName, '')
})

test('what cannot be: no group id, a session out of bounds, an id in a group that is not there', () => {
  const rig = new Rig()
  const error = (options: Parameters<typeof sendJoin>[1]) => errorOf(rig.answer('JoinGroup', sendJoin(rig, options))!)
  assert.equal(error({ groupId: '' }), 'INVALID_GROUP_ID')
  assert.equal(error({ sessionTimeoutMs: 5999 }), 'INVALID_SESSION_TIMEOUT')
  assert.equal(error({ sessionTimeoutMs: 1_800_001 }), 'INVALID_SESSION_TIMEOUT')
  assert.equal(error({ memberId: 'unheard-of' }), 'UNKNOWN_MEMBER_ID')
  assert.equal(error({ protocols: {} }), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(error({ protocolType: '' }), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.deepEqual([...rig.shard.groups], [], 'and nothing is left of it')
  stableGroup(rig, ['a'])
  assert.equal(error({ memberId: 'unheard-of' }), 'UNKNOWN_MEMBER_ID')
  assert.equal(error({ protocolType: 'connect' }), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(error({ protocols: { sticky: '' } }), 'INCONSISTENT_GROUP_PROTOCOL')
})

test('the protocol is one that all know, and of these the one that most prefer', () => {
  const rig = new Rig()
  const tickets = [
    { a: '', b: '', c: '' },
    { b: '', a: '' },
    { c: '', b: '', a: '' },
  ].map((protocols) => sendJoinWithId(rig, { protocols }).ticket)
  rig.advance(6000)
  const names = tickets.map((ticket) => rig.answer('JoinGroup', ticket)!.protocolName)
  assert.deepEqual(names, ['b', 'b', 'b'])
})

test('the leader gets what each says for the protocol that was chosen', () => {
  const rig = new Rig()
  const first = sendJoinWithId(rig, { protocols: { a: 'first a', b: 'first b' } })
  sendJoinWithId(rig, { protocols: { b: 'second b' } })
  rig.advance(6000)
  const { members } = rig.answer('JoinGroup', first.ticket)!
  assert.deepEqual(
    members.map(({ metadata }) => Buffer.from(metadata).toString()),
    ['first b', 'second b'],
  )
})

test('what a member has said is kept although its request is overwritten', () => {
  const rig = new Rig()
  const metadata = Buffer.from('mine')
  const { ticket } = sendJoinWithId(rig, { version: 3, protocols: { range: metadata } })
  metadata.fill(0)
  rig.advance(3000)
  const { members, memberId } = rig.answer('JoinGroup', ticket)!
  assert.equal(Buffer.from(members[0]!.metadata).toString(), 'mine')
  const assignment = Buffer.from('yours')
  rig.send('SyncGroup', 5, {
    groupId: GROUP,
    generationId: 1,
    memberId,
    groupInstanceId: null,
    protocolType: null,
    protocolName: null,
    assignments: [{ memberId, assignment }],
  })
  assignment.fill(0)
  const again = rig.answer('SyncGroup', sendSync(rig, memberId, 1))!
  assert.equal(Buffer.from(again.assignment).toString(), 'yours')
})

test('the first round is extended while members come, and at most for the rebalance timeout', () => {
  const rig = new Rig()
  const options = { rebalanceTimeoutMs: 8000 }
  const { ticket } = sendJoinWithId(rig, options)
  for (let atMs = 0; atMs < 8000; atMs += 1000) {
    assert.equal(rig.answer('JoinGroup', ticket), undefined, `after ${atMs} ms`)
    sendJoinWithId(rig, options)
    rig.advance(1000)
  }
  assert.equal(rig.answer('JoinGroup', ticket)!.members.length, 9)
})

test('without a delay the first member goes on at once', () => {
  const rig = new Rig({ settings: { 'group.initial.rebalance.delay.ms': 0 } })
  const { ticket } = sendJoinWithId(rig)
  rig.advance(0)
  assert.equal(errorOf(rig.answer('JoinGroup', ticket)!), 'NONE')
})

test('who asks again in its generation, with nothing changed, is told what it had been told', () => {
  const rig = new Rig()
  const { ids, leader, generation } = stableGroup(rig, ['a', 'b'])
  const follower = Object.values(ids).find((id) => id !== leader)!
  const again = rig.answer('JoinGroup', sendJoin(rig, { memberId: follower }))!
  assert.deepEqual([errorOf(again), again.generationId, again.members.length], ['NONE', generation, 0])
  assert.equal(stateOf(rig), 'Stable')
  const synced = rig.answer('SyncGroup', sendSync(rig, follower, generation))!
  assert.equal(Buffer.from(synced.assignment).toString(), `for ${ids['a'] === follower ? 'a' : 'b'}`)
})

test('the leader begins a round by joining again; others by wanting something else', () => {
  const rig = new Rig()
  const { ids, leader } = stableGroup(rig, ['a', 'b'])
  const follower = Object.values(ids).find((id) => id !== leader)!
  sendJoin(rig, { memberId: leader })
  assert.equal(stateOf(rig), 'PreparingRebalance')
  sendJoin(rig, { memberId: follower })
  assert.equal(stateOf(rig), 'CompletingRebalance')
  sendJoin(rig, { memberId: follower, protocols: { range: 'something else' } })
  assert.equal(stateOf(rig), 'PreparingRebalance')
})

test('who asks once more while it waits takes the place of its own earlier request', () => {
  const rig = new Rig()
  const { ids } = stableGroup(rig, ['a', 'b'])
  const first = sendJoin(rig, { memberId: ids['a']!, protocols: { range: 'new' } })
  const second = sendJoin(rig, { memberId: ids['a']!, protocols: { range: 'new' } })
  assert.equal(errorOf(rig.answer('JoinGroup', first)!), 'REBALANCE_IN_PROGRESS')
  assert.equal(rig.answer('JoinGroup', second), undefined)
  sendJoin(rig, { memberId: ids['b']! })
  assert.equal(errorOf(rig.answer('JoinGroup', second)!), 'NONE')
})

test('an id that is not used within the session is forgotten, and holds nobody up any more', () => {
  const rig = new Rig()
  const { ids } = stableGroup(rig, ['a'])
  const pending = rig.answer('JoinGroup', sendJoin(rig, { sessionTimeoutMs: 6000 }))!.memberId
  const ticket = sendJoin(rig, { memberId: ids['a']! })
  rig.advance(5999)
  assert.equal(rig.answer('JoinGroup', ticket), undefined, 'who was given an id is waited for')
  rig.advance(1)
  assert.equal(errorOf(rig.answer('JoinGroup', ticket)!), 'NONE')
  assert.equal(errorOf(rig.answer('JoinGroup', sendJoin(rig, { memberId: pending }))!), 'UNKNOWN_MEMBER_ID')
})

test('a group in which nobody ever was leaves nothing behind', () => {
  const rig = new Rig()
  sendJoin(rig)
  assert.equal(stateOf(rig), 'Empty')
  rig.advance(10_000)
  assert.equal(stateOf(rig), 'Dead')
  assert.equal(rig.log.length, 0)
})

test('a group is no larger than it may be', () => {
  const rig = new Rig({ settings: { 'group.max.size': 2 } })
  const { ids } = stableGroup(rig, ['a', 'b'])
  const answer = rig.answer('JoinGroup', sendJoin(rig))!
  assert.deepEqual([errorOf(answer), answer.memberId], ['GROUP_MAX_SIZE_REACHED', ''])
  assert.equal(stateOf(rig), 'Stable')
  const again = Object.values(ids).map((memberId) => sendJoin(rig, { memberId, protocols: { range: 'new' } }))
  for (const ticket of again) assert.equal(errorOf(rig.answer('JoinGroup', ticket)!), 'NONE')
})

test('a group that is too large after a move is made smaller by the order in which its members come', () => {
  const rig = new Rig()
  const { ids } = stableGroup(rig, ['a', 'b', 'c'])
  rig.settings = { ...rig.settings, 'group.max.size': 2 }
  rig.move()
  assert.equal(stateOf(rig), 'PreparingRebalance')
  const [a, b, c] = ['a', 'b', 'c'].map((name) => sendJoin(rig, { memberId: ids[name]! }))
  assert.equal(errorOf(rig.answer('JoinGroup', c!)!), 'GROUP_MAX_SIZE_REACHED')
  assert.equal(errorOf(rig.answer('JoinGroup', a!)!), 'NONE')
  assert.equal(errorOf(rig.answer('JoinGroup', b!)!), 'NONE')
})

test('of ids that nobody comes back with only so many are kept, the newest', () => {
  const rig = new Rig()
  const ids = Array.from({ length: 10_001 }, () => rig.answer('JoinGroup', sendJoin(rig))!.memberId)
  assert.equal(errorOf(rig.answer('JoinGroup', sendJoin(rig, { memberId: ids[0]! }))!), 'UNKNOWN_MEMBER_ID')
  assert.equal(rig.answer('JoinGroup', sendJoin(rig, { memberId: ids[1]! })), undefined, 'it waits for the round')
})

test('of a name that is too long only the front is in the id that is made of it', () => {
  const rig = new Rig()
  const { memberId } = rig.answer('JoinGroup', sendJoin(rig, { clientId: 'c'.repeat(32_760) }))!
  assert.match(memberId, /^c{255}-[0-9a-f-]{36}$/)
  const { ids } = stableGroup(rig, ['i'.repeat(32_760)], { statics: true })
  assert.match(Object.values(ids)[0]!, /^i{255}-[0-9a-f-]{36}$/)
})

test('what ends at the same time is looked at in pieces', () => {
  const rig = new Rig()
  const count = 5000
  for (let i = 0; i < count; i++) sendJoin(rig)
  const pending = (): number => {
    const [group] = rig.shard.groups
    return group instanceof ClassicGroup ? group.pendingMembers.size : 0
  }
  rig.monotonicMs += 10_000
  const decision = rig.shard.expire(rig.now)
  assert.deepEqual(decision, { records: [], replies: [] })
  assert.ok(pending() >= count - 1000 && pending() < count, `${pending()} are left`)
  assert.ok(rig.shard.nextDeadlineMs() <= rig.monotonicMs, 'the rest is due')
  rig.advance(0)
  assert.equal(pending(), 0)
})
