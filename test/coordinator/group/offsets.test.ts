import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_UUID } from '../../../src/base/uuid.js'
import { decodeGroupRecord } from '../../../src/coordinator/group/group-records.js'
import type { RequestOf } from '../../../src/coordinator/group/group-requests.js'
import {
  commit,
  errorOf,
  fetchOffsets,
  GROUP,
  heartbeat,
  offsetsOf,
  Rig,
  sendCommit,
  sendJoin,
  sendJoinWithId,
  stableGroup,
  stateOf,
  syncAll,
} from './rig.js'
import { encodeSubscription } from './subscription.js'

const TOPIC_ID = 'dGhpcyBpcyBhIHRvcGljIQ'
const OTHER_ID = 'dGhpcyBpcyBhbm90aGVyIQ'
const MINUTE = 60_000

test('what a member commits is there, also after a move', () => {
  const rig = new Rig()
  const { ids, generation } = stableGroup(rig, ['a'])
  assert.deepEqual(commit(rig, 'orders', { 0: 5, 1: 7 }, { memberId: ids['a']!, generation }), ['NONE', 'NONE'])
  assert.deepEqual(commit(rig, 'orders', { 0: 3 }, { memberId: ids['a']!, generation }), ['NONE'])
  const expected = { orders: { 0: 3, 1: 7, 2: -1 } }
  assert.deepEqual(fetchOffsets(rig, { orders: [0, 1, 2] }), expected)
  rig.move()
  assert.deepEqual(fetchOffsets(rig, { orders: [0, 1, 2] }), expected)
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 0: 3, 1: 7 } })
  assert.deepEqual(fetchOffsets(rig, null, 'no such group'), {})
  assert.deepEqual(fetchOffsets(rig, { orders: [0] }, 'no such group'), { orders: { 0: -1 } })
})

test('leader epoch and metadata are told as they were committed', () => {
  const rig = new Rig()
  commit(rig, 'orders', { 0: 5 }, { metadata: 'by hand', leaderEpoch: 3 })
  commit(rig, 'orders', { 1: 5 }, { metadata: null })
  const { groups } = rig.ask('OffsetFetch', 8, fetchAll())
  assert.deepEqual(groups, [
    {
      groupId: GROUP,
      errorCode: 0,
      topics: [
        {
          name: 'orders',
          topicId: ZERO_UUID,
          partitions: [
            { partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: 3, metadata: 'by hand', errorCode: 0 },
            { partitionIndex: 1, committedOffset: 5, committedLeaderEpoch: -1, metadata: '', errorCode: 0 },
          ],
        },
      ],
    },
  ])
})

test('who is no member commits only while nobody is', () => {
  const rig = new Rig()
  assert.deepEqual(commit(rig, 'orders', { 0: 1 }), ['NONE'])
  assert.equal(stateOf(rig), 'Empty')
  const { ids, generation } = stableGroup(rig, ['a'])
  assert.deepEqual(commit(rig, 'orders', { 0: 2 }), ['UNKNOWN_MEMBER_ID'])
  assert.deepEqual(commit(rig, 'orders', { 0: 2 }, { memberId: 'x', generation }), ['UNKNOWN_MEMBER_ID'])
  assert.deepEqual(commit(rig, 'orders', { 0: 2 }, { memberId: ids['a']!, generation: 7 }), ['ILLEGAL_GENERATION'])
  assert.deepEqual(commit(rig, 'orders', { 0: 2 }, { memberId: ids['a']!, generation, instance: 'x' }), [
    'UNKNOWN_MEMBER_ID',
  ])
  assert.deepEqual(fetchOffsets(rig, { orders: [0] }), { orders: { 0: 1 } })
})

test('who is still a member does not commit in a generation that is over', () => {
  const rig = new Rig()
  const before = stableGroup(rig, ['a'])
  const { ids, generation } = before
  const memberId = ids['a']!
  assert.deepEqual(commit(rig, 'orders', { 0: 5 }, { memberId, generation }), ['NONE'])
  const next = { ...before, generation: generation + 1 }
  assert.equal(rig.answer('JoinGroup', sendJoin(rig, { memberId }))?.generationId, next.generation)
  syncAll(rig, next)
  assert.deepEqual(commit(rig, 'orders', { 0: 2 }, { memberId, generation }), ['ILLEGAL_GENERATION'])
  assert.deepEqual(fetchOffsets(rig, { orders: [0] }), { orders: { 0: 5 } })
  assert.deepEqual(commit(rig, 'orders', { 0: 6 }, { memberId, generation: next.generation }), ['NONE'])
})

test('a generation of a group that is not there', () => {
  const rig = new Rig()
  assert.deepEqual(commit(rig, 'orders', { 0: 1 }, { memberId: 'x', generation: 1, version: 9 }), [
    'GROUP_ID_NOT_FOUND',
  ])
  assert.deepEqual(commit(rig, 'orders', { 0: 1 }, { memberId: 'x', generation: 1, version: 8 }), [
    'ILLEGAL_GENERATION',
  ])
  assert.equal(rig.log.length, 0)
})

test('a commit in a round: taken before it is over, put off until the assignment is there', () => {
  const rig = new Rig()
  const { ids, generation } = stableGroup(rig, ['a', 'b'])
  sendJoinWithId(rig)
  assert.deepEqual(commit(rig, 'orders', { 0: 1 }, { memberId: ids['a']!, generation }), ['NONE'])
  for (const memberId of Object.values(ids)) sendJoin(rig, { memberId })
  assert.equal(stateOf(rig), 'CompletingRebalance')
  const next = { memberId: ids['a']!, generation: generation + 1 }
  assert.deepEqual(commit(rig, 'orders', { 0: 2 }, next), ['REBALANCE_IN_PROGRESS'])
})

test('a commit is a sign of life', () => {
  const rig = new Rig()
  const { ids, generation } = stableGroup(rig, ['a'])
  for (let i = 0; i < 3; i++) {
    rig.advance(9000)
    commit(rig, 'orders', { 0: i }, { memberId: ids['a']!, generation })
  }
  assert.equal(heartbeat(rig, ids['a']!, generation), 'NONE')
})

test('metadata that is too long is refused, and the other partitions are not', () => {
  const rig = new Rig({ settings: { 'offset.metadata.max.bytes': 4 } })
  assert.deepEqual(commit(rig, 'orders', { 0: 1 }, { metadata: 'abcde' }), ['OFFSET_METADATA_TOO_LARGE'])
  assert.deepEqual(commit(rig, 'orders', { 0: 1 }, { metadata: 'abcd' }), ['NONE'])
})

test('what the partition does not take was not committed', () => {
  const rig = new Rig()
  rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
  assert.deepEqual(commit(rig, 'orders', { 0: 1, 1: 1 }), ['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE'])
  rig.refuseNext = 'RECORD_LIST_TOO_LARGE'
  assert.deepEqual(commit(rig, 'orders', { 0: 1 }), ['INVALID_COMMIT_OFFSET_SIZE'])
  assert.deepEqual(fetchOffsets(rig, { orders: [0, 1] }), { orders: { 0: -1, 1: -1 } })
})

test('an offset is told when the commit that it rests on is committed', () => {
  const rig = new Rig()
  rig.isHeld = true
  const ticket = sendCommit(rig, 'orders', { 0: 1 })
  const fetch = rig.send('OffsetFetch', 8, fetchAll())
  assert.equal(rig.answer('OffsetCommit', ticket) ?? rig.answer('OffsetFetch', fetch), undefined)
  rig.commit()
  assert.equal(rig.answer('OffsetFetch', fetch)!.groups![0]!.topics[0]!.partitions[0]!.committedOffset, 1)
})

function fetchAll(): RequestOf<'OffsetFetch'> {
  const groups = [{ groupId: GROUP, memberId: null, memberEpoch: -1, topics: null }]
  return { groupId: '', topics: null, groups, requireStable: true }
}

test('version 10 names topics by their ids', () => {
  const rig = new Rig()
  rig.addTopic('orders', TOPIC_ID)
  assert.deepEqual(commit(rig, '', { 0: 5 }, { version: 10, topicId: TOPIC_ID }), ['NONE'])
  assert.deepEqual(commit(rig, '', { 0: 5 }, { version: 10, topicId: OTHER_ID }), ['UNKNOWN_TOPIC_ID'])
  assert.deepEqual(fetchOffsets(rig, { orders: [0] }), { orders: { 0: 5 } })
  const fetch = (topicId: string) => {
    const topics = [{ name: '', topicId, partitionIndexes: [0] }]
    const groups = [{ groupId: GROUP, memberId: null, memberEpoch: -1, topics }]
    const answer = rig.ask('OffsetFetch', 10, { groupId: '', topics: null, groups, requireStable: true })
    const topic = answer.groups![0]!.topics[0]!
    return [topic.topicId, errorOf(topic.partitions[0]!), topic.partitions[0]!.committedOffset]
  }
  assert.deepEqual(fetch(TOPIC_ID), [TOPIC_ID, 'NONE', 5])
  assert.deepEqual(fetch(OTHER_ID), [OTHER_ID, 'UNKNOWN_TOPIC_ID', -1])
  commit(rig, 'not there', { 0: 1 })
  const all = rig.ask('OffsetFetch', 10, fetchAll()).groups![0]!.topics
  assert.deepEqual(
    all.map(({ topicId }) => topicId),
    [TOPIC_ID],
  )
})

test('offsets of a topic that is deleted go with it, and those of its namesake do not', () => {
  const rig = new Rig()
  rig.addTopic('orders', TOPIC_ID)
  commit(rig, 'orders', { 0: 5, 1: 5 })
  commit(rig, 'orders', { 0: 6 }, { groupId: 'others' })
  commit(rig, 'payments', { 0: 7 })
  rig.removeTopic(TOPIC_ID)
  rig.addTopic('orders', OTHER_ID)
  commit(rig, 'orders', { 2: 9 })
  rig.advance(0)
  assert.deepEqual(fetchOffsets(rig, null), { payments: { 0: 7 }, orders: { 2: 9 } })
  assert.deepEqual(fetchOffsets(rig, null, 'others'), {})
  rig.move()
  assert.deepEqual(fetchOffsets(rig, null), { payments: { 0: 7 }, orders: { 2: 9 } })
})

test('what was committed for a topic that is gone is not told of its namesake, in no version', () => {
  const rig = new Rig()
  rig.addTopic('orders', TOPIC_ID)
  commit(rig, 'orders', { 0: 5 })
  commit(rig, 'payments', { 0: 7 })
  rig.removeTopic(TOPIC_ID)
  rig.addTopic('orders', OTHER_ID)
  // Before what is too much for one decision is done.
  assert.deepEqual(fetchOffsets(rig, { orders: [0] }), { orders: { 0: -1 } })
  assert.deepEqual(fetchOffsets(rig, null), { payments: { 0: 7 } })
})

test('a commit for a topic of which its coordinator has not heard yet is not taken for one of its namesake', () => {
  const rig = new Rig()
  rig.addTopic('orders', TOPIC_ID)
  commit(rig, 'orders', { 0: 5 }, { topicId: OTHER_ID })
  rig.removeTopic(TOPIC_ID)
  rig.advance(0)
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 0: 5 } })
})

test('offsets of a topic that went while the group had no coordinator go with the next check', () => {
  const rig = new Rig()
  rig.addTopic('orders', TOPIC_ID)
  commit(rig, 'orders', { 0: 5 })
  rig.shard = rig.loadedCopy()
  rig.removeTopic(TOPIC_ID)
  rig.move()
  commit(rig, 'payments', { 0: 1 })
  rig.advance(599_999)
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 0: 5 }, payments: { 0: 1 } })
  rig.advance(1)
  assert.deepEqual(fetchOffsets(rig, null), { payments: { 0: 1 } })
})

test('offsets of a deleted topic that the partition did not let go are tried again', () => {
  const rig = new Rig()
  rig.addTopic('orders', TOPIC_ID)
  commit(rig, 'orders', { 0: 5 })
  rig.removeTopic(TOPIC_ID)
  rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
  rig.advance(999)
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 0: 5 } })
  rig.advance(1)
  assert.deepEqual(fetchOffsets(rig, null), {})
})

test('topics that are deleted while the partition takes nothing are one piece of work when it does again, and none is forgotten', () => {
  const rig = new Rig()
  const { shard } = rig
  const idOf = (n: number): string => `${n}`.padStart(21, '0').concat('A')
  const count = 100
  for (let n = 0; n < count; n++) rig.addTopic(`t${n}`, idOf(n))
  for (let n = 0; n < count; n++)
    for (const groupId of ['one', 'two']) commit(rig, `t${n}`, { 0: 5, 1: 5 }, { groupId })
  commit(rig, 'payments', { 0: 7 }, { groupId: 'one' })
  const before = rig.log.length
  for (let n = 0; n < count; n++) {
    rig.removeTopic(idOf(n))
    // A namesake, of which nothing may get lost.
    if (n % 10 === 0) rig.addTopic(`t${n}`, idOf(1000 + n))
    rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
    rig.advance(100)
  }
  rig.refuseNext = undefined
  commit(rig, 't0', { 1: 9 }, { groupId: 'two' })
  let decisions = 0
  const expire = shard.expire.bind(shard)
  shard.expire = (now) => {
    decisions++
    return expire(now)
  }
  rig.advance(2000)
  assert.deepEqual(
    offsetsOf(shard).map((line) => line.split(' ').slice(0, 2).join(' ')),
    ['one payments-0', 'two t0-1'],
  )
  assert.ok(decisions <= 4, `${decisions} decisions`)
  assert.equal(rig.log.length - before, 4 * count - 1 + 1, 'one tombstone for each, but for what was committed anew')
})

test('the deletion of a topic that nobody has committed for is no work', () => {
  const rig = new Rig()
  rig.addTopic('orders', TOPIC_ID)
  commit(rig, 'payments', { 0: 7 })
  commit(rig, 'orders', { 0: 5 }, { topicId: OTHER_ID })
  rig.removeTopic(TOPIC_ID)
  assert.ok(rig.shard.nextDeadlineMs() > rig.monotonicMs)
})

test('offsets of a deleted topic that are too large for one batch go in smaller pieces, and hold nobody up', () => {
  const rig = new Rig()
  rig.addTopic('orders', TOPIC_ID)
  const names = Array.from({ length: 40 }, (_, n) => `${n}`.padEnd(1000, 'x'))
  for (const groupId of [...names, 'h'.repeat(30_000), GROUP]) commit(rig, 'orders', { 0: 5 }, { groupId })
  rig.maxBatchBytes = 10_000
  rig.removeTopic(TOPIC_ID)
  const deletion = rig.send('DeleteGroups', 2, { groupsNames: [GROUP] })
  rig.advance(500)
  assert.equal(errorOf(rig.answer('DeleteGroups', deletion)!.results[0]!), 'NONE')
  assert.deepEqual([...rig.shard.offsets.groupIds], ['h'.repeat(30_000)], 'of it not even one record fits')
  assert.equal(rig.shard.nextDeadlineMs() > rig.monotonicMs, true, 'nothing more is tried at once')
  rig.maxBatchBytes = 100_000
  rig.advance(600_000)
  assert.equal(rig.shard.offsets.size, 0)
})

test('more offsets than a decision may take go in pieces', () => {
  const rig = new Rig()
  rig.addTopic('orders', TOPIC_ID)
  const many = Object.fromEntries(Array.from({ length: 2500 }, (_, partition) => [partition, 1]))
  for (const groupId of ['one', 'two']) commit(rig, 'orders', many, { groupId })
  const before = rig.log.length
  rig.removeTopic(TOPIC_ID)
  assert.ok(rig.log.length - before <= 1000)
  const { records } = rig.shard.expire(rig.now)
  assert.ok(records.length <= 1000, `${records.length} records in one decision`)
  rig.advance(0)
  assert.equal(rig.shard.offsets.size, 0)
})

function deleteOffsets(rig: Rig, topic: string, partitions: readonly number[], groupId = GROUP) {
  const topics = [{ name: topic, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) }]
  const answer = rig.ask('OffsetDelete', 0, { groupId, topics })
  return [errorOf(answer), ...answer.topics.flatMap((each) => each.partitions.map(errorOf))]
}

test('OffsetDelete forgets what nobody reads', () => {
  const rig = new Rig()
  assert.deepEqual(deleteOffsets(rig, 'orders', [0]), ['GROUP_ID_NOT_FOUND'])
  assert.deepEqual(deleteOffsets(rig, 'orders', [0], ''), ['INVALID_GROUP_ID'])
  commit(rig, 'orders', { 0: 1, 1: 1 })
  commit(rig, 'payments', { 0: 1 })
  assert.deepEqual(deleteOffsets(rig, 'orders', [0, 5]), ['NONE', 'NONE', 'NONE'])
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 1: 1 }, payments: { 0: 1 } })
  stableGroup(rig, ['a'], { protocols: { range: encodeSubscription(['orders']) } })
  assert.deepEqual(deleteOffsets(rig, 'orders', [1]), ['NONE', 'GROUP_SUBSCRIBED_TO_TOPIC'])
  assert.deepEqual(deleteOffsets(rig, 'payments', [0]), ['NONE', 'NONE'])
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 1: 1 } })
})

test('where it cannot be read what members want, nothing of theirs is deleted', () => {
  const rig = new Rig()
  commit(rig, 'orders', { 0: 1 })
  stableGroup(rig, ['a'], { protocols: { range: '' } })
  assert.deepEqual(deleteOffsets(rig, 'orders', [0]), ['NONE', 'GROUP_SUBSCRIBED_TO_TOPIC'])
  stableGroup(rig, ['a'], { groupId: 'connect', protocolType: 'connect', protocols: { range: '' } })
  assert.deepEqual(deleteOffsets(rig, 'orders', [0], 'connect'), ['NON_EMPTY_GROUP'])
})

// Expiry

const RETENTION = { 'offsets.retention.minutes': 60, 'offsets.retention.check.interval.ms': 5 * MINUTE }

test('offsets without members expire so long after each commit, and the group with the last', () => {
  const rig = new Rig({ settings: RETENTION })
  commit(rig, 'orders', { 0: 1 })
  rig.advance(30 * MINUTE)
  commit(rig, 'orders', { 1: 1 })
  rig.advance(29 * MINUTE)
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 0: 1, 1: 1 } })
  rig.advance(6 * MINUTE)
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 1: 1 } })
  assert.equal(stateOf(rig), 'Empty')
  rig.advance(30 * MINUTE)
  assert.deepEqual(fetchOffsets(rig, null), {})
  assert.equal(stateOf(rig), 'Dead')
  rig.move()
  assert.equal(stateOf(rig), 'Dead')
})

test('those of a group that had members expire so long after it became empty', () => {
  const rig = new Rig({ settings: RETENTION })
  const { ids, generation } = stableGroup(rig, ['a'], {
    protocols: { range: encodeSubscription(['orders']) },
    sessionTimeoutMs: 1_800_000,
  })
  commit(rig, 'orders', { 0: 1 }, { memberId: ids['a']!, generation })
  for (let i = 0; i < 20; i++) {
    rig.advance(15 * MINUTE)
    assert.equal(heartbeat(rig, ids['a']!, generation), 'NONE')
  }
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 0: 1 } }, 'what is subscribed to is kept')
  rig.ask('LeaveGroup', 2, { groupId: GROUP, memberId: ids['a']!, members: [] })
  rig.move()
  rig.advance(59 * MINUTE)
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 0: 1 } })
  rig.advance(7 * MINUTE)
  assert.deepEqual(fetchOffsets(rig, null), {})
  assert.equal(stateOf(rig), 'Dead')
})

test('a live group loses what it has not committed for long and does not read any more', () => {
  const rig = new Rig({ settings: RETENTION })
  const { ids, generation } = stableGroup(rig, ['a'], {
    protocols: { range: encodeSubscription(['orders']) },
    sessionTimeoutMs: 1_800_000,
  })
  commit(rig, 'orders', { 0: 1 }, { memberId: ids['a']!, generation })
  commit(rig, 'payments', { 0: 1 }, { memberId: ids['a']!, generation })
  for (let i = 0; i < 5; i++) {
    rig.advance(15 * MINUTE)
    heartbeat(rig, ids['a']!, generation)
  }
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 0: 1 } })
})

test('a client may say how long its offsets are kept (versions 2 to 4)', () => {
  const rig = new Rig({ settings: RETENTION })
  commit(rig, 'orders', { 0: 1 }, { version: 4, retentionTimeMs: 200 * MINUTE })
  commit(rig, 'orders', { 1: 1 }, { version: 4, retentionTimeMs: 10 * MINUTE })
  rig.move()
  rig.advance(16 * MINUTE)
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 0: 1 } })
  rig.advance(180 * MINUTE)
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 0: 1 } })
  rig.advance(10 * MINUTE)
  assert.deepEqual(fetchOffsets(rig, null), {})
})

test('an offset that is to be kept for longer than time lasts is there after a move, too', () => {
  const rig = new Rig({ settings: RETENTION })
  commit(rig, 'orders', { 0: 5 }, { version: 4 })
  assert.deepEqual(commit(rig, 'orders', { 0: 42 }, { version: 4, retentionTimeMs: Number.MAX_SAFE_INTEGER }), ['NONE'])
  assert.deepEqual(commit(rig, 'orders', { 1: 7 }, { version: 4, retentionTimeMs: -Number.MAX_SAFE_INTEGER }), ['NONE'])
  const copy = decodeGroupRecord(rig.log.at(-2)!.bytes)
  assert.equal(copy?.type === 'OffsetCommit' && copy.value?.expireTimestamp, Number.MAX_SAFE_INTEGER)
  rig.move()
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 0: 42, 1: 7 } })
})

test('in version 1 a client says itself when it has committed', () => {
  const rig = new Rig({ settings: RETENTION })
  commit(rig, 'orders', { 0: 1 }, { version: 1, commitTimestamp: rig.wallMs - 50 * MINUTE })
  commit(rig, 'orders', { 1: 1 }, { version: 1 })
  rig.advance(16 * MINUTE)
  assert.deepEqual(fetchOffsets(rig, null), { orders: { 1: 1 } })
})

test('expiry in pieces, and again after the partition has refused', () => {
  const rig = new Rig({ settings: RETENTION })
  for (let group = 0; group < 30; group++) {
    const offsets = Object.fromEntries(Array.from({ length: 100 }, (_, partition) => [partition, 1]))
    commit(rig, 'orders', offsets, { groupId: `group ${group}` })
  }
  rig.advance(59 * MINUTE)
  rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
  rig.advance(2 * MINUTE)
  assert.ok(rig.shard.offsets.size > 0, 'what was refused waits for the next check')
  rig.advance(5 * MINUTE)
  assert.equal(rig.shard.offsets.size, 0)
  assert.deepEqual([...rig.shard.groups], [])
})
