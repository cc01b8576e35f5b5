import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConsumerGroups } from '../../../src/coordinator/group/consumer/consumer-groups.js'
import { commit, errorOf, fetchOffsets, GROUP, Rig, sendJoin, stableGroup, stateOf } from './rig.js'

function list(rig: Rig, statesFilter: string[] = [], typesFilter: string[] = []) {
  return rig.ask('ListGroups', 5, { statesFilter, typesFilter }).groups.map((group) => Object.values(group).join('/'))
}

test('ListGroups tells of all, or by state and type, whatever the case', () => {
  const rig = new Rig()
  stableGroup(rig, ['a'], { groupId: 'stable' })
  commit(rig, 'orders', { 0: 1 }, { groupId: 'simple' })
  const stable = 'stable/consumer/Stable/classic'
  const simple = 'simple//Empty/classic'
  assert.deepEqual(list(rig), [stable, simple])
  assert.deepEqual(list(rig, ['STABLE']), [stable])
  assert.deepEqual(list(rig, ['empty', 'Dead']), [simple])
  assert.deepEqual(list(rig, [], ['Classic']), [stable, simple])
  assert.deepEqual(list(rig, [], ['consumer']), [])
})

test('DescribeGroups tells of members, and of what they have when they are stable', () => {
  const rig = new Rig()
  const { ids } = stableGroup(rig, ['a'], { protocols: { range: 'wants' } })
  const describe = () =>
    rig.ask('DescribeGroups', 5, { groups: [GROUP], includeAuthorizedOperations: false }).groups[0]!
  const [member] = describe().members
  assert.deepEqual(
    { ...describe(), members: [] },
    {
      errorCode: 0,
      groupId: GROUP,
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
      members: [],
    },
  )
  assert.deepEqual(
    {
      ...member,
      memberMetadata: String(Buffer.from(member!.memberMetadata)),
      memberAssignment: String(Buffer.from(member!.memberAssignment)),
    },
    {
      memberId: ids['a'],
      groupInstanceId: null,
      clientId: 'a',
      clientHost: '/127.0.0.1',
      memberMetadata: 'wants',
      memberAssignment: 'for a',
    },
  )
  sendJoin(rig)
  sendJoin(rig, { memberId: ids['a']! })
  const rebalancing = describe()
  assert.deepEqual([rebalancing.groupState, rebalancing.protocolData], ['PreparingRebalance', ''])
  assert.equal(rebalancing.members[0]!.memberAssignment.length + rebalancing.members[0]!.memberMetadata.length, 0)
})

test('a group that is not there is dead, and from version 6 on an error', () => {
  const rig = new Rig()
  const describe = (version: number) =>
    rig.ask('DescribeGroups', version, { groups: ['x'], includeAuthorizedOperations: false }).groups[0]!
  assert.deepEqual(
    [errorOf(describe(5)), describe(5).groupState, describe(5).errorMessage],
    ['NONE', 'Dead', undefined],
  )
  assert.deepEqual(
    [errorOf(describe(6)), describe(6).groupState, describe(6).errorMessage],
    ['GROUP_ID_NOT_FOUND', 'Dead', 'Group x not found.'],
  )
})

const HEARTBEAT = {
  memberId: 'm',
  instanceId: null,
  rackId: null,
  rebalanceTimeoutMs: 60_000,
  subscribedTopicNames: ['orders'],
  subscribedTopicRegex: null,
  serverAssignor: null,
  topicPartitions: [],
}

function deleteGroups(rig: Rig, groupsNames: string[]) {
  const ticket = rig.send('DeleteGroups', 2, { groupsNames })
  rig.advance(0)
  return rig.answer('DeleteGroups', ticket)!.results.map((result) => `${result.groupId}: ${errorOf(result)}`)
}

test('DeleteGroups deletes what is empty, with its offsets', () => {
  const rig = new Rig()
  stableGroup(rig, ['a'], { groupId: 'stable' })
  commit(rig, 'orders', { 0: 1 }, { groupId: 'simple' })
  const { ids } = stableGroup(rig, ['a'])
  commit(rig, 'orders', { 0: 1 }, { memberId: ids['a']!, generation: 1 })
  rig.ask('LeaveGroup', 2, { groupId: GROUP, memberId: ids['a']!, members: [] })
  assert.deepEqual(deleteGroups(rig, ['stable', 'simple', GROUP, 'x']), [
    'stable: NON_EMPTY_GROUP',
    'simple: NONE',
    `${GROUP}: NONE`,
    'x: GROUP_ID_NOT_FOUND',
  ])
  for (const groupId of ['simple', GROUP]) {
    assert.equal(stateOf(rig, groupId), 'Dead')
    assert.deepEqual(fetchOffsets(rig, null, groupId), {})
  }
  rig.move()
  assert.deepEqual(list(rig), ['stable/consumer/Stable/classic'])
})

test('a group of many offsets is deleted in pieces, and answered when it is gone', () => {
  const rig = new Rig()
  const offsets = Object.fromEntries(Array.from({ length: 2500 }, (_, partition) => [partition, 1]))
  commit(rig, 'orders', offsets)
  commit(rig, 'orders', { 0: 1 }, { groupId: 'small' })
  const before = rig.log.length
  const first = rig.send('DeleteGroups', 2, { groupsNames: [GROUP] })
  assert.equal(rig.log.length - before, 1000)
  assert.equal(rig.answer('DeleteGroups', first), undefined)
  assert.deepEqual(deleteGroups(rig, ['small']), ['small: NONE'])
  assert.equal(errorOf(rig.answer('DeleteGroups', first)!.results[0]!), 'NONE')
  assert.equal(rig.shard.offsets.size, 0)
})

test('a deletion that is too large for a batch goes in smaller pieces; where one record is, the others go on', () => {
  const rig = new Rig()
  const long = 'l'.repeat(2000)
  const offsets = Object.fromEntries(Array.from({ length: 150 }, (_, partition) => [partition, 1]))
  for (const groupId of [long, 'x'.repeat(20_000), GROUP]) commit(rig, 'orders', offsets, { groupId })
  rig.maxBatchBytes = 10_000
  assert.deepEqual(deleteGroups(rig, [long, 'not there', 'x'.repeat(20_000), GROUP, 'nobody']), [
    `${long}: NONE`,
    'not there: GROUP_ID_NOT_FOUND',
    `${'x'.repeat(20_000)}: UNKNOWN_SERVER_ERROR`,
    `${GROUP}: NONE`,
    'nobody: GROUP_ID_NOT_FOUND',
  ])
  assert.equal(rig.shard.offsets.size, 150)
  rig.maxBatchBytes = 100_000
  assert.deepEqual(deleteGroups(rig, ['x'.repeat(20_000)]), [`${'x'.repeat(20_000)}: NONE`])
})

test('a group that needs more records than there is room for does not make the piece endless', () => {
  const rig = new Rig({ consumerGroups: (context) => new ConsumerGroups(context) })
  const commitMany = (groupId: string, count: number) =>
    commit(rig, 'orders', Object.fromEntries(Array.from({ length: count }, (_, at) => [at, 1])), { groupId })
  commitMany('nearly all', 998)
  for (const memberEpoch of [0, -1])
    rig.ask('ConsumerGroupHeartbeat', 1, { ...HEARTBEAT, groupId: 'modern', memberEpoch })
  commitMany('large', 3000)
  const before = rig.log.length
  const ticket = rig.send('DeleteGroups', 2, { groupsNames: ['nearly all', 'modern', 'large'] })
  assert.equal(rig.log.length - before, 998 + 1 + 2)
  rig.advance(0)
  assert.deepEqual(rig.answer('DeleteGroups', ticket)!.results.map(errorOf), ['NONE', 'NONE', 'NONE'])
  assert.equal(rig.shard.offsets.size, 0)
})

test('a deletion that the partition refuses is an error, once', () => {
  const rig = new Rig()
  const offsets = Object.fromEntries(Array.from({ length: 1500 }, (_, partition) => [partition, 1]))
  commit(rig, 'orders', offsets)
  rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
  assert.deepEqual(deleteGroups(rig, [GROUP]), [`${GROUP}: COORDINATOR_NOT_AVAILABLE`])
  rig.advance(10_000)
  assert.equal(rig.shard.offsets.size, 1500)
  assert.deepEqual(deleteGroups(rig, [GROUP]), [`${GROUP}: NONE`])
  commit(rig, 'orders', { 0: 1 })
  rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
  assert.deepEqual(deleteGroups(rig, [GROUP]), [`${GROUP}: COORDINATOR_NOT_AVAILABLE`])
})

test('offsets whose group has left only a tombstone are a group after a move: listed, and deleted', () => {
  const rig = new Rig({ consumerGroups: (context) => new ConsumerGroups(context) })
  const heartbeat = (memberEpoch: number) =>
    rig.ask('ConsumerGroupHeartbeat', 1, { ...HEARTBEAT, groupId: GROUP, memberEpoch })
  const generation = heartbeat(0).memberEpoch
  assert.deepEqual(commit(rig, 'orders', { 0: 7 }, { memberId: 'm', generation }), ['NONE'])
  heartbeat(-1)
  // The consumer group makes room for a classic one, of which nothing is written yet.
  sendJoin(rig)
  const groups = list(rig)
  rig.move()
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 0: 7 } })
  assert.deepEqual(
    list(rig),
    groups.map((line) => line.replace('/consumer/', '//')),
  )
  assert.deepEqual(deleteGroups(rig, [GROUP]), [`${GROUP}: NONE`])
  assert.deepEqual(fetchOffsets(rig, null), {})
})

test('offsets without a group expire like those of commits without members', () => {
  const rig = new Rig({ consumerGroups: (context) => new ConsumerGroups(context) })
  rig.ask('ConsumerGroupHeartbeat', 1, { ...HEARTBEAT, groupId: GROUP, memberEpoch: 0 })
  commit(rig, 'orders', { 0: 7 }, { memberId: 'm', generation: 1 })
  rig.ask('ConsumerGroupHeartbeat', 1, { ...HEARTBEAT, groupId: GROUP, memberEpoch: -1 })
  sendJoin(rig)
  rig.move()
  rig.advance(8 * 24 * 3_600_000)
  assert.equal(rig.shard.offsets.size, 0)
  assert.deepEqual(list(rig), [])
})

test('what belongs to consumer groups is not supported without them', () => {
  const rig = new Rig()
  const heartbeat = rig.ask('ConsumerGroupHeartbeat', 1, {
    groupId: GROUP,
    memberId: 'x',
    memberEpoch: 0,
    instanceId: null,
    rackId: null,
    rebalanceTimeoutMs: -1,
    subscribedTopicNames: null,
    subscribedTopicRegex: null,
    serverAssignor: null,
    topicPartitions: null,
  })
  assert.equal(errorOf(heartbeat), 'UNSUPPORTED_VERSION')
})
