import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Prng } from '../../src/base/prng.js'
import { isUuid, randomUuid, uuidFromBytes, uuidToBytes, ZERO_UUID } from '../../src/base/uuid.js'

test('equal seeds give equal streams, others do not; forks depend on the parent and its label only', () => {
  const draw = (prng: Prng): number[] => Array.from({ length: 20 }, () => prng.uint32())
  assert.deepEqual(draw(new Prng(7)), draw(new Prng('7')))
  assert.notDeepEqual(draw(new Prng(7)), draw(new Prng(8)))
  assert.deepEqual(draw(new Prng(7).fork('disk')), draw(new Prng(7).fork('disk')))
  assert.notDeepEqual(draw(new Prng(7).fork('disk')), draw(new Prng(7).fork('net')))
  const parent = new Prng(7)
  parent.fork('disk').uint32()
  assert.deepEqual(draw(parent), draw(new Prng(7)), 'a fork takes nothing from its parent')
})

test('numbers are spread evenly', () => {
  const prng = new Prng('spread')
  const buckets = new Array<number>(16).fill(0)
  const draws = 160_000
  for (let n = 0; n < draws; n++) buckets[prng.below(16)]!++
  for (const count of buckets) assert.ok(Math.abs(count - draws / 16) < 500, buckets.join(' '))
  let sum = 0
  for (let n = 0; n < draws; n++) sum += prng.exponential(3)
  assert.ok(Math.abs(sum / draws - 3) < 0.1)
  for (let n = 0; n < 1000; n++) {
    const value = prng.between(-2, 2)
    assert.ok(Number.isInteger(value) && value >= -2 && value <= 2)
  }
})

test('uuids are canonical, version 4, and never begin with a dash', () => {
  const prng = new Prng('uuid')
  for (let n = 0; n < 2000; n++) {
    const uuid = randomUuid(prng)
    assert.ok(isUuid(uuid) && !uuid.startsWith('-'))
    const bytes = uuidToBytes(uuid)
    assert.equal(bytes[6]! >> 4, 4)
    assert.equal(bytes[8]! >> 6, 2)
    assert.equal(uuidFromBytes(bytes), uuid)
  }
  assert.ok(isUuid(ZERO_UUID))
  for (const bad of ['', 'AAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAB', 'AAAAAAAAAAAAAAAAAAAA+A'])
    assert.ok(!isUuid(bad), bad)
})
