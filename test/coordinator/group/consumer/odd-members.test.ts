/** Members of consumer groups that do what clients seldom do: they come back under their own id, take another name, or stand in the log as later versions write them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeSubscription } from '../../../../src/client/consumer/membership/consumer-protocol.js'
import { errorOf, type Rig, sendJoin } from '../rig.js'
import { addTopic, ask, checkGroup, GROUP, groupOf, imageOf, joining, modernRig, shown, topicId } from './modern-rig.js'

function rigWithOrders(): Rig {
  const rig = modernRig()
  addTopic(rig, 'orders', 2)
  return rig
}

describe('a static member that comes back under its own id', () => {
  it('has what it had, and is put out when it is not heard of any more', () => {
    const rig = rigWithOrders()
    ask(rig, joining('a', ['orders'], { instanceId: 'i' }))
    ask(rig, { memberId: 'a', memberEpoch: -2, instanceId: 'i' })
    const answer = ask(rig, joining('a', ['orders'], { instanceId: 'i' }))
    assert.equal(errorOf(answer), 'NONE')
    assert.equal(shown(answer.assignment), 'orders-0 orders-1')
    checkGroup(rig, groupOf(rig.shard))
    assert.deepEqual(imageOf(groupOf(rig.loadedCopy())), imageOf(groupOf(rig.shard)))
    rig.advance(44_999)
    assert.equal(groupOf(rig.shard).memberCount, 1)
    rig.advance(1)
    assert.equal(groupOf(rig.shard).memberCount, 0)
  })
})

describe('a member that joins again under another instance id', () => {
  it('does not keep the old one', () => {
    const rig = rigWithOrders()
    ask(rig, joining('a', ['orders'], { instanceId: 'one' }))
    assert.equal(errorOf(ask(rig, joining('a', ['orders'], { instanceId: 'other' }))), 'NONE')
    assert.deepEqual([...groupOf(rig.shard).staticMembers], [['other', 'a']])
    assert.deepEqual(imageOf(groupOf(rig.loadedCopy())), imageOf(groupOf(rig.shard)))
    assert.equal(errorOf(ask(rig, joining('b', ['orders'], { instanceId: 'one' }))), 'NONE')
    assert.equal(errorOf(ask(rig, joining('c', ['orders'], { instanceId: 'other' }))), 'UNRELEASED_INSTANCE_ID')
  })
})

describe('a member in a state that a later version has written', () => {
  const owning = (partitions: readonly number[]) => ({
    range: encodeSubscription({
      topics: ['orders'],
      userData: null,
      ownedPartitions: partitions.map((partition) => ({ topic: 'orders', partition })),
      generationId: 1,
      rackId: null,
    }),
  })

  function strangeMember(instanceId: string | null): Rig {
    const rig = rigWithOrders()
    ask(rig, joining('a', ['orders'], { instanceId }))
    const assigned = [{ topicId: topicId('orders'), partitions: [0, 1] }]
    rig.shard.apply(
      {
        type: 'ConsumerGroupCurrentMemberAssignment',
        key: { groupId: GROUP, memberId: 'a' },
        value: {
          memberEpoch: 0,
          previousMemberEpoch: 0,
          state: 9,
          assignedPartitions: assigned.map((each) => ({ ...each, assignmentEpochs: [0, 0] })),
          partitionsPendingRevocation: [],
        },
      },
      { offset: 99, timestampMs: 0, producerId: -1, producerEpoch: -1 },
    )
    return rig
  }

  it('lets go of everything before it joins with the classic protocol', () => {
    const rig = strangeMember(null)
    const refused = sendJoin(rig, { memberId: 'a', protocols: owning([0]) })
    assert.equal(errorOf(rig.answer('JoinGroup', refused)!), 'UNKNOWN_MEMBER_ID')
    const joined = sendJoin(rig, { memberId: 'a', protocols: owning([]) })
    assert.equal(errorOf(rig.answer('JoinGroup', joined)!), 'NONE')
  })

  it('also where its place is taken under its instance id', () => {
    const rig = strangeMember('i')
    const refused = sendJoin(rig, { instance: 'i', protocols: owning([0]) })
    assert.equal(errorOf(rig.answer('JoinGroup', refused)!), 'UNKNOWN_MEMBER_ID')
    const joined = sendJoin(rig, { instance: 'i', protocols: owning([]) })
    assert.equal(errorOf(rig.answer('JoinGroup', joined)!), 'NONE')
  })
})
