/**
 * The names of directories are entries of their parents, which have to be flushed like any other, or the directory may be gone after a power
 * loss with everything in it.
 */
import type { Disk, DiskDone, DiskError } from '../io/disk.js'

/** What a directory says that was there before this program: it must not be read, or is on a file system that nobody writes to. */
const NOT_OURS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL'])

/**
 * Flushes the names of a directory and of all above it. Which of them are new cannot be known: whoever made them may have crashed before
 * they were flushed.
 */
export function flushPath(disk: Disk, path: string, done: DiskDone): void {
  const parent = parentOf(path)
  disk.flushDirectory(parent, (error: DiskError | undefined) => {
    if (error !== undefined && !NOT_OURS.has(error.code)) return done(error)
    if (parentOf(parent) === parent) return done(undefined)
    flushPath(disk, parent, done)
  })
}

/** `.` for a relative path of one name, the root for itself. */
export function parentOf(path: string): string {
  const trimmed = path.replace(/[\\/]+$/, '')
  const cut = Math.max(trimmed.lastIndexOf('/'), trimmed.lastIndexOf('\\'))
  if (cut < 0) return /^[A-Za-z]:$/.test(trimmed) || trimmed === '' ? path : '.'
  return cut === 0 || trimmed[cut - 1] === ':' ? trimmed.slice(0, cut + 1) : trimmed.slice(0, cut)
}
