import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BufferPool } from '../../src/base/buffer-pool.js'
import { Gather } from '../../src/storage/gather.js'

class Owner {
  holders = 0

  retain(): void {
    this.holders++
  }

  release(): void {
    this.holders--
  }
}

test('small pieces become one chunk, which does not change with the bytes that it was copied from', () => {
  const gather = new Gather(new BufferPool())
  const bytes = Buffer.from('-one-two-')
  gather.copy(bytes, 1, 4)
  gather.copy(bytes, 5, 8)
  bytes.fill(0)
  const { chunks } = gather.take()
  assert.deepEqual(chunks.map(String), ['onetwo'])
})

test('memory is given back when it is released, and not before', () => {
  const pool = new BufferPool()
  const gather = new Gather(pool)
  const owner = new Owner()
  gather.copy(Buffer.from('first'), 0, 5)
  gather.lend(Buffer.from('lent'), owner)
  const first = gather.take()
  assert.ok(gather.isEmpty)
  gather.copy(Buffer.from('second'), 0, 6)
  const second = gather.take()
  assert.deepEqual([pool.keptBytes, owner.holders], [0, 1])
  assert.deepEqual([first.chunks.map(String), second.chunks.map(String)], [['first', 'lent'], ['second']])
  first.release()
  const kept = pool.keptBytes
  assert.ok(kept > 0)
  assert.equal(owner.holders, 0)
  second.release()
  assert.ok(pool.keptBytes > kept)
})

test('whatever is gathered comes out in order', () => {
  const piece = fc.record({ lent: fc.boolean(), length: fc.integer({ min: 1, max: 9000 }), by: fc.nat({ max: 3 }) })
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 60 }), (pieces) => {
      const pool = new BufferPool()
      const gather = new Gather(pool)
      const owner = new Owner()
      const expected: Buffer[] = []
      for (const [index, { lent, length, by }] of pieces.entries()) {
        const bytes = Buffer.alloc(length + by, index + 1)
        expected.push(bytes.subarray(by))
        if (lent) gather.lend(bytes.subarray(by), owner)
        else gather.copy(bytes, by, length + by)
      }
      assert.ok(!gather.isEmpty)
      const { chunks, release } = gather.take()
      assert.ok(Buffer.concat(chunks).equals(Buffer.concat(expected)))
      release()
      assert.equal(owner.holders, 0)
    }),
  )
})
