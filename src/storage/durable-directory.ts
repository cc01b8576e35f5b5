/**
 * Creates a directory so that it is still there after a power loss: the name of a new directory is an entry of its parent, which has
 * to be flushed like any other.
 */
import type { Disk, DiskDone } from '../io/disk.js'
import { asDiskError } from './atomic-file.js'

export function makeDirectoryDurably(disk: Disk, path: string, done: DiskDone): void {
  const parents: string[] = []
  try {
    for (let at = path; disk.stat(at) === undefined; at = parentOf(at)) {
      const parent = parentOf(at)
      parents.push(parent)
      if (parent === at) break
    }
    disk.makeDirectory(path)
  } catch (error) {
    return done(asDiskError(error))
  }
  const flushNext = (): void => {
    const parent = parents.pop()
    if (parent === undefined) return done(undefined)
    disk.flushDirectory(parent, (error) => (error === undefined ? flushNext() : done(error)))
  }
  flushNext()
}

/** `.` for a relative path of one name, the root for itself. */
export function parentOf(path: string): string {
  const trimmed = path.replace(/[\\/]+$/, '')
  const cut = Math.max(trimmed.lastIndexOf('/'), trimmed.lastIndexOf('\\'))
  if (cut < 0) return /^[A-Za-z]:$/.test(trimmed) || trimmed === '' ? path : '.'
  return cut === 0 || trimmed[cut - 1] === ':' ? trimmed.slice(0, cut + 1) : trimmed.slice(0, cut)
}
