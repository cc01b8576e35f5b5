import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompressionError } from '../../../src/records/compression/codec.js'
import { implementationsOf } from '../../../src/records/compression/codecs.js'
import { xxhash32 } from '../../../src/records/compression/xxhash32.js'
import { textOf } from './samples.js'

interface FrameParts {
  flg?: number
  bd?: number
  contentSize?: bigint
  headerChecksum?: number
  /** Each as it stands in the frame, behind its length. */
  blocks?: readonly {
    readonly bytes: readonly number[] | Uint8Array
    readonly raw?: boolean
    readonly checksum?: number
  }[]
  end?: readonly number[]
}

function frameOf({ flg = 0x60, bd = 0x40, contentSize, headerChecksum, blocks = [], end = [] }: FrameParts): Buffer {
  const size = Buffer.alloc(contentSize === undefined ? 0 : 8)
  if (contentSize !== undefined) size.writeBigUInt64LE(contentSize)
  const descriptor = Buffer.concat([Buffer.from([flg, bd]), size])
  const checksum = headerChecksum ?? (xxhash32(descriptor, 0, descriptor.length) >>> 8) & 0xff
  const parts = [int32(0x184d2204), descriptor, Buffer.from([checksum])]
  for (const { bytes, raw = false, checksum: blockChecksum } of blocks) {
    parts.push(int32(bytes.length + (raw ? 0x8000_0000 : 0)), Buffer.from(bytes))
    if (blockChecksum !== undefined) parts.push(int32(blockChecksum))
  }
  return Buffer.concat([...parts, int32(0), Buffer.from(end)])
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function hashOf(bytes: readonly number[] | Uint8Array | string): number {
  const buffer = Buffer.from(bytes as string)
  return xxhash32(buffer, 0, buffer.length)
}

/** The same answer of every implementation. */
function read(frame: Buffer, maxBytes = 1_000_000): string {
  const answers = implementationsOf('lz4').map((codec) => {
    try {
      return Buffer.from(codec.decompress(frame, maxBytes)).toString('latin1')
    } catch (error) {
      assert.ok(error instanceof CompressionError, String(error))
      return error.fault
    }
  })
  assert.equal(new Set(answers).size, 1, JSON.stringify(answers))
  return answers[0]!
}

const [a, b] = [0x61, 0x62]
const ABBB = [0x20, a, b, 1, 0, 0x10, b]
const ABBB_TEXT = 'abbbbbb'

test("the header is Kafka's, and blocks hold 64 KB", () => {
  for (const codec of implementationsOf('lz4')) {
    const frame = Buffer.from(codec.compress(textOf(150_000)))
    assert.equal(frame.subarray(0, 7).toString('hex'), '04224d18604082')
    let blocks = 0
    let at = 7
    for (let length = frame.readUInt32LE(at); length !== 0; length = frame.readUInt32LE(at)) {
      blocks++
      at += 4 + length
    }
    assert.equal(blocks, 3)
    assert.equal(at + 4, frame.length)
    assert.equal(Buffer.from(codec.compress(Buffer.alloc(0))).toString('hex'), '04224d1860408200000000')
  }
})

test('what does not compress is stored as it is', () => {
  for (const codec of implementationsOf('lz4')) {
    const frame = Buffer.from(codec.compress(Buffer.from('abc')))
    assert.equal(frame.toString('hex'), '04224d1860408203000080616263' + '00000000')
  }
})

test('a frame of the lz4 tool with every checksum and the size', () => {
  const frame = Buffer.from(
    '04224d187c401c00000000000000af0e0000004f61626364040000506461626364aa2a7b8800000000bb1c92b3',
    'hex',
  )
  assert.equal(read(frame), 'abcd'.repeat(7))
  for (let at = 0; at < frame.length; at++) {
    const damaged = Buffer.from(frame)
    damaged[at]! ^= 0x04
    assert.equal(read(damaged), 'broken', `byte ${at}`)
  }
})

test('blocks, independent and dependent, compressed and not', () => {
  assert.equal(read(frameOf({})), '')
  assert.equal(read(frameOf({ blocks: [{ bytes: ABBB }] })), ABBB_TEXT)
  assert.equal(
    read(frameOf({ blocks: [{ bytes: [a, b], raw: true }, { bytes: ABBB }, { bytes: [], raw: true }] })),
    `ab${ABBB_TEXT}`,
  )
  // Two bytes of the block before, then two literals.
  const referring = [0x00, 2, 0, 0x20, a, a]
  const blocks = [{ bytes: [a, b], raw: true }, { bytes: referring }]
  assert.equal(read(frameOf({ flg: 0x40, blocks })), 'abababaa')
  assert.equal(read(frameOf({ flg: 0x60, blocks })), 'broken')
  assert.equal(read(frameOf({ flg: 0x40, blocks: [{ bytes: referring }] })), 'broken')
})

test('matches up to the last byte, which the native decoder refuses', () => {
  assert.equal(read(frameOf({ blocks: [{ bytes: [0x10, a, 1, 0, 0x00] }] })), 'aaaaa')
})

test('what follows the frame is ignored, what is missing is not', () => {
  const frame = frameOf({ blocks: [{ bytes: ABBB }] })
  assert.equal(read(Buffer.concat([frame, Buffer.from('garbage')])), ABBB_TEXT)
  assert.equal(read(Buffer.concat([frame, frame])), ABBB_TEXT)
  for (let length = 0; length < frame.length; length++) assert.equal(read(frame.subarray(0, length)), 'broken')
})

test('checksums of block and content', () => {
  const good = { flg: 0x74, blocks: [{ bytes: ABBB, checksum: hashOf(ABBB) }], end: [...int32(hashOf(ABBB_TEXT))] }
  assert.equal(read(frameOf(good)), ABBB_TEXT)
  assert.equal(read(frameOf({ ...good, end: [...int32(1)] })), 'broken')
  assert.equal(read(frameOf({ ...good, end: [] })), 'broken')
  assert.equal(read(frameOf({ ...good, blocks: [{ bytes: ABBB, checksum: 1 }] })), 'broken')
})

test('the content size must be true', () => {
  const blocks = [{ bytes: ABBB }]
  assert.equal(read(frameOf({ flg: 0x68, contentSize: 7n, blocks })), ABBB_TEXT)
  for (const contentSize of [0n, 6n, 8n, 2n ** 32n + 7n, 2n ** 64n - 1n]) {
    assert.equal(read(frameOf({ flg: 0x68, contentSize, blocks })), 'broken')
  }
})

test('the header checksum of old clients, over the magic too, is taken', () => {
  const legacy = (hashOf([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40]) >>> 8) & 0xff
  assert.notEqual(legacy, 0x82)
  assert.equal(read(frameOf({ headerChecksum: legacy, blocks: [{ bytes: ABBB }] })), ABBB_TEXT)
  assert.equal(read(frameOf({ headerChecksum: legacy ^ 1, blocks: [{ bytes: ABBB }] })), 'broken')
})

test('headers that no reader takes', () => {
  const blocks = [{ bytes: ABBB }]
  for (const flg of [0x20, 0xa0, 0xe0, 0x62, 0x61]) assert.equal(read(frameOf({ flg, blocks })), 'broken', `FLG ${flg}`)
  for (const bd of [0x00, 0x30, 0xc0, 0x41, 0x48]) assert.equal(read(frameOf({ bd, blocks })), 'broken', `BD ${bd}`)
  for (const bd of [0x40, 0x50, 0x60, 0x70]) assert.equal(read(frameOf({ bd, blocks })), ABBB_TEXT, `BD ${bd}`)
})

test('no block is larger than the frame allows', () => {
  const raw = (size: number): Buffer => frameOf({ blocks: [{ bytes: Buffer.alloc(size), raw: true }] })
  assert.equal(read(raw(65536)).length, 65536)
  assert.equal(read(raw(65537)), 'broken')
  // 1 literal, a match of 4 + 15 + 255 * n + rest, 5 literals.
  const long = (length: number): number[] => {
    const rest = length - 6 - 4 - 15
    return [0x1f, a, 1, 0, ...Array<number>(Math.floor(rest / 255)).fill(255), rest % 255, 0x50, b, b, b, b, b]
  }
  assert.equal(read(frameOf({ blocks: [{ bytes: long(65536) }] })).length, 65536)
  assert.equal(read(frameOf({ blocks: [{ bytes: long(65537) }] })), 'broken')
  assert.equal(read(frameOf({ bd: 0x50, blocks: [{ bytes: long(65537) }] })).length, 65537)
})
