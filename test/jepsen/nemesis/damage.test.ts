/** Which replicas may be damaged, and with what. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  drawFlips,
  partitionName,
  segmentsOf,
  sparePartitions,
  tornBytes,
} from '../../../jepsen/nemesis/disk/damage.js'
import { Prng } from '../../../src/base/prng.js'

const brokers = [1, 2, 3, 4, 5]
const partition = fc
  .record({ topic: fc.constantFrom('a', 'b'), partition: fc.nat(2), replicas: fc.subarray(brokers, { minLength: 1 }) })
  .chain((each) => fc.record({ ...constants(each), isr: fc.subarray(each.replicas) }))

function constants<T extends object>(each: T): { [K in keyof T]: fc.Arbitrary<T[K]> } {
  const entries = Object.entries(each).map(([name, value]) => [name, fc.constant(value)])
  return Object.fromEntries(entries)
}

test('however often replicas are damaged, a majority of each partition is intact and in sync at that time', () => {
  fc.assert(
    fc.property(partition, fc.array(fc.constantFrom(...brokers)), (each, nodes) => {
      const damaged = new Map<string, Set<number>>()
      const name = partitionName(each)
      for (const node of nodes) {
        if (sparePartitions([each], node, damaged).length === 0) continue
        damaged.set(name, (damaged.get(name) ?? new Set()).add(node))
        const intact = each.isr.filter((id) => !damaged.get(name)!.has(id))
        assert.ok(each.replicas.includes(node) && intact.length > each.replicas.length / 2)
      }
    }),
  )
})

test('one of three replicas may be damaged, again and again, and no second one', () => {
  const each = { topic: 't', partition: 0, replicas: [1, 2, 3], isr: [1, 2, 3] }
  const damaged = new Map([['t-0', new Set([2])]])
  assert.deepEqual(
    [1, 2, 3, 4].map((node) => sparePartitions([each], node, damaged).length),
    [0, 1, 0, 0],
  )
  assert.deepEqual(sparePartitions([{ ...each, isr: [2, 3] }], 2, new Map()), [])
})

test('segments are what Kafka names so, the active one last', () => {
  const [first, second] = ['00000000000000000000.log', '00000000000000000123.log']
  assert.deepEqual(segmentsOf([second!, '00000000000000000000.index', 'leader-epoch-checkpoint', first!]), [
    first,
    second,
  ])
})

test('flips are in the file and in different bytes, and a torn tail is neither empty nor a whole batch', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.integer(), (size, seed) => {
      const flips = drawFlips(size, new Prng(seed), 4)
      assert.ok(flips.length > 0 && flips.every(({ at, bit }) => at < size && bit < 8))
      assert.equal(new Set(flips.map(({ at }) => at)).size, flips.length)
      const beginning = new Uint8Array(size).fill(7)
      const bytes = tornBytes(beginning, new Prng(seed), 64)
      assert.ok(bytes.length > 0 && bytes.length <= 64)
      if (bytes[0] === 7 && bytes.every((byte) => byte === 7)) assert.ok(size === 1 || bytes.length < size)
    }),
  )
})
