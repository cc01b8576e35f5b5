/**
 * The LZ4 frame (lz4/doc/lz4_Frame_format.md) around blocks. Numbers are little-endian.
 *
 *     ┌────────────┬─────┬─────┬──────────────┬────────┬──────────────────────────────────────┬────────┬───────────┐
 *     │ magic      │ FLG │ BD  │ content size │ header │ blocks: length uint32 (bit 31: not   │ end    │ content   │
 *     │ 0x184d2204 │     │     │ uint64, if   │ check- │ compressed), bytes, xxh32 of them if │ mark   │ xxh32, if │
 *     │            │     │     │ FLG says so  │ sum u8 │ FLG says so                          │ int32 0│ FLG ...   │
 *     └────────────┴─────┴─────┴──────────────┴────────┴──────────────────────────────────────┴────────┴───────────┘
 *
 *     FLG: 7 6 version 01 | 5 independent blocks | 4 block checksums | 3 content size | 2 content checksum |
 *          0 dictionary
 *     BD:  6 5 4 largest block: 4 to 7 for 64 KB, 256 KB, 1 MB, 4 MB
 *
 * Written as Kafka's Lz4BlockOutputStream does: independent blocks of 64 KB, no checksum but the header's. Read is more
 * than it reads: dependent blocks too, and every checksum is verified. Like there, what follows the frame is ignored.
 */
import { broken, tooLarge } from './codec.js'
import { decodeLz4Block, LZ4_BROKEN, lz4BlockBound, lz4BlockLength } from './lz4-block.js'
import { xxhash32 } from './xxhash32.js'

/** How blocks are made and read. */
export interface Lz4Blocks {
  /** Returns where the block ends in `target`, which has room for `lz4BlockBound(end - start)` bytes. */
  encode(bytes: Buffer, start: number, end: number, target: Buffer, at: number, level: number | undefined): number
  /** An independent block that was measured and has room in `target`: returns where the output ends. */
  decode(bytes: Buffer, start: number, end: number, target: Buffer, at: number): number
}

const MAGIC = 0x184d2204
const MAGIC_BYTES = 4
const LENGTH_BYTES = 4
const CHECKSUM_BYTES = 4

const VERSION_MASK = 0xc0
const VERSION_1 = 0x40
const INDEPENDENT_BIT = 0x20
const BLOCK_CHECKSUM_BIT = 0x10
const CONTENT_SIZE_BIT = 0x08
const CONTENT_CHECKSUM_BIT = 0x04
const DICTIONARY_BIT = 0x01
const FLG_RESERVED = 0x02
const BD_RESERVED = 0x8f

const NOT_COMPRESSED_BIT = 0x8000_0000

const WRITTEN_BLOCK_BYTES = 64 * 1024
/** Magic, FLG 0x60, BD 0x40 and the checksum of those two. */
const WRITTEN_HEADER = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])

export function encodeLz4Frame(bytes: Buffer, blocks: Lz4Blocks, level: number | undefined): Buffer {
  const blockCount = Math.ceil(bytes.length / WRITTEN_BLOCK_BYTES)
  const slackBytes = lz4BlockBound(WRITTEN_BLOCK_BYTES) - WRITTEN_BLOCK_BYTES
  const target = Buffer.allocUnsafe(
    WRITTEN_HEADER.length + bytes.length + blockCount * (LENGTH_BYTES + slackBytes) + LENGTH_BYTES,
  )
  target.set(WRITTEN_HEADER)
  let at = WRITTEN_HEADER.length
  for (let start = 0; start < bytes.length; start += WRITTEN_BLOCK_BYTES) {
    const end = Math.min(start + WRITTEN_BLOCK_BYTES, bytes.length)
    const blockAt = at + LENGTH_BYTES
    const blockEnd = blocks.encode(bytes, start, end, target, blockAt, level)
    if (blockEnd - blockAt < end - start) {
      target.writeUInt32LE(blockEnd - blockAt, at)
      at = blockEnd
    } else {
      target.writeUInt32LE(NOT_COMPRESSED_BIT + (end - start), at)
      target.set(bytes.subarray(start, end), blockAt)
      at = blockAt + end - start
    }
  }
  target.writeUInt32LE(0, at)
  return Buffer.from(target.subarray(0, at + LENGTH_BYTES))
}

/** Throws `CompressionError`. */
export function decodeLz4Frame(bytes: Buffer, blocks: Lz4Blocks, maxBytes: number): Buffer {
  const frame = readHeader(bytes)
  const size = measure(bytes, frame, maxBytes)
  if (frame.contentSize !== undefined && frame.contentSize !== size) throw broken('lz4', 'the content size is wrong')
  const target = Buffer.allocUnsafe(size)
  let to = 0
  let at = frame.blocksAt
  for (;;) {
    const field = bytes.readUInt32LE(at)
    at += LENGTH_BYTES
    if (field === 0) break
    const end = at + (field % NOT_COMPRESSED_BIT)
    if (field < NOT_COMPRESSED_BIT) {
      // Dependent blocks refer to what stands before them in the target: that, only our own decoder can do.
      to = frame.independent ? blocks.decode(bytes, at, end, target, to) : decodeLz4Block(bytes, at, end, target, to)
    } else {
      target.set(bytes.subarray(at, end), to)
      to += end - at
    }
    at = end + frame.blockChecksumBytes
  }
  if (to !== size) throw broken('lz4', `${to} bytes where ${size} were measured`)
  if (frame.contentChecksum && bytes.readUInt32LE(at) !== xxhash32(target, 0, size)) {
    throw broken('lz4', 'the content checksum is wrong')
  }
  return target
}

interface Frame {
  readonly independent: boolean
  readonly blockChecksumBytes: number
  readonly contentChecksum: boolean
  readonly contentSize: number | undefined
  readonly maxBlockBytes: number
  /** Where the first block's length stands. */
  readonly blocksAt: number
}

function readHeader(bytes: Buffer): Frame {
  if (bytes.length < WRITTEN_HEADER.length) throw broken('lz4', 'the frame ends inside its header')
  if (bytes.readUInt32LE(0) !== MAGIC) throw broken('lz4', 'there is no frame')
  const flg = bytes[MAGIC_BYTES]!
  const bd = bytes[MAGIC_BYTES + 1]!
  if ((flg & VERSION_MASK) !== VERSION_1) throw broken('lz4', `version ${flg >>> 6} of the frame is unknown`)
  if ((flg & FLG_RESERVED) !== 0 || (bd & BD_RESERVED) !== 0) throw broken('lz4', 'reserved bits are set')
  if ((flg & DICTIONARY_BIT) !== 0) throw broken('lz4', 'the frame needs a dictionary')
  const sizeId = bd >>> 4
  if (sizeId < 4) throw broken('lz4', `block size ${sizeId} is unknown`)
  const hasContentSize = (flg & CONTENT_SIZE_BIT) !== 0
  const checksumAt = MAGIC_BYTES + 2 + (hasContentSize ? 8 : 0)
  if (bytes.length <= checksumAt) throw broken('lz4', 'the frame ends inside its header')
  const checksum = bytes[checksumAt]
  // Clients of magic 0 and 1 took the checksum over the magic as well.
  if (
    checksum !== headerChecksum(bytes, MAGIC_BYTES, checksumAt) &&
    checksum !== headerChecksum(bytes, 0, checksumAt)
  ) {
    throw broken('lz4', "the header's checksum is wrong")
  }
  return {
    independent: (flg & INDEPENDENT_BIT) !== 0,
    blockChecksumBytes: (flg & BLOCK_CHECKSUM_BIT) === 0 ? 0 : CHECKSUM_BYTES,
    contentChecksum: (flg & CONTENT_CHECKSUM_BIT) !== 0,
    contentSize: hasContentSize ? readUint64(bytes, MAGIC_BYTES + 2) : undefined,
    maxBlockBytes: 1 << (8 + 2 * sizeId),
    blocksAt: checksumAt + 1,
  }
}

/** Walks over the blocks without decoding: that they are all there and in order, and how much they become. */
function measure(bytes: Buffer, frame: Frame, maxBytes: number): number {
  let size = 0
  for (let at = frame.blocksAt; ; ) {
    if (bytes.length - at < LENGTH_BYTES) throw broken('lz4', 'the frame has no end mark')
    const field = bytes.readUInt32LE(at)
    at += LENGTH_BYTES
    if (field === 0) {
      if (frame.contentChecksum && bytes.length - at < CHECKSUM_BYTES) throw broken('lz4', 'the frame is cut off')
      return size
    }
    const stored = field % NOT_COMPRESSED_BIT
    const end = at + stored
    if (stored > frame.maxBlockBytes) throw broken('lz4', `a block of ${stored} bytes is larger than the frame allows`)
    if (stored + frame.blockChecksumBytes > bytes.length - at) throw broken('lz4', 'the frame is cut off')
    if (frame.blockChecksumBytes > 0 && bytes.readUInt32LE(end) !== xxhash32(bytes, at, end)) {
      throw broken('lz4', 'the checksum of a block is wrong')
    }
    const length = field < NOT_COMPRESSED_BIT ? lz4BlockLength(bytes, at, end, frame.independent ? 0 : size) : stored
    if (length === LZ4_BROKEN || length > frame.maxBlockBytes) throw broken('lz4', `the block at ${at} is broken`)
    size += length
    if (size > maxBytes) throw tooLarge('lz4', maxBytes)
    at = end + frame.blockChecksumBytes
  }
}

function headerChecksum(bytes: Buffer, start: number, end: number): number {
  return (xxhash32(bytes, start, end) >>> 8) & 0xff
}

/** Beyond 2^53 rounded, and then far beyond any limit. */
function readUint64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 0x1_0000_0000
}
