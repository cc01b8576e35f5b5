import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  decodeLz4Block,
  encodeLz4Block,
  LZ4_BROKEN,
  lz4BlockBound,
  lz4BlockLength,
} from '../../../src/records/compression/lz4-block.js'
import { anyBytes } from '../arbitraries.js'
import { samples } from './samples.js'

/** What the block becomes behind a history, or undefined if it is broken. */
function decoded(block: readonly number[] | Uint8Array, history = ''): string | undefined {
  const bytes = Buffer.from(block)
  const length = lz4BlockLength(bytes, 0, bytes.length, history.length)
  if (length === LZ4_BROKEN) return undefined
  const target = Buffer.concat([Buffer.from(history), Buffer.alloc(length)])
  assert.equal(decodeLz4Block(bytes, 0, bytes.length, target, history.length), target.length)
  return target.toString('latin1', history.length)
}

const [a, b, c] = [0x61, 0x62, 0x63]

test('sequences by hand', () => {
  assert.equal(decoded([0x00]), '')
  assert.equal(decoded([0x30, a, b, c]), 'abc')
  assert.equal(decoded([0x10, a, 1, 0, 0x10, b]), 'aaaaab')
  assert.equal(decoded([0x32, a, b, c, 3, 0, 0x10, b]), 'abcabcabcb')
  assert.equal(decoded([0x1f, a, 1, 0, 0, 0x10, b]), `${'a'.repeat(20)}b`)
  assert.equal(decoded([0x1f, a, 1, 0, 255, 255, 1, 0x10, b]), `${'a'.repeat(1 + 15 + 4 + 511)}b`)
  assert.equal(decoded([0xf0, 255, 3, ...Buffer.alloc(273, 'x')]), 'x'.repeat(273))
})

test('matches may begin before the block only as far as there is history', () => {
  assert.equal(decoded([0x00, 3, 0, 0x10, c], 'xyz'), 'xyzxc')
  assert.equal(decoded([0x00, 4, 0, 0x10, c], 'xyz'), undefined)
  assert.equal(decoded([0x10, a, 4, 0, 0x10, c], 'xyz'), 'axyzac')
})

test('broken blocks', () => {
  const wrong: Record<string, number[]> = {
    nothing: [],
    'literals that are not there': [0x30, a, b],
    'an offset of 0': [0x10, a, 0, 0, 0x10, b],
    'an offset before the beginning': [0x10, a, 2, 0, 0x10, b],
    'half an offset': [0x10, a, 1],
    'a match at the end, without the last sequence': [0x10, a, 1, 0],
    'a literal length that does not end': [0xf0, 255, 255],
    'a match length that does not end': [0x1f, a, 1, 0, 255],
  }
  for (const [what, block] of Object.entries(wrong)) assert.equal(decoded(block), undefined, what)
})

test('what is encoded is decoded, keeps the rules of the end, and fits the bound', () => {
  for (const { name, bytes } of samples()) {
    if (bytes.length > 65536) continue
    const source = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('behind')])
    const target = Buffer.alloc(5 + lz4BlockBound(bytes.length))
    const end = encodeLz4Block(source, 6, 6 + bytes.length, target, 5)
    const block = target.subarray(5, end)
    assert.ok(block.length <= lz4BlockBound(bytes.length), name)
    assert.equal(lz4BlockLength(block, 0, block.length, 0), bytes.length, name)
    assert.equal(decoded(block), bytes.toString('latin1'), name)
    const tail = literalTail(block)
    if (tail < bytes.length) assert.ok(tail >= 5, `${name}: ${tail} literals at the end`)
  }
})

/** The number of literals in the last sequence. */
function literalTail(block: Buffer): number {
  for (let at = 0; ; ) {
    const token = block[at++]!
    let literals = token >>> 4
    if (literals === 15) {
      let more: number
      do literals += more = block[at++]!
      while (more === 255)
    }
    at += literals
    if (at === block.length) return literals
    at += 2
    if ((token & 15) === 15) while (block[at++] === 255);
  }
}

test('any bytes: measuring stops, and what it measured is what comes out', () => {
  fc.assert(
    fc.property(anyBytes, fc.nat({ max: 100 }), (bytes, history) => {
      const length = lz4BlockLength(bytes, 0, bytes.length, history)
      if (length === LZ4_BROKEN) return
      const target = Buffer.alloc(history + length + 100, 0xee)
      assert.equal(decodeLz4Block(bytes, 0, bytes.length, target, history), history + length)
      assert.deepEqual(target.subarray(history + length), Buffer.alloc(100, 0xee))
    }),
    { seed: 13, numRuns: 5000 },
  )
})
