import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BatchView } from '../../../src/records/batch.js'
import { CompressionError } from '../../../src/records/compression/codec.js'
import { implementationsOf } from '../../../src/records/compression/codecs.js'
import { zstdFrames } from '../../../src/records/compression/zstd-frame.js'
import { anyBytes } from '../arbitraries.js'
import { goldenBatches } from '../golden-batches.js'
import { noiseOf, samples } from './samples.js'

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd]

/** A block's header: last, type (0 raw, 1 RLE, 2 compressed), size. */
function block(last: boolean, type: number, size: number, ...bytes: number[]): number[] {
  const header = (last ? 1 : 0) | (type << 1) | (size << 3)
  return [header & 0xff, (header >>> 8) & 0xff, header >>> 16, ...bytes]
}

/** What all frames together can become. */
function zstdOutputBound(bytes: Buffer): number {
  return zstdFrames(bytes).reduce((sum, frame) => sum + frame.bound, 0)
}

function bound(bytes: readonly number[] | Uint8Array): number | string {
  try {
    return zstdOutputBound(Buffer.from(bytes))
  } catch (error) {
    assert.ok(error instanceof CompressionError, String(error))
    return error.fault
  }
}

/** What every implementation makes of it. */
function read(bytes: readonly number[], maxBytes = 10_000_000): string[] {
  return implementationsOf('zstd').map((codec) => {
    try {
      return Buffer.from(codec.decompress(Buffer.from(bytes), maxBytes)).toString('latin1')
    } catch (error) {
      assert.ok(error instanceof CompressionError, String(error))
      return error.fault
    }
  })
}

const everywhere = (answer: string): string[] => implementationsOf('zstd').map(() => answer)

test('the bound holds for what implementations write, and is exact where the size is stated', () => {
  for (const { name, bytes } of samples()) {
    for (const codec of implementationsOf('zstd')) {
      const stream = Buffer.from(codec.compress(bytes))
      const most = zstdOutputBound(stream)
      assert.ok(most >= bytes.length && most <= bytes.length + 131072, `${name}: ${most}`)
      if (codec.implementation !== 'node:zlib') assert.equal(most, bytes.length, name)
    }
  }
})

test("the bound holds for Kafka's streams, which do not state their size", () => {
  let checked = 0
  for (const vector of goldenBatches()) {
    if (vector.codec !== 'zstd') continue
    const view = new BatchView().reset(vector.bytes, 0)
    const stream = vector.bytes.subarray(view.recordsStart, view.end)
    for (const codec of implementationsOf('zstd')) {
      assert.ok(codec.decompress(stream, 1_000_000).length <= zstdOutputBound(stream), vector.case)
    }
    checked++
  }
  assert.equal(checked, 12)
})

test('frames by hand: raw and RLE blocks, sizes stated in every way, checksums, skippable frames', () => {
  const rle = block(true, 1, 300, 0x61)
  const windowed = [...MAGIC, 0x00, 0x00, ...block(false, 0, 2, 0x62, 0x63), ...rle]
  assert.equal(bound(windowed), 302)
  assert.deepEqual(read(windowed), everywhere(`bc${'a'.repeat(300)}`))
  const stated: [number, number[]][] = [
    [0x60, [300 - 256, 0]],
    [0xa0, [44, 1, 0, 0]],
    [0xe0, [44, 1, 0, 0, 0, 0, 0, 0]],
  ]
  for (const [descriptor, size] of stated) {
    const frame = [...MAGIC, descriptor, ...size, ...rle]
    assert.equal(bound(frame), 300)
    assert.deepEqual(read(frame), everywhere('a'.repeat(300)))
  }
  const short = [...MAGIC, 0x20, 5, ...block(true, 1, 5, 0x61)]
  assert.equal(bound(short), 5)
  const skippable = [0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9]
  assert.equal(bound([...skippable, ...short, ...skippable, ...short]), 10)
  assert.deepEqual(read([...skippable, ...short, ...skippable, ...short]), everywhere('aaaaaaaaaa'))
  assert.equal(bound([...MAGIC, 0x24, 5, ...block(true, 1, 5, 0x61)]), 'broken', 'the checksum is missing')
})

test('frames that no reader takes', () => {
  const rle = block(true, 1, 5, 0x61)
  const wrong: Record<string, number[]> = {
    nothing: [],
    'another magic': [0x29, 0xb5, 0x2f, 0xfd, 0x20, 5, ...rle],
    'a reserved bit': [...MAGIC, 0x28, 5, ...rle],
    'a dictionary': [...MAGIC, 0x21, 7, 5, ...rle],
    'a window of 256 MB': [...MAGIC, 0x00, 0x90, ...rle],
    'a block type that does not exist': [...MAGIC, 0x20, 5, ...block(true, 3, 5, 0x61)],
    'a block larger than the content': [...MAGIC, 0x20, 5, ...block(true, 1, 6, 0x61)],
    'a block larger than 128 KB': [...MAGIC, 0x00, 0x50, ...block(true, 1, 131073, 0x61)],
    'no last block': [...MAGIC, 0x20, 5, ...block(false, 1, 5, 0x61)],
    'a block that is cut off': [...MAGIC, 0x20, 5, ...block(true, 0, 5, 0x61)],
    'a size that its blocks cannot be': [...MAGIC, 0xa0, 0, 0, 0, 0x40, ...block(true, 1, 1000, 0x61)],
    'a skippable frame that is cut off': [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9],
    'more content than stated': [...MAGIC, 0x20, 5, ...block(false, 1, 5, 0x61), ...block(true, 1, 5, 0x61)],
    'garbage behind': [...MAGIC, 0x20, 5, ...rle, 1],
  }
  for (const [what, frame] of Object.entries(wrong)) {
    // What is inside the blocks only a decoder sees.
    assert.equal(bound(frame), what === 'more content than stated' ? 5 : 'broken', what)
    assert.deepEqual(read(frame), everywhere('broken'), what)
  }
  const zeroDictionary = [...MAGIC, 0x21, 0, 5, ...rle]
  assert.equal(bound(zeroDictionary), 5)
  assert.deepEqual(read(zeroDictionary), everywhere('aaaaa'))
})

test('a thousand frames are read, more are refused', () => {
  const frame = [...MAGIC, 0x20, 1, ...block(true, 1, 1, 0x61)]
  const frames = (count: number): number[] => Array.from({ length: count }, () => frame).flat()
  assert.deepEqual(read(frames(1000)), everywhere('a'.repeat(1000)))
  assert.deepEqual(read(frames(1000), 999), everywhere('too-large'))
  assert.deepEqual(read(frames(1001)), everywhere('broken'))
})

test('what is too large by what it states, or by its raw and RLE blocks, is not decoded', () => {
  // A block that says it is compressed, and is nothing.
  const unreadable = block(true, 2, 4, 0xff, 0xff, 0xff, 0xff)
  const stated = [...MAGIC, 0x60, 300 - 256, 0, ...unreadable]
  assert.deepEqual(read(stated, 299), everywhere('too-large'))
  assert.deepEqual(read(stated, 300), everywhere('broken'))
  const blocks = [...MAGIC, 0x00, 0x00, ...block(false, 1, 300, 0x61), ...block(false, 0, 1, 0x62), ...unreadable]
  assert.deepEqual(read(blocks, 300), everywhere('too-large'))
  assert.deepEqual(read(blocks, 301), everywhere('broken'))
  const short = [...MAGIC, 0x20, 5, ...block(true, 1, 5, 0x61)]
  assert.deepEqual(read([...short, ...stated], 304), everywhere('too-large'), 'all frames together')
})

test('a bomb of RLE blocks is refused, one that fits is read', () => {
  const blocks = Array.from({ length: 7 }, () => block(false, 1, 131072, 0x61)).flat()
  const frame = [...MAGIC, 0x00, 0x50, ...blocks, ...block(true, 1, 1, 0x62)]
  assert.equal(bound(frame), 7 * 131072 + 1)
  assert.deepEqual(read(frame, 7 * 131072), everywhere('too-large'))
  assert.deepEqual(read(frame), everywhere(`${'a'.repeat(7 * 131072)}b`))
})

test('any bytes behind a magic: a bound or broken', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const answer = bound(Buffer.concat([Buffer.from(MAGIC), bytes]))
      assert.ok(answer === 'broken' || typeof answer === 'number')
    }),
    { seed: 15, numRuns: 3000 },
  )
  assert.equal(bound(noiseOf(1000)), 'broken')
})
