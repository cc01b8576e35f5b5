/**
 * Gzip (RFC 1952) by `node:zlib`. Several members in a row are read as one, and what follows the last one and is no
 * gzip is ignored, as Java's GZIPInputStream does.
 */
import { gunzipSync, gzipSync, inflateRawSync } from 'node:zlib'
import { broken, type CodecImplementation, CompressionError, clamp, tooLarge } from './codec.js'

/** Zlib's -1 is level 6. */
const DEFAULT_LEVEL = -1
const MAX_LEVEL = 9

/** Deflate at its best. */
const MAX_RATIO = 1032

/** What zlib wants at least, and what is taken at once at most. */
const MIN_CHUNK_BYTES = 64
const MAX_CHUNK_BYTES = 1024 * 1024

const HEADER_BYTES = 10
/** CRC-32 and size. */
const TRAILER_BYTES = 8
const DEFLATE = 8
const TEXT_FLAG = 1
const HEADER_CHECKSUM_FLAG = 2
const EXTRA_FLAG = 4
const NAME_FLAG = 8
const COMMENT_FLAG = 16

export function gzipImplementations(): readonly CodecImplementation[] {
  return [gzip]
}

const gzip: CodecImplementation = {
  id: 1,
  name: 'gzip',
  implementation: 'node:zlib',

  compress(bytes, level = DEFAULT_LEVEL) {
    return gzipSync(bytes, { level: clamp(level, DEFAULT_LEVEL, MAX_LEVEL) })
  },

  decompress(bytes, maxBytes) {
    try {
      return gunzip(bytes, maxBytes)
    } catch (error) {
      if (!(error instanceof CompressionError) || error.fault !== 'broken') throw error
      // Zlib does not forgive garbage behind the last member.
      const end = membersEnd(bytes, maxBytes)
      if (end === undefined || end === bytes.length) throw error
      return gunzip(bytes.subarray(0, end), maxBytes)
    }
  },
}

function gunzip(bytes: Uint8Array, maxBytes: number): Uint8Array {
  let plain: Uint8Array
  try {
    // Zlib takes no limit of 0; one byte too many is caught below.
    plain = gunzipSync(bytes, { maxOutputLength: Math.max(maxBytes, 1), chunkSize: chunkBytes(bytes, maxBytes) })
  } catch (error) {
    if (isTooLarge(error)) throw tooLarge('gzip', maxBytes)
    throw broken('gzip', error instanceof Error ? error.message : String(error))
  }
  if (plain.length > maxBytes) throw tooLarge('gzip', maxBytes)
  return plain
}

/** Where the last member ends, behind which nothing looks like a member; undefined if a member is broken. */
function membersEnd(bytes: Uint8Array, maxBytes: number): number | undefined {
  let end: number | undefined
  let total = 0
  for (;;) {
    const dataAt = headerEnd(bytes, end ?? 0)
    if (dataAt === undefined) return end
    let inflated: InflateInfo
    try {
      const options = { info: true, maxOutputLength: Math.max(maxBytes, 1) }
      inflated = inflateRawSync(bytes.subarray(dataAt), options) as unknown as InflateInfo
    } catch (error) {
      if (isTooLarge(error)) throw tooLarge('gzip', maxBytes)
      return undefined
    }
    total += inflated.buffer.length
    if (total > maxBytes) throw tooLarge('gzip', maxBytes)
    end = dataAt + inflated.engine.bytesWritten + TRAILER_BYTES
    if (end > bytes.length) return undefined
  }
}

/** What zlib returns with the option `info`; `bytesWritten` is how much of the input it used. */
interface InflateInfo {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

/** Where the header of the member at `at` ends; undefined if none begins there. */
function headerEnd(bytes: Uint8Array, at: number): number | undefined {
  if (bytes.length - at < HEADER_BYTES) return undefined
  if (bytes[at] !== 0x1f || bytes[at + 1] !== 0x8b || bytes[at + 2] !== DEFLATE) return undefined
  const flags = bytes[at + 3]!
  if (flags > HEADER_CHECKSUM_FLAG + EXTRA_FLAG + NAME_FLAG + COMMENT_FLAG + TEXT_FLAG) return undefined
  let end = at + HEADER_BYTES
  if ((flags & EXTRA_FLAG) !== 0) end += 2 + (bytes[end] ?? 0) + (bytes[end + 1] ?? 0) * 256
  for (const flag of [NAME_FLAG, COMMENT_FLAG]) {
    if ((flags & flag) === 0) continue
    const zeroAt = bytes.indexOf(0, end)
    if (zeroAt < 0) return undefined
    end = zeroAt + 1
  }
  if ((flags & HEADER_CHECKSUM_FLAG) !== 0) end += 2
  return end
}

/** Zlib's way to say that the output passed `maxOutputLength`. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
}

/**
 * How much zlib should take at a time: the size that a gzip member states in its last four bytes, so that one piece
 * holds all of it (1.4 times as fast at 1 MB, and no 16 KB held for a small batch). It is only a hint and may be a
 * lie.
 */
function chunkBytes(bytes: Uint8Array, maxBytes: number): number {
  const at = bytes.length - 4
  if (at < 0) return MIN_CHUNK_BYTES
  const stated = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  return clamp(Math.min(stated + 1, maxBytes, bytes.length * MAX_RATIO), MIN_CHUNK_BYTES, MAX_CHUNK_BYTES)
}
