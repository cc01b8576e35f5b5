/** How simulated leaders divide partitions: every partition has one member that wants it, none has much more than another, and nothing that somebody has is given away before it is given up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  ASSIGNORS,
  type AssignorName,
  assign,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type GroupPlace,
  nameOf,
  placesIn,
  type Subscriber,
} from '../../src/sim/group-protocol.js'

const TOPICS = ['a', 'b', 'c']

const partitions = fc
  .array(fc.integer({ min: 1, max: 5 }), { minLength: 3, maxLength: 3 })
  .map((counts) => new Map(TOPICS.map((topic, n) => [topic, counts[n]!])))

const members = fc
  .array(fc.record({ topics: fc.subarray(TOPICS, { minLength: 1 }), isStatic: fc.boolean() }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((all) =>
    all.map(({ topics, isStatic }, n): Subscriber => {
      const instanceId = isStatic ? `instance${n}` : null
      return { memberId: `member${n}`, instanceId, topics, owned: [], generation: -1 }
    }),
  )

/** Rounds go on until nobody has to give up anything. */
function settled(name: AssignorName, all: readonly Subscriber[], counts: ReadonlyMap<string, number>): Subscriber[] {
  let current = [...all]
  for (let round = 1; round < 10; round++) {
    const assigned = assign(name, current, counts)
    const next = current.map((each) => ({ ...each, owned: assigned.get(each.memberId)!, generation: round }))
    const isOver = next.every(({ owned }, n) =>
      current[n]!.owned.every((place) => owned.some((other) => nameOf(other) === nameOf(place))),
    )
    const hasChanged = next.some(({ owned }, n) => owned.length !== current[n]!.owned.length)
    current = next
    if (isOver && !hasChanged) return current
  }
  return assert.fail('no end of rounds')
}

test('every partition that somebody wants has one member, who wants it', () => {
  fc.assert(
    fc.property(fc.constantFrom(...ASSIGNORS), members, partitions, (name, all, counts) => {
      const given = settled(name, all, counts).flatMap(({ topics, owned }) => {
        for (const { topic } of owned) assert.ok(topics.includes(topic))
        return owned.map(nameOf)
      })
      const wanted = placesIn(counts).filter(({ topic }) => all.some(({ topics }) => topics.includes(topic)))
      assert.deepEqual(given.toSorted(), wanted.map(nameOf).sort())
    }),
  )
})

test('members that want the same have about as much', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('roundrobin' as const, 'cooperative-sticky' as const),
      members,
      partitions,
      (name, all, counts) => {
        const same = all.map((each) => ({ ...each, topics: TOPICS }))
        const loads = settled(name, same, counts).map(({ owned }) => owned.length)
        assert.ok(Math.max(...loads) - Math.min(...loads) <= 1)
      },
    ),
  )
})

test('what somebody has is not given to another one in the same round', () => {
  fc.assert(
    fc.property(members, members, partitions, (before, after, counts) => {
      const had = settled('cooperative-sticky', before, counts)
      const all = after.map((each) => ({
        ...each,
        owned: had.find(({ memberId }) => memberId === each.memberId)?.owned ?? [],
      }))
      const owner = new Map(
        all.flatMap(({ memberId, owned }) => owned.map((place: GroupPlace) => [nameOf(place), memberId])),
      )
      for (const [memberId, places] of assign('cooperative-sticky', all, counts)) {
        for (const place of places) assert.equal(owner.get(nameOf(place)) ?? memberId, memberId)
      }
    }),
  )
})

test('subscriptions and assignments are read as they were written', () => {
  const owned = placesIn(new Map([['a', 2]]))
  for (const version of [0, 1, 2, 3]) {
    const read = decodeSubscription(encodeSubscription({ topics: ['a', 'b'], owned, generation: 7 }, version))
    assert.deepEqual(read.topics, ['a', 'b'])
    assert.deepEqual(read.owned, version === 0 ? [] : owned)
    assert.equal(read.generation, version < 2 ? -1 : 7)
    assert.deepEqual(decodeAssignment(encodeAssignment(owned, version)), owned)
  }
  assert.deepEqual(decodeAssignment(new Uint8Array(0)), [])
})
