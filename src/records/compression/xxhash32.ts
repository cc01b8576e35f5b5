/**
 * xxHash32 (Yann Collet, "xxHash fast digest algorithm"), seed 0: the checksum inside LZ4 frames. Not for hash tables.
 */
const PRIME_1 = 0x9e3779b1 | 0
const PRIME_2 = 0x85ebca77 | 0
const PRIME_3 = 0xc2b2ae3d | 0
const PRIME_4 = 0x27d4eb2f | 0
const PRIME_5 = 0x165667b1 | 0

/** The hash of `bytes[start, end)`, unsigned. */
export function xxhash32(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  let hash: number
  if (end - start >= 16) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let a = (PRIME_1 + PRIME_2) | 0
    let b = PRIME_2
    let c = 0
    let d = -PRIME_1 | 0
    for (const last = end - 16; at <= last; at += 16) {
      a = lane(a, view.getInt32(at, true))
      b = lane(b, view.getInt32(at + 4, true))
      c = lane(c, view.getInt32(at + 8, true))
      d = lane(d, view.getInt32(at + 12, true))
    }
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0
  } else {
    hash = PRIME_5
  }
  hash = (hash + (end - start)) | 0
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    hash = Math.imul(rotate((hash + Math.imul(word, PRIME_3)) | 0, 17), PRIME_4)
  }
  for (; at < end; at++) hash = Math.imul(rotate((hash + Math.imul(bytes[at]!, PRIME_5)) | 0, 11), PRIME_1)
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2)
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3)
  return (hash ^ (hash >>> 16)) >>> 0
}

function lane(accumulator: number, word: number): number {
  return Math.imul(rotate((accumulator + Math.imul(word, PRIME_2)) | 0, 13), PRIME_1)
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}
