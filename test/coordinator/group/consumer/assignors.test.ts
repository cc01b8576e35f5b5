/** The assignors of consumer groups: every partition once, to who wants it; balanced; nothing moves without need. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { AssignedMember, Assignor } from '../../../../src/coordinator/group/consumer/assignors/assignor.js'
import { assignRanges } from '../../../../src/coordinator/group/consumer/assignors/range.js'
import { assignUniformly } from '../../../../src/coordinator/group/consumer/assignors/uniform.js'
import {
  eachPartition,
  has,
  NO_PARTITIONS,
  type PartitionSet,
  partitionSet,
  sizeOf,
} from '../../../../src/coordinator/group/consumer/partition-sets.js'

const TOPICS = ['t1', 't2', 't3', 't4']

interface World {
  readonly members: readonly AssignedMember[]
  readonly counts: readonly number[]
}

function ask(assignor: Assignor, { members, counts }: World): Map<string, PartitionSet> {
  return assignor({ members, partitionCount: (topicId) => counts[TOPICS.indexOf(topicId)]! })
}

function member(id: string, topics: readonly string[], before: PartitionSet = NO_PARTITIONS): AssignedMember {
  return { memberId: id, instanceId: null, topicIds: new Set(topics), before }
}

function checkValid(world: World, assignment: Map<string, PartitionSet>): void {
  const { members, counts } = world
  const owners = new Map<string, string>()
  assert.deepEqual([...assignment.keys()].sort(), members.map(({ memberId }) => memberId).sort())
  for (const { memberId, topicIds } of members) {
    for (const [topicId, partition] of eachPartition(assignment.get(memberId)!)) {
      assert(topicIds.has(topicId), `${memberId} does not want ${topicId}`)
      assert(partition < counts[TOPICS.indexOf(topicId)]!)
      assert(!owners.has(`${topicId}-${partition}`), `${topicId}-${partition} is given twice`)
      owners.set(`${topicId}-${partition}`, memberId)
    }
  }
  let wanted = 0
  for (const [i, topicId] of TOPICS.entries()) {
    if (members.some(({ topicIds }) => topicIds.has(topicId))) wanted += counts[i]!
  }
  assert.equal(owners.size, wanted)
}

const counts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 4, maxLength: 4 })
/** What somebody may have had before: of topics that it does not want, partitions that are gone, the same as somebody else. */
const before = fc
  .array(fc.tuple(fc.constantFrom(...TOPICS, 'gone'), fc.array(fc.nat(14), { maxLength: 8 })), { maxLength: 4 })
  .map((topics) => partitionSet(topics.map(([topicId, partitions]) => ({ topicId, partitions }))))

function worldOf(topics: fc.Arbitrary<readonly string[][]>): fc.Arbitrary<World> {
  return fc
    .record({ counts, wishes: topics, befores: fc.array(before, { minLength: 8, maxLength: 8 }) })
    .map((drawn) => ({
      counts: drawn.counts,
      members: drawn.wishes.map((wanted, i) => member(`m${i}`, wanted, drawn.befores[i])),
    }))
}

const alike = worldOf(
  fc
    .tuple(fc.subarray(TOPICS, { minLength: 1 }), fc.integer({ min: 1, max: 8 }))
    .map(([topics, size]) => Array(size).fill(topics)),
)
const different = worldOf(fc.array(fc.subarray(TOPICS), { minLength: 1, maxLength: 8 }))

describe('assignors', () => {
  for (const [name, assignor] of [
    ['uniform', assignUniformly],
    ['range', assignRanges],
  ] as const) {
    it(`${name}, property: everything that is wanted, once, to who wants it`, () => {
      fc.assert(fc.property(alike, (world) => checkValid(world, ask(assignor, world))))
      fc.assert(fc.property(different, (world) => checkValid(world, ask(assignor, world))))
    })

    it(`${name}, property: asked again with what it has answered, it answers the same`, () => {
      fc.assert(
        fc.property(different, (world) => {
          const first = ask(assignor, world)
          const members = world.members.map((each) => ({ ...each, before: first.get(each.memberId)! }))
          assert.deepEqual(ask(assignor, { ...world, members }), first)
        }),
      )
    })
  }

  it('uniform, property: where all want the same nobody has two more than another', () => {
    fc.assert(
      fc.property(alike, (world) => {
        const sizes = [...ask(assignUniformly, world).values()].map(sizeOf)
        assert(Math.max(...sizes) - Math.min(...sizes) <= 1, `sizes ${sizes}`)
      }),
    )
  })

  it('uniform, property: where members want different topics no single move makes it better', () => {
    fc.assert(
      fc.property(different, (world) => {
        const assignment = ask(assignUniformly, world)
        for (const { memberId } of world.members) {
          const mine = assignment.get(memberId)!
          for (const topicId of mine.keys()) {
            for (const other of world.members) {
              if (!other.topicIds.has(topicId)) continue
              assert(
                sizeOf(mine) - sizeOf(assignment.get(other.memberId)!) <= 1,
                `${topicId} of ${memberId} could move`,
              )
            }
          }
        }
      }),
    )
  })

  it('uniform, property: when a member comes or goes, no more moves than must', () => {
    fc.assert(
      fc.property(alike, fc.boolean(), (drawn, comes) => {
        const first = ask(assignUniformly, drawn)
        let members = drawn.members.map((each) => ({ ...each, before: first.get(each.memberId)! }))
        if (comes) members.push(member('new', [...drawn.members[0]!.topicIds]))
        else if (members.length > 1) members = members.slice(1)
        const second = ask(assignUniformly, { ...drawn, members })
        const total = [...second.values()].reduce((sum, set) => sum + sizeOf(set), 0)
        const least = Math.floor(total / members.length)
        for (const { memberId, before: had } of members) {
          const now = second.get(memberId)!
          let lost = 0
          for (const [topicId, partition] of eachPartition(had)) if (!has(now, topicId, partition)) lost++
          assert(lost <= Math.max(0, sizeOf(had) - least), `${memberId} lost ${lost} of ${sizeOf(had)}`)
        }
      }),
    )
  })

  it('range: partitions that follow one another, and topics of the same size fall to the same members', () => {
    const world: World = { members: ['b', 'a', 'c'].map((id) => member(id, TOPICS)), counts: [7, 7, 2, 3] }
    const assignment = ask(assignRanges, world)
    assert.deepEqual([...assignment.get('a')!.get('t1')!], [0, 1, 2])
    assert.deepEqual([...assignment.get('b')!.get('t1')!], [3, 4])
    assert.deepEqual([...assignment.get('c')!.get('t1')!], [5, 6])
    for (const set of assignment.values()) assert.deepEqual(set.get('t1'), set.get('t2'))
    assert.equal(assignment.get('c')!.has('t3'), false)
  })

  it('range: a static member keeps its place, whatever its id is now', () => {
    const at = (id: string) => ({
      counts: [6, 6, 6, 6],
      members: [
        member('m', TOPICS),
        { ...member(id, TOPICS), instanceId: 'i1' },
        { ...member('k', TOPICS), instanceId: 'i2' },
      ],
    })
    assert.deepEqual([...ask(assignRanges, at('a')).get('a')!.get('t1')!], [0, 1])
    assert.deepEqual([...ask(assignRanges, at('z')).get('z')!.get('t1')!], [0, 1])
  })
})
