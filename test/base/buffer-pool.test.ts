import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BufferPool } from '../../src/base/buffer-pool.js'

test('a buffer that was given back is given out again', () => {
  const pool = new BufferPool()
  const buffer = pool.take(5000)
  assert.equal(buffer.length, 8192)
  pool.give(buffer)
  assert.equal(pool.keptBytes, 8192)
  assert.equal(pool.take(8192), buffer)
  assert.equal(pool.keptBytes, 0)
  assert.notEqual(pool.take(8192), buffer)
})

test('the pool keeps no more than its limit, and nothing very large', () => {
  const pool = new BufferPool(10_000)
  const buffers = [pool.take(4096), pool.take(4096), pool.take(4096)]
  for (const buffer of buffers) pool.give(buffer)
  assert.equal(pool.keptBytes, 8192)
  const large = pool.take(20_000_000)
  assert.equal(large.length, 20_000_000)
  new BufferPool(1e9).give(large)
  assert.equal(pool.keptBytes, 8192)
})
