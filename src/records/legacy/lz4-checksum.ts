/**
 * The header checksum of LZ4 frames in messages of magic 0 (KAFKA-3160): the first clients took it over the frame's magic number as well, and
 * expect it so. Readers of magic 0 must not verify it at all.
 */
import { xxhash32 } from '../compression/xxhash32.js'

const MAGIC_BYTES = 4
const CONTENT_SIZE_BIT = 0x08
const CONTENT_SIZE_BYTES = 8

/** Puts the checksum that clients of magic 0 expect into a frame of one's own. */
export function setOldChecksum(frame: Uint8Array): void {
  setChecksum(frame, 0)
}

/** The same frame with a checksum that is right, whatever it was. */
export function withRightChecksum(frame: Uint8Array): Uint8Array {
  const mended = Uint8Array.from(frame)
  setChecksum(mended, MAGIC_BYTES)
  return mended
}

/** Of the header from `start` on. What ends before its checksum is left to the decoder. */
function setChecksum(frame: Uint8Array, start: number): void {
  const hasContentSize = ((frame[MAGIC_BYTES] ?? 0) & CONTENT_SIZE_BIT) !== 0
  const at = MAGIC_BYTES + 2 + (hasContentSize ? CONTENT_SIZE_BYTES : 0)
  if (at < frame.length) frame[at] = (xxhash32(frame, start, at) >>> 8) & 0xff
}
