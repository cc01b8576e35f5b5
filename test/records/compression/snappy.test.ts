import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompressionError } from '../../../src/records/compression/codec.js'
import { implementationsOf } from '../../../src/records/compression/codecs.js'
import { textOf } from './samples.js'

const HEADER = '82534e41505059000000000100000001'

/** The same answer of every implementation. */
function read(hex: string, maxBytes = 1_000_000): string {
  const stream = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  const answers = implementationsOf('snappy').map((codec) => {
    try {
      return Buffer.from(codec.decompress(stream, maxBytes)).toString('latin1')
    } catch (error) {
      assert.ok(error instanceof CompressionError, String(error))
      return error.fault
    }
  })
  assert.equal(new Set(answers).size, 1, JSON.stringify(answers))
  return answers[0]!
}

const ABC = '0308616263'

test("the framing is snappy-java's, with blocks of 32 KB", () => {
  for (const codec of implementationsOf('snappy')) {
    const stream = Buffer.from(codec.compress(textOf(80_000)))
    assert.equal(stream.toString('hex', 0, 16), HEADER)
    const sizes: number[] = []
    for (let at = 16; at < stream.length; ) {
      const length = stream.readInt32BE(at)
      sizes.push((stream[at + 4]! & 0x7f) | ((stream[at + 5]! & 0x7f) << 7) | ((stream[at + 6]! & 0x7f) << 14))
      at += 4 + length
    }
    // The last block's length takes two bytes only, so its third is not part of it.
    assert.deepEqual(sizes.slice(0, 2), [32768, 32768])
    assert.equal(sizes.length, 3)
    assert.equal(Buffer.from(codec.compress(Buffer.alloc(0))).toString('hex'), HEADER)
  }
})

test('streams of any number of blocks, also concatenated', () => {
  assert.equal(read(HEADER), '')
  assert.equal(read(`${HEADER} 00000005 ${ABC}`), 'abc')
  assert.equal(read(`${HEADER} 00000005 ${ABC} 00000005 ${ABC}`), 'abcabc')
  assert.equal(read(`${HEADER} 00000005 ${ABC} ${HEADER} 00000005 ${ABC}`), 'abcabc')
})

test('a bare block is read too', () => {
  assert.equal(read(ABC), 'abc')
  assert.equal(read('00'), '')
  assert.equal(read(ABC, 2), 'too-large')
})

test('other versions in the header are not looked at', () => {
  assert.equal(read(`82534e4150505900 00000002 00000001 00000005 ${ABC}`), 'abc')
})

test('broken streams', () => {
  for (const [what, stream] of Object.entries({
    nothing: '',
    'half a header': HEADER.slice(0, 20),
    'half a length': `${HEADER} 000000`,
    'a negative length': `${HEADER} ffffffff ${ABC}`,
    'a block that is cut off': `${HEADER} 00000005 03086162`,
    'an empty block': `${HEADER} 00000000`,
    'garbage behind': `${HEADER} 00000005 ${ABC} 01020304`,
    'half a header in the middle': `${HEADER} 00000005 ${ABC} 82534e41505059`,
    'a block that states 4 GB': `${HEADER} 0000000a ffffffff0f ${ABC}`,
    'a block that states 23 times its size': '73 00 61 61 61',
  })) {
    assert.equal(read(stream), 'broken', what)
  }
})

test('the limit holds for the sum of the blocks', () => {
  const stream = `${HEADER} 00000005 ${ABC} 00000005 ${ABC}`
  assert.equal(read(stream, 6), 'abcabc')
  assert.equal(read(stream, 5), 'too-large')
})
