import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { CompressionError } from '../../../src/records/compression/codec.js'
import { codecByName } from '../../../src/records/compression/codecs.js'
import { textOf } from './samples.js'

function read(stream: Uint8Array, maxBytes = 1_000_000): string {
  try {
    return Buffer.from(codecByName('gzip')!.decompress(stream, maxBytes)).toString()
  } catch (error) {
    assert.ok(error instanceof CompressionError, String(error))
    return error.fault
  }
}

const hello = gzipSync('hello')

test('members in a row are one', () => {
  const world = gzipSync(' world')
  assert.equal(read(Buffer.concat([hello, world])), 'hello world')
  assert.equal(read(Buffer.concat([hello, world]), 10), 'too-large')
  for (let cut = 1; cut < world.length; cut++) {
    const stream = Buffer.concat([hello, world.subarray(0, cut)])
    // The beginning of a header is garbage, behind a header everything must be there.
    assert.equal(read(stream), cut < 10 ? 'hello' : 'broken', `${cut} bytes of the second`)
  }
})

test('what follows the last member and is none is ignored', () => {
  const named = Buffer.from('1f8b080800000000000061626300cb48cdc9c9070086a6103605000000', 'hex')
  const everything = Buffer.from(
    '1f8b081f0000000000030300aa00bb6e616d6500636f6d6d656e7400ff1fcb48cdc9c9070086a6103605000000',
    'hex',
  )
  assert.equal(read(everything), 'hello')
  assert.equal(read(named), 'hello')
  for (const garbage of [
    '00',
    '67617262616765',
    '1f8b',
    '1f8b07ffffffffffffffffff',
    '1f8b08e0ffffffffffffffff',
    'ff'.repeat(100),
  ]) {
    for (const stream of [hello, named, everything, Buffer.concat([hello, hello])]) {
      const expected = read(stream)
      assert.equal(read(Buffer.concat([stream, Buffer.from(garbage, 'hex')])), expected, garbage)
    }
  }
  assert.equal(read(Buffer.concat([gzipSync(Buffer.alloc(5000)), hello, Buffer.from('x')]), 5004), 'too-large')
})

test('the limit holds over several members, whatever sizes they state', () => {
  const two = Buffer.concat([gzipSync(Buffer.alloc(5000)), hello])
  assert.equal(read(two, 5005).length, 5005)
  assert.equal(read(two, 5004), 'too-large')
  const lying = Buffer.from(gzipSync(textOf(50_000)))
  for (const size of [0, 1, 49_999, 2 ** 31, 2 ** 32 - 1]) {
    lying.writeUInt32LE(size, lying.length - 4)
    assert.equal(read(lying), 'broken', `stated ${size}`)
  }
})

test('a limit of 0 allows nothing but nothing', () => {
  assert.equal(read(gzipSync(''), 0), '')
  assert.equal(read(gzipSync('a'), 0), 'too-large')
})
