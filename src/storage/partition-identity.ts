/** Which topic a partition's directory belongs to, by Kafka's `partition.metadata` in it. */
import type { Uuid } from '../base/uuid.js'
import type { Disk, DiskDone } from '../io/disk.js'
import { asDiskError, writeAtomically } from './atomic-file.js'
import { formatPartitionMetadata, PARTITION_METADATA, parsePartitionMetadata } from './log-files.js'

/** Whether it says that it is another topic's. Throws `DiskError`. */
export function isOfAnother(disk: Disk, directory: string, topicId: Uuid): boolean {
  const found = topicIdIn(disk, directory)
  return found !== undefined && found !== topicId
}

/** Says whose log the directory is, durably. */
export function identify(disk: Disk, directory: string, topicId: Uuid, done: DiskDone): void {
  try {
    if (topicIdIn(disk, directory) === topicId) return done(undefined)
  } catch (error) {
    return done(asDiskError(error))
  }
  writeAtomically(disk, directory, PARTITION_METADATA, Buffer.from(formatPartitionMetadata(topicId)), done)
}

/** Undefined where it was made right before a crash, or is not there. Throws `DiskError`. */
export function topicIdIn(disk: Disk, directory: string): Uuid | undefined {
  const content = disk.readFile(`${directory}/${PARTITION_METADATA}`)
  return content === undefined ? undefined : parsePartitionMetadata(Buffer.from(content).toString('utf8'))
}
