/**
 * The LZ4 block (lz4/doc/lz4_Block_format.md) in JavaScript: sequences of literals and a match, without any header.
 *
 *     ┌──────────────────────┬──────────────┬──────────┬──────────────┬──────────────┐
 *     │ token: literals in   │ more length, │ literals │ offset       │ more length, │   the last sequence
 *     │ the high 4 bits,     │ 255 and on   │          │ 16 bits,     │ 255 and on   │   ends with its literals
 *     │ match - 4 in the low │ if 15        │          │ little endian│ if 15        │
 *     └──────────────────────┴──────────────┴──────────┴──────────────┴──────────────┘
 *
 * A block is measured first: that walks over its sequences and takes any bytes. Decoding, here or by native code,
 * then needs no checks and finds its output just as long. (The native decoder alone takes an offset of 0, which is
 * invalid, and fills the match with whatever stood in the memory before.)
 */

/** No sequence of literals and match reaches so far, or it reaches outside. */
export const LZ4_BROKEN = -1

const MIN_MATCH = 4
const MAX_OFFSET = 0xffff
/** The format wants the last 5 bytes as literals, and no match that begins in the last 12. */
const LAST_LITERALS = 5
const MATCH_FREE_TAIL = 12

/** Longer runs are worth a native copy. */
const NATIVE_COPY_FROM_BYTES = 48

const MAX_TABLE_BITS = 14
const MIN_TABLE_BITS = 8
/** Position in the block + 1 of the last four bytes that fell into the slot; 0: none. */
const table = new Int32Array(1 << MAX_TABLE_BITS)

/** The most that a block of `length` bytes can need. */
export function lz4BlockBound(length: number): number {
  return length + Math.floor(length / 255) + 16
}

/**
 * How many bytes the block at `bytes[start, end)` becomes, or `LZ4_BROKEN`. Matches may reach back into
 * `historyBytes` of output before it: 0 in an independent block.
 */
export function lz4BlockLength(bytes: Uint8Array, start: number, end: number, historyBytes: number): number {
  let from = start
  let to = historyBytes
  while (from < end) {
    const token = bytes[from++]!
    let length = token >>> 4
    if (length === 15) {
      for (let more = 255; more === 255; length += more) {
        if (from >= end) return LZ4_BROKEN
        more = bytes[from++]!
      }
    }
    from += length
    to += length
    if (from === end) return to - historyBytes
    if (end - from < 2) return LZ4_BROKEN
    const offset = bytes[from]! | (bytes[from + 1]! << 8)
    if (offset === 0 || offset > to) return LZ4_BROKEN
    from += 2
    length = token & 15
    if (length === 15) {
      for (let more = 255; more === 255; length += more) {
        if (from >= end) return LZ4_BROKEN
        more = bytes[from++]!
      }
    }
    to += length + MIN_MATCH
  }
  // Also an empty block comes here: the last sequence, literals only, is missing.
  return LZ4_BROKEN
}

/**
 * Decodes a block that was measured to `target[at]`, before which its history stands. Returns where the output ends.
 */
export function decodeLz4Block(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  let from = start
  let to = at
  for (;;) {
    const token = bytes[from++]!
    let literals = token >>> 4
    if (literals === 15) {
      for (let more = 255; more === 255; literals += more) more = bytes[from++]!
    }
    if (literals >= NATIVE_COPY_FROM_BYTES) {
      target.set(bytes.subarray(from, from + literals), to)
      from += literals
      to += literals
    } else {
      for (const stop = to + literals; to < stop; ) target[to++] = bytes[from++]!
    }
    if (from >= end) return to
    const offset = bytes[from]! | (bytes[from + 1]! << 8)
    from += 2
    let length = token & 15
    if (length === 15) {
      for (let more = 255; more === 255; length += more) more = bytes[from++]!
    }
    to = copyMatch(target, to, offset, length + MIN_MATCH)
  }
}

/** Repeats what stands `offset` before `to`; the two may overlap. */
function copyMatch(target: Uint8Array, to: number, offset: number, length: number): number {
  const stop = to + length
  if (length < NATIVE_COPY_FROM_BYTES) {
    for (let from = to - offset; to < stop; ) target[to++] = target[from++]!
    return stop
  }
  if (offset === 1) {
    target.fill(target[to - 1]!, to, stop)
    return stop
  }
  // What is written doubles what can be copied in one go.
  const from = to - offset
  for (let piece = offset; to < stop; piece = to - from) {
    const copied = Math.min(piece, stop - to)
    target.copyWithin(to, from, from + copied)
    to += copied
  }
  return stop
}

/**
 * Encodes `bytes[start, end)` as one independent block at `target[at]`, which must have room for `lz4BlockBound`
 * bytes. Returns where the block ends. Greedy, with one hash table, and faster and faster steps through what does not
 * compress.
 */
export function encodeLz4Block(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  const size = end - start
  const tableBits = Math.min(MAX_TABLE_BITS, Math.max(MIN_TABLE_BITS, 32 - Math.clz32(size)))
  const shift = 32 - tableBits
  table.fill(0, 0, 1 << tableBits)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const lastStart = end - MATCH_FREE_TAIL
  const matchLimit = end - LAST_LITERALS
  let literalFrom = start
  let position = start
  let misses = 64
  while (position <= lastStart) {
    const word = view.getInt32(position, true)
    const slot = Math.imul(word, 0x9e3779b1) >>> shift
    const candidate = start + table[slot]! - 1
    table[slot] = position - start + 1
    if (candidate < start || position - candidate > MAX_OFFSET || view.getInt32(candidate, true) !== word) {
      position += misses++ >>> 6
      continue
    }
    misses = 64
    let matchEnd = position + MIN_MATCH
    for (let from = candidate + MIN_MATCH; matchEnd < matchLimit && bytes[from] === bytes[matchEnd]; from++) matchEnd++
    at = writeSequence(bytes, literalFrom, position, position - candidate, matchEnd - position, target, at)
    // One position inside the match is remembered too: long runs are found again from there.
    table[Math.imul(view.getInt32(matchEnd - 2, true), 0x9e3779b1) >>> shift] = matchEnd - 2 - start + 1
    literalFrom = matchEnd
    position = matchEnd
  }
  return writeLiterals(bytes, literalFrom, end, 0, target, at)
}

function writeSequence(
  bytes: Uint8Array,
  literalFrom: number,
  literalEnd: number,
  offset: number,
  length: number,
  target: Uint8Array,
  at: number,
): number {
  const rest = length - MIN_MATCH
  at = writeLiterals(bytes, literalFrom, literalEnd, Math.min(rest, 15), target, at)
  target[at++] = offset & 0xff
  target[at++] = offset >>> 8
  return rest < 15 ? at : writeLength(rest - 15, target, at)
}

function writeLiterals(
  bytes: Uint8Array,
  from: number,
  end: number,
  matchBits: number,
  target: Uint8Array,
  at: number,
): number {
  const count = end - from
  target[at++] = (Math.min(count, 15) << 4) | matchBits
  if (count >= 15) at = writeLength(count - 15, target, at)
  if (count >= NATIVE_COPY_FROM_BYTES) {
    target.set(bytes.subarray(from, end), at)
    return at + count
  }
  while (from < end) target[at++] = bytes[from++]!
  return at
}

function writeLength(rest: number, target: Uint8Array, at: number): number {
  for (; rest >= 255; rest -= 255) target[at++] = 255
  target[at++] = rest
  return at
}
