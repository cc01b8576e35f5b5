import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GROUP, Rig, sendJoin, sendJoinWithId, stableGroup, syncAll } from './rig.js'

/** Rounds as lines. */
function rounds(rig: Rig): string[] {
  return rig.shard.explain(GROUP)!.rounds.map(({ generation, outcome, causes, members, joinMs, totalMs }) => {
    const why = causes.map(
      ({ reason, clientId, clientReason }) =>
        `${clientId} ${reason}${clientReason === null ? '' : ` (${clientReason})`}`,
    )
    return `${generation} ${outcome}, ${members} members, ${joinMs}/${totalMs} ms: ${why.join(', ')}`
  })
}

test('every rebalance has its reason: who, what, in its own words, and how long it took', () => {
  const rig = new Rig()
  const group = stableGroup(rig, ['a', 'b'], { reason: 'started' })
  assert.deepEqual(rounds(rig), ['1 assigned, 2 members, 6000/6000 ms: a joined (started), b joined (started)'])
  rig.advance(1000)
  for (const [name, memberId] of Object.entries(group.ids)) {
    sendJoin(rig, { memberId, clientId: name, protocols: { range: 'new' }, reason: `${name} wants more` })
    rig.advance(500)
  }
  syncAll(rig, { ...group, generation: 2 })
  assert.equal(
    rounds(rig)[1],
    '2 assigned, 2 members, 500/1000 ms: a changed what it wants (a wants more), b changed what it wants (b wants more)',
  )
  rig.ask('LeaveGroup', 5, {
    groupId: GROUP,
    memberId: '',
    members: [{ memberId: group.ids['a']!, groupInstanceId: null, reason: 'closed' }],
  })
  rig.advance(10_000)
  assert.equal(rounds(rig)[2], '3 empty, 0 members, undefined/10000 ms: a left (closed), b timed out')
  assert.deepEqual(
    rig.notes.filter(({ what }) => what === 'cause').map((note) => (note.what === 'cause' ? note.cause.reason : '')),
    ['joined', 'joined', 'changed what it wants', 'changed what it wants', 'left', 'timed out'],
  )
})

test('a static member that comes back needs no round, and is told of all the same', () => {
  const rig = new Rig()
  stableGroup(rig, ['a', 'b'], { statics: true })
  sendJoin(rig, { instance: 'a', clientId: 'a' })
  assert.match(rounds(rig)[1]!, /^1 no round needed, .*: a static member replaced$/)
  assert.equal(rig.shard.explain(GROUP)!.state, 'Stable')
})

test('a round that begins before the last has its assignment overtakes it', () => {
  const rig = new Rig()
  const { ids } = stableGroup(rig, ['a', 'b'])
  for (const memberId of Object.values(ids)) sendJoin(rig, { memberId, protocols: { range: 'new' } })
  sendJoinWithId(rig, { clientId: 'c' })
  assert.deepEqual(
    rounds(rig).map((line) => line.replace(/:.*/, '')),
    [
      '1 assigned, 2 members, 6000/6000 ms',
      '2 overtaken, 2 members, 0/undefined ms',
      '3 under way, 0 members, undefined/undefined ms',
    ],
  )
})

test('of a group that changes all the time only so much is kept', () => {
  const rig = new Rig()
  const { ids } = stableGroup(rig, ['a'])
  for (let i = 0; i < 100; i++) sendJoin(rig, { memberId: ids['a']!, protocols: { range: `wish ${i}` } })
  const { rounds: kept } = rig.shard.explain(GROUP)!
  assert.equal(kept.length, 32)
  assert.equal(kept.at(-1)!.generation, 101)
  const busy = new Rig()
  for (let i = 0; i < 30; i++) sendJoinWithId(busy)
  const [round] = busy.shard.explain(GROUP)!.rounds
  assert.deepEqual([round!.causes.length, round!.moreCauses], [16, 14])
})

test('nothing is told of a group that is not there, and what was kept goes with it', () => {
  const rig = new Rig()
  assert.equal(rig.shard.explain(GROUP), undefined)
  const { ids } = stableGroup(rig, ['a'])
  rig.ask('LeaveGroup', 2, { groupId: GROUP, memberId: ids['a']!, members: [] })
  rig.ask('DeleteGroups', 2, { groupsNames: [GROUP] })
  assert.equal(rig.shard.explain(GROUP), undefined)
  stableGroup(rig, ['a'])
  assert.equal(rig.shard.explain(GROUP)!.rounds.length, 1)
})

test('of what clients say only the front is kept', () => {
  const rig = new Rig()
  sendJoin(rig, { clientId: 'c'.repeat(32_000), instance: 'i'.repeat(32_000), reason: 'r'.repeat(32_000) })
  const { clientId, clientReason, memberId, groupInstanceId } = rig.shard.explain(GROUP)!.rounds[0]!.causes[0]!
  for (const text of [clientId, clientReason!, memberId, groupInstanceId!]) assert.equal(text.length, 255)
})
