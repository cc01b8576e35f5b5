/** A member of a classic group, told step by step. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Prng } from '../../../../src/base/prng.js'
import type { Assignor } from '../../../../src/client/consumer/membership/assignors/assignor.js'
import { COOPERATIVE_STICKY } from '../../../../src/client/consumer/membership/assignors/cooperative-sticky.js'
import { RANGE } from '../../../../src/client/consumer/membership/assignors/range.js'
import {
  ClassicMembership,
  type ClassicMembershipOptions,
} from '../../../../src/client/consumer/membership/classic-membership.js'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../../../src/client/consumer/membership/consumer-protocol.js'
import { keyOf, type TopicPartition } from '../../../../src/client/consumer/membership/topic-partition.js'
import type { ErrorName } from '../../../../src/protocol/errors.js'
import { Scripted } from './scripted.js'

function scripted(options: Partial<ClassicMembershipOptions> = {}): Scripted<ClassicMembership> {
  const random = new Prng('classic')
  return new Scripted(new ClassicMembership({ groupId: 'g', assignors: [RANGE], random, ...options }))
}

function partitions(...keys: string[]): TopicPartition[] {
  return keys.map((key) => ({ topic: key.split('-')[0]!, partition: Number(key.split('-')[1]) }))
}

type At = Scripted<ClassicMembership>

/** Follows in generation 1 with these. */
function stable(keys: readonly string[], options: Partial<ClassicMembershipOptions> = {}): At {
  const at = scripted(options)
  at.want('a')
  const first = at.asks('JoinGroup')
  at.answer(first, { error: 'MEMBER_ID_REQUIRED', memberId: 'me' })
  joined(at, 1, keys, options.assignors?.[0])
  assert.deepEqual(at.events(), [`assigned ${keys.join(' ')} of ${keys.join(' ')}`])
  return at
}

function joined(at: At, generationId: number, keys: readonly string[], assignor: Assignor = RANGE): void {
  at.answer(at.asks('JoinGroup'), { memberId: 'me', generationId, protocolName: assignor.name })
  at.answer(at.asks('SyncGroup'), { assignment: Buffer.from(encodeAssignment(partitions(...keys))) })
}

test('it is given its id, joins with it, is assigned, beats, and leaves', () => {
  const at = scripted()
  at.want('b', 'a')
  const first = at.asks('JoinGroup')
  assert.equal(first.body.memberId, '')
  assert.equal(first.body.sessionTimeoutMs, 45_000)
  assert.equal(first.body.rebalanceTimeoutMs, 300_000)
  assert.equal(first.waitsMs, 305_000)
  assert.deepEqual(decodeSubscription(first.body.protocols[0]!.metadata).topics, ['a', 'b'])
  at.answer(first, { error: 'MEMBER_ID_REQUIRED', memberId: 'me' })
  const second = at.asks('JoinGroup')
  assert.equal(second.body.memberId, 'me')
  at.answer(second, { memberId: 'me', generationId: 7, leader: 'you' })
  assert.equal(at.core.isRebalancing, true)
  const sync = at.asks('SyncGroup')
  assert.deepEqual([sync.body.generationId, sync.body.assignments], [7, []])
  at.answer(sync, { assignment: Buffer.from(encodeAssignment(partitions('a-1', 'b-0'))) })
  assert.deepEqual(at.events(), ['assigned a-1 b-0 of a-1 b-0'])
  assert.deepEqual(at.core.identity, { memberId: 'me', generation: 7, groupInstanceId: null })
  assert.equal(at.core.isRebalancing, false)
  at.pass(2999)
  at.asksNothing()
  at.pass(1)
  const beat = at.asks('Heartbeat')
  assert.deepEqual([beat.body.memberId, beat.body.generationId], ['me', 7])
  at.answer(beat, {})
  at.core.leave(at.nowMs)
  assert.deepEqual(at.events(), ['release a-1 b-0'])
  at.asksNothing()
  at.released()
  const leave = at.asks('LeaveGroup')
  assert.deepEqual(
    leave.body.members?.map(({ memberId }) => memberId),
    ['me'],
  )
  at.answer(leave, {})
  assert.deepEqual(at.events(), ['left'])
  assert.equal(at.core.nextDeadlineMs(), Number.POSITIVE_INFINITY)
})

test('the leader looks at topics that it does not know, and assigns to all', () => {
  const at = scripted()
  at.want('a')
  at.seen({ a: 2 })
  const wants = (...topics: string[]) =>
    Buffer.from(encodeSubscription({ topics, userData: null, ownedPartitions: [], generationId: -1, rackId: null }))
  const members = [
    { memberId: 'me', groupInstanceId: null, metadata: wants('a') },
    { memberId: 'you', groupInstanceId: null, metadata: wants('a', 'b') },
  ]
  at.answer(at.asks('JoinGroup'), { memberId: 'me', leader: 'me', generationId: 1, members })
  at.asksNothing()
  assert.deepEqual(at.events(), ['topics wanted a b'])
  at.seen({ a: 2, b: 1 })
  const sync = at.asks('SyncGroup')
  const given = Object.fromEntries(
    sync.body.assignments.map(({ memberId, assignment }) => [memberId, decodeAssignment(assignment).map(keyOf)]),
  )
  assert.deepEqual(given, { me: ['a-0'], you: ['a-1', 'b-0'] })
  at.answer(sync, { assignment: Buffer.from(sync.body.assignments[0]!.assignment) })
  at.seen({ a: 2, b: 1, c: 9 })
  at.asksNothing()
  // More partitions of what another wants: only the leader can see to it.
  at.seen({ a: 2, b: 2 })
  assert.deepEqual(at.events(), ['assigned a-0 of a-0', 'release a-0'])
  at.released()
  at.asks('JoinGroup')
})

test('a leader that comes back assigns nothing where it is told not to (KIP-814)', () => {
  const at = scripted({ groupInstanceId: 'i' })
  at.want('a')
  at.answer(at.asks('JoinGroup'), { memberId: 'me', leader: 'me', generationId: 4, skipAssignment: true })
  assert.deepEqual(at.asks('SyncGroup').body.assignments, [])
})

test('eager: everything is let go of before it joins, and it beats until then', () => {
  const at = stable(['a-0', 'a-1'])
  at.pass(3000)
  at.answer(at.asks('Heartbeat'), { error: 'REBALANCE_IN_PROGRESS' })
  assert.deepEqual(at.events(), ['release a-0 a-1'])
  assert.equal(at.core.isRebalancing, true)
  at.pass(3000)
  at.answer(at.asks('Heartbeat'), { error: 'REBALANCE_IN_PROGRESS' })
  at.asksNothing()
  at.released()
  joined(at, 2, ['a-1'])
  assert.deepEqual(at.events(), ['assigned a-1 of a-1'])
})

test('cooperative: it joins with what it has, lets go of what it is not given, and joins again', () => {
  const at = stable(['a-0', 'a-1'], { assignors: [COOPERATIVE_STICKY] })
  at.pass(3000)
  at.answer(at.asks('Heartbeat'), { error: 'REBALANCE_IN_PROGRESS' })
  assert.deepEqual(at.events(), [])
  const join = at.asks('JoinGroup')
  const said = decodeSubscription(join.body.protocols[0]!.metadata)
  assert.deepEqual([said.ownedPartitions.map(keyOf), said.generationId], [['a-0', 'a-1'], 1])
  at.answer(join, { memberId: 'me', generationId: 2, protocolName: 'cooperative-sticky' })
  at.answer(at.asks('SyncGroup'), { assignment: Buffer.from(encodeAssignment(partitions('a-1', 'a-2'))) })
  assert.deepEqual(at.events(), ['release a-0'])
  at.asksNothing()
  at.released()
  assert.deepEqual(at.events(), ['assigned a-2 of a-1 a-2'])
  const again = at.asks('JoinGroup')
  assert.deepEqual(decodeSubscription(again.body.protocols[0]!.metadata).ownedPartitions.map(keyOf), ['a-1', 'a-2'])
})

for (const error of ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION'] as const) {
  test(`${error}: what it had is lost, and it joins again`, () => {
    const at = stable(['a-0'], { assignors: [COOPERATIVE_STICKY] })
    at.pass(3000)
    at.answer(at.asks('Heartbeat'), { error })
    assert.deepEqual(at.events(), ['lost a-0'])
    assert.equal(at.core.identity.generation, -1)
    at.asksNothing()
    at.released()
    assert.equal(at.asks('JoinGroup').body.memberId, error === 'UNKNOWN_MEMBER_ID' ? '' : 'me')
  })
}

test('a coordinator that is gone or loads is asked again, after a while and with the same id', () => {
  const at = stable(['a-0'])
  at.pass(3000)
  at.answer(at.asks('Heartbeat'), { error: 'NOT_COORDINATOR' })
  assert.deepEqual(at.events(), ['coordinator lost'])
  at.asksNothing()
  at.pass(130)
  at.failed(at.asks('Heartbeat'))
  assert.deepEqual(at.events(), ['coordinator lost'])
  at.pass(1000)
  at.answer(at.asks('Heartbeat'), { error: 'REBALANCE_IN_PROGRESS' })
  at.released()
  at.events()
  for (const error of ['COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE'] as const) {
    at.answer(at.asks('JoinGroup'), { error })
    at.asksNothing()
    at.pass(1000)
  }
  assert.deepEqual(at.events(), ['coordinator lost'])
  at.failed(at.asks('JoinGroup'))
  at.pass(1000)
  const join = at.asks('JoinGroup')
  assert.equal(join.body.memberId, 'me')
  at.answer(join, { memberId: 'me', generationId: 2 })
  at.answer(at.asks('SyncGroup'), { error: 'REBALANCE_IN_PROGRESS' })
  at.failed(at.asks('JoinGroup'))
  at.pass(1000)
  joined(at, 4, ['a-0'])
})

const FATAL: readonly ErrorName[] = [
  'FENCED_INSTANCE_ID',
  'GROUP_AUTHORIZATION_FAILED',
  'INCONSISTENT_GROUP_PROTOCOL',
  'GROUP_MAX_SIZE_REACHED',
  'INVALID_SESSION_TIMEOUT',
  'INVALID_GROUP_ID',
]
for (const error of FATAL) {
  test(`${error} is for good`, () => {
    const at = stable(['a-0'])
    at.pass(3000)
    at.answer(at.asks('Heartbeat'), { error })
    assert.deepEqual(at.events(), [`failed ${error}`, 'lost a-0'])
    at.released()
    at.asksNothing()
    assert.equal(at.core.nextDeadlineMs(), Number.POSITIVE_INFINITY)
    at.core.leave(at.nowMs)
    at.asksNothing()
    assert.deepEqual(at.events(), ['left'])
  })
}

test('who does not poll in time leaves, and joins when it does', () => {
  const at = stable(['a-0'], { maxPollIntervalMs: 10_000, heartbeatIntervalMs: 60_000 })
  at.pass(9999)
  at.pass(9999, false)
  at.asksNothing()
  at.pass(1, false)
  assert.equal(at.asks('LeaveGroup').body.members?.[0]?.memberId, 'me')
  assert.deepEqual(at.events(), ['lost a-0'])
  at.released()
  at.pass(100_000, false)
  at.asksNothing()
  at.pass(0)
  assert.equal(at.asks('JoinGroup').body.memberId, '')
})

test('a static member does not say goodbye', () => {
  const at = scripted({ groupInstanceId: 'i' })
  at.want('a')
  joined(at, 1, ['a-0'])
  at.events()
  at.core.leave(at.nowMs)
  at.released()
  at.asksNothing()
  assert.deepEqual(at.events(), ['release a-0', 'left'])
})

test('who leaves while it waits to join does not become a member after all', () => {
  const at = stable(['a-0'])
  at.pass(3000)
  at.answer(at.asks('Heartbeat'), { error: 'REBALANCE_IN_PROGRESS' })
  at.released()
  const join = at.asks('JoinGroup')
  at.core.leave(at.nowMs)
  const leave = at.asks('LeaveGroup')
  at.answer(join, { memberId: 'me', generationId: 2 })
  at.asksNothing()
  at.failed(leave)
  assert.deepEqual(at.events(), ['release a-0', 'coordinator lost', 'left'])
  assert.equal(at.core.identity.generation, -1)
})

test('other topics mean another join; what is assigned of topics that are not wanted any more is not taken', () => {
  const at = stable(['a-0'])
  at.want('a')
  at.asksNothing()
  at.want('b')
  assert.deepEqual(at.events(), ['release a-0'])
  at.released()
  joined(at, 2, ['a-0', 'b-0'])
  assert.deepEqual(at.events(), ['assigned b-0 of b-0'])
})

test('a commit that is refused says how it stands', () => {
  const at = stable(['a-0'])
  at.core.commitRefused(27, 0, at.nowMs)
  assert.deepEqual(at.events(), [])
  at.core.commitRefused(27, 1, at.nowMs)
  assert.deepEqual(at.events(), ['release a-0'])
  at.released()
  joined(at, 2, ['a-0'])
  at.events()
  at.core.commitRefused(25, 2, at.nowMs)
  assert.deepEqual(at.events(), ['lost a-0'])
})

test('what cannot be read of the others ends it with a sentence', () => {
  const at = scripted()
  at.want('a')
  const members = [{ memberId: 'me', groupInstanceId: null, metadata: Buffer.from('0001ffff', 'hex') }]
  at.answer(at.asks('JoinGroup'), { memberId: 'me', leader: 'me', generationId: 1, members })
  assert.deepEqual(at.events(), ['failed INCONSISTENT_GROUP_PROTOCOL'])
})

test('subscriptions are written as Kafka’s consumers write them, and read in every version', () => {
  const bytes = encodeSubscription({
    topics: ['t'],
    userData: null,
    ownedPartitions: partitions('t-2', 't-1'),
    generationId: 5,
    rackId: 'r',
  })
  const fields = [
    '00000001',
    '000174',
    'ffffffff',
    '00000001',
    '000174',
    '00000002',
    '00000001',
    '00000002',
    '00000005',
    '000172',
  ]
  assert.equal(Buffer.from(bytes).toString('hex'), `0003${fields.join('')}`)
  const old = Buffer.from(`0000${fields.slice(0, 3).join('')}`, 'hex')
  assert.deepEqual(decodeSubscription(old), {
    topics: ['t'],
    userData: null,
    ownedPartitions: [],
    generationId: -1,
    rackId: null,
  })
  const later = decodeSubscription(Buffer.from(`0009${fields.join('')}beef`, 'hex'))
  assert.deepEqual([later.topics, later.rackId], [['t'], 'r'])
  assert.throws(() => decodeSubscription(Buffer.from('ffff00000000', 'hex')), /version -1/)
  assert.deepEqual(decodeAssignment(new Uint8Array(0)), [])
})
