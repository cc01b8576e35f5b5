/** Where new replicas go, over clusters of any size and shape. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Prng } from '../../src/base/prng.js'
import { type PlacementBroker, placeReplicas } from '../../src/controller/placement.js'

interface Case {
  readonly brokers: readonly PlacementBroker[]
  readonly partitions: number
  readonly replicationFactor: number
  readonly seed: string
}

const arbitraryCase: fc.Arbitrary<Case> = fc
  .record({
    racks: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
    named: fc.boolean(),
    fencedEvery: fc.integer({ min: 0, max: 4 }),
    partitions: fc.integer({ min: 1, max: 60 }),
    factor: fc.integer({ min: 1, max: 6 }),
    seed: fc.string({ minLength: 1 }),
  })
  .map(({ racks, named, fencedEvery, partitions, factor, seed }) => {
    const brokers = racks
      .flatMap((size, rack) => Array.from({ length: size }, () => (named ? `rack${rack}` : undefined)))
      .map((rack, brokerId) => ({ brokerId, rack, fenced: fencedEvery > 0 && brokerId % (fencedEvery + 1) === 1 }))
    return { brokers, partitions, replicationFactor: Math.min(factor, brokers.length), seed }
  })

const place = ({ brokers, partitions, replicationFactor, seed }: Case): number[][] =>
  placeReplicas(brokers, partitions, replicationFactor, new Prng(seed))

function spread(brokers: readonly PlacementBroker[], used: readonly number[]): number {
  const counts = brokers.map(({ brokerId }) => used.filter((id) => id === brokerId).length)
  return Math.max(...counts) - Math.min(...counts)
}

test('every partition has as many replicas as are wanted, no broker twice, and is led by one that is not fenced', () => {
  fc.assert(
    fc.property(arbitraryCase, (each) => {
      const placed = place(each)
      assert.equal(placed.length, each.partitions)
      for (const replicas of placed) {
        assert.equal(replicas.length, each.replicationFactor)
        assert.equal(new Set(replicas).size, replicas.length)
        assert.equal(each.brokers.find(({ brokerId }) => brokerId === replicas[0])!.fenced, false)
      }
    }),
  )
})

test('leaders are even within one over all brokers that are not fenced, whatever their racks', () => {
  fc.assert(
    fc.property(arbitraryCase, (each) => {
      const usable = each.brokers.filter(({ fenced }) => !fenced)
      const leaders = place(each).map(([leader]) => leader!)
      assert.ok(spread(usable, leaders) <= 1, `${leaders}`)
    }),
  )
})

test('where racks do not matter replicas are even within one after whole rounds, and within the replication factor at any time', () => {
  fc.assert(
    fc.property(arbitraryCase, (each) => {
      const brokers = each.brokers.map((broker) => ({ ...broker, rack: undefined, fenced: false }))
      const atAnyTime = place({ ...each, brokers })
      assert.ok(spread(brokers, atAnyTime.flat()) <= each.replicationFactor)
      const rounds = place({ ...each, brokers, partitions: brokers.length * 3 })
      assert.ok(spread(brokers, rounds.flat()) <= 1, JSON.stringify(rounds))
    }),
  )
})

test('a partition is on as many racks as it can be', () => {
  fc.assert(
    fc.property(arbitraryCase, (each) => {
      const brokers = each.brokers.map((broker) => ({ ...broker, fenced: false }))
      const racks = new Set(brokers.map(({ rack }) => rack)).size
      for (const replicas of place({ ...each, brokers })) {
        const used = new Set(replicas.map((id) => brokers.find(({ brokerId }) => brokerId === id)!.rack))
        assert.equal(used.size, Math.min(racks, each.replicationFactor))
      }
    }),
  )
})

test('fenced brokers get replicas only where the others do not suffice', () => {
  fc.assert(
    fc.property(arbitraryCase, (each) => {
      const usable = each.brokers.filter(({ fenced }) => !fenced).length
      for (const replicas of place(each)) {
        const fenced = replicas.filter((id) => each.brokers.find(({ brokerId }) => brokerId === id)!.fenced).length
        assert.equal(fenced, Math.max(0, each.replicationFactor - usable))
      }
    }),
  )
})

test('the partitions of one broker fail over to all the others', () => {
  const brokers = [1, 2, 3, 4, 5].map((brokerId) => ({ brokerId, rack: undefined, fenced: false }))
  for (const seed of ['a', 'b', 'c']) {
    const placed = place({ brokers, partitions: 40, replicationFactor: 2, seed })
    for (const { brokerId } of brokers) {
      const next = placed.filter(([leader]) => leader === brokerId).map(([, follower]) => follower)
      assert.equal(new Set(next).size, brokers.length - 1, `${brokerId}: ${next}`)
    }
  }
})
