/** What holds of groups of KIP-848 is seen where it does not hold; and a group that goes over to the other protocol is counted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClassicGroup } from '../../src/coordinator/group/classic-group.js'
import { ConsumerGroup } from '../../src/coordinator/group/consumer/consumer-group.js'
import { type ConsumerMember, newMember } from '../../src/coordinator/group/consumer/consumer-member.js'
import { GroupMemory } from '../../src/coordinator/group/consumer/group-memory.js'
import { partitionSet } from '../../src/coordinator/group/consumer/partition-sets.js'
import { Deadline, Deadlines } from '../../src/coordinator/group/deadlines.js'
import { NextGroupRules } from '../../src/sim/next-group-rules.js'

const TOPIC = 'dGhpcyBpcyBhIHRvcGljIQ'
const some = (...partitions: number[]) => partitionSet([{ topicId: TOPIC, partitions }])

/** Two members, stable in epoch 3, with two partitions each. */
function stableGroup(): ConsumerGroup {
  const group = new ConsumerGroup('readers', new GroupMemory(new Deadlines(), new Deadline(() => {})))
  group.epoch = group.targetEpoch = 3
  const [first, second] = [some(0, 1), some(2, 3)]
  group.setMember({ ...newMember('a'), epoch: 3, assigned: first })
  group.setMember({ ...newMember('b'), epoch: 3, assigned: second })
  group.targets.set('a', first).set('b', second)
  return group
}

function changed(group: ConsumerGroup, memberId: string, change: Partial<ConsumerMember>): void {
  group.setMember({ ...group.members.get(memberId)!, ...change })
}

test('a group in which all is well is well, also while partitions move', () => {
  const counts: string[] = []
  const rules = new NextGroupRules((what) => counts.push(what))
  const group = stableGroup()
  rules.look(group, 'here')
  group.epoch = group.targetEpoch = 4
  group.targets.set('a', some(0)).set('b', some(1, 2, 3))
  changed(group, 'a', { assigned: some(0), revoking: some(1), state: 'unrevoked partitions' })
  changed(group, 'b', { epoch: 4, state: 'unreleased partitions' })
  rules.look(group, 'here')
  changed(group, 'a', { epoch: 4, revoking: some(), state: 'stable' })
  changed(group, 'b', { assigned: some(1, 2, 3), state: 'stable' })
  rules.look(group, 'here')
  // A static member that has said that it comes back.
  changed(group, 'a', { epoch: -2 })
  rules.look(group, 'here')
  assert.equal(counts.length, 4)
})

const WRONG: Readonly<Record<string, readonly [spoil: (group: ConsumerGroup) => void, told: RegExp]>> = {
  'a partition of two members': [
    (group) => changed(group, 'b', { assigned: some(1, 2, 3) }),
    /both a and b have|is taken for its owner/,
  ],
  'a partition that is given away before it is given back': [
    (group) => {
      group.epoch = group.targetEpoch = 4
      group.targets.set('a', some(0)).set('b', some(1, 2, 3))
      changed(group, 'a', { assigned: some(0), revoking: some(1), state: 'unrevoked partitions' })
      changed(group, 'b', { epoch: 4, assigned: some(1, 2, 3) })
    },
    /both a and b have|is taken for its owner/,
  ],
  'a target that is ahead of its group': [(group) => (group.targetEpoch = 4), /has a target of epoch 4/],
  'a partition that is meant for two': [(group) => group.targets.set('b', some(1, 2, 3)), /is meant for a and b/],
  'a target of nobody': [(group) => group.targets.set('c', some(4)), /for c, which is no member/],
  'a member that has what is meant for another': [
    (group) => changed(group, 'a', { assigned: some(0, 1, 4) }),
    /has what is meant for others/,
  ],
  'a stable member that has too little': [
    (group) => changed(group, 'a', { assigned: some(0) }),
    /has not all that it should have/,
  ],
  'an epoch beyond that of the group': [(group) => changed(group, 'a', { epoch: 4 }), /a is stable in epoch 4/],
  'an epoch that falls': [(group) => changed(group, 'a', { epoch: 2 }), /has been in 3/],
}

for (const [name, [spoil, told]] of Object.entries(WRONG)) {
  test(`seen: ${name}`, () => {
    const rules = new NextGroupRules(() => {})
    const group = stableGroup()
    rules.look(group, 'here')
    spoil(group)
    assert.throws(() => rules.look(group, 'here'), told)
  })
}

test('a group with members that is of the other kind the next time has gone over', () => {
  const counts: string[] = []
  const rules = new NextGroupRules((what) => counts.push(what))
  const classic = { groupId: 'readers', type: 'classic', isEmpty: false } as ClassicGroup
  for (const group of [classic, stableGroup(), classic]) rules.look(group, 'here')
  const gone = { ...classic, isEmpty: true } as ClassicGroup
  for (const group of [gone, stableGroup()]) rules.look(group, 'here')
  assert.deepEqual(
    counts.filter((what) => what.startsWith('a group is')),
    ['a group is upgraded', 'a group is downgraded'],
  )
})
