/** Writes the bytes of a segment once more where they stand: the page cache counts them as clean, and a flush alone would do nothing about them. */
import { DiskError } from '../io/disk.js'
import type { LogEnvironment } from './log-environment.js'
import type { LogSegment } from './log-segment.js'

const CHUNK_BYTES = 1 << 20

/** From `position` to its end. */
export function rewrite(
  { buffers }: Pick<LogEnvironment, 'buffers'>,
  segment: LogSegment,
  position: number,
  done: (error?: DiskError) => void,
): void {
  const left = segment.sizeBytes - position
  if (left <= 0) return done()
  const buffer = buffers.take(Math.min(CHUNK_BYTES, left))
  const bytes = buffer.subarray(0, Math.min(buffer.length, left))
  segment.file.read(position, bytes, (readError, bytesRead) => {
    if (readError !== undefined || bytesRead === 0) {
      return done(readError ?? new DiskError('EIO', 'read', segment.file.path))
    }
    segment.file.rewrite(position, bytes.subarray(0, bytesRead), (writeError) => {
      buffers.give(buffer)
      if (writeError !== undefined) return done(writeError)
      rewrite({ buffers }, segment, position + bytesRead, done)
    })
  })
}
