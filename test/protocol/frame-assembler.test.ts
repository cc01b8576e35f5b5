import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BufferPool } from '../../src/base/buffer-pool.js'
import { FrameAssembler } from '../../src/protocol/frame-assembler.js'

function framed(body: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

test('frames come out whole and in order, however the stream was cut', () => {
  const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 12 })
  fc.assert(
    fc.property(bodies, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (frames, cuts) => {
      const stream = Buffer.concat(frames.map(framed))
      const pool = new BufferPool()
      const assembler = new FrameAssembler(1000, pool)
      const got: Buffer[] = []
      let at = 0
      for (let cut = 0; at < stream.length; cut++) {
        // As a socket does: the same memory for every piece.
        const piece = Buffer.from(stream.subarray(at, at + cuts[cut % cuts.length]!))
        at += piece.length
        const bad = assembler.feed(piece, ({ bytes, start, end, owner }) => {
          got.push(Buffer.from(bytes.subarray(start, end)))
          owner?.release()
          return true
        })
        assert.equal(bad, undefined)
        piece.fill(0)
      }
      assert.deepEqual(
        got,
        frames.map((frame) => Buffer.from(frame)),
      )
    }),
  )
})

test('lengths that cannot be end the stream', () => {
  for (const [length, bad] of [
    [0, true],
    [-1, true],
    [101, true],
    [100, false],
  ] as const) {
    const prefix = Buffer.alloc(4)
    prefix.writeInt32BE(length)
    const whole = new FrameAssembler(100, new BufferPool())
    assert.equal(
      whole.feed(prefix, () => true),
      bad ? length : undefined,
    )
    const split = new FrameAssembler(100, new BufferPool())
    split.feed(prefix.subarray(0, 3), () => true)
    assert.equal(
      split.feed(prefix.subarray(3), () => true),
      bad ? length : undefined,
    )
  }
})

test('a large frame that has only begun holds little', () => {
  const assembler = new FrameAssembler(100_000_000, new BufferPool())
  const prefix = Buffer.alloc(4)
  prefix.writeInt32BE(100_000_000)
  assembler.feed(Buffer.concat([prefix, Buffer.alloc(1000)]), () => true)
  assert.ok(assembler.heldBytes <= 16 * 1024)
  for (let n = 0; n < 100; n++) assembler.feed(Buffer.alloc(10_000), () => true)
  assert.ok(assembler.heldBytes <= 4 * 1024 * 1024)
  assembler.discard()
  assert.equal(assembler.heldBytes, 0)
})

test('the buffer of a frame goes back when the last holder lets go', () => {
  const pool = new BufferPool()
  const assembler = new FrameAssembler(1000, pool)
  const stream = framed(Buffer.alloc(500))
  assembler.feed(stream.subarray(0, 100), () => true)
  assembler.feed(stream.subarray(100), ({ owner }) => {
    owner!.retain()
    owner!.release()
    assert.equal(pool.keptBytes, 0)
    owner!.release()
    return true
  })
  assert.ok(pool.keptBytes > 0)
})

test('a handler that says stop gets no further frame of the piece', () => {
  const assembler = new FrameAssembler(1000, new BufferPool())
  const stream = Buffer.concat([framed(Buffer.from('a')), framed(Buffer.from('b'))])
  let seen = 0
  assembler.feed(stream, () => {
    seen++
    return false
  })
  assert.equal(seen, 1)
})
