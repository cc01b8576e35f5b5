/**
 * The outside of zstd frames (RFC 8878): enough to know, without decoding, that every block is there and how much
 * they can become. Decoders want to be told how much memory to fill, and senders that stream do not state it.
 *
 *     ┌────────────┬────────────┬────────────────────┬───────────────────────────────────────────────┬───────────┐
 *     │ magic      │ descriptor │ window (unless     │ blocks: header of 3 bytes, then the block     │ xxh64 low │
 *     │ 0xfd2fb528 │ uint8      │ single), dictionary│   bit 0 last | 1 2 raw, RLE, compressed, -    │ uint32,   │
 *     │            │            │ id, content size   │   3 .. 23 size (RLE: of the output, 1 byte)   │ if stated │
 *     └────────────┴────────────┴────────────────────┴───────────────────────────────────────────────┴───────────┘
 *
 *     descriptor: 7 6 length of content size | 5 single segment | 3 reserved | 2 checksum | 1 0 length of dictionary id
 *
 * Frames may follow each other, skippable ones (0x184d2a50 to 5f, uint32 size) among them; anything else is refused.
 */
import { broken } from './codec.js'

const MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50
const SKIPPABLE_BYTES = 8

const SINGLE_SEGMENT_BIT = 0x20
const RESERVED_BIT = 0x08
const CHECKSUM_BIT = 0x04

const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const

const BLOCK_HEADER_BYTES = 3
const RLE_BLOCK = 1
const COMPRESSED_BLOCK = 2
const RESERVED_BLOCK = 3
const CHECKSUM_BYTES = 4
const LARGEST_BLOCK_BYTES = 128 * 1024

/** What zstd accepts unless told otherwise, in every implementation; decoders that stream take this much memory. */
const LARGEST_WINDOW_BYTES = 128 * 1024 * 1024

/** More are refused: each costs about as much as a small batch. A compressor writes one. */
const MAX_FRAMES = 1000

/** A frame with content. */
export interface ZstdFrame {
  readonly start: number
  readonly end: number
  /** The most bytes that it can become; exactly what it becomes if it states that. */
  readonly bound: number
  /** The fewest, as far as that can be told from outside. */
  readonly least: number
}

/**
 * Throws `CompressionError` if there is no frame, if one is cut off or states what its blocks cannot be, or if
 * something else follows.
 */
export function zstdFrames(bytes: Buffer): ZstdFrame[] {
  const frames: ZstdFrame[] = []
  if (bytes.length === 0) throw broken('zstd', 'there is no frame')
  for (let at = 0; at < bytes.length; ) {
    need(bytes, at, SKIPPABLE_BYTES)
    const magic = bytes.readUInt32LE(at)
    if ((magic & 0xffff_fff0) >>> 0 === SKIPPABLE_MAGIC) {
      const size = bytes.readUInt32LE(at + 4)
      need(bytes, at + SKIPPABLE_BYTES, size)
      at += SKIPPABLE_BYTES + size
      continue
    }
    if (magic !== MAGIC) throw broken('zstd', `there is no frame at ${at}`)
    if (frames.length === MAX_FRAMES) throw broken('zstd', `there are more than ${MAX_FRAMES} frames`)
    const frame = walkFrame(bytes, at)
    frames.push(frame)
    at = frame.end
  }
  return frames
}

function walkFrame(bytes: Buffer, start: number): ZstdFrame {
  const descriptor = bytes[start + 4]!
  if ((descriptor & RESERVED_BIT) !== 0) throw broken('zstd', 'a reserved bit is set')
  const single = (descriptor & SINGLE_SEGMENT_BIT) !== 0
  const sizeBytes = CONTENT_SIZE_BYTES[descriptor >>> 6] || (single ? 1 : 0)
  const dictionaryBytes = DICTIONARY_ID_BYTES[descriptor & 3]!
  let at = start + 5
  need(bytes, at, (single ? 0 : 1) + dictionaryBytes + sizeBytes)
  let windowBytes = single ? 0 : windowSize(bytes[at++]!)
  if (windowBytes > LARGEST_WINDOW_BYTES) throw broken('zstd', `a window of ${windowBytes} bytes is too large`)
  if (dictionaryBytes > 0 && bytes.readUIntLE(at, dictionaryBytes) !== 0) throw broken('zstd', 'a dictionary is needed')
  at += dictionaryBytes
  const stated = contentSize(bytes, at, sizeBytes)
  at += sizeBytes
  if (single) windowBytes = stated!
  const largestBytes = Math.min(windowBytes, LARGEST_BLOCK_BYTES)
  let bound = 0
  let least = 0
  for (let last = false; !last; ) {
    need(bytes, at, BLOCK_HEADER_BYTES)
    const header = bytes.readUIntLE(at, BLOCK_HEADER_BYTES)
    at += BLOCK_HEADER_BYTES
    last = (header & 1) === 1
    const type = (header >>> 1) & 3
    const size = header >>> 3
    if (type === RESERVED_BLOCK) throw broken('zstd', 'a block of a reserved type')
    if (size > largestBytes) throw broken('zstd', `a block of ${size} bytes is too large`)
    const storedBytes = type === RLE_BLOCK ? 1 : size
    need(bytes, at, storedBytes)
    at += storedBytes
    bound += type === COMPRESSED_BLOCK ? largestBytes : size
    least += type === COMPRESSED_BLOCK ? 0 : size
  }
  if (stated !== undefined && stated > bound) throw broken('zstd', 'the stated size is impossible')
  const checksumBytes = (descriptor & CHECKSUM_BIT) === 0 ? 0 : CHECKSUM_BYTES
  need(bytes, at, checksumBytes)
  return { start, end: at + checksumBytes, bound: stated ?? bound, least: stated ?? least }
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3))
  return base + (base / 8) * (descriptor & 7)
}

function contentSize(bytes: Buffer, at: number, sizeBytes: number): number | undefined {
  switch (sizeBytes) {
    case 0:
      return undefined
    case 1:
      return bytes[at]!
    case 2:
      return bytes.readUInt16LE(at) + 256
    case 4:
      return bytes.readUInt32LE(at)
    default:
      return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 0x1_0000_0000
  }
}

function need(bytes: Buffer, at: number, count: number): void {
  if (count > bytes.length - at) throw broken('zstd', 'the frame is cut off')
}
