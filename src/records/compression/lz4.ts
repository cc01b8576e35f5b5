/**
 * LZ4 in frames. The native package gives block functions only: its frame decoder brings the process down on a
 * truncated frame and is never called.
 */
import { asBuffer } from '../../base/bytes/reader.js'
import { optional } from '../../base/optional.js'
import { type CodecImplementation, clamp } from './codec.js'
import { decodeLz4Block, encodeLz4Block } from './lz4-block.js'
import { decodeLz4Frame, encodeLz4Frame, type Lz4Blocks } from './lz4-frame.js'

/** Kafka's default, which means the fast compressor there too; other levels mean the thorough one. */
const DEFAULT_LEVEL = 9
const MAX_NATIVE_LEVEL = 12

interface NativeLz4 {
  /** Returns how many bytes it wrote, 0 if they do not fit. */
  encodeBlock(input: Buffer, output: Buffer): number
  /** Returns how many bytes it wrote, below 0 if the block is broken or they do not fit. */
  decodeBlock(input: Buffer, output: Buffer): number
  readonly utils: {
    readonly bindings: { compressHCLimited(input: Buffer, output: Buffer, outputBytes: number, level: number): number }
  }
}

/** Best first. */
export function lz4Implementations(): readonly CodecImplementation[] {
  const native = optional<NativeLz4>('lz4')
  return native === undefined
    ? [codec('plain', plainBlocks)]
    : [codec('lz4', nativeBlocks(native)), codec('plain', plainBlocks)]
}

/** Has one level. */
const plainBlocks: Lz4Blocks = { encode: encodeLz4Block, decode: decodeLz4Block }

function nativeBlocks(native: NativeLz4): Lz4Blocks {
  return {
    encode(bytes, start, end, target, at, level = DEFAULT_LEVEL) {
      const input = bytes.subarray(start, end)
      const output = target.subarray(at)
      const written =
        level === DEFAULT_LEVEL
          ? native.encodeBlock(input, output)
          : native.utils.bindings.compressHCLimited(input, output, output.length, clamp(level, 1, MAX_NATIVE_LEVEL))
      return written > 0 ? at + written : encodeLz4Block(bytes, start, end, target, at)
    },
    decode(bytes, start, end, target, at) {
      // Empty memory has no address that the native side could be given.
      if (at === target.length) return at
      const written = native.decodeBlock(bytes.subarray(start, end), target.subarray(at))
      // It also refuses what was measured and can be decoded, where matches come too near to the end.
      return written < 0 ? decodeLz4Block(bytes, start, end, target, at) : at + written
    },
  }
}

function codec(implementation: string, blocks: Lz4Blocks): CodecImplementation {
  return {
    id: 3,
    name: 'lz4',
    implementation,
    compress: (bytes, level) => encodeLz4Frame(asBuffer(bytes), blocks, level),
    decompress: (bytes, maxBytes) => decodeLz4Frame(asBuffer(bytes), blocks, maxBytes),
  }
}
