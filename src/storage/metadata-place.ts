/**
 * Whether the directory that is to hold the metadata log is the one that did. A node that began with an empty metadata log beside partitions
 * would take them for strays. A crash does not leave that behind: partitions are made of what is committed, and that is on the disk with its name.
 */
import { type Disk, DiskError } from '../io/disk.js'
import { hasMetadataLog, storedClusterId } from './log-directory.js'
import { isSnapshotName, METADATA_LOG, parsePartitionDirectoryName } from './log-files.js'
import { CLEAN_MARKER } from './stop-markers.js'

/** Looks before anything is written. A sentence for the operator; undefined: nothing speaks against it. */
export function misplacedMetadata(disk: Disk, paths: readonly string[], metadataPath: string): string | undefined {
  const others = paths.filter((path) => path !== metadataPath)
  try {
    if (storedClusterId(disk, metadataPath) === undefined) {
      const used = others.find((path) => storedClusterId(disk, path) !== undefined)
      if (used === undefined) return undefined
      return `${used} holds data, but ${metadataPath}, where its metadata should be, is new: set metadata.log.dir to where the metadata is`
    }
    if (hasMetadata(disk, metadataPath)) return undefined
    const elsewhere = others.find((path) => hasMetadata(disk, path))
    if (elsewhere !== undefined) {
      return `the metadata is in ${elsewhere}, and not in ${metadataPath}, where it is looked for: set metadata.log.dir=${elsewhere}`
    }
    const trace = paths.map((path) => traceOfUse(disk, path)).find((each) => each !== undefined)
    if (trace === undefined) return undefined
    return `${metadataPath} has lost its metadata (${METADATA_LOG}), without which nobody knows what the partitions are, and there is ${trace}: put ${METADATA_LOG} back, or begin anew in an empty directory`
  } catch (error) {
    // Whoever takes the directory finds the same, and says so.
    if (error instanceof DiskError) return undefined
    throw error
  }
}

/** A log, or a snapshot of one. */
function hasMetadata(disk: Disk, path: string): boolean {
  const log = `${path}/${METADATA_LOG}`
  if (disk.stat(log)?.kind !== 'directory') return false
  return hasMetadataLog(disk, path) || disk.list(log).some(isSnapshotName)
}

/** Whether a quorum was ever opened there, or founded: its log may be empty. Throws `DiskError`. */
export function hasQuorum(disk: Disk, path: string): boolean {
  const log = `${path}/${METADATA_LOG}`
  if (disk.stat(log)?.kind !== 'directory') return false
  return disk.list(log).some((name) => name.endsWith('.log') || isSnapshotName(name))
}

/** What stands only where a node had metadata. */
function traceOfUse(disk: Disk, path: string): string | undefined {
  if (disk.stat(path) === undefined) return undefined
  const names = disk.list(path)
  const partition = names.find((name) => name !== METADATA_LOG && parsePartitionDirectoryName(name) !== undefined)
  const found = partition ?? names.find((name) => name === CLEAN_MARKER)
  return found && `${path}/${found}`
}
