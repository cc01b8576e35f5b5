import assert from 'node:assert/strict'
import { test } from 'node:test'
import { xxhash32 } from '../../../src/records/compression/xxhash32.js'

test('gives the published values', () => {
  const published = {
    '': 0x02cc5d05,
    a: 0x550d7456,
    abc: 0x32d153ff,
    'Nobody inspects the spammish repetition': 0xe2293b2f,
  }
  for (const [text, hash] of Object.entries(published)) {
    const bytes = Buffer.from(`..${text}..`)
    assert.equal(xxhash32(bytes, 2, bytes.length - 2), hash, text)
  }
})

test('every byte and the length count', () => {
  const bytes = Buffer.alloc(40, 7)
  const seen = new Set<number>()
  for (let length = 0; length <= bytes.length; length++) seen.add(xxhash32(bytes, 0, length))
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = 8
    seen.add(xxhash32(changed, 0, changed.length))
  }
  assert.equal(seen.size, 41 + 40)
})
