/**
 * Snappy as Kafka's clients send it: the stream of snappy-java (xerial). Also a bare block without that framing is
 * read.
 *
 *     ┌─────────────────────────┬─────────┬────────────┬────────┬───────┬────────┬───────┬──
 *     │ 82 'S' 'N' 'A' 'P' 'P'  │ version │ compatible │ length │ block │ length │ block │ ...
 *     │ 'Y' 00                  │ int32 1 │ int32 1    │ int32  │       │ int32  │       │
 *     └─────────────────────────┴─────────┴────────────┴────────┴───────┴────────┴───────┴──
 *
 * Numbers are big-endian, a block is made of up to 32 KB. Streams may be concatenated: a header can stand where a
 * length is expected. There is no checksum and no end mark.
 */
import { asBuffer } from '../../base/bytes/reader.js'
import { optional } from '../../base/optional.js'
import { broken, type CodecImplementation, tooLarge } from './codec.js'
import {
  decodeSnappyBlock,
  encodeSnappyBlock,
  MAX_SNAPPY_RATIO,
  snappyBlockBound,
  snappyBlockLength,
} from './snappy-block.js'

const HEADER = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
const MAGIC_BYTES = 8
/** The first four bytes of a header, read as a length: below 0, so never one. */
const HEADER_AS_LENGTH = 0x82534e41 | 0

const BLOCK_BYTES = 32 * 1024
const LENGTH_BYTES = 4

/** How blocks are made and read; ranges are checked before. */
interface BlockCodec {
  /** Returns where the block ends in `target`, which has room for the worst case. */
  encode(bytes: Buffer, start: number, end: number, target: Buffer, at: number): number
  /** Fills `target[from, to)` exactly, or says no. */
  decode(bytes: Buffer, start: number, end: number, target: Buffer, from: number, to: number): boolean
}

interface NativeSnappy {
  compressSync(input: Uint8Array, options: { copyOutputData: boolean }): Buffer
  uncompressSync(input: Uint8Array, options: { copyOutputData: boolean }): Buffer
}

/** Best first. */
export function snappyImplementations(): readonly CodecImplementation[] {
  const plain = framed('plain', { encode: encodeSnappyBlock, decode: decodeSnappyBlock })
  const native = optional<NativeSnappy>('snappy')
  return native === undefined ? [plain] : [framed('snappy', nativeBlocks(native)), plain]
}

/** Copied output, because memory that is handed over from outside the heap is several times slower to release. */
function nativeBlocks(native: NativeSnappy): BlockCodec {
  const options = { copyOutputData: true }
  return {
    encode(bytes, start, end, target, at) {
      const block = native.compressSync(bytes.subarray(start, end), options)
      target.set(block, at)
      return at + block.length
    },
    decode(bytes, start, end, target, from, to) {
      try {
        const block = native.uncompressSync(bytes.subarray(start, end), options)
        if (block.length !== to - from) return false
        target.set(block, from)
        return true
      } catch {
        return false
      }
    },
  }
}

function framed(implementation: string, blocks: BlockCodec): CodecImplementation {
  return {
    id: 2,
    name: 'snappy',
    implementation,

    compress(bytes) {
      const source = asBuffer(bytes)
      const target = Buffer.allocUnsafe(streamBound(source.length))
      target.set(HEADER)
      let at = HEADER.length
      for (let start = 0; start < source.length; start += BLOCK_BYTES) {
        const end = Math.min(start + BLOCK_BYTES, source.length)
        const blockEnd = blocks.encode(source, start, end, target, at + LENGTH_BYTES)
        target.writeInt32BE(blockEnd - at - LENGTH_BYTES, at)
        at = blockEnd
      }
      return Buffer.from(target.subarray(0, at))
    },

    decompress(bytes, maxBytes) {
      const source = asBuffer(bytes)
      const eachBlock = isFramed(source) ? eachFramedBlock : wholeBlock
      let size = 0
      eachBlock(source, (start, end) => {
        size += statedLength(source, start, end)
      })
      if (size > maxBytes) throw tooLarge('snappy', maxBytes)
      const target = Buffer.allocUnsafe(size)
      let at = 0
      eachBlock(source, (start, end) => {
        const to = at + statedLength(source, start, end)
        if (!blocks.decode(source, start, end, target, at, to))
          throw broken('snappy', `the block at ${start} is broken`)
        at = to
      })
      return target
    },
  }
}

function streamBound(length: number): number {
  const wholeBlocks = Math.floor(length / BLOCK_BYTES)
  return (
    HEADER.length +
    wholeBlocks * (LENGTH_BYTES + snappyBlockBound(BLOCK_BYTES)) +
    (LENGTH_BYTES + snappyBlockBound(length % BLOCK_BYTES))
  )
}

function isFramed(source: Buffer): boolean {
  return hasHeaderAt(source, 0)
}

function hasHeaderAt(source: Buffer, at: number): boolean {
  return source.length - at >= HEADER.length && source.compare(HEADER, 0, MAGIC_BYTES, at, at + MAGIC_BYTES) === 0
}

function wholeBlock(source: Buffer, visit: (start: number, end: number) => void): void {
  visit(0, source.length)
}

function eachFramedBlock(source: Buffer, visit: (start: number, end: number) => void): void {
  for (let at = 0; at < source.length; ) {
    if (source.length - at < LENGTH_BYTES) throw broken('snappy', `${source.length - at} bytes too many at the end`)
    const length = source.readInt32BE(at)
    if (length === HEADER_AS_LENGTH && hasHeaderAt(source, at)) {
      at += HEADER.length
      continue
    }
    at += LENGTH_BYTES
    if (length < 0 || length > source.length - at) {
      throw broken('snappy', `a block of ${length} bytes where ${source.length - at} are left`)
    }
    visit(at, at + length)
    at += length
  }
}

/** What the block says that it becomes, if so few bytes can become so many: memory is taken on its word. */
function statedLength(source: Buffer, start: number, end: number): number {
  const length = snappyBlockLength(source, start, end)
  if (length < 0 || length > (end - start) * MAX_SNAPPY_RATIO) {
    throw broken('snappy', `the block at ${start} states an impossible length`)
  }
  return length
}
