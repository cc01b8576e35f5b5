import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  decodeSnappyBlock,
  encodeSnappyBlock,
  MAX_SNAPPY_BLOCK_BYTES,
  snappyBlockBound,
  snappyBlockLength,
} from '../../../src/records/compression/snappy-block.js'
import { anyBytes } from '../arbitraries.js'
import { samples } from './samples.js'

function decoded(block: readonly number[] | Uint8Array): string | undefined {
  const bytes = Buffer.from(block)
  const length = snappyBlockLength(bytes, 0, bytes.length)
  if (length < 0 || length > 1_000_000) return undefined
  const target = Buffer.alloc(length)
  return decodeSnappyBlock(bytes, 0, bytes.length, target, 0, length) ? target.toString('latin1') : undefined
}

const [a, b, c] = [0x61, 0x62, 0x63]

test('elements by hand', () => {
  assert.equal(decoded([0]), '')
  assert.equal(decoded([3, 0x08, a, b, c]), 'abc')
  assert.equal(decoded([0x83, 0x00, 0x08, a, b, c]), 'abc', 'a padded length')
  assert.equal(decoded([7, 0x08, a, b, c, 0x01, 3]), 'abcabca', 'copy of 4, offset in one byte')
  assert.equal(decoded([5, 0x08, a, b, c, 0x06, 1, 0]), 'abccc', 'copy of 2, offset in two bytes')
  assert.equal(decoded([5, 0x08, a, b, c, 0x07, 2, 0, 0, 0]), 'abcbc', 'copy of 2, offset in four bytes')
  for (const [lengthBytes, tag] of [60, 61, 62, 63].entries()) {
    const length = Array.from({ length: lengthBytes + 1 }, (_, index) => (index === 0 ? 69 : 0))
    assert.equal(decoded([70, tag << 2, ...length, ...Buffer.alloc(70, 'x')]), 'x'.repeat(70), `literal ${tag}`)
  }
})

test('broken blocks', () => {
  const wrong: Record<string, number[]> = {
    nothing: [],
    'a length that does not end': [0x80, 0x80, 0x80, 0x80, 0x80],
    'a length beyond 32 bits': [0xff, 0xff, 0xff, 0xff, 0x1f],
    'less than stated': [4, 0x08, a, b, c],
    'more than stated': [2, 0x08, a, b, c],
    'a literal that is not there': [3, 0x08, a, b],
    'half a literal length': [70, 61 << 2, 69],
    // The package snappyjs goes backwards here, and round and round.
    'a literal of 2^32 - 5 bytes': [10, 63 << 2, 0xfa, 0xff, 0xff, 0xff, 0, 0, 0, 0],
    'an offset of 0': [7, 0x08, a, b, c, 0x01, 0],
    'an offset before the beginning': [7, 0x08, a, b, c, 0x01, 4],
    'an offset beyond 2^31': [5, 0x08, a, b, c, 0x07, 0, 0, 0, 0x80],
    'a copy beyond the end': [6, 0x08, a, b, c, 0x01, 3],
    'no offset': [7, 0x08, a, b, c, 0x01],
    'half an offset': [5, 0x08, a, b, c, 0x06, 1],
  }
  for (const [what, block] of Object.entries(wrong)) assert.equal(decoded(block), undefined, what)
})

test('what is encoded is decoded and fits the bound', () => {
  for (const { name, bytes } of samples()) {
    if (bytes.length > MAX_SNAPPY_BLOCK_BYTES) continue
    const source = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('behind')])
    const target = Buffer.alloc(5 + snappyBlockBound(bytes.length))
    const end = encodeSnappyBlock(source, 6, 6 + bytes.length, target, 5)
    assert.ok(end - 5 <= snappyBlockBound(bytes.length), name)
    assert.equal(decoded(target.subarray(5, end)), bytes.toString('latin1'), name)
  }
})

test('any bytes: decoding stops and writes nowhere else', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const length = snappyBlockLength(bytes, 0, bytes.length)
      if (length < 0 || length > 10_000) return
      const target = Buffer.alloc(length + 200, 0xee)
      decodeSnappyBlock(bytes, 0, bytes.length, target, 100, 100 + length)
      assert.deepEqual(target.subarray(0, 100), Buffer.alloc(100, 0xee))
      assert.deepEqual(target.subarray(100 + length), Buffer.alloc(100, 0xee))
    }),
    { seed: 14, numRuns: 5000 },
  )
})
