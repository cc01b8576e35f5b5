import assert from 'node:assert/strict'
import { test } from 'node:test'
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
    { ...joined, members: joined.members.map((member) => ({ ...member, metadata: member.metadata.toString() })) },
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
