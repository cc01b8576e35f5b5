/** Keys go where Kafka's own clients send them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Prng } from '../../../src/base/prng.js'
import {
  murmur2,
  partitionOfKey,
  RoundRobinPartitioner,
  StickyPartitioner,
} from '../../../src/client/producer/partitioner.js'

/** Published results of Kafka's Utils.murmur2. */
const HASHES: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
]

test('murmur2 is that of Kafka', () => {
  for (const [key, hash] of HASHES) assert.equal(murmur2(Buffer.from(key)), hash, key)
})

test('a key has one partition, whatever is available, and negative hashes have one too', () => {
  assert.equal(partitionOfKey(Buffer.from('foobar'), 12), (-790332482 & 0x7fffffff) % 12)
  const sticky = new StickyPartitioner(new Prng('keys'))
  for (const available of [[0], [1, 2, 3]]) {
    assert.equal(sticky.partition('t', Buffer.from('21'), 4, available), (-973932308 & 0x7fffffff) % 4)
  }
})

test('without a key records stick to a partition until its batch is full, and use them all', () => {
  const sticky = new StickyPartitioner(new Prng('sticky'))
  const used = new Set<number>()
  for (let batch = 0; batch < 100; batch++) {
    const partition = sticky.partition('t', null, 3, [0, 1, 2])
    for (let n = 0; n < 5; n++) assert.equal(sticky.partition('t', null, 3, [0, 1, 2]), partition)
    used.add(partition)
    sticky.batchFull('t', partition)
  }
  assert.equal(used.size, 3)
})

test('a partition that lost its leader is left', () => {
  const sticky = new StickyPartitioner(new Prng('left'))
  const partition = sticky.partition('t', null, 2, [0, 1])
  assert.equal(sticky.partition('t', null, 2, [1 - partition]), 1 - partition)
})

test('in turn: keys are not looked at', () => {
  const turns = new RoundRobinPartitioner()
  const key = Buffer.from('k')
  assert.deepEqual(
    Array.from({ length: 5 }, () => turns.partition('t', key, 3, [0, 1, 2])),
    [0, 1, 2, 0, 1],
  )
})
