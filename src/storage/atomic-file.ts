/**
 * Replaces a small file so that after any crash either the old or the new content is there, whole: written beside it, flushed, renamed,
 * and the directory flushed. When `done` comes without an error the new content is durable.
 */
import { type Disk, type DiskDone, DiskError, type DiskFile } from '../io/disk.js'

export const TEMPORARY_SUFFIX = '.tmp'

export function writeAtomically(
  disk: Disk,
  directory: string,
  name: string,
  content: Uint8Array,
  done: DiskDone,
): void {
  replaceFile(disk, directory, name, content, (error) =>
    error === undefined ? disk.flushDirectory(directory, done) : done(error),
  )
}

/** The same but for the flush of the directory, which somebody else does: until then the old content may come back, whole. */
export function replaceFile(disk: Disk, directory: string, name: string, content: Uint8Array, done: DiskDone): void {
  const path = `${directory}/${name}`
  const temporary = path + TEMPORARY_SUFFIX
  let file: DiskFile
  try {
    file = disk.open(temporary, { create: true })
    file.truncate(0)
  } catch (error) {
    return done(asDiskError(error))
  }
  file.append([content], (appendError) => {
    if (appendError !== undefined) {
      file.close()
      return done(appendError)
    }
    file.flush((flushError) => {
      file.close()
      if (flushError !== undefined) return done(flushError)
      try {
        disk.rename(temporary, path)
      } catch (error) {
        return done(asDiskError(error))
      }
      done(undefined)
    })
  })
}

/** The disk's errors are values from here on; anything else is a bug and goes on its way. */
export function asDiskError(error: unknown): DiskError {
  if (error instanceof DiskError) return error
  throw error
}
