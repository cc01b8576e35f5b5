/** What replicas say of a range, and what is made of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BatchView, FIELD_AT } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { compareReplicas, RangeDigest } from '../../src/replication/replica-digests.js'

function batch(baseOffset: number, values: readonly string[], leaderEpoch = 0): BatchView {
  const records = values.map((value) => ({ key: null, value: Buffer.from(value), timestamp: 1 }))
  const view = new BatchView().reset(Buffer.from(buildBatch(records)), 0)
  view.baseOffset = baseOffset
  view.partitionLeaderEpoch = leaderEpoch
  return view
}

function digestOf(...batches: readonly BatchView[]): string {
  const digest = new RangeDigest()
  for (const each of batches) assert.equal(digest.add(each), undefined)
  return digest.toText()
}

test('a digest tells batches apart by their content, their place, their order, their epoch and their bounds', () => {
  const same = [0, 1].map(() => digestOf(batch(5, ['a', 'b']), batch(7, ['c'], 2)))
  assert.equal(same[0], same[1])
  const others = [
    digestOf(batch(5, ['a', 'x']), batch(7, ['c'], 2)),
    digestOf(batch(6, ['a', 'b']), batch(8, ['c'], 2)),
    digestOf(batch(5, ['c']), batch(6, ['a', 'b'], 2)),
    digestOf(batch(5, ['a', 'b']), batch(7, ['c'], 3)),
    digestOf(batch(5, ['a']), batch(6, ['b']), batch(7, ['c'], 2)),
    digestOf(batch(5, ['a', 'b'])),
    digestOf(),
  ]
  assert.equal(new Set([same[0], ...others]).size, 1 + others.length)
})

test('a range in which a batch has rotted, or where something was compacted away, has no digest', () => {
  const digest = new RangeDigest()
  assert.equal(digest.add(batch(5, ['a', 'b'])), undefined)
  assert.equal(digest.nextOffset, 7)
  assert.equal(digest.add(batch(8, ['c'])), 'compacted')
  const fewer = batch(7, ['a', 'b', 'c'])
  fewer.bytes[FIELD_AT.recordCount + 3] = 2
  fewer.bytes.set(crcOf(fewer), FIELD_AT.crc)
  assert.equal(digest.add(fewer), 'compacted')
  const rotten = batch(7, ['c'])
  rotten.bytes[rotten.end - 2]! ^= 1
  assert.equal(digest.add(rotten), 'damaged')
  assert.equal(digest.nextOffset, 7)
})

function crcOf(view: BatchView): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(view.computeCrc())
  return bytes
}

test('who differs from more than half of all replicas is odd; without so many nobody is', () => {
  const compare = (replicas: number, ...digests: readonly (string | undefined)[]): unknown => {
    const ids = [...Array(replicas).keys()].map((n) => n + 1)
    const told = digests.flatMap((digest, n) => (digest === undefined ? [] : [[n + 1, digest] as const]))
    const compared = compareReplicas(ids, new Map(told))
    return compared.kind === 'same' ? 'same' : [compared.odd, compared.whole]
  }
  assert.equal(compare(3, 'a', 'a', 'a'), 'same')
  assert.equal(compare(3, 'a'), 'same')
  assert.equal(compare(3, 'a', undefined, 'a'), 'same')
  assert.deepEqual(compare(3, 'a', 'b', 'a'), [[2], [1, 3]])
  assert.deepEqual(compare(3, 'a', 'b', 'b'), [[1], [2, 3]])
  assert.deepEqual(compare(2, 'a', 'b'), [[], []])
  assert.deepEqual(compare(3, 'a', 'b'), [[], []])
  assert.deepEqual(compare(3, 'a', 'b', 'c'), [[], []])
  assert.deepEqual(compare(4, 'a', 'a', 'b', 'b'), [[], []])
  assert.deepEqual(compare(5, 'a', 'a', 'b', undefined, undefined), [[], []])
  assert.deepEqual(compare(5, 'a', 'b', 'a', 'c', 'a'), [
    [2, 4],
    [1, 3, 5],
  ])
})

test('whoever is odd, the others are right: more than half of all replicas say the same, and nobody of the odd ones does', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', undefined), { minLength: 1, maxLength: 7 }), (told) => {
      const digests = new Map(told.flatMap((digest, id) => (digest === undefined ? [] : [[id, digest] as const])))
      const compared = compareReplicas([...told.keys()], digests)
      const kinds = new Set(digests.values())
      assert.equal(compared.kind, kinds.size > 1 ? 'different' : 'same')
      if (compared.kind === 'same') return
      const { odd, whole } = compared
      assert.ok(whole.length === 0 ? odd.length === 0 : 2 * whole.length > told.length)
      assert.equal(new Set(whole.map((id) => digests.get(id))).size, whole.length === 0 ? 0 : 1)
      for (const id of odd) assert.notEqual(digests.get(id), digests.get(whole[0]!))
      if (whole.length > 0) assert.equal(odd.length + whole.length, digests.size)
    }),
  )
})
