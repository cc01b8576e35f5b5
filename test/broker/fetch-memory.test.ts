import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FetchMemory } from '../../src/broker/fetch-memory.js'

const MB = 1024 * 1024

test('the more lies unread, the less a further fetch may read, but always something', () => {
  const memory = new FetchMemory(64 * MB)
  assert.equal(memory.reserve(5 * MB), 5 * MB)
  memory.release(5 * MB)
  const shares = Array.from({ length: 50 }, () => memory.reserve(55 * MB))
  assert.deepEqual(shares.slice(0, 3), [32 * MB, 16 * MB, 8 * MB])
  assert.ok(shares.every((bytes) => bytes >= MB))
  assert.ok(memory.bytes <= (64 + 50) * MB)
  assert.equal(memory.reserve(100), 100)
  memory.release(100)
  for (const bytes of shares) memory.release(bytes)
  assert.equal(memory.bytes, 0)
  assert.equal(memory.reserve(55 * MB), 32 * MB)
})

test('what was read counts, not what was set aside for it', () => {
  const memory = new FetchMemory(64 * MB)
  const reserved = memory.reserve(20 * MB)
  memory.adjust(reserved, 300)
  assert.equal(memory.bytes, 300)
  memory.release(300)
  assert.equal(memory.bytes, 0)
})
