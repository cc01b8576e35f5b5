import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyHash } from '../../src/log/key-hash.js'

/** The first of the reference implementation's vectors for 64 bits: key 0 to 7, texts of 0, 1, 2 ... bytes that count from 0. */
const VECTORS = [
  '218d1f59b9b83cc8',
  'be552412f8387315',
  '064f39ef7c50eb57',
  'ce0f1a45f7060679',
  'd5e78a175be52ea1',
  'cb9d7c3f2f3db580',
  'ce3e91358aa2bc25',
  'ff202728b07bc684',
  'edfee820bce4858c',
  '5b51cccc13888307',
]

const KEY = Int32Array.of(0x03020100, 0x07060504, 0x03020100, 0x07060504)

function hex(words: Int32Array): string {
  const bytes = Buffer.alloc(4 * words.length)
  for (const [n, word] of words.entries()) bytes.writeInt32LE(word, 4 * n)
  return bytes.toString('hex')
}

test('each half is HalfSipHash-2-4 with 64 bits, by the reference vectors', () => {
  const hash = new KeyHash(KEY)
  const text = Uint8Array.from({ length: 20 }, (_, n) => n)
  for (const [length, vector] of VECTORS.entries()) {
    hash.of(text, 0, length)
    assert.equal(hex(hash.words), vector + vector)
  }
})

test('the halves have keys of their own, and a text is hashed where it stands', () => {
  const hash = new KeyHash(Int32Array.of(1, 2, 3, 4))
  const text = Buffer.from('..a key that is long enough..')
  hash.of(text, 2, text.length - 2)
  const inPlace = hex(hash.words)
  const alone = text.subarray(2, text.length - 2)
  hash.of(alone, 0, alone.length)
  assert.equal(hex(hash.words), inPlace)
  assert.notEqual(inPlace.slice(0, 16), inPlace.slice(16))
  const swapped = new KeyHash(Int32Array.of(3, 4, 1, 2))
  swapped.of(alone, 0, alone.length)
  assert.equal(hex(swapped.words), inPlace.slice(16) + inPlace.slice(0, 16))
})
