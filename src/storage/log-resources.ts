/** What all logs of a node share, whatever directory they are in: descriptors, memory, and how long their flushes take. */
import { BufferPool } from '../base/buffer-pool.js'
import type { Ports } from '../io/ports.js'
import { IndexCache } from './index-cache.js'
import { OpenFiles } from './open-files.js'
import { StopWatch } from './stop-watch.js'

/** Default of `log.open.files.max`: half of what a process may usually have open (`ulimit -n` 1024), the rest is for connections. */
export const OPEN_FILES_MAX = 500
/** Entries of the indexes of closed segments: those of some 35 GB of log at the default density. */
const CLOSED_INDEX_BYTES = 128 * 1024 * 1024

export interface LogResources {
  readonly files: OpenFiles
  readonly buffers: BufferPool
  readonly indexes: IndexCache
  readonly flushTimes: StopWatch
}

export interface ResourceLimits {
  readonly openFiles?: number
  readonly closedIndexBytes?: number
}

export function logResources(
  { disk, clock }: Pick<Ports, 'disk' | 'clock'>,
  limits: ResourceLimits = {},
): LogResources {
  const { openFiles = OPEN_FILES_MAX, closedIndexBytes = CLOSED_INDEX_BYTES } = limits
  return {
    files: new OpenFiles(disk, openFiles),
    buffers: new BufferPool(),
    indexes: new IndexCache(closedIndexBytes),
    flushTimes: new StopWatch(clock),
  }
}
