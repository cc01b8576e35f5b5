import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompressionError } from '../../../src/records/compression/codec.js'
import { loadZstdWasm } from '../../../src/records/compression/zstd-wasm.js'
import { noiseOf, textOf } from './samples.js'

const zstd = loadZstdWasm()!

test('is there and works without waiting', () => {
  const text = textOf(100_000)
  assert.deepEqual(zstd.decompress(zstd.compress(text, 3), text.length), text)
})

test('goes on after errors, and memory is given back', () => {
  const text = textOf(1_000_000)
  const stream = zstd.compress(text, 3)
  const broken = Buffer.from(stream)
  broken.fill(0xff, 2000, 2100)
  const bytes = zstd.keptBytes()
  assert.ok(bytes > 0 && bytes < 64 * 1024 * 1024)
  for (let round = 0; round < 100; round++) {
    assert.throws(() => zstd.decompress(broken, text.length), { fault: 'broken' })
    assert.throws(() => zstd.decompress(stream, text.length - 1), { fault: 'too-large' })
  }
  assert.equal(zstd.keptBytes(), bytes)
  assert.deepEqual(zstd.decompress(stream, text.length), text)
})

test('the memory of a large job is not kept', () => {
  const noise = noiseOf(40_000_000)
  const stream = zstd.compress(noise, 1)
  assert.equal(zstd.keptBytes(), 0)
  assert.deepEqual(zstd.decompress(stream, noise.length), noise)
  assert.equal(zstd.keptBytes(), 0)
  const text = textOf(10_000)
  assert.deepEqual(zstd.decompress(zstd.compress(text, 3), text.length), text)
  assert.ok(zstd.keptBytes() > 0)
})

test('memory that cannot be had is an error, not an end', () => {
  const stream = zstd.compress(textOf(1000), 3)
  assert.throws(() => zstd.decompress(stream, 3_000_000_000), CompressionError)
  assert.equal(zstd.decompress(stream, 1000).length, 1000)
})
