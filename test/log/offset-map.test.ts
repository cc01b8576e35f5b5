import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { OffsetMap, SLOT_BYTES } from '../../src/log/offset-map.js'

const HASH_KEY = Int32Array.of(11, -22, 33, -44)

function mapOf(slots: number): OffsetMap {
  return new OffsetMap({ memory: new ArrayBuffer(slots * SLOT_BYTES), hashKey: HASH_KEY, slots, count: 0 })
}

test('it holds what a Map holds, up to the last slot but one, for any number of slots', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 60 }),
      fc.array(fc.tuple(fc.string({ maxLength: 6 }), fc.nat()), { maxLength: 200 }),
      (slots, puts) => {
        const map = mapOf(slots)
        const model = new Map<string, number>()
        for (const [text, offset] of puts) {
          const key = Buffer.from(text)
          assert.equal(map.get(key, 0, key.length), model.get(text) ?? -1)
          if (!model.has(text) && model.size === slots - 1) continue
          map.put(key, 0, key.length, offset)
          model.set(text, offset)
          assert.equal(map.count, model.size)
        }
        for (const [text, offset] of model) {
          const key = Buffer.from(text)
          assert.equal(map.get(key, 0, key.length), offset)
        }
        map.clear()
        assert.equal(map.count, 0)
        for (const text of model.keys()) assert.equal(map.get(Buffer.from(text), 0, Buffer.byteLength(text)), -1)
      },
    ),
  )
})

test('offsets of up to 2^53 - 2 are held, and another view on the memory goes on where the first was', () => {
  const memory = new SharedArrayBuffer(10 * SLOT_BYTES)
  const state = { memory, hashKey: HASH_KEY, slots: 10, count: 0 }
  const map = new OffsetMap(state)
  const key = Buffer.from('key')
  map.put(key, 0, 3, Number.MAX_SAFE_INTEGER - 1)
  map.put(key, 0, 1, 0)
  const other = new OffsetMap({ ...state, count: map.count })
  assert.equal(other.get(key, 0, 3), Number.MAX_SAFE_INTEGER - 1)
  assert.equal(other.get(key, 0, 1), 0)
  assert.equal(other.get(key, 0, 2), -1)
  other.put(key, 0, 2, 7)
  assert.equal(other.count, 3)
  assert.equal(map.get(key, 0, 2), 7)
})

test('a full map and slots that do not fit their memory are programming errors', () => {
  const map = mapOf(2)
  const keys = Buffer.from('ab')
  map.put(keys, 0, 1, 1)
  assert.throws(() => map.put(keys, 1, 2, 2), /2 keys in 2 slots/)
  assert.throws(
    () => new OffsetMap({ memory: new ArrayBuffer(47), hashKey: HASH_KEY, slots: 2, count: 0 }),
    /2 slots in 47 bytes/,
  )
})
