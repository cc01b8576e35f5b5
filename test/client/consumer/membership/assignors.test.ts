/** The assignors of classic groups: each deals out everything once, to who wants it; the examples are those that Kafka publishes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type {
  AssignedMember,
  Assignments,
  Assignor,
  PartitionCounts,
} from '../../../../src/client/consumer/membership/assignors/assignor.js'
import { COOPERATIVE_STICKY } from '../../../../src/client/consumer/membership/assignors/cooperative-sticky.js'
import { ASSIGNOR_NAMES, assignorByName } from '../../../../src/client/consumer/membership/assignors/index.js'
import { RANGE } from '../../../../src/client/consumer/membership/assignors/range.js'
import { ROUND_ROBIN } from '../../../../src/client/consumer/membership/assignors/round-robin.js'
import { STICKY } from '../../../../src/client/consumer/membership/assignors/sticky.js'
import { keyOf, type TopicPartition } from '../../../../src/client/consumer/membership/topic-partition.js'

const ALL: readonly Assignor[] = [RANGE, ROUND_ROBIN, STICKY, COOPERATIVE_STICKY]

function member(memberId: string, topics: readonly string[], more: Partial<AssignedMember> = {}): AssignedMember {
  const nothing = { userData: null, ownedPartitions: [], generationId: -1, rackId: null, groupInstanceId: null }
  return { memberId, topics, ...nothing, ...more }
}

/** `t0-0 t0-1`, by member. */
function shown(assignments: Assignments): Record<string, string> {
  return Object.fromEntries([...assignments].map(([id, those]) => [id, those.map(keyOf).join(' ')]))
}

/** What is wrong with an assignment; undefined: nothing. */
function invalid(
  counts: PartitionCounts,
  members: readonly AssignedMember[],
  assignments: Assignments,
): string | undefined {
  const owners = new Map<string, string>()
  for (const { memberId, topics } of members) {
    const those = assignments.get(memberId)
    if (those === undefined) return `${memberId} has no entry`
    for (const partition of those) {
      const key = keyOf(partition)
      if (!topics.includes(partition.topic)) return `${memberId} does not want ${key}`
      if (partition.partition >= (counts.get(partition.topic) ?? 0)) return `there is no ${key}`
      if (owners.has(key)) return `${key} has two owners`
      owners.set(key, memberId)
    }
  }
  for (const topic of new Set(members.flatMap(({ topics }) => topics))) {
    for (let partition = 0; partition < (counts.get(topic) ?? 0); partition++) {
      if (!owners.has(keyOf({ topic, partition }))) return `${topic}-${partition} has no owner`
    }
  }
  return undefined
}

/** Somebody has two more than another, who could take one of them. */
function unbalanced(members: readonly AssignedMember[], assignments: Assignments): string | undefined {
  for (const { memberId } of members) {
    const rich = assignments.get(memberId)!
    for (const other of members) {
      if (rich.length - assignments.get(other.memberId)!.length < 2) continue
      const one = rich.find(({ topic }) => other.topics.includes(topic))
      if (one !== undefined) return `${memberId} could give ${keyOf(one)} to ${other.memberId}`
    }
  }
  return undefined
}

const TOPICS = ['a', 'b', 'c', 'd']
const counts = fc
  .tuple(...TOPICS.map(() => fc.nat({ max: 9 })))
  .map((numbers) => new Map(TOPICS.slice(0, 3).map((topic, n) => [topic, numbers[n]!])))
const someTopics = fc.subarray(TOPICS, { minLength: 1 })
const members = fc
  .array(fc.tuple(someTopics, fc.option(fc.constantFrom('x', 'y', 'z'))), { minLength: 1, maxLength: 7 })
  .map((list) => {
    const taken = new Set<string>()
    return list.map(([topics, instance], n) => {
      const groupInstanceId = instance === null || taken.has(instance) ? null : instance
      if (groupInstanceId !== null) taken.add(groupInstanceId)
      return member(`m${n}`, topics, { groupInstanceId })
    })
  })

/** What they say when they join again. */
function after(
  assignor: Assignor,
  those: readonly AssignedMember[],
  assignments: Assignments,
  generationId: number,
): AssignedMember[] {
  return those.map((each) => {
    const partitions = assignments.get(each.memberId) ?? []
    const userData = assignor.userData({ partitions, generationId })
    return { ...each, userData, generationId, ownedPartitions: assignor.isCooperative ? partitions : [] }
  })
}

/** Rounds until nobody is withheld anything. */
function settled(assignor: Assignor, known: PartitionCounts, joined: readonly AssignedMember[]): Assignments {
  let current = [...joined]
  for (let round = 1; round <= 3; round++) {
    const assignments = assignor.assign(known, current)
    if (invalid(known, current, assignments) === undefined) return assignments
    current = after(assignor, current, assignments, 100 + round)
  }
  return assignor.assign(known, current)
}

for (const assignor of ALL) {
  test(`${assignor.name}: everything that is wanted is dealt out once, to one who wants it`, () => {
    fc.assert(
      fc.property(counts, members, (known, those) => {
        assert.equal(invalid(known, those, assignor.assign(known, those)), undefined)
      }),
    )
  })

  test(`${assignor.name}: who joins in which order makes no difference`, () => {
    fc.assert(
      fc.property(counts, members, fc.infiniteStream(fc.nat()), (known, those, keys) => {
        const shuffled = those
          .map((each) => ({ each, key: keys.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ each }) => each)
        const [one, other] = [shown(assignor.assign(known, those)), shown(assignor.assign(known, shuffled))]
        assert.deepEqual(one, other)
      }),
    )
  })
}

for (const assignor of [STICKY, COOPERATIVE_STICKY]) {
  test(`${assignor.name}: balanced, from nothing and from anything before`, () => {
    fc.assert(
      fc.property(counts, members, counts, members, (known, those, knownBefore, before) => {
        const last = assignor.assign(knownBefore, before)
        const again = settled(assignor, known, after(assignor, those, last, 7))
        assert.equal(invalid(known, those, again), undefined)
        assert.equal(unbalanced(those, again), undefined)
      }),
    )
  })

  test(`${assignor.name}: nothing moves when nothing has changed`, () => {
    fc.assert(
      fc.property(counts, members, (known, those) => {
        const last = assignor.assign(known, those)
        assert.deepEqual(shown(assignor.assign(known, after(assignor, those, last, 7))), shown(last))
      }),
    )
  })

  test(`${assignor.name}: when one goes the others keep what they had, when one comes only it gets something`, () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 2, max: 8 }), fc.nat(), (known, size, which) => {
        const those = Array.from({ length: size }, (_, n) => member(`m${n}`, ['a', 'b', 'c']))
        const last = assignor.assign(known, those)
        const rejoined = after(assignor, those, last, 7)
        const gone = which % size
        const left = rejoined.filter((_, n) => n !== gone)
        const without = settled(assignor, known, left)
        for (const { memberId } of left) {
          const kept = new Set(without.get(memberId)!.map(keyOf))
          assert.ok(
            last.get(memberId)!.every((each) => kept.has(keyOf(each))),
            `${memberId} keeps what it had`,
          )
        }
        const withMore = settled(assignor, known, [...rejoined, member('new', ['a', 'b', 'c'])])
        for (const { memberId } of those) {
          const had = new Set(last.get(memberId)!.map(keyOf))
          assert.ok(
            withMore.get(memberId)!.every((each) => had.has(keyOf(each))),
            `${memberId} is given nothing`,
          )
        }
      }),
    )
  })
}

test('cooperative-sticky: nobody is given what another still has', () => {
  fc.assert(
    fc.property(
      counts,
      members,
      members,
      fc.infiniteStream(fc.integer({ min: 5, max: 7 })),
      (known, before, those, g) => {
        const last = COOPERATIVE_STICKY.assign(known, before)
        const rejoined = those.map((each) => {
          const generationId = g.next().value as number
          return { ...each, generationId, ownedPartitions: last.get(each.memberId) ?? [] }
        })
        const assignments = COOPERATIVE_STICKY.assign(known, rejoined)
        for (const { memberId, ownedPartitions } of rejoined) {
          for (const [other, given] of assignments) {
            if (other === memberId) continue
            const both = given.find((each) => ownedPartitions.some((own) => keyOf(own) === keyOf(each)))
            assert.equal(both, undefined, `${other} is given ${both && keyOf(both)}, which ${memberId} has`)
          }
        }
      },
    ),
  )
})

test('of two who say that they have a partition the one with the later generation is right, and the other lets go', () => {
  const mine: TopicPartition[] = [{ topic: 'a', partition: 0 }]
  const joined = [
    member('old', ['a'], { ownedPartitions: mine, generationId: 3 }),
    member('young', ['a'], { ownedPartitions: mine, generationId: 4 }),
  ]
  assert.deepEqual(shown(COOPERATIVE_STICKY.assign(new Map([['a', 1]]), joined)), { old: '', young: 'a-0' })
  const same = joined.map((each) => ({ ...each, generationId: 4 }))
  assert.deepEqual(shown(COOPERATIVE_STICKY.assign(new Map([['a', 1]]), same)), { old: '', young: '' })
})

test('the checks can fail', () => {
  const known = new Map([
    ['a', 1],
    ['b', 1],
    ['c', 1],
  ])
  const two = [member('m0', ['a', 'b', 'c']), member('m1', ['a', 'b', 'c'])]
  const dealt = RANGE.assign(known, two)
  assert.match(unbalanced(two, dealt)!, /m0 could give a-0 to m1/)
  assert.match(invalid(known, two, new Map(dealt).set('m1', dealt.get('m0')!))!, /two owners/)
  assert.match(invalid(known, two, new Map(dealt).set('m0', []))!, /no owner/)
  assert.match(
    invalid(known, [two[0]!, member('m1', ['b'])], new Map(dealt).set('m0', []).set('m1', dealt.get('m0')!))!,
    /does not want/,
  )
  assert.match(invalid(known, two, new Map([['m0', []]]))!, /no entry/)
})

test('range and roundrobin: the examples of Kafka', () => {
  const known = new Map([
    ['t0', 3],
    ['t1', 3],
  ])
  const both = [member('C1', ['t0', 't1']), member('C0', ['t0', 't1'])]
  assert.deepEqual(shown(RANGE.assign(known, both)), { C1: 't0-2 t1-2', C0: 't0-0 t0-1 t1-0 t1-1' })
  assert.deepEqual(shown(ROUND_ROBIN.assign(known, both)), { C1: 't0-1 t1-0 t1-2', C0: 't0-0 t0-2 t1-1' })
  const different = [member('C0', ['t0']), member('C1', ['t0', 't1']), member('C2', ['t0', 't1', 't2'])]
  const more = new Map([
    ['t0', 1],
    ['t1', 2],
    ['t2', 3],
  ])
  assert.deepEqual(shown(ROUND_ROBIN.assign(more, different)), { C0: 't0-0', C1: 't1-0', C2: 't1-1 t2-0 t2-1 t2-2' })
  assert.deepEqual(shown(STICKY.assign(more, different)), { C0: 't0-0', C1: 't1-0 t1-1', C2: 't2-0 t2-1 t2-2' })
  const statics = [
    member('z', ['t0'], { groupInstanceId: 'i1' }),
    member('a', ['t0']),
    member('b', ['t0'], { groupInstanceId: 'i0' }),
  ]
  assert.deepEqual(shown(RANGE.assign(new Map([['t0', 3]]), statics)), { z: 't0-1', a: 't0-2', b: 't0-0' })
})

test('the user data of sticky is that of Kafka', () => {
  const data = STICKY.userData({ partitions: [{ topic: 't', partition: 1 }], generationId: 5 })
  assert.equal(Buffer.from(data!).toString('hex'), '00000001' + '000174' + '00000001' + '00000001' + '00000005')
  assert.equal(STICKY.userData({ partitions: [], generationId: -1 }), null)
  // Version 0 has no generation, and what cannot be read has no say.
  const known = new Map([['t', 2]])
  const old = member('b', ['t'], { userData: data!.subarray(0, -4) })
  assert.deepEqual(shown(STICKY.assign(known, [member('a', ['t']), old])), { a: 't-0', b: 't-1' })
  const broken = member('b', ['t'], { userData: Buffer.from('ffffffff0000', 'hex') })
  assert.equal(invalid(known, [broken], STICKY.assign(known, [broken])), undefined)
  const cooperative = COOPERATIVE_STICKY.userData({ partitions: [], generationId: 5 })
  assert.equal(Buffer.from(cooperative!).toString('hex'), '00000005')
})

test('assignors are known by their names and by those of Kafka’s classes', () => {
  assert.deepEqual(ASSIGNOR_NAMES, ['range', 'roundrobin', 'sticky', 'cooperative-sticky'])
  assert.equal(assignorByName('org.apache.kafka.clients.consumer.CooperativeStickyAssignor'), COOPERATIVE_STICKY)
  assert.equal(assignorByName(' roundrobin '), ROUND_ROBIN)
  assert.equal(assignorByName('toString'), undefined)
})
