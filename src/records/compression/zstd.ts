/**
 * Zstd (RFC 8878) by `node:zlib` where Node has it (from 22.15), and by WebAssembly.
 */
import * as zlib from 'node:zlib'
import { asBuffer } from '../../base/bytes/reader.js'
import { broken, type CodecImplementation, CompressionError, clamp, tooLarge } from './codec.js'
import { isTooLarge } from './gzip.js'
import { type ZstdFrame, zstdFrames } from './zstd-frame.js'
import { loadZstdWasm } from './zstd-wasm.js'

const DEFAULT_LEVEL = 3
const MIN_LEVEL = -(2 ** 17)
const MAX_LEVEL = 22

/** How `node:zlib` is told the level, and how much it takes at once. */
const COMPRESSION_LEVEL_PARAMETER = 100
const MIN_CHUNK_BYTES = 64
const MAX_CHUNK_BYTES = 1024 * 1024

/** What newer versions of Node add to `node:zlib`. */
interface ZlibWithZstd {
  zstdCompressSync?: (bytes: Uint8Array, options: { params: Record<number, number> }) => Buffer
  zstdDecompressSync?: ZstdDecompressSync
}

type ZstdDecompressSync = (bytes: Uint8Array, options: { maxOutputLength: number; chunkSize: number }) => Buffer

/** Best first; none if Node is too old and the package is absent. */
export function zstdImplementations(): readonly CodecImplementation[] {
  return [builtIn(), wasm()].filter((codec) => codec !== undefined)
}

function builtIn(): CodecImplementation | undefined {
  const { zstdCompressSync, zstdDecompressSync } = zlib as ZlibWithZstd
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return undefined
  return {
    id: 4,
    name: 'zstd',
    implementation: 'node:zlib',
    compress: (bytes, level = DEFAULT_LEVEL) =>
      zstdCompressSync(bytes, { params: { [COMPRESSION_LEVEL_PARAMETER]: clamp(level, MIN_LEVEL, MAX_LEVEL) } }),
    decompress: bounded((bytes, capacityBytes, frames) => {
      // Node stops behind the first frame, and says nothing of the rest.
      const parts: Buffer[] = []
      let left = capacityBytes
      for (const { start, end, bound } of frames) {
        const part = decompressFrame(zstdDecompressSync, bytes.subarray(start, end), Math.min(bound, left))
        left -= part.length
        parts.push(part)
      }
      return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    }),
  }
}

function decompressFrame(decompressSync: ZstdDecompressSync, frame: Buffer, capacityBytes: number): Buffer {
  try {
    const chunkSize = clamp(capacityBytes, MIN_CHUNK_BYTES, MAX_CHUNK_BYTES)
    // Node takes no limit of 0; one byte too many is caught by the sum.
    return decompressSync(frame, { maxOutputLength: Math.max(capacityBytes, 1), chunkSize })
  } catch (error) {
    if (isTooLarge(error)) throw new CompressionError('too-large', `zstd: more than ${capacityBytes} bytes`)
    throw broken('zstd', error instanceof Error ? error.message : String(error))
  }
}

function wasm(): CodecImplementation | undefined {
  const zstd = loadZstdWasm()
  if (zstd === undefined) return undefined
  return {
    id: 4,
    name: 'zstd',
    implementation: '@bokuweb/zstd-wasm',
    compress: (bytes, level = DEFAULT_LEVEL) => zstd.compress(asBuffer(bytes), clamp(level, MIN_LEVEL, MAX_LEVEL)),
    decompress: bounded((bytes, capacityBytes) => zstd.decompress(bytes, capacityBytes)),
  }
}

type DecodeFrames = (bytes: Buffer, capacityBytes: number, frames: readonly ZstdFrame[]) => Buffer

/**
 * Looks at the frames before anything is reserved for them, and tells "too large" from "not what the frames stated".
 */
function bounded(decode: DecodeFrames): (bytes: Uint8Array, maxBytes: number) => Buffer {
  return (bytes, maxBytes) => {
    const source = asBuffer(bytes)
    const frames = zstdFrames(source)
    // Who may take less will ask again with more: nothing is decoded in vain.
    if (frames.reduce((sum, frame) => sum + frame.least, 0) > maxBytes) throw tooLarge('zstd', maxBytes)
    const bound = frames.reduce((sum, frame) => sum + frame.bound, 0)
    try {
      const plain = decode(source, Math.min(bound, maxBytes), frames)
      if (plain.length <= maxBytes) return plain
    } catch (error) {
      const brokenInside = error instanceof CompressionError && error.fault === 'too-large' && bound <= maxBytes
      throw brokenInside ? broken('zstd', 'the frames become more than they state') : error
    }
    throw tooLarge('zstd', maxBytes)
  }
}
