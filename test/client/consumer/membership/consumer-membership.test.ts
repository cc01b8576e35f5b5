/** A member of a consumer group (KIP-848), told step by step. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Prng } from '../../../../src/base/prng.js'
import { randomUuid } from '../../../../src/base/uuid.js'
import {
  ConsumerMembership,
  type ConsumerMembershipOptions,
} from '../../../../src/client/consumer/membership/consumer-membership.js'
import type { ErrorName } from '../../../../src/protocol/errors.js'
import { Scripted } from './scripted.js'

const ids = new Prng('ids')
const A = randomUuid(ids)
const B = randomUuid(ids)

type At = Scripted<ConsumerMembership>

function scripted(options: Partial<ConsumerMembershipOptions> = {}): At {
  const random = new Prng('consumer')
  return new Scripted(new ConsumerMembership({ groupId: 'g', memberId: 'me', random, ...options }))
}

function seen(at: At, topics: Readonly<Record<string, string>>): void {
  const list = Object.entries(topics).map(([name, topicId]) => ({ name, topicId, partitionCount: 9 }))
  at.core.topicsSeen(list, at.nowMs)
}

function given(...topicPartitions: [topicId: string, ...partitions: number[]][]) {
  return {
    assignment: { topicPartitions: topicPartitions.map(([topicId, ...partitions]) => ({ topicId, partitions })) },
  }
}

/** In epoch 1 with these of topic a. */
function stable(partitions: number[], options: Partial<ConsumerMembershipOptions> = {}): At {
  const at = scripted(options)
  seen(at, { a: A, b: B })
  at.want('a')
  at.answer(at.asks('ConsumerGroupHeartbeat'), { memberId: 'me', memberEpoch: 1, ...given([A, ...partitions]) })
  at.answer(at.asks('ConsumerGroupHeartbeat'), { memberEpoch: 1 })
  at.events()
  return at
}

test('it says everything once, then only what is new; it takes what it is given, and says so', () => {
  const at = scripted({ remoteAssignor: 'range', rackId: 'r' })
  seen(at, { a: A })
  at.want('b', 'a')
  const join = at.asks('ConsumerGroupHeartbeat')
  assert.deepEqual(join.body, {
    groupId: 'g',
    memberId: 'me',
    memberEpoch: 0,
    instanceId: null,
    rackId: 'r',
    rebalanceTimeoutMs: 300_000,
    serverAssignor: 'range',
    subscribedTopicNames: ['a', 'b'],
    subscribedTopicRegex: null,
    topicPartitions: [],
  })
  assert.equal(at.core.identity.generation, -1)
  at.answer(join, { memberId: 'me', memberEpoch: 3, heartbeatIntervalMs: 2000, ...given([A, 0, 1]) })
  assert.deepEqual(at.events(), ['assigned a-0 a-1 of a-0 a-1'])
  const told = at.asks('ConsumerGroupHeartbeat')
  const plain = { groupId: 'g', memberId: 'me', memberEpoch: 3, instanceId: null }
  assert.deepEqual(told.body, { ...plain, topicPartitions: [{ topicId: A, partitions: [0, 1] }] })
  at.answer(told, { memberEpoch: 4, heartbeatIntervalMs: 2000 })
  assert.deepEqual(at.core.identity, { memberId: 'me', generation: 4, groupInstanceId: null })
  assert.equal(at.core.isRebalancing, false)
  at.pass(1999)
  at.asksNothing()
  at.pass(1)
  assert.deepEqual(at.asks('ConsumerGroupHeartbeat').body, { ...plain, memberEpoch: 4 })
})

test('what it is to give up it lets go of before it says so, and takes the new with it', () => {
  const at = stable([0, 1])
  at.pass(5000)
  at.answer(at.asks('ConsumerGroupHeartbeat'), { memberEpoch: 1, ...given([A, 1], [B, 0]) })
  assert.deepEqual(at.events(), ['release a-0'])
  at.asksNothing()
  // It may take its time, and beats meanwhile, without a word of what it has.
  at.pass(5000)
  const meanwhile = at.asks('ConsumerGroupHeartbeat')
  assert.equal(meanwhile.body.topicPartitions, undefined)
  at.answer(meanwhile, { memberEpoch: 1 })
  at.released()
  assert.deepEqual(at.events(), ['assigned b-0 of a-1 b-0'])
  assert.deepEqual(at.asks('ConsumerGroupHeartbeat').body.topicPartitions, [
    { topicId: A, partitions: [1] },
    { topicId: B, partitions: [0] },
  ])
})

test('another assignment that comes while it lets go counts, when it has', () => {
  const at = stable([0, 1])
  at.pass(5000)
  at.answer(at.asks('ConsumerGroupHeartbeat'), { memberEpoch: 1, ...given([A, 1]) })
  at.pass(5000)
  at.answer(at.asks('ConsumerGroupHeartbeat'), { memberEpoch: 2, ...given([A, 0, 2]) })
  assert.deepEqual(at.events(), ['release a-0'])
  at.released()
  assert.deepEqual(at.events(), ['release a-1'])
  at.released()
  assert.deepEqual(at.events(), ['assigned a-0 a-2 of a-0 a-2'])
})

test('a topic that is only known by its id is looked up; what can be named is taken at once', () => {
  const at = scripted()
  seen(at, { a: A })
  at.want('a', 'b')
  at.answer(at.asks('ConsumerGroupHeartbeat'), { memberEpoch: 1, ...given([A, 0], [B, 0]) })
  assert.deepEqual(at.events(), ['assigned a-0 of a-0', `topics wanted a b ${B}`])
  assert.deepEqual(at.asks('ConsumerGroupHeartbeat').body.topicPartitions, [{ topicId: A, partitions: [0] }])
  at.pass(1000)
  assert.deepEqual(at.events(), [`topics wanted a b ${B}`])
  at.asksNothing()
  seen(at, { a: A, b: B })
  assert.deepEqual(at.events(), ['assigned b-0 of a-0 b-0'])
})

test('a topic that was made anew is another one', () => {
  const at = stable([0])
  seen(at, { a: B })
  at.pass(5000)
  at.answer(at.asks('ConsumerGroupHeartbeat'), { memberEpoch: 2, ...given([B, 0]) })
  assert.deepEqual(at.events(), ['release a-0'])
  at.released()
  assert.deepEqual(at.events(), ['assigned a-0 of a-0'])
  assert.deepEqual(at.asks('ConsumerGroupHeartbeat').body.topicPartitions, [{ topicId: B, partitions: [0] }])
})

for (const error of ['FENCED_MEMBER_EPOCH', 'UNKNOWN_MEMBER_ID'] as const) {
  test(`${error}: what it had is lost, and only then it joins again with the same id`, () => {
    const at = stable([0])
    at.pass(5000)
    at.answer(at.asks('ConsumerGroupHeartbeat'), { error })
    assert.deepEqual(at.events(), ['lost a-0'])
    at.pass(10_000)
    at.asksNothing()
    at.released()
    const join = at.asks('ConsumerGroupHeartbeat')
    assert.deepEqual([join.body.memberId, join.body.memberEpoch, join.body.topicPartitions], ['me', 0, []])
    assert.deepEqual(join.body.subscribedTopicNames, ['a'])
  })
}

test('after an answer that was lost it says everything again', () => {
  const at = stable([0])
  at.pass(5000)
  at.failed(at.asks('ConsumerGroupHeartbeat'))
  assert.deepEqual(at.events(), ['coordinator lost'])
  at.asksNothing()
  at.pass(200)
  const again = at.asks('ConsumerGroupHeartbeat')
  assert.deepEqual([again.body.memberEpoch, again.body.subscribedTopicNames], [1, ['a']])
  assert.deepEqual(again.body.topicPartitions, [{ topicId: A, partitions: [0] }])
  at.answer(again, { error: 'COORDINATOR_LOAD_IN_PROGRESS' })
  assert.deepEqual(at.events(), [])
  at.pass(1000)
  at.answer(at.asks('ConsumerGroupHeartbeat'), { error: 'NOT_COORDINATOR' })
  assert.deepEqual(at.events(), ['coordinator lost'])
})

const FATAL: readonly ErrorName[] = [
  'UNRELEASED_INSTANCE_ID',
  'FENCED_INSTANCE_ID',
  'UNSUPPORTED_ASSIGNOR',
  'GROUP_MAX_SIZE_REACHED',
  'INVALID_REGULAR_EXPRESSION',
  'INVALID_REQUEST',
  'GROUP_AUTHORIZATION_FAILED',
]
for (const error of FATAL) {
  test(`${error} is for good`, () => {
    const at = stable([0])
    at.pass(5000)
    at.answer(at.asks('ConsumerGroupHeartbeat'), { error })
    assert.deepEqual(at.events(), [`failed ${error}`, 'lost a-0'])
    at.released()
    at.asksNothing()
    assert.equal(at.core.nextDeadlineMs(), Number.POSITIVE_INFINITY)
  })
}

test('it leaves when it has let go; a static member says that it comes back', () => {
  for (const [groupInstanceId, epoch] of [
    [null, -1],
    ['i', -2],
  ] as const) {
    const at = stable([0], { groupInstanceId })
    at.core.leave(at.nowMs)
    assert.deepEqual(at.events(), ['release a-0'])
    at.asksNothing()
    at.released()
    const leave = at.asks('ConsumerGroupHeartbeat')
    assert.deepEqual([leave.body.memberEpoch, leave.body.instanceId], [epoch, groupInstanceId])
    at.answer(leave, { memberEpoch: epoch })
    assert.deepEqual(at.events(), ['left'])
    at.pass(60_000)
    at.asksNothing()
    at.want('a')
    assert.equal(at.asks('ConsumerGroupHeartbeat').body.memberEpoch, 0)
  }
})

test('who does not poll in time leaves, and joins when it does', () => {
  const at = stable([0], { maxPollIntervalMs: 4000 })
  at.pass(4000, false)
  assert.equal(at.asks('ConsumerGroupHeartbeat').body.memberEpoch, -1)
  assert.deepEqual(at.events(), ['lost a-0'])
  at.released()
  at.pass(60_000, false)
  at.asksNothing()
  at.pass(0)
  assert.equal(at.asks('ConsumerGroupHeartbeat').body.memberEpoch, 0)
})

test('an expression goes to the coordinator, and is taken back by an empty one', () => {
  const at = scripted()
  at.core.want({ topics: [], regex: 'a.*' }, at.nowMs)
  const join = at.asks('ConsumerGroupHeartbeat')
  assert.deepEqual([join.body.subscribedTopicNames, join.body.subscribedTopicRegex], [[], 'a.*'])
  at.answer(join, { memberEpoch: 1 })
  at.want('b')
  const change = at.asks('ConsumerGroupHeartbeat')
  assert.deepEqual([change.body.subscribedTopicNames, change.body.subscribedTopicRegex], [['b'], ''])
  at.answer(change, { memberEpoch: 2 })
  at.want('b', 'c')
  assert.equal(at.asks('ConsumerGroupHeartbeat').body.subscribedTopicRegex, null)
})
