import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { crc32c, crc32cPlain } from '../../src/base/crc32c.js'
import { Prng } from '../../src/base/prng.js'
import { golden } from '../golden.js'

/** One bit at a time, as the polynomial division is defined. */
function bitwise(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0x82f63b78)
  }
  return ~crc >>> 0
}

test('gives what Kafka gives', () => {
  const vectors = golden<{ kind: string; input: string; crc32c: number }>('primitives.jsonl').filter(
    ({ kind }) => kind === 'crc',
  )
  assert.equal(vectors.length, 57)
  for (const { input, crc32c: expected } of vectors) {
    const bytes = Buffer.from(input, 'hex')
    assert.equal(crc32c(bytes), expected)
    assert.equal(crc32cPlain(bytes, 0, bytes.length, 0), expected)
  }
})

test('both ways are the definition at every length around the crossing point', () => {
  const bytes = new Prng('crc').bytes(1000)
  for (let length = 0; length <= 700; length++) {
    const start = length % 17
    const expected = bitwise(bytes.subarray(start, start + length))
    assert.equal(crc32c(bytes, start, start + length), expected, `length ${length}`)
    assert.equal(crc32cPlain(bytes, start, start + length, 0), expected, `length ${length}`)
  }
})

test('pieces chain through the seed', () => {
  const long = new Prng('chain').bytes(2000)
  for (const cut of [0, 10, 400, 1000, 1990, 2000]) {
    assert.equal(crc32c(long, cut, 2000, crc32c(long, 0, cut)), bitwise(long), `cut at ${cut}`)
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1200 }), fc.nat(), (bytes, cut) => {
      const middle = bytes.length === 0 ? 0 : cut % bytes.length
      const whole = crc32c(bytes)
      assert.equal(crc32c(bytes, middle, bytes.length, crc32c(bytes, 0, middle)), whole)
      assert.equal(crc32cPlain(bytes, middle, bytes.length, crc32cPlain(bytes, 0, middle, 0)), whole)
    }),
    { seed: 1, numRuns: 500 },
  )
})

test('a range inside a larger memory counts alone', () => {
  const memory = new Prng('memory').bytes(4096)
  const view = memory.subarray(100, 3000)
  for (const [start, end] of [
    [0, 2900],
    [1, 2899],
    [300, 320],
    [7, 7],
  ] as const) {
    assert.equal(crc32c(view, start, end), bitwise(memory.slice(100 + start, 100 + end)))
  }
})
