/**
 * Snappy's raw block (google/snappy, format_description.txt) in JavaScript.
 *
 *     ┌─────────────────────┬──────────────────────────────────────────────────────────────────────┐
 *     │ length when         │ elements, by the two low bits of their first byte:                   │
 *     │ decompressed,       │ 00 literal: length - 1 in 6 bits (60 to 63: in 1 to 4 bytes), bytes  │
 *     │ unsigned varint     │ 01 copy: length 4-11, offset in 11 bits   10, 11: length 1-64,       │
 *     │                     │                                   offset in 2 or 4 bytes             │
 *     └─────────────────────┴──────────────────────────────────────────────────────────────────────┘
 *
 * The decoder takes any bytes: it stays inside its ranges, always moves forward, and says no unless input and output
 * end together. (The package snappyjs does neither: it takes cut blocks, and a literal of 2^31 bytes or more makes it
 * loop.)
 */

/** A copy of 64 bytes takes 3: no block of n bytes becomes longer than this many times n. */
export const MAX_SNAPPY_RATIO = 22

const MAX_UINT32 = 0xffff_ffff

/** Longer literals are worth a native copy. */
const NATIVE_COPY_FROM_BYTES = 48

const MAX_TABLE_BITS = 14
const MIN_TABLE_BITS = 8
const table = new Uint16Array(1 << MAX_TABLE_BITS)

/** The compressor's largest block, because its positions are kept in 16 bits. */
export const MAX_SNAPPY_BLOCK_BYTES = 64 * 1024

/** How many bytes the block at `bytes[start, end)` says that it becomes; -1 if it says nothing valid. */
export function snappyBlockLength(bytes: Uint8Array, start: number, end: number): number {
  let length = 0
  for (let index = 0, at = start; index < 5 && at < end; index++, at++) {
    const byte = bytes[at]!
    length += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return length <= MAX_UINT32 ? length : -1
  }
  return -1
}

/**
 * Decodes `bytes[start, end)` into `target[targetStart, targetEnd)`, which must be exactly as long as the block says.
 * False if the block is broken.
 */
export function decodeSnappyBlock(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetStart: number,
  targetEnd: number,
): boolean {
  let at = start
  while (bytes[at]! >= 0x80) at++
  at++
  let to = targetStart
  while (at < end) {
    const tag = bytes[at++]!
    let length: number
    if ((tag & 3) === 0) {
      length = (tag >>> 2) + 1
      if (length > 60) {
        const lengthBytes = length - 60
        if (lengthBytes > end - at) return false
        length = 0
        for (let index = 0; index < lengthBytes; index++) length += bytes[at + index]! * 2 ** (8 * index)
        length++
        at += lengthBytes
      }
      if (length > end - at || length > targetEnd - to) return false
      if (length >= NATIVE_COPY_FROM_BYTES) {
        target.set(bytes.subarray(at, at + length), to)
        to += length
        at += length
      } else {
        for (const stop = at + length; at < stop; ) target[to++] = bytes[at++]!
      }
      continue
    }
    let offset: number
    if ((tag & 3) === 1) {
      if (at >= end) return false
      length = ((tag >>> 2) & 7) + 4
      offset = ((tag >>> 5) << 8) | bytes[at++]!
    } else {
      length = (tag >>> 2) + 1
      const offsetBytes = (tag & 3) === 2 ? 2 : 4
      if (offsetBytes > end - at) return false
      offset = bytes[at]! | (bytes[at + 1]! << 8)
      if (offsetBytes === 4) offset = (offset | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
      at += offsetBytes
    }
    if (offset === 0 || offset > to - targetStart || length > targetEnd - to) return false
    for (let from = to - offset, stop = to + length; to < stop; ) target[to++] = target[from++]!
  }
  return to === targetEnd
}

/** The most that a block of `length` bytes can need. */
export function snappyBlockBound(length: number): number {
  return 32 + length + Math.ceil(length / 6)
}

/**
 * Encodes `bytes[start, end)`, at most 64 KB of them, as one block at `target[at]`; `target` must have room for
 * `snappyBlockBound` bytes. Returns where the block ends. Greedy, with one hash table, and faster and faster steps
 * through what does not compress.
 */
export function encodeSnappyBlock(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): number {
  const size = end - start
  for (let rest = size; ; rest >>>= 7) {
    target[at++] = rest > 0x7f ? (rest & 0x7f) | 0x80 : rest
    if (rest <= 0x7f) break
  }
  const tableBits = Math.min(MAX_TABLE_BITS, Math.max(MIN_TABLE_BITS, 32 - Math.clz32(size)))
  const shift = 32 - tableBits
  table.fill(0, 0, 1 << tableBits)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // A match needs four bytes to hash at each of its ends.
  const lastStart = end - 8
  let literalFrom = start
  let position = start + 1
  let misses = 32
  while (position <= lastStart) {
    const word = view.getInt32(position, true)
    const slot = Math.imul(word, 0x9e3779b1) >>> shift
    const candidate = start + table[slot]!
    table[slot] = position - start
    if (view.getInt32(candidate, true) !== word) {
      position += misses++ >>> 5
      continue
    }
    misses = 32
    let matchEnd = position + 4
    for (let from = candidate + 4; matchEnd < end && bytes[from] === bytes[matchEnd]; from++) matchEnd++
    if (literalFrom < position) at = writeLiteral(bytes, literalFrom, position, target, at)
    at = writeCopy(position - candidate, matchEnd - position, target, at)
    // One position inside the match is remembered too: long runs are found again from there.
    if (matchEnd <= lastStart) {
      table[Math.imul(view.getInt32(matchEnd - 1, true), 0x9e3779b1) >>> shift] = matchEnd - 1 - start
    }
    literalFrom = matchEnd
    position = matchEnd
  }
  return literalFrom < end ? writeLiteral(bytes, literalFrom, end, target, at) : at
}

function writeLiteral(bytes: Uint8Array, from: number, to: number, target: Uint8Array, at: number): number {
  const length = to - from
  const rest = length - 1
  if (rest < 60) {
    target[at++] = rest << 2
  } else if (rest < 0x100) {
    target[at++] = 60 << 2
    target[at++] = rest
  } else {
    target[at++] = 61 << 2
    target[at++] = rest & 0xff
    target[at++] = rest >>> 8
  }
  if (length >= NATIVE_COPY_FROM_BYTES) {
    target.set(bytes.subarray(from, to), at)
    return at + length
  }
  while (from < to) target[at++] = bytes[from++]!
  return at
}

/** Offsets are below 2^16. A copy is at most 64 long; what is left must be 4 or more to fit the short form. */
function writeCopy(offset: number, length: number, target: Uint8Array, at: number): number {
  while (length > 0) {
    const piece = length <= 64 ? length : length < 68 ? 60 : 64
    if (piece >= 4 && piece <= 11 && offset < 2048) {
      target[at++] = 1 | ((piece - 4) << 2) | ((offset >>> 8) << 5)
      target[at++] = offset & 0xff
    } else {
      target[at++] = 2 | ((piece - 1) << 2)
      target[at++] = offset & 0xff
      target[at++] = offset >>> 8
    }
    length -= piece
  }
  return at
}
